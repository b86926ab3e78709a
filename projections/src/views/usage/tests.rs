//! Usage: sums by day and model.

use super::*;
use crate::event::run::{Failed, Finished};
use crate::ids::{MessageId, RunId};
use crate::testing::{assert_lines, recorded, saved};
use crate::time::Timestamp;

/// Answers at a time of a model, each with the same number for all three costs; the totals.
fn check(answers: &[(i64, &str, u64)], expected: &str) {
    let mut usage = UsageTotals::default();
    for (&(at, model, cost), position) in answers.iter().zip(1..) {
        let cost = Usage { input_tokens: cost, output_tokens: cost, cost_micros: cost };
        let event = Finished { answer: MessageId(1), model: model.to_owned(), usage: cost, account: None };
        let mut recorded = recorded(position, RunId(u128::from(position)), 2, event);
        recorded.header.at = Timestamp(at);
        usage.apply(&recorded).expect("an answer always costs what it costs");
    }
    let show = |total: Total| {
        assert!(total.input_tokens == total.output_tokens && total.output_tokens == total.cost_micros);
        format!("{} answers, {}\n", total.answers, total.cost_micros)
    };
    let mut text: String =
        usage.by_day().map(|(day, model, total)| format!("{day} {model}: {}", show(total))).collect();
    text += &show(usage.total());
    assert_lines(&text, expected);
    let loaded = UsageTotals::load(&saved(&usage)).expect("it was just saved");
    assert_eq!(saved(&loaded), saved(&usage));
}

#[test]
fn costs_are_summed_by_day_and_model() {
    const DAY: i64 = 86_400_000;
    check(
        &[(DAY, "b", 1), (DAY - 1, "b", 10), (DAY, "a", 100), (2 * DAY - 1, "b", 1000), (-1, "b", 10000)],
        "-1 b: 1 answers, 10000
         0 b: 1 answers, 10
         1 a: 1 answers, 100
         1 b: 2 answers, 1001
         5 answers, 11111",
    );
    check(&[], "0 answers, 0");
}

#[test]
fn sums_stop_at_the_largest_number() {
    check(&[(0, "a", u64::MAX), (0, "a", 1)], &format!("0 a: 2 answers, {0}\n2 answers, {0}", u64::MAX));
}

#[test]
fn what_is_no_answer_costs_nothing() {
    let mut usage = UsageTotals::default();
    usage.apply(&recorded(1, RunId(1), 2, Failed {})).expect("it means nothing here");
    assert_eq!(usage.total(), Total::default());
}

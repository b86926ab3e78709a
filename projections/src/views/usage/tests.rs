//! Usage: sums by day and model.

use super::*;
use crate::event::conversation::Compacted;
use crate::event::run::agent::Replied;
use crate::event::run::{Account, CallFailed, Failed, Finished};
use crate::ids::{ConversationId, MessageId, RunId, StreamId};
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

/// Tokens and money without an answer: replies that ask for tools, summaries, and calls that failed.
#[test]
fn what_comes_to_no_answer_has_its_price() {
    let model = || "a".to_owned();
    let usage = |cost| Usage { input_tokens: cost, output_tokens: cost, cost_micros: cost };
    let replied = |cost| {
        Event::from(Replied { model: model(), usage: usage(cost), account: Account::default(), calls: Vec::new() })
    };
    let compacted = |cost| {
        let (from, through) = (MessageId(1), MessageId(2));
        Event::from(Compacted { from, through, messages: 2, model: model(), usage: usage(cost) })
    };
    let failed = |cost| Event::from(CallFailed { model: model(), attempts: 1, usage: usage(cost), estimated: false });
    let total = |events: &[Event]| {
        let mut totals = UsageTotals::default();
        for (event, position) in events.iter().zip(1..) {
            let stream = match event {
                Event::ConversationCompacted(_) => StreamId::from(ConversationId(1)),
                _ => RunId(1).into(),
            };
            totals.apply(&recorded(position, stream, 1, event.clone())).expect("everything has its price");
        }
        assert_eq!(totals.cost_of(0), totals.total().cost_micros);
        (totals.total().answers, totals.total().input_tokens, totals.total().cost_micros, totals.by_day().count())
    };
    assert_eq!(total(&[replied(1), compacted(10), failed(100)]), (0, 111, 111, 1));
    // A call that failed, or a summary of the messages' own sentences, was free; a reply is there also when it was.
    assert_eq!(total(&[compacted(0), failed(0)]), (0, 0, 0, 0));
    assert_eq!(total(&[replied(0)]), (0, 0, 0, 1));
}

#[test]
fn a_day_costs_what_all_models_cost_on_it() {
    const DAY: i64 = 86_400_000;
    let mut totals = UsageTotals::default();
    for ((at, model, cost), position) in
        [(-1, "b", 1), (0, "a", 10), (DAY - 1, "b", 100), (DAY, "a", u64::MAX)].into_iter().zip(1..)
    {
        let usage = Usage { cost_micros: cost, ..Usage::default() };
        let event = Finished { answer: MessageId(1), model: model.to_owned(), usage, account: None };
        let mut recorded = recorded(position, RunId(u128::from(position)), 2, event);
        recorded.header.at = Timestamp(at);
        totals.apply(&recorded).expect("an answer always costs what it costs");
    }
    assert_eq!([-2, -1, 0, 1, 2].map(|day| totals.cost_of(day)), [0, 1, 110, u64::MAX, 0]);
}

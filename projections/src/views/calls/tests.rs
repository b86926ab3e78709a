//! Calls: which are under way, and what failed before them.

use super::*;
use crate::event::run::agent::Replied;
use crate::event::run::{Account, CallFailed, Called, Failed, KeyOrigin, Usage};
use crate::testing::{assert_lines, fold, recorded};

fn called(model: &str) -> Event {
    Called {
        model: model.to_owned(),
        key: KeyOrigin::None,
        messages: 1,
        left_out: 0,
        passages: 0,
        input_tokens: 7,
        budget: 9,
    }
    .into()
}

fn failed(model: &str, attempts: u32) -> Event {
    CallFailed { model: model.to_owned(), attempts, usage: Usage::default(), estimated: false }.into()
}

fn replied() -> Event {
    let (usage, account) = (Usage::default(), Account::default());
    Replied { model: "a/x".to_owned(), usage, account, calls: Vec::new() }.into()
}

/// Folds events of runs; the calls of each, and the anomalies.
fn check(events: &[(u128, Event)], expected: &str) {
    let events: Vec<_> = events.iter().map(|(id, event)| (RunId(*id).into(), event.clone())).collect();
    let (calls, anomalies) = fold::<Calls>(&events);
    let mut text = String::new();
    for (id, run) in &calls.runs {
        text += &format!("{}: {} begun, {} cut off, failed {:?}", id.0, run.begun, run.cut_off, run.failed);
        text += &run.under_way.as_ref().map_or(String::new(), |call| format!(", {} at {}", call.model, call.position));
        text += "\n";
    }
    assert_lines(&(text + &anomalies), expected);
}

#[test]
fn a_call_is_under_way_until_it_ends_or_its_run_does() {
    check(
        &[(1, called("a/x")), (1, failed("a/x", 2)), (1, called("b/y")), (1, failed("b/y", 0)), (1, called("b/y"))],
        r#"1: 3 begun, 1 cut off, failed ["a/x"], b/y at 5"#,
    );
    check(
        &[(1, called("a/x")), (2, called("a/x")), (1, Failed {}.into())],
        "2: 1 begun, 0 cut off, failed [], a/x at 2",
    );
}

/// The run goes on after it: what failed stays known, but those cut off are counted anew.
#[test]
fn a_reply_ends_its_call_and_not_the_run() {
    let cut_off = [(1, called("a/x")), (1, failed("a/x", 0)), (1, called("a/x")), (1, failed("a/x", 2))];
    check(&cut_off, r#"1: 2 begun, 1 cut off, failed ["a/x"]"#);
    let replies = [&cut_off[..], &[(1, called("b/y")), (1, replied())]].concat();
    check(&replies, r#"1: 3 begun, 0 cut off, failed ["a/x"]"#);
    let goes_on = [&replies[..], &[(1, called("b/y")), (1, failed("b/y", 0)), (1, called("b/y"))]].concat();
    check(&goes_on, r#"1: 5 begun, 1 cut off, failed ["a/x"], b/y at 9"#);
    check(
        &[(1, replied()), (1, called("a/x")), (1, replied()), (1, replied())],
        "1: 1 begun, 0 cut off, failed []
         !1 run 1 waits for no call
         !4 run 1 waits for no call",
    );
}

#[test]
fn what_is_not_possible_is_an_anomaly() {
    check(
        &[(1, failed("a/x", 1)), (1, called("a/x")), (1, called("b/y")), (1, failed("a/x", 1)), (1, failed("a/x", 1))],
        r#"1: 1 begun, 0 cut off, failed ["a/x"]
           !1 run 1 waits for no call
           !3 run 1 waits for another call
           !5 run 1 waits for no call"#,
    );
}

#[test]
fn the_last_call_of_a_provider_is_known_for_ever() {
    let mut calls = Calls::default();
    for (position, model) in [(1, "a/x"), (2, "b/y/z"), (3, "a/other"), (4, "offline")] {
        let run = RunId(u128::from(position));
        calls.apply(&recorded(position, run, 2, called(model))).expect("it is possible");
    }
    let last = |provider: &str| calls.last_called(provider).map(|at| at.0);
    assert_eq!([last("a"), last("b"), last("c"), last("offline")], [Some(3), Some(2), None, Some(4)]);
    assert_eq!(provider_of("b/y/z"), "b");
}

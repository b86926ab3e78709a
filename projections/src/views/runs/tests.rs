//! Runs: which are outstanding.

use super::*;
use crate::event::run::{Failed, Finished, Recalled, Started, Usage};
use crate::testing::{assert_lines, fold, recorded};

fn started() -> Event {
    let (conversation, question) = (ConversationId(1), MessageId(11));
    Started { conversation, question, model: "offline".to_owned(), agent: None }.into()
}

fn recalled() -> Event {
    Recalled { passages: Vec::new(), indexed: Position(9) }.into()
}

fn finished() -> Event {
    Finished { answer: MessageId(12), model: "offline".to_owned(), usage: Usage::default(), account: None }.into()
}

fn failed() -> Event {
    Failed {}.into()
}

/// Folds events of runs; the outstanding ones, the counts, and the anomalies.
fn check(events: &[(u128, Event)], expected: &str) {
    let events: Vec<_> = events.iter().map(|(id, event)| (RunId(*id).into(), event.clone())).collect();
    let (runs, anomalies) = fold::<Runs>(&events);
    let mut text = String::new();
    for (id, run) in runs.outstanding() {
        assert_eq!((run.conversation, run.question, run.model.as_str()), (ConversationId(1), MessageId(11), "offline"));
        text += &format!("{} started at {}", id.0, run.started);
        text += &run.recalled.map_or(String::new(), |position| format!(", recalled at {position}"));
        text += "\n";
    }
    text += &format!("{} finished, {} failed\n", runs.finished(), runs.failed());
    assert_lines(&(text + &anomalies), expected);
}

#[test]
fn a_run_is_outstanding_until_it_ends() {
    check(
        &[(3, started()), (1, started()), (2, started()), (1, recalled()), (3, finished()), (2, failed())],
        "1 started at 2, recalled at 4
         1 finished, 1 failed",
    );
    check(&[(1, started()), (1, recalled()), (1, finished())], "1 finished, 0 failed");
    check(&[(1, started()), (1, recalled()), (1, failed())], "0 finished, 1 failed");
}

#[test]
fn a_run_that_is_not_outstanding_takes_nothing() {
    let endings = [recalled(), finished(), failed()];
    let before: [&[Event]; 3] = [&[], &[started(), finished()], &[started(), failed()]];
    for events in before {
        for ending in &endings {
            let events: Vec<_> = events.iter().chain([ending]).map(|event| (1, event.clone())).collect();
            let ends = |kind: &str| events[..events.len() - 1].iter().filter(|(_, event)| event.name() == kind).count();
            let (finished, failed) = (ends("run.finished"), ends("run.failed"));
            let text = format!("{finished} finished, {failed} failed\n!{} run 1 is not outstanding", events.len());
            check(&events, &text);
        }
    }
}

#[test]
fn a_run_is_started_once() {
    check(
        &[(1, started()), (1, recalled()), (1, started()), (1, finished()), (1, started())],
        "1 finished, 0 failed
         !3 run 1 was started before
         !5 run 1 was started before",
    );
    // Also when the version does not tell.
    let mut runs = Runs::default();
    runs.apply(&recorded(1, RunId(1), 1, started())).expect("it is new");
    runs.apply(&recorded(2, RunId(1), 1, started())).expect_err("it is outstanding");
}

#[test]
fn a_run_recalls_once() {
    check(
        &[(1, started()), (1, recalled()), (1, recalled())],
        "1 started at 1, recalled at 2
         0 finished, 0 failed
         !3 run 1 recalled at position 2",
    );
}

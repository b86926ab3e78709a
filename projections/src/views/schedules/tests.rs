//! Schedules: when they are due, what happened to them, and how their jobs went.

use super::*;
use crate::event::job::{Cancelled, Completed, Expired, Failed, JobKind, LeaseLost};
use crate::event::schedule::{Added, Edited, Misfire, Missed, Occurred, Paused, Removed, Resumed};
use crate::ids::{NodeId, StreamId};
use crate::testing::{assert_lines, fold};

fn plan() -> Plan {
    Plan { rule: "R".to_owned(), zone: "Z".to_owned(), misfire: Misfire::Once, kind: JobKind::Agent, check_in: false }
}

fn added(next: i64) -> Event {
    Added { plan: plan(), next: Some(Timestamp(next)) }.into()
}

fn edited(next: i64) -> Event {
    Edited { plan: plan(), next: Some(Timestamp(next)) }.into()
}

fn paused() -> Event {
    Paused {}.into()
}

fn resumed(next: i64) -> Event {
    Resumed { next: Some(Timestamp(next)) }.into()
}

fn removed() -> Event {
    Removed {}.into()
}

fn occurred(due: i64, job: u128) -> Event {
    Occurred { due: Timestamp(due), job: JobId(job), next: Some(Timestamp(due + 10)), by_hand: false }.into()
}

fn by_hand(due: i64, job: u128) -> Event {
    Occurred { due: Timestamp(due), job: JobId(job), next: None, by_hand: true }.into()
}

fn missed(from: i64) -> Event {
    let (from, to) = (Timestamp(from), Timestamp(from + 20));
    Missed { from, to, count: 3, why: WhyMissed::Policy, next: Some(Timestamp(from.0 + 30)) }.into()
}

fn done() -> Event {
    Completed { node: NodeId(1), attempt: 1 }.into()
}

fn failed(retry_at: Option<i64>) -> Event {
    Failed { node: NodeId(1), attempt: 1, retry_at: retry_at.map(Timestamp), not_begun: false }.into()
}

fn lost(then: AfterLoss) -> Event {
    LeaseLost { node: NodeId(1), attempt: 1, then }.into()
}

/// Folds events of schedules, and of jobs whose numbers are above 100.
fn folded(events: &[(u128, Event)]) -> (Schedules, String) {
    let stream = |id: u128| if id > 100 { StreamId::from(JobId(id)) } else { ScheduleId(id).into() };
    fold(&events.iter().map(|(id, event)| (stream(*id), event.clone())).collect::<Vec<_>>())
}

fn show(happened: &Happened) -> String {
    match happened {
        Happened::Occurred { due, at, job, by_hand } => {
            format!(" {}{}@{}", job.0, if *by_hand { " by hand" } else { "" }, at.0) + &format!(" for {}", due.0)
        }
        Happened::Missed { from, to, count, why } => format!(" missed {count} of {}-{} {why:?}", from.0, to.0),
    }
}

/// What is known of the schedules, and the anomalies.
fn check(events: &[(u128, Event)], expected: &str) {
    let (schedules, anomalies) = folded(events);
    let mut text = String::new();
    for (id, schedule) in schedules.iter() {
        assert_eq!((schedules.get(id), &schedule.plan), (Some(schedule), &plan()));
        text += &format!("{}: defined@{}", id.0, schedule.defined);
        text += &schedule.next.map_or(String::new(), |next| format!(", next {}", next.0));
        text += if schedule.paused { ", paused" } else { "" };
        text += &format!(", {}+{}, {} failures", schedule.occurred, schedule.missed, schedule.failures);
        for job in &schedule.outstanding {
            assert_eq!(schedules.of_job(*job), Some(id));
            text += &format!(", has {}", job.0);
        }
        text += &format!(";{}\n", schedule.history.iter().map(show).collect::<String>());
    }
    assert_lines(&(text + &anomalies), expected);
}

#[test]
fn a_schedule_occurs_and_is_due_again() {
    check(
        &[(1, added(10)), (1, occurred(10, 101)), (1, occurred(20, 102))],
        "1: defined@1, next 30, 2+0, 0 failures, has 101, has 102; 101@2 for 10 102@3 for 20",
    );
    check(
        &[(1, added(10)), (1, occurred(11, 101)), (1, occurred(10, 101)), (1, occurred(10, 102))],
        "1: defined@1, next 20, 1+0, 0 failures, has 101; 101@3 for 10
         !2 it is not due at 1970-01-01T00:00:00.011Z
         !4 it is not due at 1970-01-01T00:00:00.010Z",
    );
}

#[test]
fn a_job_is_that_of_one_occurrence() {
    check(
        &[(1, added(10)), (2, added(10)), (1, occurred(10, 101)), (2, occurred(10, 101))],
        "1: defined@1, next 20, 1+0, 0 failures, has 101; 101@3 for 10
         2: defined@2, next 10, 0+0, 0 failures;
         !4 job 35 was submitted for a schedule before",
    );
}

#[test]
fn by_hand_changes_nothing_about_when_it_is_due() {
    check(
        &[(1, added(10)), (1, paused()), (1, by_hand(3, 101))],
        "1: defined@1, next 10, paused, 1+0, 0 failures, has 101; 101 by hand@3 for 3",
    );
}

#[test]
fn what_is_missed_is_counted_and_told() {
    check(
        &[(1, added(10)), (1, missed(10)), (1, occurred(40, 101))],
        "1: defined@1, next 50, 1+3, 0 failures, has 101; missed 3 of 10-30 Policy 101@3 for 40",
    );
}

#[test]
fn one_that_is_paused_is_not_due() {
    check(
        &[(1, added(10)), (1, paused()), (1, occurred(10, 101)), (1, resumed(70)), (1, occurred(70, 101))],
        "1: defined@1, next 80, 1+0, 0 failures, has 101; 101@5 for 70
         !3 it is not due at 1970-01-01T00:00:00.010Z",
    );
    check(&[(1, added(10)), (1, paused()), (1, edited(50))], "1: defined@3, next 50, paused, 0+0, 0 failures;");
}

#[test]
fn removal_is_final_and_lets_go_of_its_jobs() {
    check(
        &[(1, added(10)), (1, occurred(10, 101)), (1, removed()), (1, added(10)), (1, edited(5)), (101, done())],
        "!4 schedule 1 was added before
         !5 there is no schedule 1",
    );
    let (schedules, _) = folded(&[(1, added(10)), (1, occurred(10, 101)), (1, removed())]);
    assert_eq!((schedules.of_job(JobId(101)), schedules.next_due(), schedules.is_empty()), (None, None, true));
    let events = [edited(1), paused(), resumed(1), removed(), occurred(1, 101), missed(1)];
    let lines: Vec<String> = (1..=6).map(|position| format!("!{position} there is no schedule 1")).collect();
    check(&events.map(|event| (1, event)), &lines.join("\n"));
}

#[test]
fn failures_in_a_row_are_counted_until_one_is_done() {
    let start = [(1, added(10)), (1, occurred(10, 101)), (1, occurred(20, 102))];
    let with = |more: &[(u128, Event)]| [&start[..], more].concat();
    let line = |failures: u32, has: &str| {
        format!("1: defined@1, next 30, 2+0, {failures} failures{has}; 101@2 for 10 102@3 for 20")
    };
    check(&with(&[(101, failed(Some(50)))]), &line(0, ", has 101, has 102"));
    check(&with(&[(101, failed(None))]), &line(1, ", has 101, has 102"));
    check(&with(&[(101, failed(None)), (102, Expired {}.into())]), &line(2, ", has 101, has 102"));
    check(&with(&[(101, lost(AfterLoss::Dead))]), &line(1, ", has 101, has 102"));
    for then in [AfterLoss::Ready, AfterLoss::Interrupted] {
        check(&with(&[(101, lost(then))]), &line(0, ", has 101, has 102"));
    }
    check(&with(&[(101, failed(None)), (102, done())]), &line(0, ", has 101"));
    // Somebody who cancels says nothing about how it goes.
    check(&with(&[(101, failed(None)), (101, Cancelled {}.into())]), &line(1, ", has 102"));
    // Jobs of nobody.
    check(&with(&[(150, failed(None)), (150, done())]), &line(0, ", has 101, has 102"));
    // What is edited or resumed gets another chance.
    let edited = with(&[(101, failed(None)), (1, edited(30))]);
    check(&edited, &line(0, ", has 101, has 102").replace("defined@1", "defined@5"));
    check(&with(&[(101, failed(None)), (1, paused()), (1, resumed(30))]), &line(0, ", has 101, has 102"));
}

#[test]
fn those_that_are_due_come_earliest_first() {
    let (schedules, _) = folded(&[(1, added(30)), (2, added(10)), (3, added(20)), (4, added(10)), (4, paused())]);
    let due = |now: i64, limit: usize| -> Vec<(i64, u128)> {
        schedules.due(Timestamp(now), limit).into_iter().map(|(due, id)| (due.0, id.0)).collect()
    };
    assert_eq!(due(9, 9), []);
    assert_eq!(due(10, 9), [(10, 2)]);
    assert_eq!(due(99, 9), [(10, 2), (20, 3), (30, 1)]);
    assert_eq!(due(99, 2), [(10, 2), (20, 3)]);
    assert_eq!((schedules.next_due(), schedules.len()), (Some(Timestamp(10)), 4));
}

#[test]
fn only_the_last_of_its_history_is_kept() {
    let occurrences = (0..60).map(|index| (1, occurred(10 + 10 * index, 101 + index.unsigned_abs() as u128)));
    let events: Vec<_> = std::iter::once((1, added(10))).chain(occurrences).collect();
    let (schedules, anomalies) = folded(&events);
    assert_eq!(anomalies, "");
    let schedule = schedules.get(ScheduleId(1)).expect("it is there");
    assert_eq!((schedule.history.len(), schedule.occurred, schedule.outstanding.len()), (MAX_HISTORY, 60, 60));
    assert!(matches!(schedule.history.back(), Some(Happened::Occurred { due: Timestamp(600), .. })));
    assert!(matches!(schedule.history.front(), Some(Happened::Occurred { due: Timestamp(110), .. })));
}

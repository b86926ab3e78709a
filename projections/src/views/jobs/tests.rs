//! Jobs: what each event makes of a job in each state, and where jobs are found. Sequences of commands are in the laws of
//! the queue.

use super::*;
use crate::event::home::{ClockAdvanced, NodesHeard, QueueSet};
use crate::event::job::{
    CancelRequested, Cancelled, Claimed, Completed, Expired, Failed, JobKind, LeaseLost, Released, Retried,
};
use crate::event::node::Joined;
use crate::ids::{Category, StreamId};
use crate::testing::{assert_lines, fold, recorded, saved};
use crate::views::Nodes;

fn submitted() -> Event {
    Submitted::default().into()
}

fn submitted_after(jobs: &[u128]) -> Event {
    Submitted { after: jobs.iter().copied().map(JobId).collect(), ..Submitted::default() }.into()
}

fn claimed(attempt: u32) -> Event {
    Claimed { node: NodeId(1), attempt, until: Some(Timestamp(1000)) }.into()
}

fn completed(attempt: u32) -> Event {
    Completed { node: NodeId(1), attempt }.into()
}

fn failed(attempt: u32, retry_at: Option<i64>) -> Event {
    Failed { node: NodeId(1), attempt, retry_at: retry_at.map(Timestamp), not_begun: false }.into()
}

fn lost(attempt: u32, then: AfterLoss) -> Event {
    LeaseLost { node: NodeId(1), attempt, then }.into()
}

/// Folds events: those of the home, which have number 0, and those of jobs.
fn folded(events: &[(u128, Event)]) -> (Jobs, String) {
    let stream = |id: u128| if id == 0 { StreamId::new(Category::Home, 0) } else { JobId(id).into() };
    fold(&events.iter().map(|(id, event)| (stream(*id), event.clone())).collect::<Vec<_>>())
}

fn state(jobs: &Jobs, id: u128) -> String {
    match (jobs.get(JobId(id)), jobs.ended(JobId(id))) {
        (Some(Job { state: JobState::Running { cancelling: true, .. }, .. }), None) => "cancelling".to_owned(),
        (Some(job), None) => job.state.name().to_owned(),
        (None, Some(ended)) => format!("{:?}", ended.how).to_lowercase(),
        (None, None) => "nothing".to_owned(),
        found => panic!("{found:?}"),
    }
}

/// The legal transitions: a line for each state, with the events that are possible in it and what comes of them. All
/// others are anomalies, and leave the job as it is.
fn check_transitions(states: &[&[(u128, Event)]], expected: &str) {
    let events: &[(&str, Event)] = &[
        ("submitted", submitted()),
        ("claimed", claimed(1)),
        ("completed", completed(1)),
        ("failed for now", failed(1, Some(500))),
        ("failed", failed(1, None)),
        ("lost", lost(1, AfterLoss::Ready)),
        ("lost for good", lost(1, AfterLoss::Dead)),
        ("lost once", lost(1, AfterLoss::Interrupted)),
        ("released", Released { node: NodeId(1), attempt: 1 }.into()),
        ("cancel requested", CancelRequested {}.into()),
        ("cancelled", Cancelled {}.into()),
        ("retried", Retried {}.into()),
        ("expired", Expired {}.into()),
    ];
    let mut text = String::new();
    for before in states {
        let (jobs, anomalies) = folded(before);
        assert_eq!(anomalies, "");
        text += &format!("{}:", state(&jobs, 1));
        for (name, event) in events {
            let (jobs, anomalies) = folded(&[before, &[(1, event.clone())][..]].concat());
            if anomalies.is_empty() {
                text += &format!(" {name} -> {},", state(&jobs, 1));
            }
        }
        text += "\n";
    }
    assert_lines(&text, expected);
}

#[test]
fn these_transitions_are_possible_and_no_others() {
    let waiting = || Submitted { not_before: Some(Timestamp(900)), ..Submitted::default() }.into();
    let running = [(1, submitted()), (1, claimed(1))];
    let with = |event: Event| [&running[..], &[(1, event)]].concat();
    check_transitions(
        &[
            &[],
            &[(2, submitted()), (1, submitted_after(&[2]))],
            &[(1, waiting())],
            &[(1, submitted())],
            &running,
            &with(CancelRequested {}.into()),
            &with(lost(1, AfterLoss::Interrupted)),
            &with(failed(1, None)),
            &with(completed(1)),
            &with(Cancelled {}.into()),
        ],
        "nothing: submitted -> ready,
         blocked: cancelled -> cancelled, expired -> dead,
         waiting: cancelled -> cancelled, expired -> dead,
         ready: claimed -> running, cancelled -> cancelled, expired -> dead,
         running: completed -> done, failed for now -> waiting, failed -> dead, lost -> ready, lost for good -> dead, lost once -> interrupted, released -> ready, cancel requested -> cancelling, cancelled -> cancelled,
         cancelling: completed -> done, failed for now -> waiting, failed -> dead, lost -> ready, lost for good -> dead, lost once -> interrupted, released -> ready, cancelled -> cancelled,
         interrupted: cancelled -> cancelled, retried -> ready,
         dead: cancelled -> cancelled, retried -> ready,
         done:
         cancelled:",
    );
}

#[test]
fn of_what_has_ended_queue_and_batch_are_still_known_also_from_a_snapshot() {
    let of = |queue: &str, batch: Option<u128>| -> Event {
        Submitted { queue: queue.to_owned(), batch: batch.map(JobId), ..Submitted::default() }.into()
    };
    let events = [
        (5, of("mail", Some(5))),
        (3, of("mail", Some(5))),
        (7, of("other", None)),
        (8, of("other", Some(5))),
        (3, claimed(1)),
        (3, completed(1)),
        (7, Cancelled {}.into()),
        (8, Cancelled {}.into()),
    ];
    let (jobs, anomalies) = folded(&events);
    assert_eq!(anomalies, "");
    for jobs in [&jobs, &Jobs::load(&saved(&jobs)).expect("it was saved")] {
        assert_eq!(jobs.batch(JobId(5)), [5, 3, 8].map(JobId), "in the order of their submission");
        assert_eq!(jobs.batch(JobId(7)), []);
        let queue = |id: u128| jobs.queue_of_ended(jobs.ended(JobId(id)).expect("it has ended"));
        assert_eq!([queue(3), queue(7), queue(8)], ["mail", "other", "other"]);
    }
    // There may be millions of them.
    assert_eq!(size_of::<Ended>(), 24);
}

/// Folds and shows the anomalies alone.
fn check_anomalies(events: &[(u128, Event)], expected: &str) {
    assert_lines(&folded(events).1, expected);
}

#[test]
fn what_is_not_possible_is_an_anomaly_that_says_why() {
    check_anomalies(&[(1, submitted()), (1, submitted())], "!2 job 1 was submitted before");
    check_anomalies(&[(1, submitted()), (1, Cancelled {}.into()), (1, submitted())], "!3 job 1 was submitted before");
    check_anomalies(&[(1, claimed(1))], "!1 job 1 is not open");
    check_anomalies(&[(1, submitted()), (1, claimed(2))], "!2 job 1 is ready");
    check_anomalies(
        &[(1, submitted()), (1, claimed(1)), (1, completed(2))],
        "!3 attempt 2 of job 1 is not running on node 1",
    );
    let elsewhere = Completed { node: NodeId(2), attempt: 1 }.into();
    check_anomalies(
        &[(1, submitted()), (1, claimed(1)), (1, elsewhere)],
        "!3 attempt 1 of job 1 is not running on node 2",
    );
    check_anomalies(&[(1, submitted_after(&[2]))], "!1 it waits for job 2, and there is none");
    check_anomalies(&[(1, submitted_after(&[1]))], "!1 it waits for job 1, and there is none");
    let unique = || Submitted { unique: Some(Digest(5)), ..Submitted::default() }.into();
    check_anomalies(&[(1, unique()), (2, unique())], "!2 job 1 has its unique key");
    check_anomalies(&[(1, unique()), (1, Cancelled {}.into()), (2, unique())], "");
}

#[test]
fn whatever_happens_tells_that_time_has_gone_by() {
    let waits = |due: i64| Submitted { not_before: Some(Timestamp(due)), ..Submitted::default() }.into();
    // Positions are milliseconds here: at 3 the first of them is ready.
    let (jobs, _) = folded(&[(1, waits(3)), (2, waits(4)), (3, submitted())]);
    assert_eq!((state(&jobs, 1), state(&jobs, 2)), ("ready".to_owned(), "waiting".to_owned()));
    assert!(jobs.is_ripe(Timestamp(4)) && !jobs.is_ripe(Timestamp(3)));
    let (jobs, _) = folded(&[(1, waits(3)), (2, waits(4)), (3, submitted()), (0, ClockAdvanced {}.into())]);
    assert_eq!(state(&jobs, 2), "ready");
    // Who was there first goes first, although it was ready later.
    assert_eq!((next(&jobs), jobs.next_due()), (Some(1), None));
}

fn node() -> Node {
    let joined = Joined { name: "here".to_owned(), capacity: 9, local: true, ..Joined::default() };
    let (nodes, _) = fold::<Nodes>(&[(NodeId(1).into(), joined.into())]);
    nodes.get(NodeId(1)).expect("it joined").clone()
}

fn next(jobs: &Jobs) -> Option<u128> {
    jobs.next_for(&node(), 0, &[], Timestamp(0)).map(|id| id.0)
}

#[test]
fn a_node_that_cannot_be_relied_upon_gets_nothing_urgent() {
    let urgent = |priority: i16| Submitted { priority, ..Submitted::default() }.into();
    let (jobs, _) = folded(&[(1, urgent(-2)), (2, urgent(1)), (3, urgent(0)), (4, urgent(i16::MAX))]);
    let bad = Node { local: false, reputation: crate::views::nodes::RELIABLE - 1, ..node() };
    assert_eq!(jobs.next_for(&bad, 0, &[], Timestamp(0)), Some(JobId(3)));
    let good = Node { reputation: crate::views::nodes::RELIABLE, ..bad };
    assert_eq!(jobs.next_for(&good, 0, &[], Timestamp(0)), Some(JobId(4)));
}

#[test]
fn a_lease_is_only_ever_longer() {
    let heard = |until: i64| NodesHeard { nodes: vec![NodeId(1)], until: Timestamp(until) }.into();
    let start = [(1, submitted()), (1, claimed(1))];
    let due = |event: Event| folded(&[&start[..], &[(0, event)]].concat()).0.next_due();
    assert_eq!(due(heard(2000)), Some(Timestamp(2000)));
    assert_eq!(due(heard(500)), Some(Timestamp(1000)));
    let other = NodesHeard { nodes: vec![NodeId(2)], until: Timestamp(2000) };
    assert_eq!(due(other.into()), Some(Timestamp(1000)));
    // What the local node runs has none.
    let local = Claimed { node: NodeId(1), attempt: 1, until: None }.into();
    let (jobs, _) = folded(&[(1, submitted()), (1, local), (0, heard(2000))]);
    assert_eq!(jobs.next_due(), None);
}

#[test]
fn queues_count_what_runs_and_what_is_to_run() {
    let queue = |limit| QueueSet { queue: "default".to_owned(), limit, paused: false }.into();
    let events = [(0, queue(Some(1))), (1, submitted()), (2, submitted_after(&[1])), (3, submitted()), (1, claimed(1))];
    let (jobs, _) = folded(&events);
    assert_eq!(jobs.queues()["default"], Queue { limit: Some(1), paused: false, running: 1, pending: 2 });
    assert_eq!(next(&jobs), None, "it is full");
    let (jobs, _) = folded(&[&events[..], &[(1, failed(1, None))]].concat());
    assert_eq!(jobs.queues()["default"], Queue { limit: Some(1), paused: false, running: 0, pending: 2 });
    assert_eq!((next(&jobs), jobs.counts().dead), (Some(3), 1));
    assert_eq!(jobs.running_on(NodeId(1)).count(), 0);
}

/// A history with a job in every state, several classes, a unique key and a doomed job.
fn varied() -> Vec<(u128, Event)> {
    let needs = |label: &str| Requirements { labels: vec![label.to_owned()], ..Requirements::default() };
    let of = |submitted: Submitted| Event::from(submitted);
    vec![
        (9, of(Submitted { queue: "slow".to_owned(), ..Submitted::default() })),
        (8, of(Submitted { requires: needs("fast"), unique: Some(Digest(5)), ..Submitted::default() })),
        (7, of(Submitted { kind: JobKind::Agent, priority: 3, ..Submitted::default() })),
        (6, submitted_after(&[9])),
        (5, submitted_after(&[6])),
        (4, of(Submitted { not_before: Some(Timestamp(500)), deadline: Some(Timestamp(600)), ..Submitted::default() })),
        (3, submitted()),
        (3, claimed(1)),
        (2, submitted()),
        (2, claimed(1)),
        (2, lost(1, AfterLoss::Interrupted)),
        (1, submitted()),
        (1, claimed(1)),
        (1, completed(1)),
        (6, Cancelled {}.into()),
        (10, of(Submitted { queue: "slow".to_owned(), ..Submitted::default() })),
    ]
}

#[test]
fn what_is_loaded_is_found_where_it_was() {
    let (jobs, anomalies) = folded(&varied());
    assert_eq!(anomalies, "");
    let loaded = Jobs::load(&saved(&jobs)).expect("it was just saved");
    let told = |jobs: &Jobs| {
        let node = Node { labels: vec!["fast".to_owned()], ..node() };
        let first = |queues: &[String]| jobs.next_for(&node, 0, queues, Timestamp(0)).map(|id| id.0);
        let running: Vec<JobId> = jobs.running_on(NodeId(1)).collect();
        let due = (jobs.next_due(), jobs.overdue(Timestamp(1000), 9), jobs.expired(Timestamp(600), 9), jobs.doomed(9));
        let firsts = (first(&[]), first(&["slow".to_owned()]), first(&["nobody's".to_owned()]));
        (jobs.counts(), jobs.queues().clone(), jobs.by_unique(Digest(5)), running, due, firsts)
    };
    assert_eq!(told(&loaded), told(&jobs));
    let (counts, _, unique, running, due, firsts) = told(&jobs);
    let expected =
        Counts { blocked: 1, waiting: 1, ready: 4, running: 1, interrupted: 1, dead: 0, done: 1, cancelled: 1 };
    assert_eq!((counts, unique, running), (expected, Some(JobId(8)), vec![JobId(3)]));
    assert_eq!(due, (Some(Timestamp(i64::MIN)), vec![JobId(3)], vec![JobId(4)], vec![JobId(5)]));
    assert_eq!(firsts, (Some(7), Some(9), None));
}

#[test]
fn classes_keep_their_numbers_after_they_are_loaded() {
    let (mut jobs, _) = folded(&varied());
    let mut loaded = Jobs::load(&saved(&jobs)).expect("it was just saved");
    // A new class, and one that was met before.
    let new = Submitted { queue: "new".to_owned(), ..Submitted::default() };
    let old = Submitted { queue: "slow".to_owned(), ..Submitted::default() };
    for (position, submitted) in (100..).zip([new, old]) {
        for jobs in [&mut jobs, &mut loaded] {
            let id = JobId(u128::from(position));
            jobs.apply(&recorded(position, id, 1, submitted.clone())).expect("it is possible");
            assert_eq!(jobs.class(jobs.get(id).expect("it is open")).queue, submitted.queue);
        }
    }
    assert_eq!(saved(&loaded), saved(&jobs));
}

#[test]
fn a_snapshot_whose_job_has_no_class_is_refused() {
    let (jobs, _) = folded(&[(1, submitted()), (2, submitted()), (2, Cancelled {}.into())]);
    let open: Vec<(JobId, &Job)> = jobs.open().collect();
    let ended: Vec<(JobId, Ended)> = jobs.ended_newest_first().map(|(id, ended)| (id, *ended)).collect();
    for (open, ended) in [(open, Vec::new()), (Vec::new(), ended)] {
        let (classes, queues) = (Vec::<Class>::new(), Vec::<(String, Option<u32>, bool)>::new());
        let mut bytes = Vec::new();
        save_value(&(classes, queues, open, ended, BTreeMap::<JobId, Vec<JobId>>::new()), &mut bytes);
        let error = Jobs::load(&bytes).expect_err("its class is not there").to_string();
        assert!(error.contains("is of a class that is not there"), "{error}");
    }
}

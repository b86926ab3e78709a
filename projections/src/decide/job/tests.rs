//! What can be told of jobs: who gets which, and what becomes of it.

use std::sync::Arc;

use super::*;
use crate::command::{Command, Submission};
use crate::event::job::{Backoff, Effect, JobKind};
use crate::event::node::Joined;
use crate::ids::Digest;
use crate::record::Actor;
use crate::testing::Writer;

const HERE: NodeId = NodeId(1);
const FAR: NodeId = NodeId(2);

/// A writer with two nodes: the local one, and one far away that has leases of 100 ms.
struct Pool(Writer);

impl Pool {
    fn new() -> Self {
        let mut pool = Self(Writer::default());
        pool.join(Joined { name: "here".to_owned(), capacity: 9, local: true, ..Joined::default() }, HERE);
        pool.join(Joined { name: "far".to_owned(), capacity: 9, ..Joined::default() }, FAR);
        pool
    }

    fn join(&mut self, joined: Joined, node: NodeId) {
        self.told(Command::JoinNode { node, joined, running: Vec::new() });
    }

    fn told(&mut self, command: Command) -> String {
        let text = self.0.tell(Submission::new(Actor::User, command));
        assert_eq!(self.0.views.anomalies, [], "what was decided is possible");
        text
    }

    /// What a command comes to, behind the position.
    #[track_caller]
    fn check(&mut self, command: Command, expected: &str) {
        let told = self.told(command);
        let lines: Vec<&str> = told.lines().map(|line| line.trim_start_matches(|c: char| c.is_ascii_digit())).collect();
        assert_eq!(lines.join(";").replace("; ", ";").trim(), expected.replace("; ", ";"));
    }

    fn submit(&mut self, job: u128, submitted: Submitted) {
        let told = self.told(submission(job, submitted));
        assert!(told.contains("job.submitted"), "{told}");
    }

    /// Submits jobs with these numbers, and nothing special about them.
    fn submit_plain(&mut self, jobs: &[u128]) {
        jobs.iter().for_each(|job| self.submit(*job, Submitted::default()));
    }

    /// Which job a node is given; 0: none.
    fn claim(&mut self, node: NodeId) -> u128 {
        let told = self.0.run(claim(node)).expect("the node is known");
        if told.events > 0 { told.stream.id } else { 0 }
    }

    fn later(&mut self, ms: i64) {
        self.0.ahead_ms += ms;
    }

    /// After `ms`, counted from the last event.
    fn soon(&self, ms: i64) -> Option<Timestamp> {
        Some(Timestamp(self.0.now().0 + ms))
    }

    fn state(&self, job: u128) -> &'static str {
        let jobs = &self.0.views.jobs;
        match (jobs.get(JobId(job)), jobs.ended(JobId(job))) {
            (Some(job), None) => job.state.name(),
            (None, Some(Ended { how: How::Done, .. })) => "done",
            (None, Some(_)) => "cancelled",
            found => panic!("{found:?}"),
        }
    }
}

fn submission(job: u128, submitted: Submitted) -> Command {
    Command::SubmitJob { job: JobId(job), submitted: Box::new(submitted), body: JobBody::default() }
}

fn claim(node: NodeId) -> Command {
    Command::ClaimJob { node, lease_ms: (node != HERE).then_some(100), queues: Vec::new() }
}

fn attempt(job: u128, node: NodeId, attempt: u32) -> Attempt {
    Attempt { job: JobId(job), node, attempt }
}

fn complete(job: u128, node: NodeId, number: u32) -> Command {
    let body = EndBody { result: Some("5".to_owned()), ..EndBody::default() };
    Command::CompleteJob { attempt: attempt(job, node, number), body: Some(body) }
}

fn fail(job: u128, node: NodeId, number: u32) -> Command {
    Command::FailJob { attempt: attempt(job, node, number), again: true, not_begun: false, jitter: 0, body: None }
}

fn release(job: u128, node: NodeId, number: u32) -> Command {
    Command::ReleaseJob { attempt: attempt(job, node, number) }
}

fn cancel(job: u128) -> Command {
    Command::CancelJob { job: JobId(job), reason: Some("no need".to_owned()) }
}

fn retry(job: u128) -> Command {
    Command::RetryJob { job: JobId(job) }
}

fn queue(name: &str, limit: Option<u32>, paused: bool) -> Command {
    Command::SetQueue { set: QueueSet { queue: name.to_owned(), limit, paused } }
}

fn priority(priority: i16) -> Submitted {
    Submitted { priority, ..Submitted::default() }
}

fn after(jobs: &[u128]) -> Submitted {
    Submitted { after: jobs.iter().copied().map(JobId).collect(), ..Submitted::default() }
}

fn requiring(requires: Requirements) -> Submitted {
    Submitted { requires, ..Submitted::default() }
}

#[test]
fn a_job_is_submitted_once_under_its_id() {
    let mut pool = Pool::new();
    pool.submit_plain(&[7]);
    pool.check(submission(7, priority(3)), "already: job/7 at 3");
    pool.claim(HERE);
    pool.told(complete(7, HERE, 1));
    pool.check(submission(7, priority(3)), "already: job/7 at 3");
}

#[test]
fn there_is_one_open_job_of_a_unique_key() {
    let unique = || Submitted { unique: Some(Digest(5)), ..Submitted::default() };
    let mut pool = Pool::new();
    pool.submit(1, unique());
    pool.check(submission(2, unique()), "already: job/1 at 3");
    pool.claim(HERE);
    pool.check(submission(2, unique()), "already: job/1 at 3");
    pool.told(complete(1, HERE, 1));
    pool.submit(2, unique());
    pool.told(cancel(2));
    pool.submit(3, unique());
}

#[test]
fn what_a_job_waits_for_must_be_there() {
    let mut pool = Pool::new();
    pool.submit_plain(&[1]);
    pool.check(submission(2, after(&[1, 9])), "rejected: there is no job 9");
    pool.check(submission(2, after(&[1, 2])), "rejected: after: job 2 would wait for itself");
    pool.told(cancel(1));
    pool.check(submission(2, after(&[1])), "rejected: job 1 was cancelled at position 4");
    let many = after(&vec![1; MAX_AFTER + 1]);
    pool.check(submission(2, many), "rejected: the jobs it waits for: 257 are more than the 256 that there may be");
}

#[test]
fn what_no_node_could_understand_is_refused() {
    let mut pool = Pool::new();
    let queue = |queue: &str| Submitted { queue: queue.to_owned(), ..Submitted::default() };
    pool.check(submission(1, queue(" ")), "rejected: the queue: it is empty");
    pool.check(submission(1, queue("a\n")), "rejected: the queue: it has a control character in it");
    let none = Submitted { max_attempts: 0, ..Submitted::default() };
    pool.check(submission(1, none), "rejected: attempts: at least one is needed");
    let labels = |labels: &[&str]| labels.iter().map(|label| (*label).to_owned()).collect();
    let unsorted = Requirements { labels: labels(&["b", "a"]), ..Requirements::default() };
    pool.check(submission(1, requiring(unsorted)), "rejected: its labels: they are not sorted");
    let many = Requirements { labels: labels(&["a"; MAX_LABELS + 1]), ..Requirements::default() };
    pool.check(submission(1, requiring(many)), "rejected: its labels: 33 are more than the 32 that there may be");
    // What is in clear has room in one event, also the name of a node.
    let long = Requirements { node: Some("n".repeat(MAX_NAME_BYTES + 1)), ..Requirements::default() };
    pool.check(
        submission(1, requiring(long)),
        "rejected: a requirement: 1025 bytes are more than the 1024 that one may have",
    );
}

#[test]
fn the_largest_job_that_is_taken_has_room_in_one_event() {
    let mut pool = Pool::new();
    pool.submit_plain(&[1]);
    let long = |number: usize| format!("{number:02}{}", "x".repeat(MAX_NAME_BYTES - 2));
    let requires = Requirements {
        labels: (0..MAX_LABELS).map(long).collect(),
        region: Some(long(0)),
        gpu: Some(long(0)),
        max_price_micros: Some(1),
        node: Some(long(0)),
    };
    pool.submit(2, Submitted { requires, queue: long(0), ..after(&[1; MAX_AFTER]) });
    let event = &pool.0.log.last().expect("it was submitted").event;
    let mut bytes = Vec::new();
    event.encode(&mut bytes);
    assert_eq!(crate::event::Event::decode(event.kind(), event.schema(), &bytes).as_ref(), Ok(event));
}

#[test]
fn the_highest_priority_goes_first_and_then_who_came_first() {
    let mut pool = Pool::new();
    for (job, height) in [(9, 0), (8, 0), (5, 7), (3, -1), (4, 7), (1, 0)] {
        pool.submit(job, priority(height));
    }
    let order: Vec<u128> = (0..7).map(|_| pool.claim(HERE)).collect();
    assert_eq!(order, [5, 4, 9, 8, 1, 3, 0]);
}

#[test]
fn what_comes_back_keeps_its_place_by_its_submission() {
    let mut pool = Pool::new();
    let eager = Submitted { backoff: Backoff { first_ms: 0, longest_ms: 0 }, max_attempts: 9, ..Submitted::default() };
    for job in [3, 2, 1] {
        pool.submit(job, eager.clone());
    }
    assert_eq!(pool.claim(HERE), 3);
    pool.told(release(3, HERE, 1));
    assert_eq!(pool.claim(HERE), 3);
    pool.told(fail(3, HERE, 2));
    assert_eq!(pool.claim(FAR), 3);
    pool.told(Command::LoseJob { attempt: attempt(3, FAR, 3), body: None });
    assert_eq!(pool.claim(HERE), 3);
    pool.told(Command::FailJob { attempt: attempt(3, HERE, 4), again: false, not_begun: false, jitter: 0, body: None });
    pool.told(retry(3));
    assert_eq!([pool.claim(HERE), pool.claim(HERE), pool.claim(HERE)], [3, 2, 1]);
}

#[test]
fn a_claim_begins_an_attempt_with_a_lease() {
    let mut pool = Pool::new();
    pool.submit_plain(&[1, 2]);
    pool.check(claim(FAR), "job/1 v2 job.claimed node=2 attempt=1 until=2023-11-14T22:13:20.104Z");
    // The process that has the home needs none.
    pool.check(claim(HERE), "job/2 v2 job.claimed node=1 attempt=1");
    pool.check(claim(HERE), "already: node/1 at 1");
    pool.check(claim(NodeId(7)), "rejected: there is no node 7");
}

#[test]
fn a_node_gets_no_more_than_it_has_room_for_and_nothing_while_it_drains() {
    let mut pool = Pool::new();
    pool.join(Joined { name: "far".to_owned(), capacity: 1, ..Joined::default() }, FAR);
    pool.submit_plain(&[1, 2]);
    assert_eq!([pool.claim(FAR), pool.claim(FAR)], [1, 0]);
    pool.told(release(1, FAR, 1));
    pool.told(Command::DrainNode { node: FAR });
    assert_eq!(pool.claim(FAR), 0);
    pool.told(Command::ResumeNode { node: FAR });
    assert_eq!(pool.claim(FAR), 1);
}

#[test]
fn a_node_gets_what_it_has_the_means_for() {
    let some = |text: &str| Some(text.to_owned());
    let none = Requirements::default();
    let needs = [
        Requirements { labels: vec!["fast".to_owned(), "linux".to_owned()], ..none.clone() },
        Requirements { region: some("eu"), ..none.clone() },
        Requirements { gpu: some("a100"), ..none.clone() },
        Requirements { node: some("far"), ..none.clone() },
        Requirements { max_price_micros: Some(2_749_999), ..none.clone() },
        Requirements { max_price_micros: Some(2_750_000), ..none },
    ];
    let mut pool = Pool::new();
    for (job, requires) in (1..).zip(needs) {
        pool.submit(job, requiring(requires));
    }
    let labels = |labels: &[&str]| labels.iter().map(|label| (*label).to_owned()).collect();
    let joined = Joined {
        name: "rich".to_owned(),
        capacity: 9,
        labels: labels(&["fast", "linux", "new"]),
        region: some("eu"),
        gpu: some("a100"),
        price_micros: 1_000_000,
        local: false,
        token: None,
    };
    let prices =
        crate::event::home::PricesSet { gpus: vec![("a100".to_owned(), 2500)], regions: vec![("eu".to_owned(), 1100)] };
    pool.told(Command::SetPrices { prices });
    pool.join(Joined { labels: labels(&["fast"]), region: some("us"), gpu: None, ..joined.clone() }, NodeId(3));
    assert_eq!([pool.claim(NodeId(3)), pool.claim(NodeId(3)), pool.claim(NodeId(3))], [5, 6, 0]);
    pool.told(release(5, NodeId(3), 1));
    pool.told(release(6, NodeId(3), 1));
    pool.join(joined, NodeId(4));
    let order: Vec<u128> = (0..5).map(|_| pool.claim(NodeId(4))).collect();
    assert_eq!(order, [1, 2, 3, 6, 0], "5 is too dear by a millionth, 4 is for another one");
    assert_eq!([pool.claim(FAR), pool.claim(FAR)], [4, 5]);
}

#[test]
fn what_needs_the_log_is_for_the_node_that_has_it() {
    let mut pool = Pool::new();
    for (job, kind) in (1..).zip(JobKind::ALL) {
        pool.submit(job, Submitted { kind, ..Submitted::default() });
    }
    let far: Vec<u128> = (0..4).map(|_| pool.claim(FAR)).collect();
    assert_eq!(far, [1, 2, 4, 0]);
    assert_eq!([pool.claim(HERE), pool.claim(HERE)], [3, 5]);
}

#[test]
fn a_queue_begins_no_more_than_its_limit_and_nothing_while_it_is_paused() {
    let slow = || Submitted { queue: "slow".to_owned(), ..Submitted::default() };
    let mut pool = Pool::new();
    pool.told(queue("slow", Some(1), false));
    for job in [1, 2] {
        pool.submit(job, slow());
    }
    pool.submit_plain(&[3]);
    assert_eq!([pool.claim(HERE), pool.claim(HERE), pool.claim(HERE)], [1, 3, 0]);
    // Whatever ends the attempt makes room.
    pool.told(release(1, HERE, 1));
    assert_eq!([pool.claim(FAR), pool.claim(HERE)], [1, 0]);
    pool.told(complete(1, FAR, 2));
    pool.told(queue("slow", Some(1), true));
    assert_eq!(pool.claim(HERE), 0);
    pool.told(queue("slow", None, false));
    assert_eq!(pool.claim(HERE), 2);
    pool.check(queue("slow", None, false), "already: home/0 at 14");
    pool.check(queue("slow", Some(0), false), "rejected: the limit: none of its jobs would ever run: pause it instead");
}

#[test]
fn a_node_may_ask_for_some_queues_only() {
    let mut pool = Pool::new();
    pool.submit_plain(&[1]);
    pool.submit(2, Submitted { queue: "slow".to_owned(), ..Submitted::default() });
    let from = |queue: &str| Command::ClaimJob { node: HERE, lease_ms: None, queues: vec![queue.to_owned()] };
    pool.check(from("nobody's"), "already: node/1 at 1");
    pool.check(from("slow"), "job/2 v2 job.claimed node=1 attempt=1");
    pool.check(from("slow"), "already: node/1 at 1");
}

#[test]
fn a_process_that_works_for_some_jobs_begins_no_others() {
    let mut pool = Pool::new();
    pool.submit_plain(&[1]);
    pool.submit(2, Submitted { priority: 9, effect: Effect::Once, ..Submitted::default() });
    pool.submit_plain(&[3, 4]);
    let of =
        |jobs: &[u128]| Command::ClaimOneOf { node: HERE, jobs: Arc::new(jobs.iter().map(|id| JobId(*id)).collect()) };
    pool.check(of(&[]), "already: node/1 at 1");
    pool.check(of(&[4, 3]), "job/3 v2 job.claimed node=1 attempt=1");
    pool.check(of(&[4, 3, 2]), "job/2 v2 job.claimed node=1 attempt=1");
    pool.check(of(&[3, 2]), "already: node/1 at 1");
    assert_eq!((pool.claim(HERE), pool.claim(HERE)), (1, 4));
}

#[test]
fn only_the_attempt_under_way_says_what_becomes_of_a_job() {
    let mut pool = Pool::new();
    pool.submit_plain(&[1]);
    pool.check(complete(1, FAR, 0), "rejected: job 1 is ready in attempt 0: attempt 0 is over");
    pool.claim(FAR);
    pool.told(Command::LoseJob { attempt: attempt(1, FAR, 1), body: None });
    pool.check(complete(1, FAR, 1), "rejected: job 1 is ready in attempt 1: attempt 1 is over");
    assert_eq!(pool.claim(FAR), 1);
    let late = "rejected: job 1 is running in attempt 2: attempt 1 is over";
    for command in [complete(1, FAR, 1), fail(1, FAR, 1), release(1, FAR, 1)] {
        pool.check(command, late);
    }
    pool.check(Command::LoseJob { attempt: attempt(1, FAR, 1), body: None }, late);
    pool.check(Command::RecordJobStopped { attempt: attempt(1, FAR, 1), body: None }, late);
    pool.check(complete(1, HERE, 2), "rejected: job 1 is running in attempt 2: attempt 2 is over");
    pool.check(complete(1, FAR, 2), "job/1 v5 job.completed node=2 attempt=2 | result=5 log= log_left_out=0");
    pool.check(complete(1, FAR, 2), "rejected: job 1 is done since position 7");
    pool.check(complete(9, FAR, 1), "rejected: there is no job 9");
}

#[test]
fn a_failure_is_tried_again_after_twice_as_long_each_time() {
    let mut pool = Pool::new();
    let backoff = Backoff { first_ms: 1000, longest_ms: 3000 };
    pool.submit(1, Submitted { backoff, max_attempts: 4, ..Submitted::default() });
    for (number, seconds) in [(1, Some(1)), (2, Some(2)), (3, Some(3)), (4, None)] {
        assert_eq!(pool.claim(HERE), 1);
        let now = pool.0.now().0;
        pool.told(fail(1, HERE, number));
        let due = seconds.map(|seconds: i64| Timestamp(now + 1000 * seconds));
        assert_eq!(pool.0.views.jobs.next_due(), due);
        if let Some(seconds) = seconds {
            assert_eq!(pool.state(1), "waiting");
            assert_eq!(pool.claim(HERE), 0);
            pool.later(1000 * seconds);
            pool.told(Command::AdvanceClock);
        }
    }
    assert_eq!(pool.state(1), "dead");
    pool.check(retry(1), "job/1 v10 job.retried");
    assert_eq!((pool.claim(HERE), pool.state(1)), (1, "running"));
    // As often as at first.
    pool.told(fail(1, HERE, 5));
    assert_eq!(pool.state(1), "waiting");
}

#[test]
fn a_failure_that_would_only_come_again_is_final() {
    let mut pool = Pool::new();
    pool.submit_plain(&[1]);
    pool.claim(HERE);
    let reason = Some("no such program".to_owned());
    let body = Some(EndBody { reason, ..EndBody::default() });
    pool.check(
        Command::FailJob { attempt: attempt(1, HERE, 1), again: false, not_begun: false, jitter: 0, body },
        "job/1 v3 job.failed node=1 attempt=1 | reason=no such program log= log_left_out=0",
    );
    assert_eq!(pool.state(1), "dead");
}

#[test]
fn a_lease_that_is_over_gives_the_job_back() {
    let mut pool = Pool::new();
    pool.submit(1, Submitted { max_attempts: 2, ..Submitted::default() });
    pool.submit(2, Submitted { effect: Effect::Once, ..Submitted::default() });
    assert_eq!([pool.claim(FAR), pool.claim(FAR)], [1, 2]);
    pool.check(Command::AdvanceClock, "already: home/0 at 6");
    pool.later(100);
    pool.check(
        Command::AdvanceClock,
        "job/1 v3 job.lease_lost node=2 attempt=1 then=ready;\
          node/2 v2 node.lost;\
          job/2 v3 job.lease_lost node=2 attempt=1 then=interrupted",
    );
    assert_eq!((pool.state(1), pool.state(2)), ("ready", "interrupted"));
    // Nothing more is given to it until it is heard from.
    assert_eq!(pool.claim(FAR), 0);
    pool.told(Command::HearNodes { nodes: vec![FAR], lease_ms: 100 });
    assert_eq!(pool.claim(FAR), 1);
    pool.told(Command::HearNodes { nodes: vec![FAR], lease_ms: 500 });
    pool.later(400);
    pool.check(Command::AdvanceClock, "already: home/0 at 12");
    pool.later(100);
    pool.check(Command::AdvanceClock, "job/1 v5 job.lease_lost node=2 attempt=2 then=dead; node/2 v3 node.lost");
    pool.check(retry(2), "job/2 v4 job.retried");
    assert_eq!([pool.claim(HERE), pool.claim(HERE)], [2, 0]);
}

#[test]
fn what_is_late_is_not_begun() {
    let mut pool = Pool::new();
    let deadline = pool.soon(50);
    pool.submit(1, Submitted { deadline, priority: 5, ..Submitted::default() });
    pool.submit_plain(&[2]);
    pool.later(50);
    // Nobody has looked at the clock since.
    assert_eq!([pool.claim(HERE), pool.claim(HERE)], [2, 0]);
    pool.check(Command::AdvanceClock, "job/1 v2 job.expired");
    assert_eq!(pool.state(1), "dead");
    pool.told(retry(1));
    assert_eq!(pool.claim(HERE), 1);
    assert_eq!(pool.0.views.jobs.next_due(), None, "a person wants it, late as it is");
}

#[test]
fn a_deadline_is_for_the_beginning_alone() {
    let mut pool = Pool::new();
    let deadline = pool.soon(50);
    pool.submit(1, Submitted { deadline, ..Submitted::default() });
    assert_eq!(pool.claim(HERE), 1);
    pool.later(100);
    pool.check(Command::AdvanceClock, "already: home/0 at 4");
    pool.told(release(1, HERE, 1));
    assert_eq!(pool.claim(HERE), 0);
    pool.check(Command::AdvanceClock, "job/1 v4 job.expired");
}

#[test]
fn a_dead_letter_is_not_revived_by_what_it_waited_for() {
    let mut pool = Pool::new();
    pool.submit_plain(&[1]);
    let deadline = pool.soon(50);
    pool.submit(2, Submitted { deadline, ..after(&[1]) });
    assert_eq!(pool.claim(HERE), 1);
    pool.later(50);
    pool.check(Command::AdvanceClock, "job/2 v2 job.expired");
    pool.told(complete(1, HERE, 1));
    assert_eq!((pool.state(2), pool.claim(HERE)), ("dead", 0));
    pool.told(retry(2));
    assert_eq!(pool.claim(HERE), 2);
}

#[test]
fn a_job_waits_for_all_that_it_comes_after() {
    let mut pool = Pool::new();
    pool.submit_plain(&[1, 2]);
    pool.submit(3, after(&[1, 2, 1]));
    assert_eq!([pool.claim(HERE), pool.claim(HERE), pool.claim(HERE)], [1, 2, 0]);
    pool.told(complete(1, HERE, 1));
    assert_eq!(pool.state(3), "blocked");
    pool.told(complete(2, HERE, 1));
    assert_eq!(pool.claim(HERE), 3);
    // What is done already keeps nobody waiting.
    pool.submit(4, after(&[1, 2]));
    assert_eq!(pool.state(4), "ready");
}

#[test]
fn a_delay_counts_also_behind_other_jobs() {
    let mut pool = Pool::new();
    pool.submit_plain(&[1]);
    let not_before = pool.soon(1000);
    pool.submit(2, Submitted { not_before, ..after(&[1]) });
    pool.submit(3, Submitted { not_before, ..Submitted::default() });
    pool.claim(HERE);
    pool.told(complete(1, HERE, 1));
    assert_eq!((pool.state(2), pool.state(3), pool.claim(HERE)), ("waiting", "waiting", 0));
    assert_eq!(pool.0.views.jobs.next_due(), not_before);
    pool.later(1000);
    pool.check(Command::AdvanceClock, "home/0 v1 home.clock_advanced");
    pool.check(Command::AdvanceClock, "already: home/0 at 8");
    assert_eq!([pool.claim(HERE), pool.claim(HERE)], [2, 3]);
}

#[test]
fn a_cancelled_job_takes_all_with_it_that_wait_for_it() {
    let mut pool = Pool::new();
    pool.submit_plain(&[1]);
    pool.submit(2, after(&[1]));
    pool.submit(3, after(&[2]));
    pool.check(cancel(1), "job/1 v2 job.cancelled | reason=no need log= log_left_out=0");
    for job in [2, 3] {
        assert_eq!(pool.0.views.jobs.next_due(), Some(Timestamp(i64::MIN)), "at once");
        let why = "reason=a job that it waits for was cancelled log= log_left_out=0";
        pool.check(Command::AdvanceClock, &format!("job/{job} v2 job.cancelled | {why}"));
    }
    assert_eq!(pool.0.views.jobs.next_due(), None);
    pool.check(cancel(1), "already: job/1 at 6");
    pool.check(retry(1), "rejected: job 1 was cancelled since position 6; submit it anew");
}

#[test]
fn a_job_that_is_running_is_asked_to_stop() {
    let mut pool = Pool::new();
    pool.submit_plain(&[1, 2, 3, 4]);
    (1..=4).for_each(|job| assert_eq!(pool.claim(if job == 4 { FAR } else { HERE }), job));
    pool.check(cancel(1), "job/1 v3 job.cancel_requested");
    pool.check(cancel(1), "already: job/1 at 3");
    (2..=4).for_each(|job| drop(pool.told(cancel(job))));
    // However the attempt ends, but for being done, the job is not begun again.
    pool.check(fail(1, HERE, 1), "job/1 v4 job.cancelled");
    pool.check(release(2, HERE, 1), "job/2 v4 job.cancelled");
    pool.told(complete(3, HERE, 1));
    pool.check(cancel(3), "rejected: job 3 is done since position 17");
    pool.later(200);
    pool.check(Command::AdvanceClock, "job/4 v4 job.cancelled; node/2 v2 node.lost");
    pool.check(cancel(9), "rejected: there is no job 9");
}

#[test]
fn only_what_is_dead_or_interrupted_is_tried_again() {
    let mut pool = Pool::new();
    pool.submit_plain(&[1]);
    pool.check(retry(1), "rejected: job 1 is ready: only dead and interrupted jobs are tried again");
    pool.claim(HERE);
    pool.told(complete(1, HERE, 1));
    pool.check(retry(1), "rejected: job 1 is done since position 5; submit it anew");
    pool.check(retry(9), "rejected: there is no job 9");
}

#[test]
fn one_look_at_the_clock_does_a_bounded_part_of_what_is_due() {
    let mut pool = Pool::new();
    let deadline = pool.soon(50);
    for job in 0..300 {
        pool.submit(job + 1, Submitted { deadline, ..Submitted::default() });
    }
    pool.later(1000);
    let dead = |pool: &mut Pool| {
        pool.told(Command::AdvanceClock);
        pool.0.views.jobs.counts().dead
    };
    assert_eq!([dead(&mut pool), dead(&mut pool), dead(&mut pool)], [256, 300, 300]);
}

/// The pause after each attempt, without jitter and with all of it.
fn check_pauses(backoff: Backoff, expected: &[(u32, i64, i64)]) {
    let pauses = expected
        .iter()
        .map(|(attempt, ..)| (*attempt, backoff.delay_ms(*attempt, 0), backoff.delay_ms(*attempt, u32::MAX)));
    assert_eq!(pauses.collect::<Vec<_>>(), expected);
}

#[test]
fn pauses_double_up_to_the_longest_and_never_overflow() {
    check_pauses(
        Backoff { first_ms: 1000, longest_ms: 3_600_000 },
        &[(0, 1000, 750), (1, 1000, 750), (2, 2000, 1500), (12, 2_048_000, 1_536_000), (13, 3_600_000, 2_700_000)],
    );
    let longest = i64::from(u32::MAX);
    check_pauses(
        Backoff { first_ms: u32::MAX, longest_ms: u32::MAX },
        &[(1, longest, longest - longest / 4), (u32::MAX, longest, longest - longest / 4)],
    );
    check_pauses(Backoff { first_ms: 0, longest_ms: u32::MAX }, &[(1, 0, 0), (40, 0, 0), (u32::MAX, 0, 0)]);
    check_pauses(Backoff { first_ms: 7, longest_ms: 3 }, &[(1, 3, 3)]);
}

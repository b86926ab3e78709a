//! The queue of jobs against a naive one: random commands of jobs, queues and nodes, with a clock that moves. After each
//! of them every job, node, queue and index must be as the naive queue has it.

mod naive;

use self::naive::{Naive, Outcome, Stand, Task};
use super::work::check_attempts;
use super::*;
use crate::decide::job::Attempt;
use crate::event::home::{PricesSet, QueueSet};
use crate::event::job::{Backoff, Effect, JobBody, JobKind, Requirements, Submitted};
use crate::event::node::Joined;
use crate::ids::{JobId, NodeId};
use crate::views::jobs::{How, JobState};

/// One of several, by a number.
fn one_of<T: Copy>(number: u8, choices: &[T]) -> T {
    choices[usize::from(number) % choices.len()]
}

fn queue_name(number: u8) -> String {
    one_of(number, &["default", "default", "slow", "third"]).to_owned()
}

/// Ids that come in another order than the jobs.
fn job_id(number: usize) -> JobId {
    JobId((number as u128 * 37 + 11) % 251)
}

fn requirements(number: u8) -> Requirements {
    let some = |text: &str| Some(text.to_owned());
    let labels = |labels: &[&str]| labels.iter().map(|label| (*label).to_owned()).collect();
    let none = Requirements::default();
    match number % 16 {
        0 => Requirements { labels: labels(&["fast"]), ..none },
        1 => Requirements { labels: labels(&["fast", "linux"]), ..none },
        2 => Requirements { region: some("eu"), ..none },
        3 => Requirements { gpu: some("a100"), ..none },
        4 => Requirements { max_price_micros: Some(1_000_000), ..none },
        5 => Requirements { max_price_micros: Some(0), ..none },
        6 => Requirements { node: some("node 2"), ..none },
        _ => none,
    }
}

fn joined(node: NodeId, number: u8) -> Joined {
    let labels: &[&str] = one_of(number, &[&["fast", "linux"], &[], &["fast"]]);
    Joined {
        name: format!("node {}", node.0),
        capacity: u32::from(number % 3) + 1,
        labels: labels.iter().map(|label| (*label).to_owned()).collect(),
        region: one_of(number, &[Some("eu"), None, Some("us"), None]).map(str::to_owned),
        gpu: one_of(number / 4, &[None, Some("a100")]).map(str::to_owned),
        price_micros: one_of(number / 8, &[0, 500_000, 900_000, 2_000_000]),
        local: node == NodeId(1),
        token: None,
    }
}

fn submit([a, b, c, d, e]: [u8; 5], naive: &Naive, now: i64) -> Command {
    let later = |ms: u8| Some(Timestamp(now + i64::from(ms)));
    // Sometimes one that is there, or that is not.
    let other = |number: u8| job_id(usize::from(number) % (naive.tasks.len() + usize::from(number.is_multiple_of(16))));
    let after = if a % 4 == 0 && !naive.tasks.is_empty() {
        (0..=a / 4 % 3).map(|index| other(b.wrapping_add(index * 7))).collect()
    } else {
        Vec::new()
    };
    let number = if a == 1 && !naive.tasks.is_empty() { 0 } else { naive.tasks.len() };
    let submitted = Submitted {
        kind: if e % 8 == 0 { JobKind::Agent } else { JobKind::Command },
        effect: one_of(e / 8, &[Effect::Idempotent, Effect::Idempotent, Effect::Once, Effect::Pure]),
        queue: queue_name(c),
        priority: one_of(c / 4, &[0, 0, 0, 5, -1, i16::MAX, i16::MIN]),
        not_before: if b % 4 == 0 { later(b / 4) } else { None },
        deadline: if d % 4 == 0 { later(d) } else { None },
        unique: (a % 8 == 7).then(|| Digest(u128::from(b % 4))),
        after,
        max_attempts: u16::from(d % 3) + 1,
        backoff: one_of(d / 4, &[Backoff { first_ms: 5, longest_ms: 40 }, Backoff { first_ms: 0, longest_ms: 9 }]),
        requires: requirements(e ^ b),
        ..Submitted::default()
    };
    Command::SubmitJob { job: job_id(number), submitted: Box::new(submitted), body: JobBody::default() }
}

/// An attempt: most often one that is running, else one that is over or never was.
fn attempt([a, b]: [u8; 2], naive: &Naive) -> Attempt {
    let running: Vec<&Task> = naive.tasks.iter().filter(|task| task.is_running()).collect();
    let nobody = Attempt { job: job_id(usize::from(a)), node: NodeId(u128::from(b % 4)), attempt: u32::from(b % 3) };
    let Some(task) = running.get(usize::from(a) % running.len().max(1)) else { return nobody };
    let Stand::Running { node, .. } = task.stand else { return nobody };
    let now = Attempt { job: task.id, node, attempt: task.attempt };
    match b % 16 {
        0 => Attempt { attempt: task.attempt - 1, ..now },
        1 => Attempt { attempt: task.attempt + 1, ..now },
        2 => Attempt { node: NodeId(node.0 % 4 + 1), ..now },
        3 => nobody,
        _ => now,
    }
}

fn node_command([kind, a, b, c]: [u8; 4], naive: &Naive) -> Command {
    let node = NodeId(u128::from(a % 5));
    let running = || {
        let of_node = |task: &&Task| matches!(task.stand, Stand::Running { node: holder, .. } if holder == node);
        let stays = |task: &Task| (task.id, task.attempt - u32::from(c % 8 == 0));
        naive.tasks.iter().filter(of_node).skip(usize::from(c % 2)).map(stays).collect()
    };
    match kind % 8 {
        0..4 => Command::JoinNode { node, joined: joined(node, one_of(b, &[3, 6, 9, 0, 7, 29])), running: running() },
        4 if b % 2 == 0 => Command::LeaveNode { node },
        4 => Command::RemoveNode { node },
        5 => Command::DrainNode { node },
        6 => Command::ResumeNode { node },
        _ => {
            let table = |name: &str, by: u8| vec![(name.to_owned(), u32::from(by % 2) * 700)];
            Command::SetPrices { prices: PricesSet { gpus: table("a100", b), regions: table("eu", c) } }
        }
    }
}

fn queue_command([kind, a, b, c, d, e, ..]: Dice, naive: &Naive, now: i64) -> Command {
    let node = NodeId(u128::from(a % 5));
    let likely_node = naive.nodes.keys().nth(usize::from(a) % naive.nodes.len().max(1)).copied().unwrap_or(node);
    let claimer = if c % 8 == 0 { node } else { likely_node };
    let any_job = || job_id(usize::from(b) % (naive.tasks.len() + 1));
    match kind % 40 {
        0..11 => submit([a, b, c, d, e], naive, now),
        11..20 => Command::ClaimJob {
            node: claimer,
            lease_ms: (claimer != NodeId(1)).then(|| u64::from(b % 64)),
            queues: if c % 4 == 0 { vec![queue_name(d), "nobody's".to_owned()] } else { Vec::new() },
        },
        20..23 => Command::CompleteJob { attempt: attempt([a, b], naive), body: None },
        23..27 => {
            let jitter = one_of(d, &[0, u32::MAX, u32::MAX / 3]);
            Command::FailJob {
                attempt: attempt([a, b], naive),
                again: c % 8 != 0,
                not_begun: c % 4 == 1,
                jitter,
                body: None,
            }
        }
        27 => Command::ReleaseJob { attempt: attempt([a, b], naive) },
        28 if c % 2 == 0 => Command::RecordJobStopped { attempt: attempt([a, b], naive), body: None },
        28 => Command::LoseJob { attempt: attempt([a, b], naive), body: None },
        29 => {
            let job = if d % 4 == 0 { any_job() } else { attempt([a, 15], naive).job };
            Command::CancelJob { job, reason: (c % 2 == 0).then(|| text(c)) }
        }
        30 | 31 => {
            let tried: Vec<&Task> =
                naive.tasks.iter().filter(|task| matches!(task.stand, Stand::Dead | Stand::Interrupted)).collect();
            let tried = tried.get(usize::from(a) % tried.len().max(1)).map(|task| task.id);
            Command::RetryJob { job: tried.filter(|_| c % 4 != 0).unwrap_or_else(any_job) }
        }
        32..35 => Command::AdvanceClock,
        35 => {
            let limit = one_of(b, &[None, Some(1), Some(2), Some(0)]);
            Command::SetQueue { set: QueueSet { queue: queue_name(a), limit, paused: c % 4 == 0 } }
        }
        36 => Command::HearNodes { nodes: vec![node, NodeId(u128::from(b % 5)), node], lease_ms: c.into() },
        _ => node_command([kind / 40 + c, a, b, d], naive),
    }
}

/// A writer and the naive queue, told the same.
struct Both {
    writer: Writer,
    naive: Naive,
    /// What was met, by the name of the command and its outcome.
    met: BTreeMap<(&'static str, Outcome), usize>,
}

impl Both {
    fn new() -> Self {
        let mut both = Self { writer: Writer::default(), naive: Naive::default(), met: BTreeMap::new() };
        for node in 1..=3 {
            let (node, number) = (NodeId(node), 3 * u8::try_from(node).expect("it is small"));
            both.tell(Command::JoinNode { node, joined: joined(node, number), running: Vec::new() });
        }
        both
    }

    /// The same, and node 2 was lost so often that it gets nothing urgent.
    fn with_a_bad_node() -> Self {
        let mut both = Self::new();
        let (node, requires) = (NodeId(2), Requirements { node: Some("node 2".to_owned()), ..Requirements::default() });
        for number in 0..8 {
            let submitted = Submitted { requires: requires.clone(), max_attempts: 1, ..Submitted::default() };
            let (job, body) = (job_id(number), JobBody::default());
            both.tell(Command::SubmitJob { job, submitted: Box::new(submitted), body });
            both.tell(Command::ClaimJob { node, lease_ms: None, queues: Vec::new() });
            let attempt = Attempt { job, node, attempt: 1 };
            both.tell(Command::LoseJob { attempt, body: None });
        }
        both
    }

    fn step(&mut self, dice: Dice) {
        let [.., clock, reload] = dice;
        self.writer.ahead_ms += one_of(clock, &[0, 0, 0, 1, 5, 20, 60]);
        if reload % 16 == 0 {
            self.writer.views = Views::load(&self.writer.views.save()).expect("it was just saved");
        }
        let now = self.writer.now().0;
        self.tell(queue_command(dice, &self.naive, now));
    }

    fn tell(&mut self, command: Command) -> Outcome {
        let now = self.writer.now();
        let expected = self.naive.tell(&command, now.0);
        let said = self.writer.run(command.clone());
        let actual = match &said {
            Ok(receipt) if receipt.events > 0 => Outcome::Did,
            Ok(_) => Outcome::Nothing,
            Err(_) => Outcome::Refused,
        };
        assert_eq!(actual, expected, "{command:?} at {}: {said:?}", now.0);
        let name = format!("{command:?}");
        let name = NAMES.iter().find(|known| name.starts_with(**known)).expect("it has a name");
        *self.met.entry((name, actual)).or_default() += 1;
        self.settle_when_it_is_tried_again(now.0);
        if actual == Outcome::Did {
            self.naive.ripen(now.0);
        }
        self.check(now.0);
        actual
    }

    /// How much jitter takes off a pause is up to the queue, within bounds.
    fn settle_when_it_is_tried_again(&mut self, now: i64) {
        let Some((job, range)) = self.naive.tried_again.take() else { return };
        let place = self.naive.place_of(job).expect("it failed");
        self.naive.tasks[place].stand = match self.writer.views.jobs.get(job).expect("it is open").state {
            JobState::Waiting { due } if range.contains(&due.0) && due.0 > now => Stand::Waiting(due.0),
            JobState::Ready if *range.start() <= now => Stand::Ready,
            state => panic!("job {job} is {state:?}, and is to be tried again in {range:?}"),
        };
    }

    /// Compares everything.
    fn check(&self, now: i64) {
        let (jobs, naive) = (&self.writer.views.jobs, &self.naive);
        assert_eq!(self.writer.views.anomalies, []);
        for task in &naive.tasks {
            let state = jobs.get(task.id).map(|job| {
                assert_eq!((job.attempt, job.tries), (task.attempt, task.tries));
                assert_eq!(job.deadline.map(|deadline| deadline.0), task.deadline);
                match job.state {
                    JobState::Blocked => Stand::Blocked,
                    JobState::Waiting { due } => Stand::Waiting(due.0),
                    JobState::Ready => Stand::Ready,
                    JobState::Running { node, until, cancelling, .. } => {
                        Stand::Running { node, until: until.map(|until| until.0), cancelling }
                    }
                    JobState::Interrupted => Stand::Interrupted,
                    JobState::Dead => Stand::Dead,
                }
            });
            let ended = jobs.ended(task.id).map(|ended| match ended.how {
                How::Done => Stand::Done,
                How::Cancelled => Stand::Cancelled,
            });
            assert_eq!(state.xor(ended), Some(task.stand), "job {} at {now}", task.id);
        }
        assert_eq!(jobs.open().count(), naive.tasks.iter().filter(|task| task.is_open()).count(), "no job is lost");
        self.check_sums();
        self.check_what_is_due();
        for (id, worker) in &naive.nodes {
            let node = self.writer.views.nodes.get(*id).expect("it joined");
            assert_eq!((node.state, u64::from(node.reputation)), (worker.state, worker.reputation), "node {id}");
        }
        assert_eq!(self.writer.views.nodes.len(), naive.nodes.len());
    }

    fn check_sums(&self) {
        let (jobs, tasks) = (&self.writer.views.jobs, &self.naive.tasks);
        let count = |of: &dyn Fn(&Task) -> bool| tasks.iter().filter(|task| of(task)).count() as u64;
        let counts = jobs.counts();
        let counted = [
            (counts.blocked, count(&|task| task.stand == Stand::Blocked)),
            (counts.waiting, count(&|task| matches!(task.stand, Stand::Waiting(_)))),
            (counts.ready, count(&|task| task.stand == Stand::Ready)),
            (counts.running, count(&Task::is_running)),
            (counts.interrupted, count(&|task| task.stand == Stand::Interrupted)),
            (counts.dead, count(&|task| task.stand == Stand::Dead)),
            (counts.done, count(&|task| task.stand == Stand::Done)),
            (counts.cancelled, count(&|task| task.stand == Stand::Cancelled)),
        ];
        counted.iter().for_each(|(actual, expected)| assert_eq!(actual, expected, "{counts:?}"));
        for (name, queue) in jobs.queues() {
            let running = count(&|task| task.asked.queue == *name && task.is_running());
            let pending = count(&|task| task.asked.queue == *name && task.is_pending());
            assert_eq!((u64::from(queue.running), queue.pending), (running, pending), "{name}");
            assert_eq!((queue.limit, queue.paused), self.naive.queues[name], "{name}");
        }
        assert_eq!(jobs.queues().len(), self.naive.queues.len());
        for node in (0..6).map(NodeId) {
            let on = |task: &&Task| matches!(task.stand, Stand::Running { node: holder, .. } if holder == node);
            let mut expected: Vec<JobId> = tasks.iter().filter(on).map(|task| task.id).collect();
            expected.sort_unstable();
            assert_eq!(jobs.running_on(node).collect::<Vec<_>>(), expected);
            assert_eq!(jobs.load_of(node), expected.len());
        }
        for unique in (0..4).map(Digest) {
            let holders: Vec<JobId> =
                tasks.iter().filter(|it| it.is_open() && it.asked.unique == Some(unique)).map(|it| it.id).collect();
            assert!(holders.len() <= 1, "one open job of a key at a time");
            assert_eq!(jobs.by_unique(unique), holders.first().copied());
        }
    }

    fn check_what_is_due(&self) {
        let (jobs, naive) = (&self.writer.views.jobs, &self.naive);
        let mut doomed: Vec<JobId> =
            naive.tasks.iter().filter(|task| naive.is_doomed(task)).map(|task| task.id).collect();
        doomed.sort_unstable();
        assert_eq!(jobs.doomed(usize::MAX), doomed);
        let due = |task: &Task| {
            let by_state = match task.stand {
                Stand::Waiting(due) => Some(due),
                Stand::Running { until, .. } => until,
                _ => None,
            };
            [by_state, task.deadline.filter(|_| task.is_pending())].into_iter().flatten().min()
        };
        let next = naive.tasks.iter().filter_map(due).min();
        let next = if doomed.is_empty() { next } else { Some(i64::MIN) };
        assert_eq!(jobs.next_due().map(|due| due.0), next);
    }

    /// Lets nodes without limits do all that can be done: whatever is open in the end is dead, interrupted, or waits for
    /// such a job; and what is begun is begun in order.
    fn finish(&mut self) {
        let all = |node: NodeId| Joined {
            name: "node 2".to_owned(),
            capacity: 4096,
            labels: vec!["fast".to_owned(), "linux".to_owned()],
            region: Some("eu".to_owned()),
            gpu: Some("a100".to_owned()),
            price_micros: 0,
            local: node == NodeId(9),
            token: None,
        };
        let node = NodeId(9);
        for queue in ["default", "slow", "third"] {
            self.tell(Command::SetQueue { set: QueueSet { queue: queue.to_owned(), limit: None, paused: false } });
        }
        for id in 0..=5 {
            self.tell(Command::LeaveNode { node: NodeId(id) });
        }
        self.tell(Command::JoinNode { node, joined: all(node), running: Vec::new() });
        for _ in 0..10_000 {
            self.writer.ahead_ms += 50;
            while self.tell(Command::AdvanceClock) == Outcome::Did {}
            if self.tell(Command::ClaimJob { node, lease_ms: None, queues: Vec::new() }) == Outcome::Did {
                let claimed = self.writer.log.last().expect("it was claimed");
                let Event::JobClaimed(event) = &claimed.event else { panic!("{claimed:?}") };
                let attempt = Attempt { job: JobId(claimed.header.stream.id), node, attempt: event.attempt };
                assert_eq!(self.tell(Command::CompleteJob { attempt, body: None }), Outcome::Did);
            } else if self.writer.views.jobs.next_due().is_none() {
                break;
            }
        }
        let left = |task: &&Task| task.is_open() && !matches!(task.stand, Stand::Dead | Stand::Interrupted);
        for task in self.naive.tasks.iter().filter(left) {
            // Whatever it waits for waits itself, until somebody does something about a dead one.
            let open = |job: &JobId| self.writer.views.jobs.get(*job).is_some();
            let is_blocked = task.stand == Stand::Blocked && task.asked.after.iter().any(open);
            assert!(is_blocked, "{task:?} was forgotten");
        }
        check_attempts(&self.writer.log);
    }
}

/// The commands of the queue, as they begin when they are shown.
const NAMES: &[&str] = &[
    "SubmitJob",
    "ClaimJob",
    "CompleteJob",
    "FailJob",
    "ReleaseJob",
    "RecordJobStopped",
    "LoseJob",
    "CancelJob",
    "RetryJob",
    "AdvanceClock",
    "SetQueue",
    "JoinNode",
    "DrainNode",
    "ResumeNode",
    "LeaveNode",
    "RemoveNode",
    "HearNodes",
    "SetPrices",
];

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_queue_does_what_a_naive_one_does(dice in vec(any::<Dice>(), 0..200), bad in any::<bool>()) {
        let mut both = if bad { Both::with_a_bad_node() } else { Both::new() };
        dice.into_iter().for_each(|dice| both.step(dice));
        both.finish();
    }
}

/// The comparison above is not empty: every command is met with every outcome that it can have, on a fixed seed, and what
/// is interesting about jobs happens.
#[test]
fn random_queues_meet_every_command_with_every_outcome() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let mut met: BTreeMap<(&str, Outcome), usize> = BTreeMap::new();
    let mut events: BTreeMap<String, usize> = BTreeMap::new();
    let mut unreliable = 0;
    for round in 0..64 {
        let mut both = if round % 2 == 0 { Both::with_a_bad_node() } else { Both::new() };
        for dice in vec(any::<Dice>(), 200).new_tree(&mut runner).expect("dice can be thrown").current() {
            both.step(dice);
            unreliable += both.naive.nodes.values().filter(|it| !it.has.local && it.reputation < 500_000).count();
        }
        both.met.iter().for_each(|(what, times)| *met.entry(*what).or_default() += times);
        for recorded in &both.writer.log {
            let name = match &recorded.event {
                Event::JobLeaseLost(event) => format!("job.lease_lost {:?}", event.then),
                Event::JobFailed(event) => format!("job.failed again={}", event.retry_at.is_some()),
                Event::JobClaimed(event) if event.attempt > 1 => "job.claimed again".to_owned(),
                event => event.name().to_owned(),
            };
            *events.entry(name).or_default() += 1;
        }
    }
    let missing: Vec<_> = NAMES
        .iter()
        .flat_map(|name| [Outcome::Did, Outcome::Nothing, Outcome::Refused].map(|outcome| (*name, outcome)))
        .filter(|what| met.get(what).is_none_or(|times| *times < 5))
        .collect();
    let nothing = |name: &'static str| (name, Outcome::Nothing);
    let refused = |name: &'static str| (name, Outcome::Refused);
    let impossible = [
        nothing("CompleteJob"),
        nothing("FailJob"),
        nothing("ReleaseJob"),
        nothing("RecordJobStopped"),
        nothing("LoseJob"),
        nothing("RetryJob"),
        refused("AdvanceClock"),
        refused("JoinNode"),
        nothing("RemoveNode"),
        refused("HearNodes"),
        refused("SetPrices"),
    ];
    let unexpected: Vec<_> = missing.iter().filter(|what| !impossible.contains(what)).collect();
    assert!(unexpected.is_empty(), "hardly ever met: {unexpected:?} of {met:?}");
    for event in [
        "job.claimed again",
        "job.failed again=true",
        "job.failed again=false",
        "job.lease_lost Ready",
        "job.lease_lost Interrupted",
        "job.lease_lost Dead",
        "job.cancel_requested",
        "job.cancelled",
        "job.expired",
        "job.retried",
        "job.released",
        "node.lost",
        "home.clock_advanced",
    ] {
        assert!(events.get(event).is_some_and(|times| *times >= 10), "{event} hardly ever happens: {events:?}");
    }
    assert!(unreliable > 100, "nodes hardly ever fail: {unreliable} times");
}

//! Claims without a log: a million pending jobs in the views, decided and folded as the writer does it, beside a queue that
//! filters and sorts all jobs for each claim.

use std::cmp::Reverse;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use zo_projections::command::Attempt;
use zo_projections::decide::{Decision, decide};
use zo_projections::event::job::{JobBody, Requirements, Submitted};
use zo_projections::event::node::Joined;
use zo_projections::{
    Actor, BodyPlace, Command, EventId, Header, JobId, KeyId, NodeId, Position, Recorded, Submission, Timestamp, Views,
};

/// What only nodes of benches have, so that nobody else carries their jobs out.
pub const LABEL: &str = "bench";

const NODE: NodeId = NodeId(1);
const LEASE_MS: u64 = 150_000;
/// Priorities of the jobs.
const PRIORITIES: u64 = 5;

/// Views with jobs that are pending.
pub struct Queue {
    views: Views,
    now: Timestamp,
    submitted: u64,
}

/// What claims took.
#[derive(Default)]
pub struct Times {
    decided: Vec<Duration>,
    whole: Duration,
}

impl Times {
    /// Takes the times of another turn in.
    pub fn add(&mut self, other: Self) {
        self.decided.extend(other.decided);
        self.whole += other.whole;
    }

    /// How many claims there were.
    pub fn count(&self) -> usize {
        self.decided.len()
    }

    /// A claim, decided and folded, in microseconds.
    #[allow(clippy::cast_precision_loss)]
    pub fn mean_us(&self) -> f64 {
        self.whole.as_secs_f64() * 1e6 / self.decided.len() as f64
    }

    /// The decision alone: what a share of them (0 to 1) does not exceed, in microseconds.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
    pub fn decided_us(&self, share: f64) -> f64 {
        let mut sorted = self.decided.clone();
        sorted.sort_unstable();
        let index = (share * sorted.len().saturating_sub(1) as f64) as usize;
        sorted.get(index).copied().unwrap_or_default().as_secs_f64() * 1e6
    }
}

impl Queue {
    /// With so many pending jobs, of several priorities.
    ///
    /// # Errors
    /// If one is refused.
    pub fn of(pending: u64) -> Result<Self> {
        let mut queue = Self { views: Views::default(), now: Timestamp(1_700_000_000_000), submitted: 0 };
        let joined = Joined {
            name: "bench".to_owned(),
            capacity: 64,
            labels: vec![LABEL.to_owned()],
            region: None,
            gpu: None,
            price_micros: 0,
            local: false,
            token: None,
        };
        queue.carry_out(Command::JoinNode { node: NODE, joined, running: Vec::new() })?;
        for _ in 0..pending {
            queue.submit()?;
        }
        Ok(queue)
    }

    fn submit(&mut self) -> Result<()> {
        self.submitted += 1;
        let requires = Requirements { labels: vec![LABEL.to_owned()], ..Requirements::default() };
        let priority = i16::try_from(self.submitted.wrapping_mul(0x9E37_79B9) % PRIORITIES)?;
        let submitted = Box::new(Submitted { priority, requires, ..Submitted::default() });
        let job = JobId(self.submitted.into());
        self.carry_out(Command::SubmitJob { job, submitted, body: JobBody::default() })?;
        Ok(())
    }

    fn decide(&self, command: Command) -> Result<Decision> {
        let mut ids = u128::from(self.views.position.0) << 8;
        let decided = decide(&self.views, Submission::new(Actor::Engine, command), self.now, &mut || {
            ids += 1;
            ids
        });
        Ok(decided?)
    }

    /// Folds what was decided; the job or node that the last event is of.
    fn fold(&mut self, decision: Decision) -> Result<u128> {
        let Decision::Record(events) = decision else { bail!("nothing was decided") };
        let mut last = None;
        for event in events {
            let version = self.views.streams.get(event.stream).map_or(0, |state| state.version) + 1;
            let position = self.views.position.next();
            let header = Header {
                position,
                id: EventId(position.0.into()),
                stream: event.stream,
                version,
                at: self.now,
                actor: Actor::Engine,
                causation: None,
                correlation: None,
                idempotency: None,
                key: KeyId::NONE,
                body: BodyPlace::None,
            };
            self.views.apply(&Recorded { header, event: event.event });
            last = Some(event.stream.id);
        }
        last.context("a decision that records has at least one event")
    }

    fn carry_out(&mut self, command: Command) -> Result<u128> {
        let decision = self.decide(command)?;
        self.fold(decision)
    }

    /// Claims so many jobs, one at a time; each is completed, and another one submitted in its place.
    ///
    /// # Errors
    /// If there is none.
    pub fn turn(&mut self, claims: usize) -> Result<Times> {
        let mut times = Times::default();
        for _ in 0..claims {
            let command = Command::ClaimJob { node: NODE, lease_ms: Some(LEASE_MS), queues: Vec::new() };
            let begun = Instant::now();
            let decision = self.decide(command)?;
            let decided = begun.elapsed();
            let job = JobId(self.fold(decision)?);
            times.whole += begun.elapsed();
            times.decided.push(decided);
            self.carry_out(Command::CompleteJob { attempt: Attempt { job, node: NODE, attempt: 1 }, body: None })?;
            self.submit()?;
        }
        Ok(times)
    }

    /// Where the log would be.
    pub fn position(&self) -> Position {
        self.views.position
    }
}

/// A job of a pool that keeps all of them in one list, whatever their state.
struct Pooled {
    is_pending: bool,
    priority: i16,
    created_at: u64,
}

/// How long one claim takes that filters and sorts all jobs, by priority and then by age: the fastest of three.
pub fn sorting(pending: u64) -> Duration {
    let jobs: Vec<Pooled> = (0..pending)
        .map(|number| Pooled {
            is_pending: true,
            priority: i16::try_from(number.wrapping_mul(0x9E37_79B9) % PRIORITIES).unwrap_or_default(),
            created_at: number,
        })
        .collect();
    let claim = || {
        let begun = Instant::now();
        let mut pending: Vec<&Pooled> = jobs.iter().filter(|job| job.is_pending).collect();
        pending.sort_by_key(|job| (Reverse(job.priority), job.created_at));
        std::hint::black_box(pending.first().map(|job| job.created_at));
        begun.elapsed()
    };
    (0..3).map(|_| claim()).min().unwrap_or_default()
}

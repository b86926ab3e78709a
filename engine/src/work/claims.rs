//! Jobs given to nodes, and what these say of them.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use zo_projections::command::Attempt;
use zo_projections::event::job::{Effect, EndBody, JobBody};
use zo_projections::views::jobs::{Job, JobState};
use zo_projections::{Actor, Command, JobId, NodeId, Position, Receipt, Submission};

use super::line::{Place, has_job};
use crate::engine::Engine;
use crate::protocol::{ClaimedJob, Failure};
use crate::service::body_of;

/// The longest that a node may wait for a job at once.
pub(crate) const MOST_WAITING: Duration = Duration::from_secs(60);
/// The most jobs that are given at once.
pub(crate) const MOST_AT_ONCE: u32 = 256;
/// So often who waits for a job looks whether it should stop.
const LOOK: Duration = Duration::from_millis(200);

/// A node that wants jobs.
pub(crate) struct Wanted<'a> {
    /// The node.
    pub(crate) node: NodeId,
    /// How long a job is its without being heard from; none: as long as this process lives.
    pub(crate) lease: Option<Duration>,
    /// At most so many.
    pub(crate) most: u32,
    /// How long it waits for the first.
    pub(crate) wait: Duration,
    /// Only from these queues, if there are any.
    pub(crate) queues: &'a [String],
}

impl Engine {
    /// Gives a node jobs; none if there are none for it while it waits, or `stop` says so.
    pub(crate) fn claim_jobs(&self, wanted: &Wanted<'_>, stop: &dyn Fn() -> bool) -> Result<Vec<ClaimedJob>, Failure> {
        let until = Instant::now() + wanted.wait.min(MOST_WAITING);
        let lease_ms = wanted.lease.map(|lease| u64::try_from(lease.as_millis()).unwrap_or(u64::MAX));
        let most = wanted.most.clamp(1, MOST_AT_ONCE) as usize;
        let mut place: Option<Place<'_>> = None;
        loop {
            // What is given back while this process ends is not taken once more by itself.
            if stop() || self.is_stopping() || (wanted.node == self.local_node() && self.work.is_draining()) {
                return Ok(Vec::new());
            }
            // Who finds nothing costs no commit: the decision is asked only where there is something.
            let only = if wanted.node == self.local_node() { self.wanted_jobs() } else { None };
            if self.has_job_for(wanted, only.as_deref())? {
                let claim = || match &only {
                    Some(jobs) => Command::ClaimOneOf { node: wanted.node, jobs: jobs.clone() },
                    None => Command::ClaimJob { node: wanted.node, lease_ms, queues: wanted.queues.to_vec() },
                };
                let submissions = (0..most).map(|_| Submission::new(Actor::Engine, claim())).collect();
                let mut claimed = Vec::with_capacity(most);
                for outcome in self.writer.submit(submissions) {
                    let receipt: Receipt = outcome?;
                    if receipt.events > 0 {
                        claimed.push(JobId(receipt.stream.id));
                    }
                }
                if !claimed.is_empty() {
                    return self.describe(wanted.node, &claimed, lease_ms.unwrap_or(u64::MAX));
                }
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(Vec::new());
            }
            match &place {
                Some(waiting) if !waiting.was_called() => waiting.wait(left.min(LOOK)),
                // What came before it was in the line has called nobody: it looks once more.
                _ => place = Some(self.work.line.join(wanted.node, wanted.queues)),
            }
        }
    }

    /// Whether there is a job that the node could be given now, as far as a glance tells.
    fn has_job_for(&self, wanted: &Wanted<'_>, only: Option<&BTreeSet<JobId>>) -> Result<bool, Failure> {
        let now = self.world.now();
        let found = self.writer.glance(|views| {
            let is_wanted = |only: &BTreeSet<JobId>| {
                let node = views.nodes.get(wanted.node)?;
                views.jobs.next_of(only, node, views.nodes.price_of(node), now)
            };
            let has_job = has_job(views, wanted.node, wanted.queues, now)?;
            Some(has_job && only.is_none_or(|only| is_wanted(only).is_some()))
        });
        found.ok_or_else(|| zo_projections::Rejection::not_found("node", wanted.node).into())
    }

    /// Jobs that a node has, as it is told of them. That it was given them is durable; one that it has no more is left out.
    fn describe(&self, node: NodeId, jobs: &[JobId], lease_ms: u64) -> Result<Vec<ClaimedJob>, Failure> {
        let known: Vec<(JobId, u32, Option<u64>, Position)> = self.writer.glance(|views| {
            let known = |id: &JobId| {
                let job = views.jobs.get(*id)?;
                let is_its = matches!(job.state, JobState::Running { node: holder, .. } if holder == node);
                is_its.then_some((*id, job.attempt, job.timeout_ms, job.submitted))
            };
            jobs.iter().filter_map(known).collect()
        });
        let mut described = Vec::with_capacity(known.len());
        for (id, attempt, deadline_ms, submitted) in known {
            let spec = match self.work.fresh.take(submitted) {
                Some(spec) => spec,
                None => body_of::<JobBody>(&self.reader.event(submitted)?)?.unwrap_or_default().spec,
            };
            described.push(ClaimedJob { job: id.to_string(), attempt, spec, lease_ms, deadline_ms });
        }
        Ok(described)
    }

    /// Records that a job is done.
    pub(crate) fn complete_job(&self, attempt: Attempt, result: Option<String>) -> Result<Receipt, Failure> {
        let body = self.end_body(attempt, EndBody { result, ..EndBody::default() });
        self.end_attempt(attempt, Command::CompleteJob { attempt, body })
    }

    /// Records that an attempt came to nothing. `again`: whether trying again can help. `not_begun`: whether its node could
    /// not even begin it.
    pub(crate) fn fail_job(
        &self,
        attempt: Attempt,
        reason: String,
        again: bool,
        not_begun: bool,
    ) -> Result<Receipt, Failure> {
        let jitter = u32::try_from(self.world.entropy() & u128::from(u32::MAX)).unwrap_or_default();
        let body = self.end_body(attempt, EndBody { reason: Some(reason), ..EndBody::default() });
        self.end_attempt(attempt, Command::FailJob { attempt, again, not_begun, jitter, body })
    }

    /// Records that a job was stopped because it was to be.
    pub(crate) fn stop_job(&self, attempt: Attempt) -> Result<Receipt, Failure> {
        let body = self.end_body(attempt, EndBody::default());
        self.end_attempt(attempt, Command::RecordJobStopped { attempt, body })
    }

    /// Takes a job back that was begun and not done. One that may be done only once waits for a person: a part of it
    /// may have happened.
    pub(crate) fn release_job(&self, attempt: Attempt) -> Result<Receipt, Failure> {
        let is_once = |job: &Job| job.effect == Effect::Once;
        if self.writer.read(|views| views.jobs.get(attempt.job).is_some_and(is_once))? {
            return self.lose_job(attempt);
        }
        self.take_job_back(attempt)
    }

    /// Takes a job back that was not begun.
    pub(crate) fn take_job_back(&self, attempt: Attempt) -> Result<Receipt, Failure> {
        self.end_attempt(attempt, Command::ReleaseJob { attempt })
    }

    /// Records that the node of an attempt is gone.
    pub(crate) fn lose_job(&self, attempt: Attempt) -> Result<Receipt, Failure> {
        let body = self.end_body(attempt, EndBody::default());
        self.end_attempt(attempt, Command::LoseJob { attempt, body })
    }

    fn end_attempt(&self, attempt: Attempt, command: Command) -> Result<Receipt, Failure> {
        let receipt = self.writer.submit_one(Submission::new(Actor::Engine, command))?;
        self.work.logs.forget(&self.job_logs, attempt.job);
        Ok(receipt)
    }

    /// What an attempt came to together with what it printed; nothing if there is nothing to say.
    fn end_body(&self, attempt: Attempt, body: EndBody) -> Option<EndBody> {
        let (log, log_left_out) = self.work.logs.whole(&self.job_logs, attempt.job, attempt.attempt);
        let body = EndBody { log, log_left_out, ..body };
        (body != EndBody::default()).then_some(body)
    }

    /// What a process that ended was carrying out is lost.
    pub(crate) fn lose_what_was_running_here(&self) -> Result<(), Failure> {
        let node = self.local_node();
        let running: Vec<Attempt> = self.writer.read(|views| {
            let attempt = |job: JobId| Some(Attempt { job, node, attempt: views.jobs.get(job)?.attempt });
            views.jobs.running_on(node).filter_map(attempt).collect()
        })?;
        for attempt in running {
            self.lose_job(attempt)?;
        }
        Ok(())
    }
}

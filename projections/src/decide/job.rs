//! Decisions about jobs and the queues they stand in.

use std::collections::BTreeSet;

use super::{Decision, HOME, MAX_NAME_BYTES, NewEvent, check_count, check_length, check_name, record};
use crate::command::Rejection;
use crate::event::home::{ClockAdvanced, QueueSet};
use crate::event::job::{
    AfterLoss, CancelRequested, Cancelled, Claimed, Completed, EndBody, Expired, Failed, JobBody, LeaseLost, Released,
    Requirements, Retried, Submitted,
};
use crate::event::node;
use crate::ids::{JobId, NodeId, Position};
use crate::time::Timestamp;
use crate::views::Views;
use crate::views::jobs::{Ended, How, Job, JobState, may_be_repeated};
use crate::views::nodes::{Node, NodeState};

/// The most jobs that one job may wait for.
pub const MAX_AFTER: usize = 256;
/// The most labels that a job may require or a node have.
pub const MAX_LABELS: usize = 32;
/// The most jobs that one look at the clock does something about; the rest is for the next one, at once.
pub const MAX_PER_TICK: usize = 256;

/// Which attempt somebody speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, bincode::Encode, bincode::Decode)]
pub struct Attempt {
    /// The job.
    pub job: JobId,
    /// Who has it.
    pub node: NodeId,
    /// The attempt's number: the fencing token.
    pub attempt: u32,
}

pub(super) fn submit(views: &Views, id: JobId, submitted: Submitted, body: &JobBody) -> Result<Decision, Rejection> {
    if let Some(since) = known_since(views, id) {
        return Ok(Decision::already(id, since));
    }
    if let Some(same) = submitted.unique.and_then(|unique| views.jobs.by_unique(unique))
        && let Some(job) = views.jobs.get(same)
    {
        return Ok(Decision::already(same, job.submitted));
    }
    check(views, id, &submitted)?;
    Ok(record([NewEvent::new(id, submitted).with_body(body)]))
}

/// Checks a job that is to be submitted.
pub(super) fn check(views: &Views, id: JobId, submitted: &Submitted) -> Result<(), Rejection> {
    let invalid = |what: &str, why: String| Err(Rejection::Invalid { what: what.to_owned(), why });
    check_name("the queue", &submitted.queue)?;
    check_count("the jobs it waits for", submitted.after.len(), MAX_AFTER)?;
    let Requirements { labels, region, gpu, node, .. } = &submitted.requires;
    check_count("its labels", labels.len(), MAX_LABELS)?;
    for name in labels.iter().chain(region).chain(gpu).chain(node) {
        check_name("a requirement", name)?;
    }
    if !labels.is_sorted() {
        return invalid("its labels", "they are not sorted".to_owned());
    }
    if submitted.max_attempts == 0 {
        return invalid("attempts", "at least one is needed".to_owned());
    }
    for other in &submitted.after {
        if *other == id {
            return invalid("after", format!("job {id} would wait for itself"));
        }
        match (views.jobs.get(*other), views.jobs.ended(*other)) {
            (Some(_), _) | (None, Some(Ended { how: How::Done, .. })) => {}
            (None, Some(Ended { how: How::Cancelled, ended, .. })) => {
                return Err(Rejection::state("job", other, format!("was cancelled at position {ended}")));
            }
            (None, None) => return Err(Rejection::not_found("job", other)),
        }
    }
    Ok(())
}

fn known_since(views: &Views, id: JobId) -> Option<Position> {
    let open = views.jobs.get(id).map(|job| job.submitted);
    open.or_else(|| views.jobs.ended(id).map(|ended| ended.submitted))
}

pub(super) fn claim(
    views: &Views,
    now: Timestamp,
    id: NodeId,
    lease_ms: Option<u64>,
    queues: &[String],
) -> Result<Decision, Rejection> {
    let until = lease_ms.map(|lease| later(now, lease));
    given(views, id, until, |node, price| views.jobs.next_for(node, price, queues, now))
}

pub(super) fn claim_one_of(
    views: &Views,
    now: Timestamp,
    id: NodeId,
    jobs: &BTreeSet<JobId>,
) -> Result<Decision, Rejection> {
    given(views, id, None, |node, price| views.jobs.next_of(jobs, node, price, now))
}

/// Gives a node that has room what is `next` for it.
fn given(
    views: &Views,
    id: NodeId,
    until: Option<Timestamp>,
    next: impl FnOnce(&Node, u64) -> Option<JobId>,
) -> Result<Decision, Rejection> {
    let node = views.nodes.get(id).ok_or_else(|| Rejection::not_found("node", id))?;
    let nothing = || Ok(Decision::already(id, node.joined));
    if node.state != NodeState::Up || views.jobs.load_of(id) >= node.capacity as usize {
        return nothing();
    }
    let Some(job) = next(node, views.nodes.price_of(node)) else { return nothing() };
    let attempt = views.jobs.get(job).map_or(0, |job| job.attempt).saturating_add(1);
    Ok(record([NewEvent::new(job, Claimed { node: id, attempt, until })]))
}

/// `ms` after `now`.
fn later(now: Timestamp, ms: u64) -> Timestamp {
    Timestamp(now.0.saturating_add(i64::try_from(ms).unwrap_or(i64::MAX)))
}

/// The job, if this attempt is the current one of it.
fn current(views: &Views, at: Attempt) -> Result<(&Job, bool), Rejection> {
    let Attempt { job: id, node, attempt } = at;
    let Some(job) = views.jobs.get(id) else {
        return Err(match views.jobs.ended(id) {
            Some(ended) => {
                let how = if ended.how == How::Done { "is done" } else { "was cancelled" };
                Rejection::state("job", id, format!("{how} since position {}", ended.ended))
            }
            None => Rejection::not_found("job", id),
        });
    };
    match job.state {
        JobState::Running { node: holder, cancelling, .. } if holder == node && job.attempt == attempt => {
            Ok((job, cancelling))
        }
        _ => {
            let state = format!("is {} in attempt {}: attempt {attempt} is over", job.state.name(), job.attempt);
            Err(Rejection::state("job", id, state))
        }
    }
}

pub(super) fn complete(views: &Views, at: Attempt, body: Option<&EndBody>) -> Result<Decision, Rejection> {
    current(views, at)?;
    Ok(record([ended(at.job, Completed { node: at.node, attempt: at.attempt }, body)]))
}

fn ended(id: JobId, event: impl Into<crate::event::Event>, body: Option<&EndBody>) -> NewEvent {
    let event = NewEvent::new(id, event);
    match body {
        Some(body) => event.with_body(body),
        None => event,
    }
}

/// How an attempt came to nothing.
#[derive(Clone, Copy)]
pub(super) struct Failure {
    /// Whether trying again can help.
    pub(super) again: bool,
    /// Whether the node could not even begin it.
    pub(super) not_begun: bool,
    /// Any number.
    pub(super) jitter: u32,
}

pub(super) fn fail(
    views: &Views,
    now: Timestamp,
    at: Attempt,
    failure: Failure,
    body: Option<&EndBody>,
) -> Result<Decision, Rejection> {
    let Failure { again, not_begun, jitter } = failure;
    let (job, cancelling) = current(views, at)?;
    if cancelling {
        return Ok(record([ended(at.job, Cancelled {}, body)]));
    }
    let again = again && job.tries < job.max_attempts;
    let wait = job.backoff.delay_ms(job.tries.into(), jitter);
    let retry_at = again.then(|| Timestamp(now.0.saturating_add(wait)));
    Ok(record([ended(at.job, Failed { node: at.node, attempt: at.attempt, retry_at, not_begun }, body)]))
}

pub(super) fn release(views: &Views, at: Attempt) -> Result<Decision, Rejection> {
    let (_, cancelling) = current(views, at)?;
    if cancelling {
        return Ok(record([NewEvent::new(at.job, Cancelled {})]));
    }
    Ok(record([NewEvent::new(at.job, Released { node: at.node, attempt: at.attempt })]))
}

/// A node stopped a job because it was to be stopped.
pub(super) fn stopped(views: &Views, at: Attempt, body: Option<&EndBody>) -> Result<Decision, Rejection> {
    current(views, at)?;
    Ok(record([ended(at.job, Cancelled {}, body)]))
}

/// The node of an attempt is gone.
pub(super) fn lose(views: &Views, at: Attempt, body: Option<&EndBody>) -> Result<Decision, Rejection> {
    let (job, cancelling) = current(views, at)?;
    Ok(record([lost(at, job, cancelling, body)]))
}

/// What is to be recorded of a job whose node is gone.
fn lost(at: Attempt, job: &Job, cancelling: bool, body: Option<&EndBody>) -> NewEvent {
    if cancelling {
        return ended(at.job, Cancelled {}, body);
    }
    let then = if !may_be_repeated(job.effect) {
        AfterLoss::Interrupted
    } else if job.tries >= job.max_attempts {
        AfterLoss::Dead
    } else {
        AfterLoss::Ready
    };
    ended(at.job, LeaseLost { node: at.node, attempt: at.attempt, then }, body)
}

/// What is to be recorded of a job that is running and whose node is gone.
pub(super) fn lost_job(views: &Views, id: JobId) -> Option<NewEvent> {
    let job = views.jobs.get(id)?;
    let JobState::Running { node, cancelling, .. } = job.state else { return None };
    Some(lost(Attempt { job: id, node, attempt: job.attempt }, job, cancelling, None))
}

pub(super) fn cancel(views: &Views, id: JobId, reason: Option<String>) -> Result<Decision, Rejection> {
    if let Some(reason) = &reason {
        check_length("the reason", reason.len(), MAX_NAME_BYTES)?;
    }
    let Some(job) = views.jobs.get(id) else {
        return match views.jobs.ended(id) {
            Some(Ended { how: How::Cancelled, ended, .. }) => Ok(Decision::already(id, *ended)),
            Some(Ended { ended, .. }) => Err(Rejection::state("job", id, format!("is done since position {ended}"))),
            None => Err(Rejection::not_found("job", id)),
        };
    };
    match job.state {
        JobState::Running { cancelling: true, .. } => Ok(Decision::already(id, job.submitted)),
        JobState::Running { .. } => Ok(record([NewEvent::new(id, CancelRequested {})])),
        _ => {
            let body = reason.map(|reason| EndBody { reason: Some(reason), ..EndBody::default() });
            Ok(record([ended(id, Cancelled {}, body.as_ref())]))
        }
    }
}

pub(super) fn retry(views: &Views, id: JobId) -> Result<Decision, Rejection> {
    match (views.jobs.get(id), views.jobs.ended(id)) {
        (Some(Job { state: JobState::Dead | JobState::Interrupted, .. }), _) => {
            Ok(record([NewEvent::new(id, Retried {})]))
        }
        (Some(job), _) => {
            let state = format!("is {}: only dead and interrupted jobs are tried again", job.state.name());
            Err(Rejection::state("job", id, state))
        }
        (None, Some(ended)) => {
            let how = if ended.how == How::Done { "is done" } else { "was cancelled" };
            Err(Rejection::state("job", id, format!("{how} since position {}; submit it anew", ended.ended)))
        }
        (None, None) => Err(Rejection::not_found("job", id)),
    }
}

/// What only time brings about: leases and deadlines that are over, jobs whose delay is, and those that wait for what
/// will never be done.
pub(super) fn tick(views: &Views, now: Timestamp) -> Decision {
    let mut events: Vec<NewEvent> = Vec::new();
    for id in views.jobs.overdue(now, MAX_PER_TICK) {
        let node = views.jobs.get(id).and_then(|job| match job.state {
            JobState::Running { node, .. } => Some(node),
            _ => None,
        });
        events.extend(lost_job(views, id));
        let is_news = |id: &NodeId| views.nodes.get(*id).is_some_and(|node| node.state == NodeState::Up);
        let said = |events: &[NewEvent], node: NodeId| events.iter().any(|event| event.stream == node.into());
        if let Some(node) = node.filter(is_news)
            && !said(&events, node)
        {
            events.push(NewEvent::new(node, node::Lost {}));
        }
    }
    events.extend(views.jobs.expired(now, MAX_PER_TICK).into_iter().map(|id| NewEvent::new(id, Expired {})));
    events.extend(views.jobs.doomed(MAX_PER_TICK).into_iter().map(|id| {
        let reason = "a job that it waits for was cancelled".to_owned();
        ended(id, Cancelled {}, Some(&EndBody { reason: Some(reason), ..EndBody::default() }))
    }));
    if events.is_empty() {
        if !views.jobs.is_ripe(now) {
            return Decision::already(HOME, views.position);
        }
        events.push(NewEvent::new(HOME, ClockAdvanced {}));
    }
    record(events)
}

pub(super) fn set_queue(views: &Views, set: QueueSet) -> Result<Decision, Rejection> {
    check_name("the queue", &set.queue)?;
    if set.limit == Some(0) {
        let why = "none of its jobs would ever run: pause it instead".to_owned();
        return Err(Rejection::Invalid { what: "the limit".to_owned(), why });
    }
    let same =
        views.jobs.queues().get(&set.queue).filter(|queue| (queue.limit, queue.paused) == (set.limit, set.paused));
    if same.is_some() {
        return Ok(Decision::already(HOME, views.position));
    }
    Ok(record([NewEvent::new(HOME, set)]))
}

#[cfg(test)]
mod tests;

//! Requests about jobs: submitted, looked at, watched, stopped.

mod list;
mod submit;
mod watch;

use std::ops::ControlFlow;

use zo_projections::event::home::QueueSet;
use zo_projections::views::jobs::{How, Job, JobState};
use zo_projections::{Actor, Command, JobId, NodeId, Position, StreamId, Submission, Views};

use super::acknowledge;
use super::id_end::IdEnd;
use crate::engine::Engine;
use crate::protocol::{Acknowledged, Failure, FailureKind};
use crate::reader::ReadEvent;

pub(super) use list::{Selection, list, log, queues, show};
pub(super) use submit::submit;
pub(crate) use submit::{job_of, kind_of, spec_of};
pub(super) use watch::watch;

/// The job that an id, or the end of one, means.
pub(super) fn find(engine: &Engine, reference: &str) -> Result<JobId, Failure> {
    if let Ok(id) = reference.parse::<JobId>() {
        let known = engine.writer.read(|views| views.jobs.is_known(id))?;
        return if known { Ok(id) } else { Err(not_found(reference)) };
    }
    let Some(end) = IdEnd::parse(reference) else { return Err(not_found(reference)) };
    let found: Vec<JobId> = engine.writer.read(|views| {
        let open = views.jobs.open().map(|(id, _)| id);
        let ended = views.jobs.ended_newest_first().map(|(id, _)| id);
        open.chain(ended).filter(|id| end.is_of(id.0)).take(2).collect()
    })?;
    match found[..] {
        [id] => Ok(id),
        [] => Err(not_found(reference)),
        _ => {
            let message = format!("the ids of several jobs end with {reference}");
            Err(Failure::new(FailureKind::Invalid, message).hint("give a longer end of it"))
        }
    }
}

fn not_found(reference: &str) -> Failure {
    Failure::new(FailureKind::NotFound, format!("there is no job {reference}"))
        .hint("`zo job list` shows those there are; the last characters of an id are enough")
}

pub(super) fn cancel(engine: &Engine, job: &str, reason: Option<String>) -> Result<Acknowledged, Failure> {
    let id = find(engine, job)?;
    let command = Command::CancelJob { job: id, reason };
    acknowledge(id.to_string(), engine.writer.submit_one(Submission::new(Actor::User, command)))
}

pub(super) fn retry(engine: &Engine, job: &str) -> Result<Acknowledged, Failure> {
    let id = find(engine, job)?;
    let command = Command::RetryJob { job: id };
    acknowledge(id.to_string(), engine.writer.submit_one(Submission::new(Actor::User, command)))
}

pub(super) fn set_queue(
    engine: &Engine,
    queue: String,
    limit: Option<u32>,
    paused: bool,
) -> Result<Acknowledged, Failure> {
    let command = Command::SetQueue { set: QueueSet { queue: queue.clone(), limit, paused } };
    acknowledge(queue, engine.writer.submit_one(Submission::new(Actor::User, command)))
}

/// A job as the views have it.
#[derive(Clone)]
enum Known {
    /// With the name of the node that has it, or why none can have it yet.
    Open(Box<Job>, Option<String>),
    Ended(How, Position, Position),
}

impl Known {
    /// `works`: whether this process carries jobs out.
    fn of(views: &Views, id: JobId, works: bool) -> Option<Self> {
        if let Some(job) = views.jobs.get(id) {
            let node = match job.state {
                JobState::Running { node, .. } => Some(node_name(views, node)),
                JobState::Ready => why_none_takes(views, job, works),
                JobState::Blocked => {
                    stuck_behind(views, &job.after).map(|other| format!("job {other}, which waits for a person"))
                }
                _ => None,
            };
            return Some(Self::Open(Box::new(job.clone()), node));
        }
        let ended = views.jobs.ended(id)?;
        Some(Self::Ended(ended.how, ended.submitted, ended.ended))
    }

    fn submitted(&self) -> Position {
        match self {
            Self::Open(job, _) => job.submitted,
            Self::Ended(_, submitted, _) => *submitted,
        }
    }

    /// The event that made it as it is, as far as the views know.
    fn changed(&self) -> Position {
        match self {
            Self::Open(job, _) => job.settled.unwrap_or(job.submitted),
            Self::Ended(_, _, ended) => *ended,
        }
    }
}

/// Why a job that is ready is begun by nobody, as far as that can be known.
fn why_none_takes(views: &Views, job: &Job, works: bool) -> Option<String> {
    let class = views.jobs.class(job);
    let queue = views.jobs.queues().get(&class.queue)?;
    if queue.paused {
        return Some(format!("queue {} is paused", class.queue));
    }
    if let Some(limit) = queue.limit.filter(|limit| queue.running >= *limit) {
        return Some(format!("queue {} runs {limit} at a time", class.queue));
    }
    // The process that had the home before is in the log as if it were there.
    views.nodes.why_none_runs(class, job.priority > 0, |_, node| !node.local || works)
}

/// Of the jobs that one waits for, directly or not, one that will not be done by itself.
fn stuck_behind(views: &Views, after: &[JobId]) -> Option<JobId> {
    /// How far is looked along jobs that wait for each other.
    const MAX_LINKS: usize = 32;
    fn behind(views: &Views, after: &[JobId], links: usize) -> Option<JobId> {
        after.iter().find_map(|id| {
            let job = views.jobs.get(*id)?;
            match job.state {
                JobState::Dead | JobState::Interrupted => Some(*id),
                JobState::Blocked if links > 0 => behind(views, &job.after, links - 1),
                _ => None,
            }
        })
    }
    behind(views, after, MAX_LINKS)
}

pub(super) fn node_name(views: &Views, id: NodeId) -> String {
    views.nodes.get(id).map_or_else(|| id.to_string(), |node| node.name.clone())
}

fn name_of(how: How) -> &'static str {
    match how {
        How::Done => "done",
        How::Cancelled => "cancelled",
    }
}

fn known(engine: &Engine, id: JobId) -> Result<Known, Failure> {
    let works = engine.work.is_carrying_out();
    engine.writer.read(|views| Known::of(views, id, works))?.ok_or_else(|| not_found(&id.to_string()))
}

/// The events of a job behind its submission, oldest first.
fn events_of(engine: &Engine, id: JobId) -> Result<Vec<ReadEvent>, Failure> {
    let known = known(engine, id)?;
    let stream = StreamId::from(id);
    let last = engine.writer.read(|views| views.streams.get(stream).map(|state| state.last))?;
    let mut events = Vec::new();
    let to = last.unwrap_or(known.submitted());
    engine.reader.each_record(known.submitted().next(), to, &mut |record| {
        if record.header.stream == stream {
            events.push(engine.reader.open(record)?);
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(events)
}

#[cfg(test)]
mod tests;

//! Jobs looked at: lists, one with all its attempts, what it printed, and the queues.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use zo_projections::event::Event;
use zo_projections::event::job::{EndBody, JobBody, Submitted};
use zo_projections::views::jobs::{Ended, Job, JobState};
use zo_projections::{JobId, NodeId, Position, RunId};
use zo_worker::spec::JobSpec;

use super::{Known, events_of, find, known, name_of};
use crate::engine::Engine;
use crate::protocol::{Answer, AttemptLine, Failure, FailureKind, JobDetail, JobLine, JobLog, QueueLine, QueuesAnswer};
use crate::reader::ReadEvent;
use crate::service::body_of;

/// Which jobs are listed.
pub(in crate::service) struct Selection {
    pub(in crate::service) state: Option<String>,
    pub(in crate::service) queue: Option<String>,
    pub(in crate::service) batch: Option<String>,
}

const STATES: [&str; 8] = ["blocked", "waiting", "ready", "running", "interrupted", "dead", "done", "cancelled"];

pub(in crate::service) fn list(
    engine: &Engine,
    selection: &Selection,
    skip: usize,
    limit: usize,
) -> Result<Answer, Failure> {
    if let Some(state) = &selection.state
        && !STATES.contains(&state.as_str())
    {
        let message = format!("no job is ever {state}; jobs are {}", STATES.join(", "));
        return Err(Failure::new(FailureKind::Invalid, message));
    }
    let batch = selection.batch.as_deref().map(|batch| find(engine, batch)).transpose()?;
    let wants = |state: &str| selection.state.as_deref().is_none_or(|wanted| wanted == state);
    let works = engine.work.is_carrying_out();
    let (page, total) = engine.writer.read(|views| {
        let jobs = &views.jobs;
        let in_queue = |queue: &str| selection.queue.as_deref().is_none_or(|wanted| wanted == queue);
        let open: Box<dyn Iterator<Item = (JobId, &Job)>> = match batch {
            None => Box::new(jobs.open()),
            Some(batch) => Box::new(jobs.batch(batch).iter().filter_map(|id| Some((*id, jobs.get(*id)?)))),
        };
        let mut open: Vec<(u8, Reverse<i16>, Position, JobId)> = open
            .filter(|(_, job)| wants(job.state.name()) && in_queue(&jobs.class(job).queue))
            .map(|(id, job)| (rank(job.state), Reverse(job.priority), job.submitted, id))
            .collect();
        // Only those of the page and before it are sorted: there may be a million, and nobody else reads meanwhile.
        let wanted = skip.saturating_add(limit);
        let open_count = open.len();
        if wanted < open_count {
            open.select_nth_unstable(wanted);
            open.truncate(wanted);
        }
        open.sort_unstable();
        let ended = || -> Box<dyn Iterator<Item = (JobId, &Ended)>> {
            let ended: Box<dyn Iterator<Item = (JobId, &Ended)>> = match batch {
                None => Box::new(jobs.ended_newest_first()),
                Some(batch) => Box::new(jobs.batch(batch).iter().rev().filter_map(|id| Some((*id, jobs.ended(*id)?)))),
            };
            Box::new(ended.filter(|(_, ended)| wants(name_of(ended.how)) && in_queue(jobs.queue_of_ended(ended))))
        };
        let counts = jobs.counts();
        let ended_count = match selection.state.as_deref() {
            Some(state) if state != "done" && state != "cancelled" => 0,
            // Of a queue or a batch they are counted one by one, as those that are open are.
            _ if selection.queue.is_some() || batch.is_some() => ended().count() as u64,
            Some("done") => counts.done,
            Some(_) => counts.cancelled,
            None => counts.done + counts.cancelled,
        };
        let ids = open.iter().map(|(_, _, _, id)| *id).skip(skip);
        let ids = ids.chain(ended().map(|(id, _)| id).skip(skip.saturating_sub(open_count)));
        let page: Vec<(JobId, Known)> =
            ids.take(limit).filter_map(|id| Some((id, Known::of(views, id, works)?))).collect();
        (page, open_count as u64 + ended_count)
    })?;
    let jobs = page.iter().map(|(id, known)| line(engine, *id, known)).collect::<Result<_, _>>()?;
    Ok(Answer::Jobs { jobs, total })
}

/// What is listed first.
fn rank(state: JobState) -> u8 {
    match state {
        JobState::Running { .. } => 0,
        JobState::Ready => 1,
        JobState::Waiting { .. } => 2,
        JobState::Blocked => 3,
        JobState::Interrupted => 4,
        JobState::Dead => 5,
    }
}

/// The event that submitted a job, with its body.
fn submitted_by(event: &ReadEvent) -> Result<(Submitted, JobBody), Failure> {
    let Event::JobSubmitted(submitted) = &event.recorded.event else {
        let message = format!("position {} is no submission of a job", event.recorded.header.position);
        return Err(Failure::new(FailureKind::Damaged, message));
    };
    Ok((submitted.clone(), body_of(event)?.unwrap_or_default()))
}

pub(super) fn line(engine: &Engine, id: JobId, known: &Known) -> Result<JobLine, Failure> {
    let event = engine.reader.event(known.submitted())?;
    let (submitted, body) = submitted_by(&event)?;
    let what = serde_json::from_str::<JobSpec>(&body.spec).map_or_else(|_| body.spec.clone(), |spec| spec.summary());
    let changed_at = engine.reader.header(known.changed())?.at;
    let progress = engine.work.heard.progress(id);
    let mut line = JobLine {
        id: id.to_string(),
        name: body.name,
        kind: submitted.kind,
        what,
        state: String::new(),
        queue: submitted.queue,
        priority: submitted.priority,
        attempt: 0,
        max_attempts: submitted.max_attempts,
        cancelling: false,
        node: None,
        waits_for: None,
        due: None,
        percent: progress.percent,
        doing: progress.message,
        submitted_at: event.recorded.header.at,
        changed_at,
        batch: submitted.batch.map(|batch| batch.to_string()),
        schedule: submitted.occasion.map(|occasion| occasion.schedule.to_string()),
    };
    match known {
        Known::Ended(how, ..) => name_of(*how).clone_into(&mut line.state),
        Known::Open(job, node) => {
            job.state.name().clone_into(&mut line.state);
            line.attempt = job.attempt;
            match job.state {
                JobState::Ready | JobState::Blocked => line.waits_for.clone_from(node),
                _ => line.node.clone_from(node),
            }
            match job.state {
                JobState::Running { until, since, cancelling, .. } => {
                    (line.due, line.cancelling, line.changed_at) = (until, cancelling, since);
                }
                JobState::Waiting { due } => line.due = Some(due),
                _ => {}
            }
        }
    }
    Ok(line)
}

pub(in crate::service) fn show(engine: &Engine, job: &str) -> Result<Answer, Failure> {
    let id = find(engine, job)?;
    let known = known(engine, id)?;
    let event = engine.reader.event(known.submitted())?;
    let (submitted, body) = submitted_by(&event)?;
    let mut line = line(engine, id, &known)?;
    let (attempts, result) = attempts(engine, id)?;
    line.attempt = attempts.last().map_or(line.attempt, |attempt| attempt.attempt);
    let after = match &known {
        Known::Open(job, ..) => job.after.iter().map(ToString::to_string).collect(),
        Known::Ended(..) => Vec::new(),
    };
    Ok(Answer::Job(Box::new(JobDetail {
        job: line,
        spec: body.spec,
        effect: submitted.effect,
        requires: submitted.requires,
        not_before: submitted.not_before,
        deadline: submitted.deadline,
        after,
        result,
        attempts,
    })))
}

/// Its attempts, oldest first, and what it brought.
fn attempts(engine: &Engine, id: JobId) -> Result<(Vec<AttemptLine>, Option<String>), Failure> {
    let names: BTreeMap<NodeId, String> =
        engine.writer.read(|views| views.nodes.iter().map(|(id, node)| (id, node.name.clone())).collect())?;
    let name = |id: NodeId| names.get(&id).cloned().unwrap_or_else(|| id.to_string());
    let (mut attempts, mut result) = (Vec::<AttemptLine>::new(), None);
    for event in events_of(engine, id)? {
        let at = event.recorded.header.at;
        let outcome = match &event.recorded.event {
            Event::JobClaimed(claimed) => {
                let run = RunId(engine.names.agent_of_job(id.0, claimed.attempt));
                let was_begun = engine.writer.read(|views| views.streams.version(run.into()) > 0)?;
                attempts.push(AttemptLine {
                    attempt: claimed.attempt,
                    node: name(claimed.node),
                    started_at: at,
                    ended_at: None,
                    outcome: "running".to_owned(),
                    reason: None,
                    run: was_begun.then(|| run.to_string()),
                    log_bytes: 0,
                });
                continue;
            }
            Event::JobCompleted(_) => "done",
            Event::JobFailed(_) => "failed",
            Event::JobLeaseLost(_) => "lost",
            Event::JobReleased(_) => "released",
            Event::JobCancelled(_) => "cancelled",
            _ => continue,
        };
        let Some(last) = attempts.last_mut().filter(|attempt| attempt.ended_at.is_none()) else { continue };
        let body: EndBody = body_of(&event)?.unwrap_or_default();
        outcome.clone_into(&mut last.outcome);
        last.ended_at = Some(at);
        last.reason = body.reason;
        last.log_bytes = body.log.len() as u64;
        result = body.result.or(result);
    }
    Ok((attempts, result))
}

pub(in crate::service) fn log(engine: &Engine, job: &str, attempt: Option<u32>) -> Result<Answer, Failure> {
    let id = find(engine, job)?;
    let mut found = None;
    let mut current = 0;
    for event in events_of(engine, id)? {
        match &event.recorded.event {
            Event::JobClaimed(claimed) => current = claimed.attempt,
            Event::JobCompleted(_) | Event::JobFailed(_) | Event::JobLeaseLost(_) | Event::JobCancelled(_)
                if attempt.is_none_or(|attempt| attempt == current) =>
            {
                let body: EndBody = body_of(&event)?.unwrap_or_default();
                let position = Some(event.recorded.header.position);
                found = Some(JobLog { attempt: current, text: body.log, left_out: body.log_left_out, position });
            }
            _ => {}
        }
    }
    let wanted = attempt.unwrap_or(current);
    if let Some(log) = found.filter(|log| log.attempt == wanted) {
        return Ok(Answer::JobLog(log));
    }
    if wanted == 0 || wanted > current {
        let message = if current == 0 {
            format!("job {id} was not begun yet")
        } else {
            format!("job {id} has no attempt {wanted}: it has {current}")
        };
        return Err(Failure::new(FailureKind::NotFound, message));
    }
    let (text, left_out) = engine.work.logs.whole(&engine.job_logs, id, wanted);
    Ok(Answer::JobLog(JobLog { attempt: wanted, text, left_out, position: None }))
}

pub(in crate::service) fn queues(engine: &Engine) -> Result<Answer, Failure> {
    let answer = engine.writer.read(|views| {
        let line = |(name, queue): (&String, &zo_projections::views::jobs::Queue)| QueueLine {
            name: name.clone(),
            limit: queue.limit,
            paused: queue.paused,
            running: queue.running,
            pending: queue.pending,
        };
        QueuesAnswer { counts: views.jobs.counts(), queues: views.jobs.queues().iter().map(line).collect() }
    })?;
    Ok(Answer::Queues(answer))
}

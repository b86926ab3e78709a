//! Jobs watched: what is new of them is told until they have ended, or wait for a person.

use std::collections::{BTreeSet, HashMap};
use std::ops::ControlFlow;
use std::time::Duration;

use zo_projections::JobId;
use zo_projections::event::Event;
use zo_projections::event::job::EndBody;
use zo_projections::views::jobs::JobState;

use super::list::line;
use super::{Known, events_of, find, known, name_of, stuck_behind};
use crate::engine::Engine;
use crate::protocol::{Failure, FailureKind, JobArrival, Response};
use crate::service::{Each, body_of, check_count};

/// So often who watches is told that nothing happened, so that who no longer listens is noticed.
const LOOK: Duration = Duration::from_millis(100);

/// What of watched jobs was told.
#[derive(Default)]
struct Told {
    state: Option<(String, u32, Option<f32>, Option<String>)>,
    attempt: u32,
    offset: u64,
}

pub(in crate::service) fn watch(
    engine: &Engine,
    jobs: &[String],
    batch: Option<&str>,
    logs: bool,
    each: Each<'_>,
) -> Result<(), Failure> {
    check_count("jobs", jobs.len())?;
    let mut open: BTreeSet<JobId> = jobs.iter().map(|job| find(engine, job)).collect::<Result<_, _>>()?;
    if let Some(batch) = batch {
        let first = find(engine, batch)?;
        open.extend(engine.writer.read(|views| views.jobs.batch(first).to_vec())?);
        open.insert(first);
    }
    engine.carry_out_for(open.iter().copied())?;
    let mut told: HashMap<JobId, Told> = HashMap::new();
    loop {
        let seen = engine.writer.position();
        for id in open.clone() {
            let told = told.entry(id).or_default();
            if tell(engine, id, told, logs, each)?.is_break() {
                return Ok(());
            }
            if told.state.is_none() {
                open.remove(&id);
            }
        }
        if open.is_empty() {
            return Ok(());
        }
        if engine.is_stopping() {
            // Whoever asks again waits at the next holder, or becomes it.
            let message = "the process that held the home is leaving";
            return Err(Failure::new(FailureKind::Disconnected, message));
        }
        if logs {
            engine.work.logs.wait(LOOK);
        } else {
            engine.writer.wait_behind(seen, LOOK);
        }
        let nothing = Response::Progress { what: "waiting".to_owned(), done: 0, total: open.len() as u64 };
        if each(nothing).is_break() {
            return Ok(());
        }
    }
}

/// Tells what is new of a job. Its state is forgotten once there is nothing more to tell.
fn tell(engine: &Engine, id: JobId, told: &mut Told, logs: bool, each: Each<'_>) -> Result<ControlFlow<()>, Failure> {
    let known = known(engine, id)?;
    let (state, attempt) = match &known {
        Known::Open(job, ..) => (job.state.name(), job.attempt),
        Known::Ended(how, ..) => (name_of(*how), told.attempt),
    };
    if logs && attempt > 0 {
        if told.attempt != attempt {
            (told.attempt, told.offset) = (attempt, 0);
        }
        if let Some((text, next)) = engine.work.logs.since(id, attempt, told.offset) {
            told.offset = next;
            let arrival = JobArrival::Log { job: id.to_string(), attempt, text };
            if each(Response::JobArrived(arrival)).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
    }
    let progress = engine.work.heard.progress(id);
    let now = (state.to_owned(), attempt, progress.percent, progress.message);
    let stuck = match &known {
        Known::Open(job, _) if job.state == JobState::Blocked => {
            engine.writer.read(|views| stuck_behind(views, &job.after))?
        }
        _ => None,
    };
    let is_over = matches!(state, "done" | "cancelled" | "dead" | "interrupted") || stuck.is_some();
    if is_over {
        let LastWords { result, mut reason, rest } = last_words(engine, id, told, logs)?;
        if let Some(other) = stuck {
            reason = Some(format!("it waits for job {other}, which is not done and waits for a person"));
        }
        told.state = None;
        if let Some(text) = rest {
            let arrival = JobArrival::Log { job: id.to_string(), attempt: told.attempt.max(1), text };
            if each(Response::JobArrived(arrival)).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        let job = Box::new(line(engine, id, &known)?);
        return Ok(each(Response::JobArrived(JobArrival::Ended { job, result, reason })));
    }
    if told.state.as_ref() == Some(&now) {
        return Ok(ControlFlow::Continue(()));
    }
    told.state = Some(now);
    Ok(each(Response::JobArrived(JobArrival::State(Box::new(line(engine, id, &known)?)))))
}

/// What is told at the end of a job.
struct LastWords {
    /// What it brought, as JSON.
    result: Option<String>,
    /// Why it came to nothing.
    reason: Option<String>,
    /// What of its log was not told yet.
    rest: Option<String>,
}

fn last_words(engine: &Engine, id: JobId, told: &Told, logs: bool) -> Result<LastWords, Failure> {
    let mut last = EndBody::default();
    let mut attempt = 0;
    let mut ended = 0;
    for event in events_of(engine, id)? {
        if let Event::JobClaimed(claimed) = &event.recorded.event {
            attempt = claimed.attempt;
        }
        if matches!(event.recorded.event, Event::JobExpired(_)) {
            let reason = Some("its deadline passed before it was begun".to_owned());
            (last, ended) = (EndBody { reason, ..EndBody::default() }, attempt);
        } else if let Some(body) = body_of::<EndBody>(&event).ok().flatten() {
            (last, ended) = (body, attempt);
        }
    }
    let from = if told.attempt == ended { usize::try_from(told.offset).unwrap_or(usize::MAX) } else { 0 };
    let rest = last.log.get(from.min(last.log.len())..).filter(|rest| logs && !rest.is_empty()).map(str::to_owned);
    Ok(LastWords { result: last.result, reason: last.reason, rest })
}

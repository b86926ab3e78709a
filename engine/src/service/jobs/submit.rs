//! Jobs submitted: what they are to do is checked, and brought into an order in which each comes behind those it waits for.

use std::collections::{BTreeMap, HashMap};

use zo_projections::event::job::{Effect, JobBody, JobKind, Submitted};
use zo_projections::{Actor, Command, JobId, Submission, Timestamp};
use zo_worker::spec::JobSpec;

use super::find;
use crate::engine::Engine;
use crate::protocol::{Acknowledged, Failure, FailureKind, JobInput, JobOptions, USUAL_ATTEMPTS, USUAL_QUEUE};
use crate::service::{acknowledge, check_count};

/// Reads what a job is to do.
pub(crate) fn spec_of(spec: &str) -> Result<JobSpec, Failure> {
    let invalid = |why: String| Failure::new(FailureKind::Invalid, why);
    let spec: JobSpec = serde_json::from_str(spec).map_err(|error| {
        let hint = "such as {\"kind\": \"command\", \"argv\": [\"make\", \"test\"]}";
        invalid(format!("what the job is to do cannot be read: {error}")).hint(hint)
    })?;
    spec.check().map_err(|error| {
        let failure = invalid(error.to_string());
        match error.hint {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    })?;
    Ok(spec)
}

/// The kind of a job, as events have it.
pub(crate) fn kind_of(spec: &JobSpec) -> JobKind {
    match spec {
        JobSpec::Command(_) => JobKind::Command,
        JobSpec::Skill(_) => JobKind::Skill,
        JobSpec::Agent(_) => JobKind::Agent,
        JobSpec::Http(_) => JobKind::Http,
        JobSpec::Memorize(_) => JobKind::Memorize,
    }
}

/// A job as it is submitted; which jobs it waits for is not said yet.
pub(crate) fn job_of(
    engine: &Engine,
    name: Option<String>,
    spec: String,
    options: &JobOptions,
    kind: JobKind,
    now: Timestamp,
) -> Result<(Submitted, JobBody), Failure> {
    let later = |ms: u64| Timestamp(now.0.saturating_add(i64::try_from(ms).unwrap_or(i64::MAX)));
    if options.delay_ms.is_some() && options.not_before.is_some() {
        let message = "a job is given either a delay or a moment before which it is not begun";
        return Err(Failure::new(FailureKind::Invalid, message));
    }
    if let Some(deadline) = options.deadline.filter(|deadline| *deadline <= now) {
        let message = format!("the deadline {deadline} has passed already");
        return Err(Failure::new(FailureKind::Invalid, message));
    }
    let mut requires = options.requires.clone();
    requires.labels.sort();
    requires.labels.dedup();
    let submitted = Submitted {
        kind,
        effect: if options.once { Effect::Once } else { Effect::Idempotent },
        queue: options.queue.clone().unwrap_or_else(|| USUAL_QUEUE.to_owned()),
        priority: options.priority,
        not_before: options.not_before.or(options.delay_ms.map(later)),
        deadline: options.deadline,
        unique: options.unique.as_deref().map(|key| engine.names.unique(key)),
        after: Vec::new(),
        max_attempts: options.attempts.unwrap_or(USUAL_ATTEMPTS),
        backoff: options.backoff.unwrap_or_default(),
        timeout_ms: options.timeout_ms,
        requires,
        batch: None,
        occasion: None,
    };
    Ok((submitted, JobBody { spec, name, unique: options.unique.clone() }))
}

pub(in crate::service) fn submit(
    engine: &Engine,
    jobs: Vec<JobInput>,
    batch: bool,
    more_of: Option<&str>,
) -> Result<Vec<Result<Acknowledged, Failure>>, Failure> {
    check_count("jobs", jobs.len())?;
    let order = in_order(&jobs)?;
    let batch = match more_of {
        Some(first) => Some(find(engine, first)?),
        None => jobs.first().filter(|_| batch).map(|job| JobId(job.id)),
    };
    let now = engine.world.now();
    let named: HashMap<&str, JobId> =
        jobs.iter().filter_map(|job| Some((job.name.as_deref()?, JobId(job.id)))).collect();
    let mut submissions = Vec::with_capacity(jobs.len());
    let mut specs: Vec<Option<String>> = vec![None; jobs.len()];
    let mut outcomes: Vec<Option<Result<Acknowledged, Failure>>> = vec![None; jobs.len()];
    for &index in &order {
        match submission(engine, &jobs[index], batch, &named, now) {
            Ok((submission, spec)) => {
                // Of what is recorded otherwise than it was said, the log's version counts.
                specs[index] = Some(spec).filter(|spec| engine.writer.redactor().leaves(spec));
                submissions.push((index, submission));
            }
            Err(failure) if batch.is_some() => {
                let job = &jobs[index];
                let place = job.name.clone().unwrap_or_else(|| JobId(job.id).to_string());
                return Err(Failure { message: format!("{place}: {}", failure.message), ..failure });
            }
            Err(failure) => outcomes[index] = Some(Err(failure)),
        }
    }
    let (indices, submissions): (Vec<usize>, Vec<Submission>) = submissions.into_iter().unzip();
    for (index, outcome) in indices.into_iter().zip(engine.writer.submit(submissions)) {
        let id = match &outcome {
            // One of its key may be there already, under another id.
            Ok(receipt) => {
                if let Some(spec) = specs[index].take().filter(|_| receipt.events > 0) {
                    engine.work.fresh.keep(receipt.position, spec);
                }
                JobId(receipt.stream.id)
            }
            Err(_) => JobId(jobs[index].id),
        };
        outcomes[index] = Some(acknowledge(id.to_string(), outcome));
    }
    Ok(outcomes.into_iter().flatten().collect())
}

fn submission(
    engine: &Engine,
    job: &JobInput,
    batch: Option<JobId>,
    named: &HashMap<&str, JobId>,
    now: Timestamp,
) -> Result<(Submission, String), Failure> {
    let spec = spec_of(&job.spec)?;
    let text = serde_json::to_string(&spec).map_err(|error| Failure::new(FailureKind::Invalid, error.to_string()))?;
    let (mut submitted, body) = job_of(engine, job.name.clone(), text.clone(), &job.options, kind_of(&spec), now)?;
    submitted.batch = batch;
    for other in &job.options.after {
        let known = named.get(other.as_str()).copied();
        submitted.after.push(known.map_or_else(|| find(engine, other), Ok)?);
    }
    submitted.after.sort_unstable();
    submitted.after.dedup();
    let command = Command::SubmitJob { job: JobId(job.id), submitted: Box::new(submitted), body };
    Ok((Submission::new(Actor::User, command), text))
}

/// Jobs in an order in which each comes behind those it waits for.
fn in_order(jobs: &[JobInput]) -> Result<Vec<usize>, Failure> {
    let mut named: BTreeMap<&str, usize> = BTreeMap::new();
    for (index, job) in jobs.iter().enumerate() {
        if let Some(name) = job.name.as_deref()
            && job_is_waited_for(jobs, name)
            && named.insert(name, index).is_some()
        {
            let message = format!("two jobs are called {name}, and another one waits for it: which one?");
            return Err(Failure::new(FailureKind::Invalid, message));
        }
    }
    let (mut order, mut state) = (Vec::with_capacity(jobs.len()), vec![Visit::Not; jobs.len()]);
    for index in 0..jobs.len() {
        visit(jobs, &named, index, &mut state, &mut order, &mut Vec::new())?;
    }
    Ok(order)
}

fn job_is_waited_for(jobs: &[JobInput], name: &str) -> bool {
    jobs.iter().any(|job| job.options.after.iter().any(|other| other == name))
}

#[derive(Clone, Copy, PartialEq)]
enum Visit {
    Not,
    Under,
    Done,
}

fn visit<'a>(
    jobs: &'a [JobInput],
    named: &BTreeMap<&str, usize>,
    index: usize,
    state: &mut [Visit],
    order: &mut Vec<usize>,
    path: &mut Vec<&'a str>,
) -> Result<(), Failure> {
    let name = jobs[index].name.as_deref().unwrap_or_default();
    match state[index] {
        Visit::Done => return Ok(()),
        Visit::Under => {
            let from = path.iter().position(|other| *other == name).unwrap_or(0);
            let circle = path[from..].iter().chain([&name]).copied().collect::<Vec<_>>().join(" → ");
            let message = format!("jobs wait for each other in a circle: {circle}");
            return Err(Failure::new(FailureKind::Invalid, message).hint("take one `after` out"));
        }
        Visit::Not => {}
    }
    state[index] = Visit::Under;
    path.push(name);
    for other in &jobs[index].options.after {
        if let Some(&other) = named.get(other.as_str()) {
            visit(jobs, named, other, state, order, path)?;
        }
    }
    path.pop();
    state[index] = Visit::Done;
    order.push(index);
    Ok(())
}

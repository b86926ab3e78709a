//! Requests about jobs: submitted, watched, stopped.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::ControlFlow;
use std::time::Duration;

use zo_projections::event::Event;
use zo_projections::event::home::QueueSet;
use zo_projections::event::job::{Effect, EndBody, JobBody, JobKind, Submitted};
use zo_projections::views::jobs::{How, Job, JobState};
use zo_projections::{Actor, Command, JobId, NodeId, Position, StreamId, Submission, Timestamp, Views};
use zo_worker::spec::JobSpec;

use super::{Each, acknowledge, body_of, check_count};
use crate::engine::Engine;
use crate::protocol::{
    Acknowledged, Answer, AttemptLine, Failure, FailureKind, JobArrival, JobDetail, JobInput, JobLine, JobLog,
    JobOptions, QueueLine, QueuesAnswer, Response, USUAL_ATTEMPTS, USUAL_QUEUE,
};
use crate::reader::ReadEvent;

/// So often who watches is told that nothing happened, so that who no longer listens is noticed.
const LOOK: Duration = Duration::from_millis(100);
/// How far is looked along jobs that wait for each other.
const MAX_LINKS: usize = 32;
/// The shortest end of an id that names a job.
const SHORTEST: usize = 4;

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

pub(super) fn submit(
    engine: &Engine,
    jobs: Vec<JobInput>,
    batch: bool,
) -> Result<Vec<Result<Acknowledged, Failure>>, Failure> {
    check_count("jobs", jobs.len())?;
    let order = in_order(&jobs)?;
    let batch = jobs.first().filter(|_| batch).map(|job| JobId(job.id));
    let now = engine.world.now();
    let named: HashMap<&str, JobId> =
        jobs.iter().filter_map(|job| Some((job.name.as_deref()?, JobId(job.id)))).collect();
    let mut submissions = Vec::with_capacity(jobs.len());
    let mut outcomes: Vec<Option<Result<Acknowledged, Failure>>> = vec![None; jobs.len()];
    for &index in &order {
        match submission(engine, &jobs[index], batch, &named, now) {
            Ok(submission) => submissions.push((index, submission)),
            Err(failure) => outcomes[index] = Some(Err(failure)),
        }
    }
    let (indices, submissions): (Vec<usize>, Vec<Submission>) = submissions.into_iter().unzip();
    for (index, outcome) in indices.into_iter().zip(engine.writer.submit(submissions)) {
        let id = match &outcome {
            // One of its key may be there already, under another id.
            Ok(receipt) => JobId(receipt.stream.id),
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
) -> Result<Submission, Failure> {
    let spec = spec_of(&job.spec)?;
    let text = serde_json::to_string(&spec).map_err(|error| Failure::new(FailureKind::Invalid, error.to_string()))?;
    let (mut submitted, body) = job_of(engine, job.name.clone(), text, &job.options, kind_of(&spec), now)?;
    submitted.batch = batch;
    for other in &job.options.after {
        let known = named.get(other.as_str()).copied();
        submitted.after.push(known.map_or_else(|| find(engine, other), Ok)?);
    }
    submitted.after.sort_unstable();
    submitted.after.dedup();
    let command = Command::SubmitJob { job: JobId(job.id), submitted: Box::new(submitted), body };
    Ok(Submission::new(Actor::User, command))
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

/// The job that an id, or the end of one, means.
pub(super) fn find(engine: &Engine, reference: &str) -> Result<JobId, Failure> {
    if let Ok(id) = reference.parse::<JobId>() {
        let known = engine.writer.read(|views| views.jobs.is_known(id))?;
        return if known { Ok(id) } else { Err(not_found(reference)) };
    }
    let wanted = reference.to_ascii_uppercase();
    if wanted.len() < SHORTEST || !wanted.chars().all(|c| c.is_ascii_alphanumeric()) {
        return Err(not_found(reference));
    }
    let found: Vec<JobId> = engine.writer.read(|views| {
        let open = views.jobs.open().map(|(id, _)| id);
        let ended = views.jobs.ended_newest_first().map(|(id, _)| id);
        open.chain(ended).filter(|id| id.to_string().ends_with(&wanted)).take(2).collect()
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

pub(super) fn queues(engine: &Engine) -> Result<Answer, Failure> {
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

/// A job as the views have it.
#[derive(Clone)]
enum Known {
    Open(Box<Job>, Option<String>),
    Ended(How, Position, Position),
}

impl Known {
    fn of(views: &Views, id: JobId) -> Option<Self> {
        if let Some(job) = views.jobs.get(id) {
            let node = match job.state {
                JobState::Running { node, .. } => Some(node_name(views, node)),
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

pub(super) fn node_name(views: &Views, id: NodeId) -> String {
    views.nodes.get(id).map_or_else(|| id.to_string(), |node| node.name.clone())
}

/// Which jobs are listed.
pub(super) struct Selection {
    pub(super) state: Option<String>,
    pub(super) queue: Option<String>,
    pub(super) batch: Option<String>,
}

const STATES: [&str; 8] = ["blocked", "waiting", "ready", "running", "interrupted", "dead", "done", "cancelled"];

pub(super) fn list(engine: &Engine, selection: &Selection, skip: usize, limit: usize) -> Result<Answer, Failure> {
    if let Some(state) = &selection.state
        && !STATES.contains(&state.as_str())
    {
        let message = format!("no job is ever {state}; jobs are {}", STATES.join(", "));
        return Err(Failure::new(FailureKind::Invalid, message));
    }
    let batch = selection.batch.as_deref().map(|batch| find(engine, batch)).transpose()?;
    let wants = |state: &str| selection.state.as_deref().is_none_or(|wanted| wanted == state);
    let (page, total) = engine.writer.read(|views| {
        let mut open: Vec<(u8, std::cmp::Reverse<i16>, Position, JobId)> = views
            .jobs
            .open()
            .filter(|(_, job)| wants(job.state.name()))
            .filter(|(_, job)| selection.queue.as_deref().is_none_or(|queue| views.jobs.class(job).queue == queue))
            .filter(|(_, job)| batch.is_none_or(|batch| job.batch == Some(batch)))
            .map(|(id, job)| (rank(job.state), std::cmp::Reverse(job.priority), job.submitted, id))
            .collect();
        open.sort_unstable();
        // What has ended knows neither its queue nor its batch any more.
        let ended_too = selection.queue.is_none() && batch.is_none();
        let ended = views.jobs.ended_newest_first().filter(|(_, ended)| ended_too && wants(name_of(ended.how)));
        let (open_count, counts) = (open.len(), views.jobs.counts());
        let ended_count = match selection.state.as_deref() {
            _ if !ended_too => 0,
            None => counts.done + counts.cancelled,
            Some("done") => counts.done,
            Some("cancelled") => counts.cancelled,
            Some(_) => 0,
        };
        let ids = open.iter().map(|(_, _, _, id)| *id).chain(ended.map(|(id, _)| id));
        let page: Vec<(JobId, Known)> =
            ids.skip(skip).take(limit).filter_map(|id| Some((id, Known::of(views, id)?))).collect();
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

fn name_of(how: How) -> &'static str {
    match how {
        How::Done => "done",
        How::Cancelled => "cancelled",
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

fn line(engine: &Engine, id: JobId, known: &Known) -> Result<JobLine, Failure> {
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
            line.node.clone_from(node);
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

pub(super) fn show(engine: &Engine, job: &str) -> Result<Answer, Failure> {
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

fn known(engine: &Engine, id: JobId) -> Result<Known, Failure> {
    engine.writer.read(|views| Known::of(views, id))?.ok_or_else(|| not_found(&id.to_string()))
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
                let run = zo_projections::RunId(engine.names.agent_of_job(id.0, claimed.attempt));
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

pub(super) fn log(engine: &Engine, job: &str, attempt: Option<u32>) -> Result<Answer, Failure> {
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

/// What of watched jobs was told.
#[derive(Default)]
struct Told {
    state: Option<(String, u32, Option<f32>, Option<String>)>,
    attempt: u32,
    offset: u64,
}

pub(super) fn watch(
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
        open.extend(engine.writer.read(|views| {
            views.jobs.open().filter(|(_, job)| job.batch == Some(first)).map(|(id, _)| id).collect::<Vec<_>>()
        })?);
        open.insert(first);
    }
    engine.carry_out_jobs();
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
            engine.writer.read(|views| stuck_behind(views, &job.after, MAX_LINKS))?
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

/// Of the jobs that one waits for, directly or not, one that will not be done by itself.
fn stuck_behind(views: &Views, after: &[JobId], links: usize) -> Option<JobId> {
    after.iter().find_map(|id| {
        let job = views.jobs.get(*id)?;
        match job.state {
            JobState::Dead | JobState::Interrupted => Some(*id),
            JobState::Blocked if links > 0 => stuck_behind(views, &job.after, links - 1),
            _ => None,
        }
    })
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

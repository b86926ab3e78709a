//! What must hold of jobs, however many of the processes that had to do with them were killed, and whenever.
//!
//! - None is lost: every job whose submission was acknowledged is done, or waits for a person as it is to.
//! - None is completed twice, and what ended an attempt is of the attempt that was the current one.
//! - An attempt was begun by somebody to whom it was given, once; a job that must not be done again is given to nobody once the
//!   node that had it was lost.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use zo_engine::engine::Engine;
use zo_projections::event::Event;
use zo_projections::event::job::Effect;
use zo_projections::{JobId, NodeId, Position, Timestamp};

/// What there was of a round, so that a test can say that it tested something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Attempts whose node was lost.
    pub lost: usize,
    /// Attempts that failed.
    pub failed: usize,
    /// Jobs that wait for a person.
    pub interrupted: usize,
}

impl Found {
    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            lost: self.lost + other.lost,
            failed: self.failed + other.failed,
            interrupted: self.interrupted + other.interrupted,
        }
    }
}

/// The course of one job.
#[derive(Debug, Default)]
struct Course {
    once: bool,
    priority: i16,
    submitted: Position,
    /// Attempts that were given out, by number, with the node.
    claimed: BTreeMap<u32, NodeId>,
    /// Whether the last of them has ended.
    is_running: bool,
    completed: Option<Position>,
    interrupted: bool,
}

impl Course {
    fn end(&mut self, node: NodeId, attempt: u32) -> Result<()> {
        ensure!(self.is_running, "attempt {attempt} ended twice, or was never given out");
        let last = self.claimed.last_key_value().map(|(attempt, node)| (*attempt, *node));
        ensure!(
            last == Some((attempt, node)),
            "attempt {attempt} of node {node} ended, and {last:?} was the current one"
        );
        self.is_running = false;
        Ok(())
    }
}

fn courses(engine: &Engine) -> Result<(BTreeMap<JobId, Course>, Found)> {
    let (mut courses, mut found) = (BTreeMap::<JobId, Course>::new(), Found::default());
    let mut wrong = Ok(());
    engine.reader().each(Position(1), engine.writer().position(), &mut |event| {
        let header = &event.recorded.header;
        let job = JobId(header.stream.id);
        let outcome = take_in(&mut courses, &mut found, job, header.position, &event.recorded.event);
        wrong = outcome.with_context(|| format!("job {job} at position {}", header.position));
        if wrong.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    wrong.map(|()| (courses, found))
}

fn take_in(
    courses: &mut BTreeMap<JobId, Course>,
    found: &mut Found,
    job: JobId,
    position: Position,
    event: &Event,
) -> Result<()> {
    if let Event::JobSubmitted(submitted) = event {
        let (once, priority) = (submitted.effect == Effect::Once, submitted.priority);
        let course = Course { once, priority, submitted: position, ..Course::default() };
        ensure!(courses.insert(job, course).is_none(), "it was submitted twice");
        return Ok(());
    }
    let is_of_attempt = matches!(
        event,
        Event::JobClaimed(_)
            | Event::JobCompleted(_)
            | Event::JobFailed(_)
            | Event::JobLeaseLost(_)
            | Event::JobReleased(_)
    );
    if !is_of_attempt {
        return Ok(());
    }
    let course = courses.get_mut(&job).context("it was never submitted")?;
    match event {
        Event::JobClaimed(claimed) => {
            ensure!(!course.is_running && course.completed.is_none(), "it was given out while somebody had it");
            ensure!(!course.interrupted, "it was given out again, and must not be done twice");
            ensure!(course.claimed.insert(claimed.attempt, claimed.node).is_none(), "an attempt was given out twice");
            course.is_running = true;
        }
        Event::JobCompleted(done) => {
            ensure!(course.completed.replace(position).is_none(), "it was completed twice");
            course.end(done.node, done.attempt)?;
        }
        Event::JobFailed(failed) => {
            found.failed += 1;
            course.end(failed.node, failed.attempt)?;
        }
        Event::JobLeaseLost(lost) => {
            found.lost += 1;
            course.end(lost.node, lost.attempt)?;
            course.interrupted |= course.once;
        }
        Event::JobReleased(released) => course.end(released.node, released.attempt)?,
        _ => {}
    }
    Ok(())
}

/// Checks the log of a home in which nothing is going on any more. `effects` is the folder of the files that workers left.
///
/// # Errors
/// What is not as it must be.
pub fn check(engine: &Engine, acknowledged: &[JobId], effects: &Path) -> Result<Found> {
    let (anomalies, counts) = engine.writer().read(|views| (views.anomalies.clone(), views.jobs.counts()))?;
    ensure!(anomalies.is_empty(), "anomalies: {anomalies:?}");
    let (courses, mut found) = courses(engine)?;
    for job in acknowledged {
        ensure!(courses.contains_key(job), "job {job} is lost");
    }
    let mut begun: BTreeMap<JobId, BTreeSet<u32>> = BTreeMap::new();
    for entry in fs::read_dir(effects)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let (job, attempt) = name.rsplit_once('-').context("a file of somebody else")?;
        begun.entry(job.parse()?).or_default().insert(attempt.parse()?);
    }
    for (job, course) in &courses {
        let begun = begun.remove(job).unwrap_or_default();
        ensure!(begun.iter().all(|attempt| course.claimed.contains_key(attempt)), "{job}: {begun:?} of {course:?}");
        ensure!(course.completed.is_some() || course.interrupted, "job {job} is not done: {course:?}");
        found.interrupted += usize::from(course.interrupted);
    }
    ensure!(begun.is_empty(), "attempts of no job: {begun:?}");
    let done = courses.values().filter(|course| course.completed.is_some()).count();
    ensure!(counts.done == done as u64 && counts.interrupted == found.interrupted as u64, "the views say {counts:?}");
    Ok(found)
}

/// Checks that jobs were completed in the order of their priority, and of the same priority in that of their submission.
///
/// # Errors
/// If they were not.
pub fn check_order(engine: &Engine) -> Result<()> {
    let (courses, _) = courses(engine)?;
    let mut done: Vec<(Option<Position>, std::cmp::Reverse<i16>, Position)> =
        courses.values().map(|it| (it.completed, std::cmp::Reverse(it.priority), it.submitted)).collect();
    done.sort_unstable();
    let is_sorted = done.is_sorted_by_key(|(_, priority, submitted)| (*priority, *submitted));
    ensure!(is_sorted, "completed, priority, submitted: {done:?}");
    Ok(())
}

/// Checks that every occurrence from the first to the last is there once, `every_ms` apart, and each with its job; how many they
/// are.
///
/// # Errors
/// If one is missing, or is there twice.
pub fn check_occurrences(engine: &Engine, every_ms: i64) -> Result<usize> {
    let (courses, _) = courses(engine)?;
    let (mut dues, mut jobs): (Vec<Timestamp>, BTreeSet<JobId>) = Default::default();
    engine.reader().each(Position(1), engine.writer().position(), &mut |event| {
        if let Event::ScheduleOccurred(occurred) = &event.recorded.event {
            dues.push(occurred.due);
            jobs.insert(occurred.job);
        }
        ControlFlow::Continue(())
    })?;
    ensure!(dues.windows(2).all(|pair| pair[1].0 - pair[0].0 == every_ms), "due at {dues:?}");
    ensure!(jobs.len() == dues.len() && jobs.iter().eq(courses.keys()), "jobs {jobs:?} of {} occurrences", dues.len());
    Ok(dues.len())
}

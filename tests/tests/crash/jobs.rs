//! Jobs whose hub and workers are killed at random: none is lost, none is completed twice, and they come in their order.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use zo_engine::bench::Noise;
use zo_engine::protocol::{Answer, JobInput, JobOptions, Query, QueuesAnswer, Request, Response, ScheduleInput};
use zo_projections::JobId;
use zo_projections::event::job::Backoff;
use zo_projections::event::schedule::Misfire;
use zo_tests::jobs::LABEL;
use zo_tests::jobs::guest::Guest;
use zo_tests::jobs::hub;
use zo_tests::jobs::law::{self, Found};
use zo_tests::powercut::seed;

use super::{folder, is_long};

const SPEC: &str = "{\"kind\":\"command\",\"argv\":[\"true\"]}";
/// Workers of a round.
const WORKERS: u64 = 3;
/// Jobs of a round.
const JOBS: u64 = 60;
/// What is not over by then hangs.
const PATIENCE: Duration = Duration::from_secs(120);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(20);

/// A process of a round, killed when it is dropped.
struct Process {
    child: Child,
    // Whoever has the home ends when this is closed.
    _stdin: Option<ChildStdin>,
}

impl Process {
    fn start(arguments: &[&str]) -> Result<Self> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_jobrunner"));
        let mut child = command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        Ok(Self { _stdin: child.stdin.take(), child })
    }

    /// Waits until it has said a line, if it lives.
    fn hear(&mut self) -> Result<String> {
        let mut line = String::new();
        BufReader::new(self.child.stdout.take().context("it speaks once")?).read_line(&mut line)?;
        Ok(line.trim().to_owned())
    }

    /// Kills it as nobody can refuse; it must not have ended by itself.
    fn kill(mut self) -> Result<()> {
        let ended = self.child.try_wait()?;
        ensure!(ended.is_none(), "it ended by itself: {ended:?}");
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A home, and the processes that have to do with it.
struct Round {
    _scratch: tempfile::TempDir,
    home: PathBuf,
    effects: PathBuf,
    fails: u64,
    hub: Option<Process>,
    workers: Vec<Option<Process>>,
}

impl Round {
    fn start(workers: u64, fails: u64) -> Result<Self> {
        let scratch = folder()?;
        let (home, effects) = (scratch.path().join("home"), scratch.path().join("effects"));
        std::fs::create_dir_all(&effects)?;
        let mut round = Self { _scratch: scratch, home, effects, fails, hub: None, workers: Vec::new() };
        round.restart_hub()?;
        round.hub.as_mut().context("it was started")?.hear()?;
        for index in 0..workers {
            round.workers.push(None);
            round.restart_worker(usize::try_from(index)?)?;
        }
        Ok(round)
    }

    fn text(path: &Path) -> Result<&str> {
        path.to_str().context("temporary folders have plain names")
    }

    fn restart_hub(&mut self) -> Result<()> {
        if let Some(hub) = self.hub.take() {
            hub.kill().context("the hub")?;
        }
        self.hub = Some(Process::start(&["hub", Self::text(&self.home)?])?);
        Ok(())
    }

    fn restart_worker(&mut self, index: usize) -> Result<()> {
        if let Some(worker) = self.workers[index].take() {
            worker.kill().context("a worker")?;
        }
        let (name, fails) = (format!("worker-{index}"), self.fails.to_string());
        let arguments = ["worker", Self::text(&self.home)?, &name, Self::text(&self.effects)?, &fails];
        self.workers[index] = Some(Process::start(&arguments)?);
        Ok(())
    }

    /// Kills somebody, the hub one time in three, and has another one take its place.
    fn kill_one(&mut self, noise: &mut Noise) -> Result<()> {
        match noise.below(3) {
            0 => self.restart_hub(),
            _ => {
                let index = noise.below(self.workers.len() as u64);
                self.restart_worker(usize::try_from(index)?)
            }
        }
    }

    /// Waits until nothing is going on any more.
    fn settle(&self) -> Result<()> {
        let until = Instant::now() + PATIENCE;
        let mut guest = Guest::new(&self.home);
        loop {
            let counts = queues(&mut guest)?.counts;
            if counts.blocked + counts.waiting + counts.ready + counts.running == 0 {
                return Ok(());
            }
            ensure!(Instant::now() < until, "after {PATIENCE:?} there are still {counts:?}");
            thread::sleep(LOOK);
        }
    }

    /// Ends everybody, and opens what they have left.
    fn end(&mut self) -> Result<std::sync::Arc<zo_engine::engine::Engine>> {
        for worker in &mut self.workers {
            worker.take().map_or(Ok(()), Process::kill).context("a worker")?;
        }
        self.hub.take().map_or(Ok(()), Process::kill).context("the hub")?;
        hub::open(&self.home)
    }
}

pub(super) fn queues(guest: &mut Guest) -> Result<QueuesAnswer> {
    match guest.ask(&Request::Query { query: Query::Queues, at: None })? {
        Response::Answer(answer) => match *answer {
            Answer::Queues(queues) => Ok(queues),
            other => bail!("queues were asked for: {other:?}"),
        },
        other => bail!("an answer was expected: {other:?}"),
    }
}

/// Submits a job until that is acknowledged.
fn submit(guest: &mut Guest, id: u128, once: bool, priority: i16) -> Result<()> {
    let mut options = JobOptions {
        once,
        priority,
        attempts: Some(1000),
        backoff: Some(Backoff { first_ms: 5, ..Backoff::default() }),
        ..JobOptions::default()
    };
    options.requires.labels = vec![LABEL.to_owned()];
    let job = JobInput { id, name: None, spec: SPEC.to_owned(), options };
    match guest.ask(&Request::SubmitJobs { jobs: vec![job], batch: false, more_of: None })? {
        Response::Acknowledged(outcomes) if outcomes.iter().all(Result::is_ok) => Ok(()),
        other => bail!("a job was submitted: {other:?}"),
    }
}

/// One round: jobs are submitted and carried out while processes are killed.
fn round(noise: &mut Noise) -> Result<Found> {
    let mut round = Round::start(WORKERS, 8)?;
    let kinds: Vec<(bool, i16)> = (0..JOBS).map(|_| (noise.below(4) == 0, noise.below(3) as i16)).collect();
    let home = round.home.clone();
    let submitting = thread::spawn(move || -> Result<Vec<JobId>> {
        let mut guest = Guest::new(&home);
        let jobs = kinds.into_iter().zip(1_u128..).map(|((once, priority), id)| {
            submit(&mut guest, id, once, priority)?;
            Ok(JobId(id))
        });
        jobs.collect()
    });
    for _ in 0..=noise.below(4) {
        thread::sleep(Duration::from_millis(noise.below(120)));
        round.kill_one(noise)?;
    }
    let acknowledged = submitting.join().map_err(|_| anyhow::anyhow!("who submits panicked"))??;
    round.settle()?;
    let engine = round.end()?;
    let found = law::check(&engine, &acknowledged, &round.effects);
    engine.close();
    found
}

#[test]
fn killed_at_random_instants_no_job_is_lost_and_none_is_completed_twice() -> Result<()> {
    let seed = seed();
    let mut noise = Noise::new(seed);
    let mut found = Found::default();
    let rounds = if is_long() { 300 } else { 20 };
    for number in 0..rounds {
        found = found.plus(round(&mut noise).with_context(|| format!("round {number}, ZO_SEED={seed}"))?);
    }
    println!("{rounds} rounds: {found:?}; ZO_SEED={seed}");
    ensure!(found.lost > 0 && found.failed > 0, "nothing happened to them: {found:?}");
    Ok(())
}

#[test]
fn a_single_worker_does_jobs_by_priority_and_then_in_their_order_whoever_is_killed() -> Result<()> {
    let seed = seed();
    let mut noise = Noise::new(seed);
    let mut round = Round::start(0, 0)?;
    let mut guest = Guest::new(&round.home);
    let jobs: Vec<JobId> = (1..=JOBS.into()).map(JobId).collect();
    for job in &jobs {
        submit(&mut guest, job.0, false, noise.below(4) as i16)?;
    }
    round.workers.push(None);
    round.restart_worker(0)?;
    for _ in 0..6 {
        thread::sleep(Duration::from_millis(noise.below(60)));
        round.kill_one(&mut noise).with_context(|| format!("ZO_SEED={seed}"))?;
    }
    round.settle()?;
    let engine = round.end()?;
    law::check(&engine, &jobs, &round.effects).with_context(|| format!("ZO_SEED={seed}"))?;
    law::check_order(&engine).with_context(|| format!("ZO_SEED={seed}"))?;
    engine.close();
    Ok(())
}

#[test]
fn what_a_killed_worker_had_is_done_by_another_one_when_its_lease_is_over() -> Result<()> {
    let mut round = Round::start(2, 0)?;
    let mut guest = Guest::new(&round.home);
    for id in 1..=JOBS.into() {
        submit(&mut guest, id, false, 0)?;
    }
    // One of the two goes as soon as it has begun something, and nobody takes its place.
    let until = Instant::now() + PATIENCE;
    while std::fs::read_dir(&round.effects)?.next().is_none() {
        ensure!(Instant::now() < until, "nothing is begun");
        thread::sleep(Duration::from_millis(1));
    }
    round.workers[0].take().context("it was started")?.kill()?;
    round.settle()?;
    let engine = round.end()?;
    let jobs: Vec<JobId> = (1..=JOBS.into()).map(JobId).collect();
    law::check(&engine, &jobs, &round.effects)?;
    engine.close();
    Ok(())
}

#[test]
fn every_occurrence_of_a_schedule_is_there_once_though_the_hub_is_killed() -> Result<()> {
    let seed = seed();
    let mut noise = Noise::new(seed);
    let mut round = Round::start(0, 0)?;
    let mut guest = Guest::new(&round.home);
    let mut options = JobOptions::default();
    options.requires.labels = vec![LABEL.to_owned()];
    let schedule = ScheduleInput {
        id: 7,
        name: None,
        rule: "FREQ=SECONDLY".to_owned(),
        zone: Some("UTC".to_owned()),
        misfire: Misfire::All(1000),
        spec: SPEC.to_owned(),
        options,
        check_in: None,
    };
    guest.ask(&Request::AddSchedule { schedule: Box::new(schedule) })?;
    let kills = if is_long() { 60 } else { 6 };
    for _ in 0..kills {
        thread::sleep(Duration::from_millis(300 + noise.below(900)));
        round.restart_hub().with_context(|| format!("ZO_SEED={seed}"))?;
    }
    // The last one catches up with what the ones before did not come to see.
    let until = Instant::now() + PATIENCE;
    while queues(&mut guest)?.counts.ready < kills {
        ensure!(Instant::now() < until, "too few have come due");
        thread::sleep(LOOK);
    }
    let engine = round.end()?;
    let count = law::check_occurrences(&engine, 1000).with_context(|| format!("ZO_SEED={seed}"))?;
    engine.close();
    println!("{count} occurrences, {kills} kills; ZO_SEED={seed}");
    Ok(())
}

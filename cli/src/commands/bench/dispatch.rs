//! `zo bench dispatch`: jobs submitted, taken and completed, each step durable.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use serde::Serialize;
use zo_engine::bench::{RawFile, Rounds};
use zo_engine::engine::Engine;
use zo_engine::protocol::{Failure, FailureKind, JobInput, JobOptions, NodeInput, Request, Response};
use zo_engine::service::handle;

use super::metrics::Latency;
use super::{failed, open, scratch};
use crate::context::Context;
use crate::error::CliError;

/// What only the nodes of the bench have.
const LABEL: &str = "bench";
const SPEC: &str = "{\"kind\":\"command\",\"argv\":[\"true\"]}";
/// So long a consumer waits for a job at once.
const WAIT_MS: u64 = 50;
/// What a commit of a few small events writes.
const SYNCED_BYTES: usize = 1024;
const SYNCS: usize = 200;

/// Submit, take and complete small jobs, each step durable
///
/// Examples:
///   zo bench dispatch
///   zo bench dispatch --producers 16 --consumers 32 --seconds 10 --json
///
/// Uses a home of its own in a scratch folder, on a real disk: a file system in memory is refused. Nothing is carried out: what
/// is measured is what a job costs beside its work. The disk's own sync is measured in the same run.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Dispatch {
    /// How many submit at a time
    #[arg(long, value_name = "COUNT", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=256))]
    producers: u16,
    /// How many take and complete at a time
    #[arg(long, value_name = "COUNT", default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=256))]
    consumers: u16,
    /// How long to measure
    #[arg(long, value_name = "SECONDS", default_value_t = 3.0)]
    seconds: f64,
    /// Where to make the scratch folder [default: beside the home]
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
}

/// What was measured.
#[derive(Debug, Serialize)]
struct Figures {
    producers: u16,
    consumers: u16,
    jobs: u64,
    jobs_per_second: f64,
    claim_p50_us: f64,
    claim_p99_us: f64,
    /// None where the system does not say it.
    cpu_us_per_job: Option<f64>,
    fdatasync_p50_us: f64,
    fdatasync_p99_us: f64,
}

impl Dispatch {
    pub(super) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let seconds = Duration::try_from_secs_f64(self.seconds)
            .map_err(|_| CliError::usage(format!("{} is no number of seconds", self.seconds)))?;
        let scratch = scratch(context, self.folder.as_deref())?;
        let mut raw = RawFile::create(&scratch.path().join("raw")).map_err(failed)?;
        let mut syncs = Rounds::default();
        for _ in 0..SYNCS {
            syncs.time(|| raw.append(&[7; SYNCED_BYTES])).map_err(failed)?;
        }
        let engine = open(&scratch.path().join("home"))?;
        let figures = self.measure(&engine, seconds, &syncs);
        engine.close();
        let figures = figures?;
        if context.output.is_json() {
            return context.output.data(&figures);
        }
        let cpu = figures.cpu_us_per_job.map_or_else(String::new, |cpu| format!("CPU {cpu:.0} us a job; "));
        context.output.line(format!(
            "{:.0} jobs/s submitted, taken and completed, each step durable ({} producers, {} consumers); claim p50 {:.0} us, \
             p99 {:.0} us; {cpu}fdatasync p50 {:.0} us, p99 {:.0} us",
            figures.jobs_per_second,
            figures.producers,
            figures.consumers,
            figures.claim_p50_us,
            figures.claim_p99_us,
            figures.fdatasync_p50_us,
            figures.fdatasync_p99_us,
        ))
    }

    fn measure(&self, engine: &Engine, seconds: Duration, syncs: &Rounds) -> Result<Figures, CliError> {
        let (stop, done) = (AtomicBool::new(false), AtomicU64::new(0));
        let claims = Mutex::new(Vec::new());
        let before = cpu();
        let begun = Instant::now();
        let outcome: Result<(u64, Duration, Option<f64>), Failure> = thread::scope(|scope| {
            let mut threads = Vec::new();
            for _ in 0..self.producers {
                threads.push(scope.spawn(|| produce(engine, &stop)));
            }
            for index in 0..self.consumers {
                let (stop, done, claims) = (&stop, &done, &claims);
                threads.push(scope.spawn(move || consume(engine, index, stop, done, claims)));
            }
            // Whoever fails ends, and the others with it.
            while begun.elapsed() < seconds && !threads.iter().any(thread::ScopedJoinHandle::is_finished) {
                thread::sleep(Duration::from_millis(10).min(seconds));
            }
            let (jobs, took, computed) = (done.load(Ordering::Relaxed), begun.elapsed(), cpu());
            stop.store(true, Ordering::Relaxed);
            let ended = threads.into_iter().map(|thread| match thread.join() {
                Ok(ended) => ended,
                Err(_) => Err(Failure::new(FailureKind::Io, "a thread of the bench ended in a panic")),
            });
            ended.collect::<Result<(), Failure>>().map(|()| (jobs, took, computed))
        });
        let (jobs, took, computed) = outcome?;
        let claims = Latency::of(claims.into_inner().unwrap_or_else(PoisonError::into_inner)).unwrap_or_default();
        let computed = before.zip(computed).map(|(before, after)| after - before);
        let micros = |duration: Duration| duration.as_secs_f64() * 1e6;
        Ok(Figures {
            producers: self.producers,
            consumers: self.consumers,
            jobs,
            jobs_per_second: jobs as f64 / took.as_secs_f64(),
            claim_p50_us: claims.p50 * 1e3,
            claim_p99_us: claims.p99 * 1e3,
            cpu_us_per_job: computed.map(|seconds| seconds * 1e6 / jobs.max(1) as f64),
            fdatasync_p50_us: micros(syncs.quantile(0.5)),
            fdatasync_p99_us: micros(syncs.quantile(0.99)),
        })
    }
}

/// Seconds that this process has computed, where the system says it.
fn cpu() -> Option<f64> {
    /// Units of the times there: Linux shows programs 100 a second on every architecture.
    const TICKS_PER_SECOND: f64 = 100.0;
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // Behind the name, which may have blanks in it: state is the first, utime the 12th and stime the 13th.
    let mut fields = stat.rsplit(')').next()?.split_whitespace().skip(11);
    let (user, system): (f64, f64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some((user + system) / TICKS_PER_SECOND)
}

fn ask(engine: &Engine, request: Request) -> Result<Option<Response>, Failure> {
    let mut last = None;
    handle(engine, request, &mut |response| {
        last = Some(response);
        ControlFlow::Continue(())
    })?;
    Ok(last)
}

fn produce(engine: &Engine, stop: &AtomicBool) -> Result<(), Failure> {
    while !stop.load(Ordering::Relaxed) {
        let mut options = JobOptions::default();
        options.requires.labels = vec![LABEL.to_owned()];
        let job = JobInput { id: engine.fresh_id(), name: None, spec: SPEC.to_owned(), options };
        ask(engine, Request::SubmitJobs { jobs: vec![job], batch: false, more_of: None })?;
    }
    Ok(())
}

fn consume(
    engine: &Engine,
    index: u16,
    stop: &AtomicBool,
    done: &AtomicU64,
    claims: &Mutex<Vec<Duration>>,
) -> Result<(), Failure> {
    let name = format!("bench-{index}");
    let node = NodeInput { name: name.clone(), capacity: 1, labels: vec![LABEL.to_owned()], ..NodeInput::default() };
    ask(engine, Request::JoinNode { node })?;
    let mut own = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let claim = Request::ClaimJobs { node: name.clone(), most: 1, wait_ms: WAIT_MS, queues: Vec::new() };
        let begun = Instant::now();
        let Some(Response::JobsClaimed(jobs)) = ask(engine, claim)? else { continue };
        if !jobs.is_empty() {
            own.push(begun.elapsed());
        }
        for job in jobs {
            let (node, attempt, result) = (name.clone(), job.attempt, Some("{}".to_owned()));
            ask(engine, Request::CompleteJob { node, job: job.job, attempt, result })?;
            done.fetch_add(1, Ordering::Relaxed);
        }
    }
    claims.lock().unwrap_or_else(PoisonError::into_inner).extend(own);
    Ok(())
}

//! A process that carries jobs out: takes some, leaves a file for each attempt that it begins, and says what came of it until
//! somebody hears it.

use std::fs::OpenOptions;
use std::path::Path;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use zo_engine::bench::Noise;
use zo_engine::protocol::{AttemptRef, ClaimedJob, NodeInput, Request, Response};

use super::LABEL;
use super::guest::{Guest, Heard};

/// So long it waits for a job at once.
const WAIT_MS: u64 = 100;
/// The most jobs that it takes at once.
const MOST: u32 = 2;

/// A worker of this name, for good.
struct Worker<'a> {
    guest: Guest,
    name: String,
    node: String,
    effects: &'a Path,
    /// One attempt in so many comes to nothing; 0: none does.
    fails: u64,
    noise: Noise,
}

/// Carries jobs out until it is killed. `effects` is the folder of the files that it leaves; of first attempts one in `fails`
/// comes to nothing, or none if that is 0.
///
/// # Errors
/// If an attempt is given out twice, or what is asked for fails.
pub fn work(home: &Path, name: &str, effects: &Path, fails: u64) -> Result<()> {
    let mut worker = Worker {
        guest: Guest::new(home),
        name: name.to_owned(),
        node: String::new(),
        effects,
        fails,
        noise: Noise::new(u64::from(std::process::id())),
    };
    worker.join(&[])?;
    loop {
        let node = worker.node.clone();
        match worker.guest.try_once(&Request::ClaimJobs { node, most: MOST, wait_ms: WAIT_MS, queues: Vec::new() })? {
            Heard::Answer(Response::JobsClaimed(jobs)) => worker.carry_out(&jobs)?,
            // What it may have been given is not known here: it says that it runs nothing.
            Heard::Nothing => worker.join(&[])?,
            other => bail!("jobs were to be taken: {other:?}"),
        }
    }
}

impl Worker<'_> {
    fn join(&mut self, running: &[&ClaimedJob]) -> Result<()> {
        let running = running.iter().map(|job| AttemptRef { job: job.job.clone(), attempt: job.attempt }).collect();
        let node = NodeInput {
            name: self.name.clone(),
            capacity: MOST,
            labels: vec![LABEL.to_owned()],
            running,
            ..NodeInput::default()
        };
        match self.guest.ask(&Request::JoinNode { node })? {
            Response::NodeJoined(joined) => self.node = joined.node,
            other => bail!("a node was to join: {other:?}"),
        }
        Ok(())
    }

    fn carry_out(&mut self, jobs: &[ClaimedJob]) -> Result<()> {
        for (index, job) in jobs.iter().enumerate() {
            let file = self.effects.join(format!("{}-{}", job.job, job.attempt));
            // An attempt is somebody's once: a second one of the same number would find the file there.
            OpenOptions::new().write(true).create_new(true).open(&file).with_context(|| format!("{job:?}"))?;
            thread::sleep(Duration::from_micros(self.noise.below(4_000)));
            let left: Vec<&ClaimedJob> = jobs[index..].iter().collect();
            self.end(job, &left)?;
        }
        Ok(())
    }

    /// Says what came of an attempt until it is heard or refused.
    fn end(&mut self, job: &ClaimedJob, left: &[&ClaimedJob]) -> Result<()> {
        let (node, id, attempt) = (self.node.clone(), job.job.clone(), job.attempt);
        let request = if attempt == 1 && self.fails > 0 && self.noise.below(self.fails) == 0 {
            Request::FailJob {
                node,
                job: id,
                attempt,
                reason: "it was to fail".to_owned(),
                retriable: true,
                not_begun: false,
            }
        } else {
            Request::CompleteJob { node, job: id, attempt, result: Some("{}".to_owned()) }
        };
        loop {
            match self.guest.try_once(&request)? {
                Heard::Answer(Response::Acknowledged(outcomes)) => {
                    ensure!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
                    return Ok(());
                }
                // It is not this worker's any more, or it has been heard before.
                Heard::Refused(_) => return Ok(()),
                Heard::Nothing => self.join(left)?,
                other => bail!("an attempt had ended: {other:?}"),
            }
        }
    }
}

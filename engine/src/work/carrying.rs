//! This process as a node: jobs carried out here, each on a thread of its own.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use zo_projections::command::Attempt;
use zo_projections::event::node::Joined;
use zo_projections::views::jobs::JobState;
use zo_projections::{Actor, Command, JobId, Submission};
use zo_skills::{SearchPath, Skill};
use zo_worker::execute::{AttemptContext, Executor, Happened, Outcome};
use zo_worker::spec::JobSpec;

use super::claims::Wanted;
use super::logs::Progress;
use crate::engine::Engine;
use crate::protocol::{ClaimedJob, Failure, LOCAL_NODE, NewMemory};
use crate::skills::{catalogue, why_not};

/// So long the node waits for a job before it looks whether it should stop.
const WAIT: Duration = Duration::from_millis(500);
/// After a failure: the disk may be full.
const AFTER_A_FAILURE: Duration = Duration::from_secs(5);

/// What carries out a job ends with.
pub(super) enum Ended {
    /// It is done.
    Done(Option<String>),
    /// It came to nothing.
    Failed { reason: String, again: bool },
    /// This node could not even begin it.
    NotBegun { reason: String },
    /// It was stopped.
    Stopped,
}

impl From<Outcome> for Ended {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Done { result } => Self::Done(Some(result)),
            Outcome::Failed { reason, retriable } => Self::Failed { reason, again: retriable },
            Outcome::NotBegun { reason } => Self::NotBegun { reason },
            Outcome::Stopped => Self::Stopped,
        }
    }
}

impl Engine {
    /// Takes jobs and carries them out, until this process ends.
    pub(super) fn carry_out_as_node(&self) {
        let Some(engine) = self.work.engine() else { return };
        if let Err(failure) = self.join_as_node() {
            tracing::warn!("no jobs are carried out here: {failure}");
            return;
        }
        let capacity = self.work.options().capacity as usize;
        let (executor, running) = (self.executor(), AtomicUsize::new(0));
        thread::scope(|scope| {
            while !self.is_stopping() {
                let room = capacity.saturating_sub(running.load(Ordering::Acquire));
                if room == 0 || self.work.is_draining() {
                    thread::park_timeout(WAIT);
                    continue;
                }
                let wanted = Wanted {
                    node: self.local_node(),
                    lease: None,
                    most: u32::try_from(room).unwrap_or(1),
                    wait: WAIT,
                    queues: &[],
                };
                let jobs = self.claim_jobs(&wanted, &|| self.is_stopping()).unwrap_or_else(|failure| {
                    tracing::warn!("no job can be taken: {failure}");
                    thread::park_timeout(AFTER_A_FAILURE);
                    Vec::new()
                });
                for job in jobs {
                    running.fetch_add(1, Ordering::AcqRel);
                    let (engine, executor, running) = (&engine, &executor, &running);
                    let node = thread::current();
                    let carry = move || {
                        engine.carry_out(executor, &job);
                        running.fetch_sub(1, Ordering::AcqRel);
                        node.unpark();
                    };
                    let spawned = thread::Builder::new().name("zo-job".to_owned()).spawn_scoped(scope, carry);
                    if let Err(error) = spawned {
                        // It is lost with this process, at the latest.
                        tracing::warn!("there is no thread for a job: {error}");
                        running.fetch_sub(1, Ordering::AcqRel);
                    }
                }
            }
        });
    }

    fn join_as_node(&self) -> Result<(), Failure> {
        let options = self.work.options();
        let mut labels = options.labels.clone();
        labels.sort();
        labels.dedup();
        let joined = Joined {
            name: LOCAL_NODE.to_owned(),
            capacity: options.capacity,
            labels,
            region: options.region.clone(),
            gpu: options.gpu.clone(),
            price_micros: options.price_micros,
            local: true,
            token: None,
        };
        let command = Command::JoinNode { node: self.local_node(), joined, running: Vec::new() };
        self.writer.submit_one(Submission::new(Actor::Engine, command))?;
        Ok(())
    }

    fn executor(&self) -> Executor {
        let folders = self.work.options().skills.clone();
        let search = SearchPath::new(Vec::new(), Vec::new(), None);
        // This machine is that of who submits: what a job names of it is theirs to say.
        let permitted = zo_egress::Policy { allow_private: true, ..zo_egress::Policy::default() };
        let executor = Executor::new(self.sandbox.clone(), permitted, search, self.home.scratch());
        let weak = self.work.engine.get().cloned();
        executor.keeping_out(vec![self.home.folder().to_owned()]).with_skills(move |name| {
            let engine = weak.as_ref().and_then(std::sync::Weak::upgrade).ok_or("the home is being closed")?;
            find_skill(&engine, &folders, name)
        })
    }

    /// Carries out one job, and records what it came to.
    fn carry_out(&self, executor: &Executor, claimed: &ClaimedJob) {
        let Ok(job) = claimed.job.parse::<JobId>() else { return };
        let attempt = Attempt { job, node: self.local_node(), attempt: claimed.attempt };
        let ended = self.try_to(executor, claimed, attempt);
        let recorded = match ended {
            Ended::Done(result) => self.complete_job(attempt, result),
            Ended::Failed { reason, again } => self.fail_job(attempt, reason, again, false),
            Ended::NotBegun { reason } => self.fail_job(attempt, reason, true, true),
            Ended::Stopped if self.is_cancelled(attempt) => self.stop_job(attempt),
            Ended::Stopped => self.release_job(attempt),
        };
        self.work.heard.forget_progress(job);
        if let Err(failure) = recorded {
            tracing::warn!("what became of job {job} is not recorded: {failure}");
        }
    }

    fn try_to(&self, executor: &Executor, claimed: &ClaimedJob, attempt: Attempt) -> Ended {
        let spec: JobSpec = match serde_json::from_str(&claimed.spec) {
            Ok(spec) => spec,
            Err(error) => return Ended::Failed { reason: format!("what it is to do: {error}"), again: false },
        };
        let deadline = claimed.deadline_ms.map(|ms| Instant::now() + Duration::from_millis(ms));
        let mut looked = Instant::now();
        let mut tell = |happened: Happened<'_>| {
            match happened {
                Happened::Stdout(bytes) | Happened::Stderr(bytes) => {
                    self.log_of_job(attempt, &String::from_utf8_lossy(bytes));
                }
                Happened::Progress(percent, message) => {
                    let progress = Progress { percent: Some(percent), message };
                    self.work.heard.keep_progress(attempt.job, progress);
                }
                Happened::Nothing => {}
            }
            if self.is_stopping() {
                return ControlFlow::Break(());
            }
            if looked.elapsed() >= Duration::from_millis(50) {
                looked = Instant::now();
                if self.is_cancelled(attempt) {
                    return ControlFlow::Break(());
                }
            }
            ControlFlow::Continue(())
        };
        match &spec {
            JobSpec::Agent(agent) => self.ask_agent_of_job(attempt, agent, deadline, &mut tell),
            JobSpec::Memorize(memorize) => {
                let meta = memorize.meta.clone().map(|meta| serde_json::Value::Object(meta).to_string());
                let item = NewMemory { content: memorize.content.clone(), meta, ..NewMemory::default() };
                match crate::service::memorize(self, Actor::Engine, item) {
                    Ok(kept) => Ended::Done(serde_json::to_string(&kept).ok()),
                    Err(failure) => Ended::Failed { again: !failure.is_refusal(), reason: failure.message },
                }
            }
            spec => {
                let context = AttemptContext { job: claimed.job.clone(), attempt: claimed.attempt, deadline };
                executor.execute(spec, &context, &mut tell).into()
            }
        }
    }

    /// Adds to what an attempt printed.
    pub(super) fn log_of_job(&self, attempt: Attempt, text: &str) {
        self.work.logs.append(&self.job_logs, attempt.job, attempt.attempt, None, text);
    }

    /// Whether an attempt is to be stopped, or is not the current one any more.
    pub(crate) fn is_cancelled(&self, attempt: Attempt) -> bool {
        let state = self.writer.read(|views| {
            let job = views.jobs.get(attempt.job).filter(|job| job.attempt == attempt.attempt)?;
            Some(job.state)
        });
        !matches!(state, Ok(Some(JobState::Running { node, cancelling: false, .. })) if node == attempt.node)
    }
}

/// The skill of a name, if it may be used.
fn find_skill(
    engine: &Engine,
    folders: &[(std::path::PathBuf, zo_projections::event::skill::Origin)],
    name: &str,
) -> Result<Skill, String> {
    let folders: Vec<_> =
        folders.iter().map(|(folder, origin)| (folder.to_string_lossy().into_owned(), *origin)).collect();
    let found = catalogue(engine, &folders);
    let skill =
        found.get(name).ok_or_else(|| format!("there is no skill {name}; `zo skill list` shows those there are"))?;
    match why_not(engine, skill) {
        Ok(None) => Ok(skill.clone()),
        Ok(Some(why)) => Err(format!("skill {name} is not used: {why}")),
        Err(failure) => Err(failure.message),
    }
}

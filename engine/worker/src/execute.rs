//! Carrying out one attempt of a job.
//!
//! ```text
//! JobSpec ──► Executor ──► sandbox, or a request through the egress checks
//!    what it prints, how far it is ──► sink ──► go on, or stop
//!    what came of it               ──► Outcome
//! ```
//!
//! A script says how far it is by printing lines such as `::progress 40 reading the third file` ([`progress`]). Nothing of the node
//! reaches what is run: no environment, socket or folder but for what the job names and the node permits, and none that it
//! [keeps out](Executor::keeping_out). Nothing that was started is left when an attempt is over, or when this process dies.
//!
//! - [`command`], [`skill`], [`http`]: the kinds. [`confined`]: running something in the sandbox. [`reach`]: what of the network a job
//!   gets.

mod command;
mod confined;
mod http;
mod progress;
mod reach;
mod skill;

use std::fmt;
use std::fs;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use zo_egress::Policy;
use zo_sandbox::Sandbox;
use zo_skills::{Origin, SearchPath, Skill, discover};

use crate::spec::JobSpec;

/// Carries out jobs on this node. Cheap to clone; any number at the same time.
#[derive(Clone)]
pub struct Executor {
    sandbox: Sandbox,
    egress: Policy,
    find_skill: FindSkill,
    scratch: PathBuf,
    kept_out: Vec<PathBuf>,
    handed_on: Vec<String>,
}

/// Gives the skill of a name, or tells why it cannot be used.
type FindSkill = Arc<dyn Fn(&str) -> Result<Skill, String> + Send + Sync>;

/// Which attempt it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptContext {
    /// The job's id.
    pub job: String,
    /// Which attempt, from 1.
    pub attempt: u32,
    /// When it has to be done, if it has to.
    pub deadline: Option<Instant>,
}

/// What happens while it is carried out.
#[derive(Clone, Debug, PartialEq)]
pub enum Happened<'a> {
    /// It printed on stdout, or this is the body of an answer.
    Stdout(&'a [u8]),
    /// It printed on stderr.
    Stderr(&'a [u8]),
    /// It said how far it is, in percent, and what it is doing.
    Progress(f32, Option<String>),
    /// Nothing: said several times a second, so that it can be stopped.
    Nothing,
}

/// Who sees what happens; breaking stops it.
pub type Sink<'a> = &'a mut dyn FnMut(Happened<'_>) -> ControlFlow<()>;

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It went well.
    Done {
        /// What came of it, a JSON object of at most some 100 KB.
        result: String,
    },
    /// It did not.
    Failed {
        /// Why, in a line or a few.
        reason: String,
        /// Whether trying again may help: not if the job itself is wrong, or its time is over.
        retriable: bool,
    },
    /// This node could not even begin it: its sandbox cannot be set up, its disk is full. Another node may manage.
    NotBegun {
        /// Why, in a line or a few.
        reason: String,
    },
    /// The sink stopped it; nothing of it is left.
    Stopped,
}

impl Outcome {
    /// A failure that trying again may help.
    pub(crate) fn failed(reason: impl Into<String>) -> Self {
        Self::Failed { reason: reason.into(), retriable: true }
    }

    /// A failure of this node's, before anything of the job was begun.
    pub(crate) fn not_begun(reason: impl Into<String>) -> Self {
        Self::NotBegun { reason: reason.into() }
    }

    /// A failure that trying again does not help.
    pub(crate) fn hopeless(reason: impl Into<String>) -> Self {
        Self::Failed { reason: reason.into(), retriable: false }
    }
}

impl Executor {
    /// One that confines with `sandbox`, reaches what `egress` permits at the most, finds skills in `skills` (but for those of projects,
    /// which anybody may have written), and makes folders for its jobs in `scratch`.
    #[must_use]
    pub fn new(sandbox: Sandbox, egress: Policy, skills: SearchPath, scratch: PathBuf) -> Self {
        let find = move |name: &str| find_in(&skills, name);
        Self { sandbox, egress, find_skill: Arc::new(find), scratch, kept_out: Vec::new(), handed_on: Vec::new() }
    }

    /// Asks `find` for skills instead: for who knows which are trusted.
    #[must_use]
    pub fn with_skills(self, find: impl Fn(&str) -> Result<Skill, String> + Send + Sync + 'static) -> Self {
        Self { find_skill: Arc::new(find), ..self }
    }

    /// Refuses jobs that would see any of these folders, whatever they name: a home with its log, keys and socket.
    #[must_use]
    pub fn keeping_out(self, folders: Vec<PathBuf>) -> Self {
        Self { kept_out: folders, ..self }
    }

    /// Hands these variables of its own environment to skills that say they need them; none, if this is not called.
    #[must_use]
    pub fn handing_on(self, variables: Vec<String>) -> Self {
        Self { handed_on: variables, ..self }
    }

    /// Removes what jobs left behind that were being carried out when this program was killed. To be called before the first job, by who
    /// alone uses the scratch folder.
    pub fn tidy(&self) {
        let entries = fs::read_dir(&self.scratch).into_iter().flatten().flatten();
        for entry in
            entries.filter(|entry| entry.file_name().as_encoded_bytes().starts_with(confined::FOLDERS.as_bytes()))
        {
            if let Err(error) = fs::remove_dir_all(entry.path()) {
                tracing::warn!("a job's folder {} is not removed: {error}", entry.path().display());
            }
        }
    }

    /// Carries out one attempt, on the calling thread. Kinds that only an engine can carry out fail at once.
    pub fn execute(&self, spec: &JobSpec, attempt: &AttemptContext, sink: Sink<'_>) -> Outcome {
        if let Err(error) = spec.check() {
            return Outcome::hopeless(error.to_string());
        }
        if attempt.is_late() {
            return late();
        }
        match spec {
            JobSpec::Command(command) => self.command(command, attempt, sink),
            JobSpec::Skill(skill) => self.skill(skill, attempt, sink),
            JobSpec::Http(http) => self.http(http, attempt, sink),
            JobSpec::Agent(_) | JobSpec::Memorize(_) => {
                Outcome::hopeless(format!("{} jobs need an engine: this is a worker", spec.kind()))
            }
        }
    }
}

impl AttemptContext {
    /// Whether its time is over.
    fn is_late(&self) -> bool {
        self.left().is_some_and(|left| left.is_zero())
    }

    /// How much time there is, if that is limited.
    fn left(&self) -> Option<Duration> {
        self.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }
}

/// What becomes of a job whose time is over.
fn late() -> Outcome {
    Outcome::hopeless("it took longer than it may")
}

fn find_in(path: &SearchPath, name: &str) -> Result<Skill, String> {
    let owned = |(_, origin): &(PathBuf, Origin)| *origin != Origin::Project;
    let folders = path.folders.iter().filter(|folder| owned(folder)).cloned().collect();
    let catalogue = discover(&SearchPath { folders });
    if let Some(skill) = catalogue.get(name) {
        return Ok(skill.clone());
    }
    let known: Vec<&str> = catalogue.skills.iter().map(|skill| skill.name.as_str()).collect();
    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    Err(format!("this node has no skill {name:?}; it has {known}"))
}

impl fmt::Debug for Executor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Executor").field("scratch", &self.scratch).finish_non_exhaustive()
    }
}

//! One job that has not ended.

use bincode::{Decode, Encode};

use crate::event::job::{Backoff, Effect, JobKind, Occasion, Submitted};
use crate::ids::{Digest, JobId, NodeId, Position};
use crate::time::Timestamp;

/// A job that may still be done.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Job {
    /// What it does.
    pub kind: JobKind,
    /// Whether it may be done again after its node was lost.
    pub effect: Effect,
    /// Higher goes first.
    pub priority: i16,
    /// How often it is tried at the most, before a person says so again.
    pub max_attempts: u16,
    /// How often it was tried since.
    pub tries: u16,
    /// Number of its class: queue and requirements.
    pub(super) class: u32,
    /// The last attempt that was begun; 0: none.
    pub attempt: u32,
    /// How long is waited after a failure.
    pub backoff: Backoff,
    /// The event that submitted it.
    pub submitted: Position,
    /// The event that says what its last attempt came to.
    pub settled: Option<Position>,
    /// Not before.
    pub not_before: Option<Timestamp>,
    /// Not afterwards.
    pub deadline: Option<Timestamp>,
    /// How long an attempt may take, in milliseconds.
    pub timeout_ms: Option<u64>,
    /// Its unique key.
    pub unique: Option<Digest>,
    /// Jobs that it still waits for.
    pub after: Vec<JobId>,
    /// The batch it belongs to.
    pub batch: Option<JobId>,
    /// The occurrence it was submitted for.
    pub occasion: Option<Box<Occasion>>,
    /// Where it stands.
    pub state: JobState,
}

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum JobState {
    /// It waits for other jobs.
    Blocked,
    /// It waits for a moment.
    Waiting {
        /// The moment.
        due: Timestamp,
    },
    /// It can be taken.
    Ready,
    /// A node has it.
    Running {
        /// The node.
        node: NodeId,
        /// Until when, unless the node is heard from.
        until: Option<Timestamp>,
        /// Since when.
        since: Timestamp,
        /// Whether it is to be stopped.
        cancelling: bool,
    },
    /// Its node was lost, and it may be done only once.
    Interrupted,
    /// It was tried as often as it may be, or its deadline passed.
    Dead,
}

impl JobState {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Blocked => "blocked",
            Self::Waiting { .. } => "waiting",
            Self::Ready => "ready",
            Self::Running { .. } => "running",
            Self::Interrupted => "interrupted",
            Self::Dead => "dead",
        }
    }

    /// Whether it is going to be done by itself and is not being done.
    pub fn is_pending(self) -> bool {
        matches!(self, Self::Blocked | Self::Waiting { .. } | Self::Ready)
    }

    /// Whether it is being done or going to be, without anybody's help: dead letters and interrupted jobs wait for a person.
    pub fn is_to_be_done(self) -> bool {
        self.is_pending() || matches!(self, Self::Running { .. })
    }
}

impl Job {
    pub(super) fn new(event: &Submitted, class: u32, submitted: Position) -> Self {
        Self {
            kind: event.kind,
            effect: event.effect,
            priority: event.priority,
            max_attempts: event.max_attempts.max(1),
            tries: 0,
            class,
            attempt: 0,
            backoff: event.backoff,
            submitted,
            settled: None,
            not_before: event.not_before,
            deadline: event.deadline,
            timeout_ms: event.timeout_ms,
            unique: event.unique,
            after: event.after.clone(),
            batch: event.batch,
            occasion: event.occasion.map(Box::new),
            state: JobState::Ready,
        }
    }

    /// Its state when it waits for nobody.
    pub(super) fn rested(&self, at: Timestamp) -> JobState {
        match self.not_before {
            Some(due) if due > at => JobState::Waiting { due },
            _ => JobState::Ready,
        }
    }

    /// Its lease lasts until `until`; never less long than before.
    pub(super) fn extend(&mut self, to: Timestamp) {
        if let JobState::Running { until: Some(until), .. } = &mut self.state {
            *until = (*until).max(to);
        }
    }
}

//! The hub that a worker takes jobs from, as the worker sees it.
//!
//! ```text
//! join ──► claim (long poll) ──► [append_log …] ──► complete | fail | release … leave
//!     heartbeat, every interval: what runs, how far it is  ◄── what is to be stopped
//! ```
//!
//! A job is leased to one attempt: whoever comes back with an older one is refused ([`HubError::Refused`]), and what it brings is
//! dropped. So every call may be made again when nobody knows whether the last one arrived.
//!
//! - [`messages`]: what is said. [`http`]: saying it to a `zo serve` elsewhere.

pub mod http;
pub mod messages;

use thiserror::Error;

use messages::{AppendLog, Appended, Claim, Claimed, Completed, Failed, Heard, Heartbeat, Join, Joined, Released};

/// What a worker says to its hub. Every call blocks; any number at the same time.
pub trait Hub: Send + Sync {
    /// Says who it is and what it can do; the same name again is the same node.
    ///
    /// # Errors
    /// See [`HubError`]; so for all of them.
    fn join(&self, join: &Join) -> Result<Joined, HubError>;

    /// Asks for jobs, and waits for some until `claim.wait_ms` is over, or `stop` says so.
    ///
    /// # Errors
    /// [`HubError::Unreachable`] too if it was stopped.
    fn claim(&self, claim: &Claim, stop: &(dyn Fn() -> bool + Sync)) -> Result<Vec<Claimed>, HubError>;

    /// Says what runs, which keeps its leases.
    ///
    /// # Errors
    /// As all of them.
    fn heartbeat(&self, heartbeat: &Heartbeat) -> Result<Heard, HubError>;

    /// Brings what came of a job.
    ///
    /// # Errors
    /// [`HubError::Refused`] if the lease is another's by now.
    fn complete(&self, completed: &Completed) -> Result<(), HubError>;

    /// Says that a job failed.
    ///
    /// # Errors
    /// As [`complete`](Self::complete).
    fn fail(&self, failed: &Failed) -> Result<(), HubError>;

    /// Gives a job back that was not carried out to its end, and of which nothing is left.
    ///
    /// # Errors
    /// As [`complete`](Self::complete).
    fn release(&self, released: &Released) -> Result<(), HubError>;

    /// Adds to the log of an attempt, and learns how much of it the hub has.
    ///
    /// # Errors
    /// As [`complete`](Self::complete).
    fn append_log(&self, piece: &AppendLog) -> Result<Appended, HubError>;

    /// Says that a node takes no more jobs and has none.
    ///
    /// # Errors
    /// As all of them.
    fn leave(&self, node: &str) -> Result<(), HubError>;
}

/// Why a hub did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum HubError {
    /// Nobody answered, or only that it cannot now: to be tried again.
    #[error("the hub cannot be reached: {0}")]
    Unreachable(String),
    /// It is not known to be the hub, so that it was told nothing.
    #[error("the hub cannot be trusted: {0}")]
    Untrusted(String),
    /// The token is not one that nodes have.
    #[error("the hub refuses the token: {0}")]
    Denied(String),
    /// The lease is another's by now, or the job is over.
    #[error("the hub refuses: {0}")]
    Refused(String),
    /// The hub does not know this node, or has removed it.
    #[error("the hub does not know this node: {0}")]
    UnknownNode(String),
    /// What was said means nothing to the hub, or its answer nothing to this program.
    #[error("the hub and this worker do not understand each other: {0}")]
    Misunderstood(String),
}

impl HubError {
    /// What can be done about it, if something can.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Untrusted(_) => Some("give the file of its certificate, or of who has signed that"),
            Self::Denied(_) => {
                Some("each node keeps to one token: `zo token create NAME --scope node` on the hub makes another")
            }
            Self::UnknownNode(_) => Some("it may have been removed there: `zo node list` on the hub"),
            Self::Misunderstood(_) => Some("are both of the same version, and is that address a `zo serve`?"),
            Self::Unreachable(_) | Self::Refused(_) => None,
        }
    }
}

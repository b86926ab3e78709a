//! Why a server gave no result.

use std::time::Duration;

use thiserror::Error;

use super::spec::SpecError;

/// Why a server gave no result. `name` is the server's.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ClientError {
    /// It cannot be a server.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// A value that it needs is not there.
    #[error("{name} needs {secret}, which is not in the vault")]
    NoSecret {
        /// Which server.
        name: String,
        /// Which variable or header.
        secret: String,
    },
    /// It could not be started or reached; it is tried again.
    #[error("{name} cannot be used: {why}")]
    NotReady {
        /// Which server.
        name: String,
        /// What happened.
        why: String,
        /// When it is tried again.
        again_in: Duration,
    },
    /// It ended in the middle of the call: what was asked for may have been done, or not.
    #[error("{name} ended in the middle of it: {why}")]
    Died {
        /// Which server.
        name: String,
        /// What happened.
        why: String,
    },
    /// It did not answer in time.
    #[error("{name} did not answer within {}", seconds(*.within))]
    TimedOut {
        /// Which server.
        name: String,
        /// How long it had.
        within: Duration,
    },
    /// The caller stopped it; the server was told.
    #[error("stopped")]
    Stopped,
    /// It answered with an error of the protocol.
    #[error("{name} refused: {message} (code {code})")]
    Refused {
        /// Which server.
        name: String,
        /// The code of JSON-RPC.
        code: i32,
        /// What it said.
        message: String,
    },
    /// It said something that is no answer.
    #[error("{name} gave an answer that cannot be used: {why}")]
    Unusable {
        /// Which server.
        name: String,
        /// What is wrong with it.
        why: String,
    },
    /// The system refused.
    #[error("cannot {what}: {reason}")]
    System {
        /// What was tried.
        what: String,
        /// What the system said.
        reason: String,
    },
}

impl ClientError {
    /// What can be done about it, if something can.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoSecret { name, .. } => Some(format!("add {name} once more with --secret")),
            Self::NotReady { again_in, .. } if !again_in.is_zero() => {
                Some(format!("it is tried again in {}", seconds(*again_in)))
            }
            Self::Died { .. } => Some("it is started again; whether it did what was asked for is not known".to_owned()),
            _ => None,
        }
    }
}

fn seconds(duration: Duration) -> String {
    format!("{} s", (duration.as_secs_f32() * 10.0).ceil() / 10.0)
}

//! Why a command was not run, or not to its end.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why a command was not run.
#[derive(Debug, Error)]
pub enum SandboxError {
    /// This machine cannot confine it as was asked for, and running it unconfined was not allowed.
    #[error("cannot confine commands on this machine: {missing}")]
    NotEnforceable {
        /// What is missing, for each level that was tried.
        missing: String,
        /// How it can be allowed.
        how: String,
    },
    /// There is no such program where the command may look.
    #[error("no program {} within the folders that are allowed", .0.display())]
    NotFound(OsString),
    /// The command has no program.
    #[error("no program was given")]
    Empty,
    /// The folder to start in cannot be used.
    #[error("cannot start in {}: {reason}", folder.display())]
    BadFolder {
        /// The folder.
        folder: PathBuf,
        /// Why not.
        reason: String,
    },
    /// A path of the policy cannot be used.
    #[error("cannot allow {}: {reason}", path.display())]
    BadPath {
        /// The path.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// The program was found and could not be executed.
    #[error("cannot execute {}: {reason}", program.display())]
    NotExecutable {
        /// The program.
        program: OsString,
        /// What the system said.
        reason: String,
    },
    /// The port at which it is to be reached cannot be had.
    #[error("cannot listen on 127.0.0.1:{port}: {reason}")]
    Port {
        /// The port.
        port: u16,
        /// What the system said.
        reason: String,
    },
    /// The supervisor ended without saying what became of the command.
    #[error("the supervisor of the command ended early: {0}")]
    Supervisor(String),
    /// The system refused.
    #[error("{what}")]
    Io {
        /// What was tried.
        what: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl SandboxError {
    /// The system refused `what`.
    pub(crate) fn io(what: impl Into<String>, source: io::Error) -> Self {
        let what = format!("cannot {}: {source}", what.into());
        Self::Io { what, source }
    }

    /// What can be done about it, if something can.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NotEnforceable { how, .. } => Some(how.clone()),
            Self::NotFound(_) => {
                Some("allow its folder to be read, or give the path of a program below /usr".to_owned())
            }
            Self::BadFolder { .. } => Some("allow the folder to be read or written".to_owned()),
            Self::NotExecutable { .. } => {
                Some("its interpreter or loader may lie in a folder that is not allowed".to_owned())
            }
            Self::Port { port, .. } if *port < 1024 => {
                Some("ports below 1024 are the system's: choose a higher one".to_owned())
            }
            Self::Port { .. } => {
                Some("another program listens there: choose another port, or none to have one picked".to_owned())
            }
            Self::Empty | Self::BadPath { .. } | Self::Supervisor(_) | Self::Io { .. } => None,
        }
    }
}

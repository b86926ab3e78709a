//! Why an act did not happen, and why a session could not be opened.

use std::fmt;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// What went wrong, as far as somebody acts differently upon it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ActErrorKind {
    /// What was given is no act, no target, no URL, no key.
    Invalid,
    /// There is no such element, tab or option.
    NotFound,
    /// There are several such elements; the message lists them.
    Ambiguous,
    /// Something else lies over the element; the message says what.
    Covered,
    /// The element cannot be acted upon.
    Disabled,
    /// The element is no longer part of the page.
    Detached,
    /// The element takes up no room, or is hidden.
    NotVisible,
    /// It is not permitted: a scheme, a host that the proxy refuses, a file.
    Refused,
    /// The page could not be loaded.
    Navigation,
    /// It took too long.
    Timeout,
    /// A script threw.
    Script,
    /// The page or the browser ended; the message says what was done about it.
    Crashed,
    /// The caller broke it off.
    Stopped,
    /// The result is larger than is returned.
    TooLarge,
    /// A file, a folder, or the connection to the browser.
    Io,
}

impl ActErrorKind {
    /// What it is called, as in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            ActErrorKind::Invalid => "invalid",
            ActErrorKind::NotFound => "not_found",
            ActErrorKind::Ambiguous => "ambiguous",
            ActErrorKind::Covered => "covered",
            ActErrorKind::Disabled => "disabled",
            ActErrorKind::Detached => "detached",
            ActErrorKind::NotVisible => "not_visible",
            ActErrorKind::Refused => "refused",
            ActErrorKind::Navigation => "navigation",
            ActErrorKind::Timeout => "timeout",
            ActErrorKind::Script => "script",
            ActErrorKind::Crashed => "crashed",
            ActErrorKind::Stopped => "stopped",
            ActErrorKind::TooLarge => "too_large",
            ActErrorKind::Io => "io",
        }
    }
}

impl fmt::Display for ActErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An act that failed. What it had done until then is done.
#[derive(Clone, Debug, PartialEq, Eq, Error, Serialize, Deserialize, JsonSchema)]
#[error("{message}")]
pub struct ActError {
    /// What went wrong.
    pub kind: ActErrorKind,
    /// What happened, where.
    pub message: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// What else happened meanwhile: dialogs, pop-ups, downloads, a browser that was started again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<crate::done::Note>,
}

impl ActError {
    pub(crate) fn new(kind: ActErrorKind, message: impl Into<String>) -> Self {
        ActError { kind, message: message.into(), hint: None, notes: Vec::new() }
    }

    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        ActError { hint: Some(hint.into()), ..self }
    }
}

/// A session that could not be opened; no process of it is left.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The program is not there, or cannot be run.
    #[error("{} cannot be run: {source}", program.display())]
    Program {
        /// The program.
        program: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A folder cannot be made or used.
    #[error("{} cannot be used: {source}", path.display())]
    Folder {
        /// The folder, or a file in it.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Another browser uses the profile.
    #[error("the profile {} is in use by process {pid} on {host}", profile.display())]
    InUse {
        /// The profile's folder.
        profile: PathBuf,
        /// The process.
        pid: u32,
        /// The machine that it runs on.
        host: String,
    },
    /// It ended before it was ready.
    #[error("{} ended with {status} before it was ready: {stderr}", program.display())]
    Ended {
        /// The program.
        program: PathBuf,
        /// How it ended.
        status: String,
        /// The end of what it said.
        stderr: String,
    },
    /// It was not ready in time.
    #[error("{} was not ready after {seconds} s: {stderr}", program.display())]
    Timeout {
        /// The program.
        program: PathBuf,
        /// How long it was given.
        seconds: u64,
        /// The end of what it said.
        stderr: String,
    },
    /// It runs, but cannot be driven.
    #[error("the browser cannot be driven: {0}")]
    Drive(String),
    /// This machine lacks what it takes: threads.
    #[error("no threads for the browser: {0}")]
    Threads(std::io::Error),
}

impl OpenError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            OpenError::Program { .. } => "install chromium or google-chrome, or name another program".to_owned(),
            OpenError::Folder { .. } => "look at its owner and its permissions".to_owned(),
            OpenError::InUse { .. } => "close that browser, or use another profile".to_owned(),
            OpenError::Ended { stderr, .. } if stderr.contains("no-sandbox") || stderr.contains("sandbox") => {
                "its sandbox cannot work here: allow user namespaces for it".to_owned()
            }
            OpenError::Ended { stderr, .. } if stderr.contains("DISPLAY") || stderr.contains("display") => {
                "there is no display here for a visible window".to_owned()
            }
            OpenError::Timeout { .. } => "this machine has too much to do: try again".to_owned(),
            OpenError::Ended { .. } | OpenError::Drive(_) | OpenError::Threads(_) => return None,
        })
    }
}

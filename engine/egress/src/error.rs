//! Why a request to the outside got nowhere.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// What went wrong, as far as somebody acts differently upon it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// What was given is no URL of http or https.
    Url,
    /// A header cannot be sent.
    Request,
    /// The policy does not permit the host or its address; nothing was sent there.
    Refused,
    /// A rule of the policy cannot do what it says.
    Policy,
    /// The name of the host cannot be resolved.
    Dns,
    /// Nobody listens there, or the network does not lead there.
    Connect,
    /// The connection cannot be made secure.
    Tls,
    /// It took too long.
    Timeout,
    /// The head of the answer is larger than is read.
    TooLarge,
    /// More redirects than are followed, or one that leads nowhere.
    Redirects,
    /// What came is not HTTP, or broke off.
    Broken,
    /// A proxy in between cannot be reached or refuses, or ours cannot listen.
    Proxy,
    /// The caller broke it off.
    Cancelled,
    /// This machine lacks what it takes: threads, certificates.
    Setup,
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ErrorKind::Url => "url",
            ErrorKind::Request => "request",
            ErrorKind::Refused => "refused",
            ErrorKind::Policy => "policy",
            ErrorKind::Dns => "dns",
            ErrorKind::Connect => "connect",
            ErrorKind::Tls => "tls",
            ErrorKind::Timeout => "timeout",
            ErrorKind::TooLarge => "too_large",
            ErrorKind::Redirects => "redirects",
            ErrorKind::Broken => "broken",
            ErrorKind::Proxy => "proxy",
            ErrorKind::Cancelled => "cancelled",
            ErrorKind::Setup => "setup",
        })
    }
}

/// A request that failed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct EgressError {
    /// What went wrong.
    pub kind: ErrorKind,
    /// What happened where; never with the user name, password or query of a URL.
    pub message: String,
    /// What to do about it; for what the policy refuses, the rule that would permit it.
    pub hint: Option<String>,
}

impl EgressError {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        EgressError { kind, message: message.into(), hint: None }
    }

    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        EgressError { hint: Some(hint.into()), ..self }
    }

    pub(crate) fn cancelled() -> Self {
        EgressError::new(ErrorKind::Cancelled, "cancelled")
    }

    /// The same, with where it happened before it.
    pub(crate) fn at(self, place: &str) -> Self {
        EgressError { message: format!("{place}: {}", self.message), ..self }
    }
}

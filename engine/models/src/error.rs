//! Why a model did not answer.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::reply::TokenUsage;

/// What went wrong, as far as somebody acts differently upon it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// The provider needs a key and there is none; nothing was sent.
    NoKey,
    /// The key was not accepted (401, 403).
    Key,
    /// The provider does not have the model.
    UnknownModel,
    /// The request is not acceptable (400, 422); the message says what is wrong with it.
    Request,
    /// The conversation is longer than the model takes.
    ContextTooLong,
    /// Too many requests or tokens, or no credit left (429, 402).
    RateLimited,
    /// The provider has too much to do (529, 503).
    Overloaded,
    /// The provider failed (other 5xx).
    Server,
    /// The name of the host cannot be resolved.
    Address,
    /// Nobody listens there, or the connection broke before an answer.
    Connect,
    /// The connection cannot be made secure.
    Tls,
    /// The proxy cannot be reached, or refuses.
    Proxy,
    /// Connecting took too long.
    ConnectTimeout,
    /// The answer did not begin in time.
    FirstByteTimeout,
    /// The answer stopped coming.
    IdleTimeout,
    /// The answer ended without saying that it is complete.
    CutOff,
    /// What came is not what the dialect says: HTML, no JSON, a redirect, a path that does not exist.
    Protocol,
    /// A filter or a policy refused.
    Refused,
    /// The answer is not JSON of the schema that was asked for.
    Schema,
    /// The caller broke it off.
    Cancelled,
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ErrorKind::NoKey => "no_key",
            ErrorKind::Key => "key",
            ErrorKind::UnknownModel => "unknown_model",
            ErrorKind::Request => "request",
            ErrorKind::ContextTooLong => "context_too_long",
            ErrorKind::RateLimited => "rate_limited",
            ErrorKind::Overloaded => "overloaded",
            ErrorKind::Server => "server",
            ErrorKind::Address => "address",
            ErrorKind::Connect => "connect",
            ErrorKind::Tls => "tls",
            ErrorKind::Proxy => "proxy",
            ErrorKind::ConnectTimeout => "connect_timeout",
            ErrorKind::FirstByteTimeout => "first_byte_timeout",
            ErrorKind::IdleTimeout => "idle_timeout",
            ErrorKind::CutOff => "cut_off",
            ErrorKind::Protocol => "protocol",
            ErrorKind::Refused => "refused",
            ErrorKind::Schema => "schema",
            ErrorKind::Cancelled => "cancelled",
        })
    }
}

/// A call that failed, after all its attempts.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct ModelError {
    /// What went wrong.
    pub kind: ErrorKind,
    /// What happened, with provider, URL and values; never with a secret.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// The HTTP status, or the one that an error within a stream names.
    pub status: Option<u16>,
    /// What was used, as far as it was reported before it broke, over all attempts.
    pub usage: Option<TokenUsage>,
    /// Whether the provider may have begun to work on it in any attempt, and so may charge for it.
    pub sent: bool,
    /// How many requests were made.
    pub attempts: u32,
}

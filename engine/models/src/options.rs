//! How patient a client is, and how it gets out.

use std::fmt;
use std::time::Duration;

use crate::provider::safe_url;

/// What holds for every call of a [`Models`](crate::Models).
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// How long each stage may take.
    pub timeouts: Timeouts,
    /// What is tried again.
    pub retries: Retries,
    /// A proxy's URL, used for every address, instead of what the system says; empty for none.
    pub proxy: Option<String>,
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A proxy's URL may have a password in it.
        let proxy = self.proxy.as_deref().map(safe_url);
        let Options { timeouts, retries, .. } = self;
        f.debug_struct("Options").field("timeouts", timeouts).field("retries", retries).field("proxy", &proxy).finish()
    }
}

/// How long each stage of a request may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Name resolution, TCP and TLS together.
    pub connect: Duration,
    /// From the request until the first event of the answer; comments that only keep the connection alive are none.
    pub first_byte: Duration,
    /// Between two pieces of the answer.
    pub idle: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Timeouts {
            connect: Duration::from_secs(10),
            first_byte: Duration::from_secs(120),
            idle: Duration::from_secs(60),
        }
    }
}

/// What is tried again, and after how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retries {
    /// Failures that end a call: with 1 nothing is tried again.
    pub most: u32,
    /// The longest wait after the first failure; doubled with each further one.
    pub base: Duration,
    /// The longest wait that is chosen here.
    pub cap: Duration,
    /// The longest wait that a provider may ask for; beyond it the call fails at once.
    pub longest_wait: Duration,
}

impl Default for Retries {
    fn default() -> Self {
        Retries {
            most: 4,
            base: Duration::from_millis(500),
            cap: Duration::from_secs(20),
            longest_wait: Duration::from_secs(60),
        }
    }
}

//! What clients of a proxy asked for and did not get, kept until somebody asks: a browser itself only says that there was no tunnel.

use std::collections::VecDeque;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::{EgressError, ErrorKind};
use crate::policy::Target;

/// How many different ones are kept; the oldest give way.
const MOST_KEPT: usize = 100;

/// A host that was asked for and not reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The host as it is on the wire: lower case, punycode, an address of IPv6 in brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// [`ErrorKind::Refused`] if the policy does not permit it, else what went wrong: `dns`, `connect`, `timeout`, `broken`.
    pub kind: ErrorKind,
    /// What happened, as a sentence with host and port.
    pub why: String,
    /// What to do about it; for what the policy refuses, the rule that would permit it.
    pub hint: Option<String>,
    /// How often just this happened.
    pub times: u64,
}

/// The refusals since they were last taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusals {
    /// The newest different ones, at most 100, ordered by when each happened first.
    pub list: Vec<Refusal>,
    /// How many different ones before these were not kept.
    pub left_out: u64,
}

impl Refusal {
    /// Whether the policy was the reason.
    pub fn is_refused(&self) -> bool {
        self.kind == ErrorKind::Refused
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)?;
        if self.times > 1 { write!(f, " ({} times)", self.times) } else { Ok(()) }
    }
}

/// The refusals while they come.
#[derive(Default)]
pub(super) struct Kept {
    list: VecDeque<Refusal>,
    left_out: u64,
}

impl Kept {
    pub(super) fn note(&mut self, target: &Target, error: &EgressError) {
        let (host, port) = (target.host.to_string(), target.port);
        let same = |kept: &&mut Refusal| kept.host == host && kept.port == port && kept.why == error.message;
        if let Some(kept) = self.list.iter_mut().find(same) {
            kept.times += 1;
            return;
        }
        if self.list.len() == MOST_KEPT {
            self.list.pop_front();
            self.left_out += 1;
        }
        let (why, hint) = (error.message.clone(), error.hint.clone());
        self.list.push_back(Refusal { host, port, kind: error.kind, why, hint, times: 1 });
    }

    pub(super) fn take(&mut self) -> Refusals {
        let taken = std::mem::take(self);
        Refusals { list: taken.list.into(), left_out: taken.left_out }
    }
}

#[cfg(test)]
mod tests;

//! What a worker and its hub say to each other, as JSON.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A node that wants to work.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Join {
    /// What it is called; the hub knows it by this.
    pub name: String,
    /// Jobs it carries out at the same time.
    pub capacity: u32,
    /// What jobs may ask for: `gpu`, `linux`, `big-disk`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// Where it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The tier of its GPU, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpu: Option<String>,
    /// Its base price, in millionths of a US dollar an hour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_micros: Option<u64>,
    /// What it still runs, if it was there before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub running: Vec<Attempt>,
}

/// A node that may work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Joined {
    /// The node's id.
    pub node: String,
    /// How often it is to be heard from, in milliseconds.
    pub heartbeat_ms: u64,
    /// How long a job is its without being heard from, in milliseconds.
    pub lease_ms: u64,
}

/// A node with room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// The node's id.
    pub node: String,
    /// How many jobs it takes at the most.
    pub most: u32,
    /// How long to wait for one, in milliseconds.
    pub wait_ms: u64,
}

/// A job that was leased to the node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Claimed {
    /// The job's id.
    pub job: String,
    /// Which attempt it is; the lease is this one's.
    pub attempt: u32,
    /// What is to be done: a [`JobSpec`](crate::JobSpec), unless the hub is newer than this program.
    pub spec: Value,
    /// How long the lease lasts without a heartbeat, in milliseconds.
    pub lease_ms: u64,
    /// How much time there is from now on, in milliseconds, if it is limited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_ms: Option<u64>,
}

/// One attempt of a job.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Attempt {
    /// The job's id.
    pub job: String,
    /// Which attempt.
    pub attempt: u32,
}

/// How far an attempt is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Running {
    /// Which one.
    #[serde(flatten)]
    pub attempt: Attempt,
    /// In percent, if it has said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percent: Option<f32>,
    /// What it is doing, if it has said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// A node that is there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Heartbeat {
    /// The node's id.
    pub node: String,
    /// What it carries out, or has and could not deliver yet.
    pub running: Vec<Running>,
    /// Whether it takes no more jobs.
    pub draining: bool,
}

/// What a hub answers to a heartbeat.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heard {
    /// Attempts that somebody cancelled.
    #[serde(default)]
    pub cancelled: Vec<Attempt>,
    /// Attempts whose lease is another's by now.
    #[serde(default)]
    pub lost: Vec<Attempt>,
    /// Whether the node is to finish what it has and take no more.
    #[serde(default)]
    pub drain: bool,
}

/// A job that went well.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Completed {
    /// The node's id.
    pub node: String,
    /// Which attempt.
    #[serde(flatten)]
    pub attempt: Attempt,
    /// What came of it.
    pub result: Value,
}

/// A job that did not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failed {
    /// The node's id.
    pub node: String,
    /// Which attempt.
    #[serde(flatten)]
    pub attempt: Attempt,
    /// Why.
    pub reason: String,
    /// Whether trying again may help.
    pub retriable: bool,
    /// Whether the node could not even begin it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub not_begun: bool,
}

/// A job that is given back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Released {
    /// The node's id.
    pub node: String,
    /// Which attempt.
    #[serde(flatten)]
    pub attempt: Attempt,
    /// Why.
    pub reason: String,
}

/// A piece of the log of an attempt: what it printed, stdout and stderr as they came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppendLog {
    /// The node's id.
    pub node: String,
    /// Which attempt.
    #[serde(flatten)]
    pub attempt: Attempt,
    /// How many bytes come before it. A hub that has more leaves out what it has; one that has less says so.
    pub offset: u64,
    /// The piece; what was no UTF-8 is replaced.
    pub text: String,
}

/// How much of a log the hub has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Appended {
    /// Where to go on, in bytes from the beginning.
    pub next: u64,
}

//! Jobs, and the nodes that carry them out.

use bincode::{Decode, Encode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zo_projections::event::job::{Backoff, Effect, JobKind, Requirements};
use zo_projections::views::jobs::Counts;
use zo_projections::views::nodes::NodeState;
use zo_projections::{Position, Timestamp};

use super::json;

/// The queue of jobs that name none.
pub const USUAL_QUEUE: &str = "default";
/// How often a job is tried if nobody says how often.
pub const USUAL_ATTEMPTS: u16 = 3;
/// The name of the node that the process is which has the home.
pub const LOCAL_NODE: &str = "local";

/// A job to be submitted.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JobInput {
    /// Its id, chosen by who submits: submitting it again changes nothing.
    #[serde(with = "json::id", default = "json::fresh_id")]
    #[schemars(with = "Option<json::Ulid>", !default)]
    pub id: u128,
    /// A name for people.
    #[serde(default)]
    pub name: Option<String>,
    /// What it does, as JSON: `{"kind": "command", "argv": ["make", "test"]}`.
    #[serde(with = "json::whole_text")]
    #[schemars(with = "zo_worker::spec::JobSpec")]
    pub spec: String,
    /// When, how often, in which order and by whom.
    #[serde(default)]
    pub options: JobOptions,
}

/// When a job is done, how often it is tried, in which order, and by whom.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct JobOptions {
    /// The queue it stands in; [`USUAL_QUEUE`] if not said.
    pub queue: Option<String>,
    /// Higher goes first; 0 is usual.
    pub priority: i16,
    /// So many milliseconds from now.
    pub delay_ms: Option<u64>,
    /// Not before.
    pub not_before: Option<Timestamp>,
    /// Not to be begun afterwards.
    pub deadline: Option<Timestamp>,
    /// One open job of a key at a time: while there is one, submitting another changes nothing.
    pub unique: Option<String>,
    /// Jobs that must be done first: ids, or the names of jobs of the same request.
    pub after: Vec<String>,
    /// How often it is tried at the most; [`USUAL_ATTEMPTS`] if not said.
    pub attempts: Option<u16>,
    /// How long is waited before it is tried again.
    pub backoff: Option<Backoff>,
    /// How long an attempt may take, in milliseconds.
    pub timeout_ms: Option<u64>,
    /// Whether it must not be done again after its node was lost.
    pub once: bool,
    /// What a node must have to run it.
    pub requires: Requirements,
}

/// A job in a list.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
pub struct JobLine {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: Option<String>,
    /// What it does.
    pub kind: JobKind,
    /// What it does, in one line.
    pub what: String,
    /// `blocked`, `waiting`, `ready`, `running`, `interrupted`, `dead`, `done` or `cancelled`.
    pub state: String,
    /// The queue.
    pub queue: String,
    /// Its priority.
    pub priority: i16,
    /// Attempts that were begun.
    pub attempt: u32,
    /// How often it is tried at the most.
    pub max_attempts: u16,
    /// Whether it is to be stopped.
    pub cancelling: bool,
    /// The node that has it.
    pub node: Option<String>,
    /// Why nobody begins it although it is ready: what no node has, or what holds its queue back.
    pub waits_for: Option<String>,
    /// When it is tried next, or its lease is over.
    pub due: Option<Timestamp>,
    /// How far it is, in percent, if it says so.
    pub percent: Option<f32>,
    /// What it is doing, if it says so.
    pub doing: Option<String>,
    /// When it was submitted.
    pub submitted_at: Timestamp,
    /// When its state last changed, as far as that is in the log.
    pub changed_at: Timestamp,
    /// The batch it belongs to.
    pub batch: Option<String>,
    /// The schedule it was submitted for.
    pub schedule: Option<String>,
}

/// Everything about a job.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
pub struct JobDetail {
    /// As in a list.
    pub job: JobLine,
    /// What it does, as JSON.
    #[serde(with = "json::whole_text")]
    #[schemars(with = "serde_json::Value")]
    pub spec: String,
    /// Whether it may be done again after its node was lost.
    pub effect: Effect,
    /// What a node must have.
    pub requires: Requirements,
    /// Not before.
    pub not_before: Option<Timestamp>,
    /// Not to be begun afterwards.
    pub deadline: Option<Timestamp>,
    /// Jobs that it still waits for.
    pub after: Vec<String>,
    /// What it brought, as JSON, once it is done.
    #[serde(with = "json::text")]
    #[schemars(with = "Option<serde_json::Value>")]
    pub result: Option<String>,
    /// Its attempts, oldest first.
    pub attempts: Vec<AttemptLine>,
}

/// An attempt of a job.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
pub struct AttemptLine {
    /// Its number, from 1.
    pub attempt: u32,
    /// The node.
    pub node: String,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// `running`, `done`, `failed`, `lost`, `released` or `cancelled`.
    pub outcome: String,
    /// Why it came to nothing.
    pub reason: Option<String>,
    /// The agent's run, if it was one.
    pub run: Option<String>,
    /// Bytes of its log that are kept.
    pub log_bytes: u64,
}

/// A queue.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
pub struct QueueLine {
    /// Its name.
    pub name: String,
    /// How many of its jobs may run at a time.
    pub limit: Option<u32>,
    /// Whether none is begun.
    pub paused: bool,
    /// How many are running.
    pub running: u32,
    /// How many are to be done.
    pub pending: u64,
}

/// Something about jobs that are watched.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum JobArrival {
    /// The state of a job: sent once for each at the beginning, and when it changes.
    State(Box<JobLine>),
    /// It printed something.
    Log {
        /// The job.
        job: String,
        /// The attempt.
        attempt: u32,
        /// What it printed.
        text: String,
    },
    /// It ended, or waits for a person: nothing more is sent of it.
    Ended {
        /// As in a list.
        job: Box<JobLine>,
        /// What it brought, as JSON.
        #[serde(with = "json::text")]
        #[schemars(with = "Option<serde_json::Value>")]
        result: Option<String>,
        /// Why it came to nothing.
        reason: Option<String>,
    },
}

/// A node in a list.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
pub struct NodeLine {
    /// Its name.
    pub name: String,
    /// Its id.
    pub id: String,
    /// Where it stands.
    pub state: NodeState,
    /// Whether it is the process that has the home.
    pub local: bool,
    /// How many jobs it runs at a time.
    pub capacity: u32,
    /// Jobs it has.
    pub running: Vec<String>,
    /// What it has.
    pub labels: Vec<String>,
    /// Where it is.
    pub region: Option<String>,
    /// Its tier of GPU.
    pub gpu: Option<String>,
    /// What an hour of it costs before multipliers, in millionths of a US dollar.
    pub price_micros: u64,
    /// What an hour of it costs.
    pub effective_price_micros: u64,
    /// Its decayed rate of success, 0 to 1.
    pub reputation: f32,
    /// Jobs it has done.
    pub completed: u64,
    /// Attempts of its that came to nothing.
    pub failed: u64,
    /// Attempts of its that were lost.
    pub lost: u64,
    /// When it was last heard from.
    pub heard_at: Timestamp,
}

/// A node that wants to work.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NodeInput {
    /// What it is called; the same name again is the same node.
    pub name: String,
    /// How many jobs it runs at a time.
    pub capacity: u32,
    /// What jobs may ask for.
    #[serde(default)]
    pub labels: Vec<String>,
    /// Where it is.
    #[serde(default)]
    pub region: Option<String>,
    /// Its tier of GPU.
    #[serde(default)]
    pub gpu: Option<String>,
    /// What an hour of it costs before multipliers, in millionths of a US dollar.
    #[serde(default)]
    pub price_micros: Option<u64>,
    /// What it still runs.
    #[serde(default)]
    pub running: Vec<AttemptRef>,
}

/// A node that may work.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
pub struct NodeJoined {
    /// The node's id.
    pub node: String,
    /// How often it is to be heard from, in milliseconds.
    pub heartbeat_ms: u64,
    /// How long a job is its without being heard from, in milliseconds.
    pub lease_ms: u64,
}

/// An attempt of a job.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode, Serialize, Deserialize, JsonSchema)]
pub struct AttemptRef {
    /// The job's id.
    pub job: String,
    /// Which attempt: the fencing token.
    pub attempt: u32,
}

/// A job that a node was given.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
pub struct ClaimedJob {
    /// The job's id.
    pub job: String,
    /// Which attempt.
    pub attempt: u32,
    /// What is to be done, as JSON.
    #[serde(with = "json::whole_text")]
    #[schemars(with = "serde_json::Value")]
    pub spec: String,
    /// How long it is the node's without being heard from, in milliseconds.
    pub lease_ms: u64,
    /// How much time there is, in milliseconds, if that is limited.
    pub deadline_ms: Option<u64>,
}

/// How far an attempt is.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
pub struct RunningAttempt {
    /// The job's id.
    pub job: String,
    /// Which attempt.
    pub attempt: u32,
    /// In percent, if it says so.
    #[serde(default)]
    pub percent: Option<f32>,
    /// What it is doing, if it says so.
    #[serde(default)]
    pub message: Option<String>,
}

/// What a node is told that was heard from.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
pub struct NodeHeard {
    /// Attempts that are to be stopped.
    pub cancelled: Vec<AttemptRef>,
    /// Attempts that are not the node's any more.
    pub lost: Vec<AttemptRef>,
    /// Whether it is to finish what it has and take no more.
    pub drain: bool,
}

/// How many jobs there are in which state, and the queues.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
pub struct QueuesAnswer {
    /// Over all queues.
    pub counts: Counts,
    /// By name.
    pub queues: Vec<QueueLine>,
}

/// What an attempt printed.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
pub struct JobLog {
    /// The attempt.
    pub attempt: u32,
    /// The text, as far as it was kept.
    pub text: String,
    /// Bytes left out in the middle.
    pub left_out: u64,
    /// The position of the event that has it; none while it runs.
    pub position: Option<Position>,
}

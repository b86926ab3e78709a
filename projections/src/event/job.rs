//! Jobs: work that is to be done once, by whichever node can.
//!
//! ```text
//!               ┌──────────── failed, to be tried again ◄───────────┐
//! submitted ─► (blocked ─► waiting ─►) ready ─► claimed ─► completed │
//!                 │                      ▲         ├─► failed ───────┴─► dead ─► retried ─► ready
//!                 └─► cancelled          │         ├─► lease lost ─► ready | interrupted | dead
//!                                        └─────────┴─► released
//! ```
//!
//! Every claim begins an *attempt* with a number of its own. What a node says of an attempt that is not the current one is
//! refused: the number is the fencing token.

use bincode::{Decode, Encode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use super::run::agent::Effect;
use super::{EventError, Payload, decode_exactly};
use crate::ids::{Digest, JobId, NodeId, ScheduleId};
use crate::time::Timestamp;

/// What a job does.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Encode,
    Decode,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum JobKind {
    /// Runs a command.
    #[default]
    Command = 0,
    /// Runs a skill.
    Skill = 1,
    /// Gives an agent a task. Only the home's own node can.
    Agent = 2,
    /// Calls a URL.
    Http = 3,
    /// Remembers something. Only the home's own node can.
    Memorize = 4,
}

impl JobKind {
    /// Every kind, in the order of its number.
    pub const ALL: [Self; 5] = [Self::Command, Self::Skill, Self::Agent, Self::Http, Self::Memorize];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::Skill => "skill",
            Self::Agent => "agent",
            Self::Http => "http",
            Self::Memorize => "memorize",
        }
    }

    /// Whether it needs the log, and so the node that has it.
    pub fn is_local(self) -> bool {
        matches!(self, Self::Agent | Self::Memorize)
    }
}

/// How long is waited before a job that failed is tried again: twice as long each time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode, Serialize, Deserialize, JsonSchema)]
pub struct Backoff {
    /// After the first failure, in milliseconds.
    pub first_ms: u32,
    /// At the most, in milliseconds.
    pub longest_ms: u32,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { first_ms: 1000, longest_ms: 3_600_000 }
    }
}

impl Backoff {
    /// How long to wait after the failure of attempt `attempt` (from 1), in milliseconds. `jitter` (any number) takes up
    /// to a quarter off it, so that what failed together is not tried again together.
    pub fn delay_ms(self, attempt: u32, jitter: u32) -> i64 {
        let doubled = u64::from(self.first_ms).checked_shl(attempt.saturating_sub(1).min(32)).unwrap_or(u64::MAX);
        let delay = doubled.min(self.longest_ms.into());
        let off = (delay / 4).saturating_mul(u64::from(jitter)) / u64::from(u32::MAX);
        (delay - off).cast_signed()
    }
}

/// What a node must have to run a job.
#[derive(
    Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, Serialize, Deserialize, JsonSchema,
)]
pub struct Requirements {
    /// Labels that it has, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// Where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Its tier of GPU.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpu: Option<String>,
    /// What an hour of it may cost at the most, multipliers included, in millionths of a US dollar.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_price_micros: Option<u64>,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
}

/// The occurrence of a schedule that a job was submitted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize)]
pub struct Occasion {
    /// The schedule.
    pub schedule: ScheduleId,
    /// When it was due.
    pub due: Timestamp,
}

/// A job was submitted. The body is a [`JobBody`].
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize)]
pub struct Submitted {
    /// What it does.
    pub kind: JobKind,
    /// Whether it may be done again after its node was lost.
    pub effect: Effect,
    /// The queue it stands in.
    pub queue: String,
    /// Higher goes first; 0 is usual.
    pub priority: i16,
    /// Not to be begun before.
    pub not_before: Option<Timestamp>,
    /// Not to be begun afterwards.
    pub deadline: Option<Timestamp>,
    /// Keyed digest of its unique key: one open job of a key at a time.
    pub unique: Option<Digest>,
    /// Jobs that must be completed first.
    pub after: Vec<JobId>,
    /// How often it is tried at the most.
    pub max_attempts: u16,
    /// How long is waited between two of them.
    pub backoff: Backoff,
    /// How long an attempt may take, in milliseconds; none: as long as its kind allows.
    pub timeout_ms: Option<u64>,
    /// Who can run it.
    pub requires: Requirements,
    /// The batch it came with: the first job of it.
    pub batch: Option<JobId>,
    /// The occurrence it was submitted for.
    pub occasion: Option<Occasion>,
}

impl Default for Submitted {
    fn default() -> Self {
        Self {
            kind: JobKind::Command,
            effect: Effect::Idempotent,
            queue: "default".to_owned(),
            priority: 0,
            not_before: None,
            deadline: None,
            unique: None,
            after: Vec::new(),
            max_attempts: 3,
            backoff: Backoff::default(),
            timeout_ms: None,
            requires: Requirements::default(),
            batch: None,
            occasion: None,
        }
    }
}

impl Payload for Submitted {
    const KIND: u16 = 0x0501;
    const NAME: &'static str = "job.submitted";
}

/// What a job is to do, sealed.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode, Serialize)]
pub struct JobBody {
    /// What to do, as JSON.
    pub spec: String,
    /// A name for people.
    pub name: Option<String>,
    /// Its unique key, as it was given.
    pub unique: Option<String>,
}

/// A node took a job. The attempt that begins is its right to say what becomes of it.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize)]
pub struct Claimed {
    /// The node.
    pub node: NodeId,
    /// The attempt, from 1.
    pub attempt: u32,
    /// Until when it is the node's, unless the node is heard from; none: as long as the process that has the home lives.
    pub until: Option<Timestamp>,
}

impl Payload for Claimed {
    const KIND: u16 = 0x0502;
    const NAME: &'static str = "job.claimed";
}

/// A job is done. The body, if there is one, is an [`EndBody`].
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize)]
pub struct Completed {
    /// The node that did it.
    pub node: NodeId,
    /// The attempt.
    pub attempt: u32,
}

impl Payload for Completed {
    const KIND: u16 = 0x0503;
    const NAME: &'static str = "job.completed";
}

/// An attempt came to nothing. The body is an [`EndBody`].
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize)]
pub struct Failed {
    /// The node that tried.
    pub node: NodeId,
    /// The attempt.
    pub attempt: u32,
    /// When it is tried again; none: no more, the job is a dead letter.
    pub retry_at: Option<Timestamp>,
    /// Whether the node could not even begin it: that says something about the node, and nothing about the job.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub not_begun: bool,
}

impl Payload for Failed {
    const KIND: u16 = 0x0504;
    const NAME: &'static str = "job.failed";
    const SCHEMA: u8 = 2;

    /// Schema 1 did not say whose fault it was.
    fn upcast(schema: u8, bytes: &[u8]) -> Result<Self, EventError> {
        let FailedSomehow { node, attempt, retry_at } = decode_exactly(Self::NAME, schema, bytes)?;
        Ok(Self { node, attempt, retry_at, not_begun: false })
    }
}

/// [`Failed`] of schema 1.
#[derive(Decode)]
struct FailedSomehow {
    node: NodeId,
    attempt: u32,
    retry_at: Option<Timestamp>,
}

/// What an attempt came to, sealed.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode, Serialize)]
pub struct EndBody {
    /// What it brought, as JSON.
    pub result: Option<String>,
    /// Why it came to nothing.
    pub reason: Option<String>,
    /// What it printed, as far as it was kept.
    pub log: String,
    /// How many bytes of it were left out in the middle.
    pub log_left_out: u64,
}

/// What becomes of a job whose node was lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, Serialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum AfterLoss {
    /// It is ready again.
    #[default]
    Ready = 0,
    /// It may be done only once, and perhaps was: a person decides.
    Interrupted = 1,
    /// It was tried as often as it may be.
    Dead = 2,
}

/// The lease of an attempt was over, or its node went away. The body, if there is one, is an [`EndBody`] with what was
/// kept of its log.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize)]
pub struct LeaseLost {
    /// The node that had it.
    pub node: NodeId,
    /// The attempt.
    pub attempt: u32,
    /// What becomes of the job.
    pub then: AfterLoss,
}

impl Payload for LeaseLost {
    const KIND: u16 = 0x0505;
    const NAME: &'static str = "job.lease_lost";
}

/// A node gave a job back that it had not done. It does not count as an attempt.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize)]
pub struct Released {
    /// The node.
    pub node: NodeId,
    /// The attempt.
    pub attempt: u32,
}

impl Payload for Released {
    const KIND: u16 = 0x0506;
    const NAME: &'static str = "job.released";
}

/// Somebody wants a job that is running to be stopped.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize)]
pub struct CancelRequested {}

impl Payload for CancelRequested {
    const KIND: u16 = 0x0507;
    const NAME: &'static str = "job.cancel_requested";
}

/// A job will not be done. The body, if there is one, is an [`EndBody`].
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize)]
pub struct Cancelled {}

impl Payload for Cancelled {
    const KIND: u16 = 0x0508;
    const NAME: &'static str = "job.cancelled";
}

/// A job that was dead or interrupted is to be tried again, as often as at first.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize)]
pub struct Retried {}

impl Payload for Retried {
    const KIND: u16 = 0x0509;
    const NAME: &'static str = "job.retried";
}

/// The deadline of a job passed before it was begun: it is a dead letter.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize)]
pub struct Expired {}

impl Payload for Expired {
    const KIND: u16 = 0x050A;
    const NAME: &'static str = "job.expired";
}

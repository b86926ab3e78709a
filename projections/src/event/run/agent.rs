//! What agents do: replies that ask for tools, the calls of these, and who permits them.
//!
//! ```text
//! called ─► replied ─┬─► [permission asked ─► answered] ─► tool called ─► tool returned ─┐   each call for itself
//!    ▲               └─► …                                                               │
//!    └───────────────────────────────────── when every call has returned ───────────────┘
//! ```
//!
//! The last reply asks for no tool: it is the answer, and [`Finished`](super::Finished) ends the run.

use std::fmt;

use bincode::{Decode, Encode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::conversation::ToolCall;
use super::super::skill::Origin;
use super::super::{EventError, Payload, decode_exactly};
use super::{Account, RequestBody, Usage};
use crate::ids::{Digest, Position, RunId};
use crate::time::Timestamp;

/// An agent: what of it is in clear.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode, Serialize)]
pub struct Agent {
    /// The call of another agent that started it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<Caller>,
    /// How many levels of agents it may start below itself.
    pub depth: u32,
    /// What it may use.
    pub budget: Budget,
}

/// A tool call of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, Serialize)]
pub struct CallId {
    /// Which reply of the run asks for it, from 0.
    pub step: u32,
    /// Which call of that reply it is, from 0.
    pub call: u32,
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.step, self.call)
    }
}

/// The call that started an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize)]
pub struct Caller {
    /// The run that called.
    pub run: RunId,
    /// Its call.
    pub call: CallId,
    /// Which of the agents that the call starts it is, from 0.
    pub index: u32,
}

/// What an agent may use. Looked at before each call of a model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, Serialize)]
pub struct Budget {
    /// How many replies it may get.
    pub steps: u32,
    /// How many tokens, sent and received; none: as many as it takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
    /// Millionths of a US dollar, its agents' included; none: as many as it takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_micros: Option<u64>,
    /// When it must be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Timestamp>,
}

/// How an agent is to answer: sealed with the start of its run.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode, Serialize)]
pub struct AgentBody {
    /// What any run has.
    pub request: RequestBody,
    /// What the agent is.
    pub options: AgentOptions,
}

/// What an agent is, and what it may do.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode, Serialize)]
pub struct AgentOptions {
    /// What it is called.
    pub name: Option<String>,
    /// The folder that it works in, absolute; without one it has no tools for files and commands.
    pub workspace: Option<String>,
    /// The tools that it is offered, by name; none: all there are.
    pub tools: Option<Vec<String>>,
    /// Permission rules beside those of the home, as text.
    pub rules: Vec<String>,
    /// Where skills are looked for, nearest first: folders, and whose they are.
    pub skills: Vec<(String, Origin)>,
    /// How many agents it runs at the same time.
    pub concurrency: u32,
    /// What becomes of a call that needs consent.
    pub consent: Consent,
    /// What the model `scripted` says: JSON, as text.
    pub script: Option<String>,
}

/// What becomes of a call that no rule allows or denies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, Serialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Consent {
    /// It is refused.
    #[default]
    Deny = 0,
    /// Somebody at a terminal of this home is asked, and waited for.
    Ask = 1,
}

/// What doing a thing twice does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Effect {
    /// It changes nothing: it is done again after a crash.
    #[default]
    Pure = 0,
    /// Twice is as good as once: it is done again after a crash.
    Idempotent = 1,
    /// It is never done twice: after a crash it counts as interrupted.
    Once = 2,
}

/// A call that a reply asks for: what of it is in clear.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize)]
pub struct Intent {
    /// The tool.
    pub tool: String,
    /// What doing it twice would do.
    pub effect: Effect,
    /// Keyed digest of tool and arguments: equal calls have equal digests.
    pub digest: Digest,
}

/// A model replied, and asks for tools. The body is a [`ReplyBody`].
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize)]
pub struct Replied {
    /// The model.
    pub model: String,
    /// What it cost.
    pub usage: Usage,
    /// More about that.
    pub account: Account,
    /// The calls it asks for, in its order; never none.
    pub calls: Vec<Intent>,
}

impl Payload for Replied {
    const KIND: u16 = 0x0407;
    const NAME: &'static str = "run.replied";
}

/// What a reply says, sealed.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode, Serialize)]
pub struct ReplyBody {
    /// The text beside the calls.
    pub text: String,
    /// The calls as the model wrote them, in the order of [`Replied::calls`].
    pub tool_calls: Vec<ToolCall>,
}

/// A tool is about to be called. Appended before anything is done: a call without a return was cut off, and may have
/// done what it was to do.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize)]
pub struct ToolCalled {
    /// Which call.
    #[serde(flatten)]
    pub id: CallId,
}

impl Payload for ToolCalled {
    const KIND: u16 = 0x0408;
    const NAME: &'static str = "run.tool_called";
}

/// What a tool call came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum ToolStatus {
    /// It did what it was to do.
    Done = 0,
    /// It could not.
    Failed = 1,
    /// It was not permitted, and not done.
    Refused = 2,
    /// There is no such tool, or its arguments are none that it takes; nothing was done.
    Invalid = 3,
    /// The process ended while it was under way: it may have been done, and is not done again.
    Interrupted = 4,
    /// Its run was stopped before it was done.
    Cancelled = 5,
}

/// Whom a text is from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Trust {
    /// The user, or zo itself.
    #[default]
    Trusted = 0,
    /// The web, a file, a program: anybody may have written it.
    Untrusted = 1,
}

/// A tool call ended. The body is a [`ResultBody`].
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize)]
pub struct ToolReturned {
    /// Which call.
    #[serde(flatten)]
    pub id: CallId,
    /// What it came to.
    pub status: ToolStatus,
    /// Whom the output is from.
    pub trust: Trust,
    /// Length of the output, in bytes.
    pub bytes: u64,
    /// Keyed digest of the output.
    pub digest: Digest,
    /// Pictures that are shown with the output to models that see: where they are kept in the log.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pictures: Vec<Position>,
}

impl Payload for ToolReturned {
    const KIND: u16 = 0x0409;
    const NAME: &'static str = "run.tool_returned";
    const SCHEMA: u8 = 2;

    /// Schema 1 knew no pictures.
    fn upcast(schema: u8, bytes: &[u8]) -> Result<Self, EventError> {
        let before: ReturnedWithoutPictures = decode_exactly(Self::NAME, schema, bytes)?;
        let ReturnedWithoutPictures { id, status, trust, bytes, digest } = before;
        Ok(Self { id, status, trust, bytes, digest, pictures: Vec::new() })
    }
}

/// [`ToolReturned`] of schema 1.
#[derive(Decode)]
struct ReturnedWithoutPictures {
    id: CallId,
    status: ToolStatus,
    trust: Trust,
    bytes: u64,
    digest: Digest,
}

/// What a tool gave, sealed.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode, Serialize)]
pub struct ResultBody {
    /// All of it; what models are told of a long one is cut in the middle.
    pub output: String,
}

/// A call waits for somebody to permit it. The body is a [`PermissionBody`].
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize)]
pub struct PermissionAsked {
    /// Which call.
    #[serde(flatten)]
    pub id: CallId,
}

impl Payload for PermissionAsked {
    const KIND: u16 = 0x040A;
    const NAME: &'static str = "run.permission_asked";
}

/// What is to be permitted, sealed.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode, Serialize)]
pub struct PermissionBody {
    /// What would be done, for people.
    pub what: String,
    /// Why it is asked.
    pub why: String,
    /// The rule that would allow it for ever; none if no rule may.
    pub rule: Option<String>,
}

/// What somebody says to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Verdict {
    /// It may be done.
    Allowed = 0,
    /// It may not.
    Denied = 1,
}

/// Somebody said whether a call may be done.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize)]
pub struct PermissionAnswered {
    /// Which call.
    #[serde(flatten)]
    pub id: CallId,
    /// Whether it may.
    pub verdict: Verdict,
}

impl Payload for PermissionAnswered {
    const KIND: u16 = 0x040B;
    const NAME: &'static str = "run.permission_answered";
}

/// Somebody wants a run to stop. It ends as soon as whoever carries it on sees this.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize)]
pub struct CancelRequested {}

impl Payload for CancelRequested {
    const KIND: u16 = 0x040C;
    const NAME: &'static str = "run.cancel_requested";
}

/// A run was given a skill, in this version.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize)]
pub struct SkillUsed {
    /// Its name.
    pub name: String,
    /// The version.
    pub version: Digest,
    /// The event that says where that version was met.
    pub seen: Position,
}

impl Payload for SkillUsed {
    const KIND: u16 = 0x040D;
    const NAME: &'static str = "run.skill_used";
}

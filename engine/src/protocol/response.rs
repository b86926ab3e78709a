//! What comes back: acknowledgements, failures, and the frame of everything else.

use bincode::{Decode, Encode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zo_projections::Position;

use super::answer::{Answer, BackedUp, Embedded, EventLine, Rebuilt, Stats, Step, Verification};
use super::asking::{AnswerBegun, Answered, Arrival};
use super::browsing::Browsed;
use super::jobs::{ClaimedJob, JobArrival, NodeHeard, NodeJoined};
use super::json;
use super::mcp::McpTested;
use super::models::{ChatModelLine, TestStep};
use super::services::{ShareLine, TokenMade};

/// One response.
#[derive(Clone, Debug, Encode, Decode, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Response {
    /// For each item of a command, in order: where it is in the log, durably, or why it is not.
    Acknowledged(
        #[serde(with = "json::items")]
        #[schemars(with = "Vec<json::Item>")]
        Vec<Result<Acknowledged, Failure>>,
    ),
    /// The question is in the log, and is being answered.
    Begun(Box<AnswerBegun>),
    /// Something of the answer has arrived.
    Arrived(Arrival),
    /// The models a provider has.
    ChatModels(Vec<ChatModelLine>),
    /// A step of a test has ended.
    Tested(TestStep),
    /// The answer to a question put to a model or responder.
    Answered(Box<Answered>),
    /// The answer to a query.
    Answer(Box<Answer>),
    /// An event.
    Event(Box<EventLine>),
    /// An event and what it changed.
    Step(Box<Step>),
    /// How far a long request is.
    Progress {
        /// What is being done: `verifying segments`.
        what: String,
        /// Units done.
        done: u64,
        /// Units in all.
        total: u64,
    },
    /// Digests of all views as of a position.
    Digests {
        /// The position.
        position: Position,
        /// `(projection, blake3 in hex)`.
        digests: Vec<(String, String)>,
    },
    /// Counts over the log.
    Stats(Box<Stats>),
    /// What a verification found.
    Verification(Box<Verification>),
    /// What a rebuild came to.
    Rebuilt(Box<Rebuilt>),
    /// What a backup copied.
    BackedUp(BackedUp),
    /// How far embedding has come.
    Embedded(Embedded),
    /// Something about jobs that are watched.
    JobArrived(JobArrival),
    /// A node may work.
    NodeJoined(NodeJoined),
    /// Jobs that a node was given; none if there were none for it.
    JobsClaimed(Vec<ClaimedJob>),
    /// What a node is told that was heard from.
    NodeHeard(NodeHeard),
    /// How much of a log is there: bytes from its beginning.
    LogAppended {
        /// Where to go on.
        next: u64,
    },
    /// A token was made.
    TokenMade(Box<TokenMade>),
    /// A link was made.
    Shared(Box<ShareLine>),
    /// A piece of a file.
    FileBytes(
        #[serde(with = "json::bytes")]
        #[schemars(with = "json::Base64")]
        Vec<u8>,
    ),
    /// Lines that a service printed.
    ServiceLog {
        /// The lines, each with its time in front.
        lines: Vec<String>,
    },
    /// What came of something done in a browser session.
    Browsed(Box<Browsed>),
    /// What a server whose tools agents may call offers.
    McpTested(Box<McpTested>),
    /// The request failed; nothing follows.
    Failed(Failure),
    /// The request is done; nothing follows.
    Done,
}

/// Something is in the log, durably.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
pub struct Acknowledged {
    /// The thing's id as the user knows it: the name it was given, or its ULID.
    pub id: String,
    /// The event that made it so.
    pub position: Position,
    /// Whether anything was recorded for it.
    #[serde(skip)]
    pub outcome: Outcome,
}

/// What a command changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Something new came into being.
    New,
    /// Something that was there was changed.
    Revised,
    /// Nothing: everything was as asked for already.
    #[default]
    Unchanged,
}

/// Why a request was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize, JsonSchema, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// What sort of failure.
    pub kind: FailureKind,
    /// What happened, with the values.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

/// Sorts of failure: programs branch on these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// There is no such thing.
    NotFound,
    /// It is not at the version that was expected.
    Conflict,
    /// It is not in a state for that.
    Refused,
    /// What was given cannot be taken.
    Invalid,
    /// The disk is full; nothing acknowledged is lost.
    DiskFull,
    /// The log could not be written; the process must be started anew.
    Poisoned,
    /// Something stored is damaged.
    Damaged,
    /// Something stored was written by a newer version.
    Newer,
    /// The connection to the holder broke.
    Disconnected,
    /// The world failed otherwise.
    Io,
    /// A model could not be reached, or failed.
    Model,
    /// A key is missing, or is not taken.
    Key,
    /// The vault needs a passphrase, or another one: ask for it, and put the request again with it.
    Locked,
    /// Who asks may not.
    Forbidden,
}

impl Failure {
    /// A failure without a hint.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None }
    }

    /// The same with what to do about it.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Whether the domain said no, and not the world.
    pub fn is_refusal(&self) -> bool {
        use FailureKind::{Conflict, Invalid, Key, Locked, NotFound, Refused};
        matches!(self.kind, NotFound | Conflict | Refused | Invalid | Key | Locked)
    }
}

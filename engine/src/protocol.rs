//! What can be asked of whoever holds the store, and the answers: the same for the holder itself and for a guest that
//! talks to it over the home's socket.
//!
//! A request is answered by a stream of responses, of which the last is [`Response::Done`] or
//! [`Response::Failed`]. Texts come in clear and names unresolved: digests, ids and sealing are the holder's business.
//! Over the socket a frame is a little-endian `u32` length and the bincode of the value; JSON travels as text.

use bincode::{Decode, Encode};
use serde::Serialize;
use zo_projections::event::conversation::{Role, ToolCall};
use zo_projections::event::run::Usage;
use zo_projections::views::Figures;
use zo_projections::{Actor, Position, Timestamp};

/// Number of this protocol; both ends must have the same.
pub const VERSION: u32 = 1;
/// The longest frame, in bytes.
pub const MAX_FRAME_BYTES: usize = 96 * 1024 * 1024;
/// The most items that one request or one page of an answer may have.
pub const MAX_PAGE: usize = 1024;

/// A moment of the log that a reading request looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum At {
    /// After this position, which must exist.
    Position(Position),
    /// After the last event recorded at or before this time.
    Time(Timestamp),
}

/// One request.
#[derive(Clone, Debug, Encode, Decode)]
pub enum Request {
    /// Keep contents. Answered with one [`Response::Acknowledged`] for all items, in their order.
    Memorize {
        /// Who asks.
        actor: Actor,
        /// At most [`MAX_PAGE`] items.
        items: Vec<NewMemory>,
    },
    /// Replace the content of a memory. Answered with [`Response::Acknowledged`].
    Supersede {
        /// Id of the memory.
        memory: String,
        /// The new content.
        content: String,
        /// A JSON object, as text; the meta stays as it was if there is none.
        meta: Option<String>,
        /// Only if the memory's stream is at this version.
        expected: Option<u32>,
    },
    /// Mark a memory as wrong. Answered with [`Response::Acknowledged`].
    Retract {
        /// Id of the memory.
        memory: String,
        /// Why.
        reason: Option<String>,
        /// Only if the memory's stream is at this version.
        expected: Option<u32>,
    },
    /// Hide a memory. Answered with [`Response::Acknowledged`].
    Forget {
        /// Id of the memory.
        memory: String,
    },
    /// Give a key a value. Answered with [`Response::Acknowledged`].
    SetKey {
        /// The key.
        key: String,
        /// The value.
        value: String,
        /// Only if the key's stream is at this version; 0: only if it was never set.
        expected: Option<u32>,
        /// Key under which a repetition gets the first result.
        idempotency: u128,
    },
    /// Remove a key. Answered with [`Response::Acknowledged`].
    DeleteKey {
        /// The key.
        key: String,
        /// Key under which a repetition gets the first result.
        idempotency: u128,
    },
    /// Add messages to a conversation. Answered with one [`Response::Acknowledged`] for all, in their order.
    AddMessages {
        /// Who asks.
        actor: Actor,
        /// The conversation.
        conversation: ConversationChoice,
        /// At most [`MAX_PAGE`] messages.
        messages: Vec<MessageInput>,
    },
    /// Select the branch that ends with a message. Answered with [`Response::Acknowledged`].
    SelectBranch {
        /// Name or id of the conversation.
        conversation: String,
        /// Id of the message.
        message: String,
    },
    /// Rename a conversation. Answered with [`Response::Acknowledged`].
    RenameConversation {
        /// Name or id of the conversation.
        conversation: String,
        /// The new name.
        name: String,
    },
    /// Delete a conversation. Answered with [`Response::Acknowledged`].
    DeleteConversation {
        /// Name or id of the conversation.
        conversation: String,
    },
    /// Put a question and wait for the answer. Answered with [`Response::Answered`]. Asking again with the same `run`
    /// puts no second question: it waits for the first answer.
    Ask {
        /// The conversation.
        conversation: ConversationChoice,
        /// The question.
        question: String,
        /// Id of the run, chosen by who asks: 128 random bits behind a ULID's time.
        run: u128,
    },
    /// A question about the state. Answered with [`Response::Answer`].
    Query {
        /// The question.
        query: Query,
        /// As of when; now if there is none.
        at: Option<At>,
    },
    /// Events as they lie in the log. Answered with [`Response::Event`]s.
    Events {
        /// Which.
        selection: EventSelection,
        /// Wait for further events for ever, after those that are there.
        follow: bool,
    },
    /// Fold the log and show what each event changes. Answered with [`Response::Step`]s, then [`Response::Digests`].
    Replay {
        /// Show events from here on; those before it are folded silently.
        from: Position,
        /// As of when to stop; the head if there is none.
        to: Option<At>,
        /// Begin with the nearest snapshot before `from` and not with nothing.
        from_snapshot: bool,
        /// Send no [`Response::Step`]s, only [`Response::Progress`] and the digests.
        silent: bool,
    },
    /// Counts over the whole log, or over what was in it at a time. Answered with [`Response::Stats`].
    Stats {
        /// As of when; now if there is none.
        at: Option<At>,
    },
    /// Read and check everything. Answered with [`Response::Progress`] and [`Response::Verification`].
    Verify,
    /// Throw away everything derived and make it anew from the log. Answered with [`Response::Rebuilt`].
    Rebuild,
    /// Copy what is not there yet into a backup folder. Answered with [`Response::BackedUp`].
    Backup {
        /// The folder, absolute.
        folder: String,
        /// Copy the keys too, without which nobody can read what was sealed.
        with_keys: bool,
    },
    /// Write the whole log into one file. Answered with [`Response::BackedUp`].
    Export {
        /// The file, absolute; it must not exist.
        file: String,
        /// Copy the keys too, into a folder beside it.
        with_keys: bool,
    },
    /// Append events without a meaning. For benches. Answered with [`Response::Acknowledged`].
    AppendPlaceholders {
        /// How many, at most [`MAX_PAGE`].
        count: u32,
        /// How many bytes each.
        bytes: u32,
    },
}

/// A content to keep.
#[derive(Clone, Debug, Default, Encode, Decode)]
pub struct NewMemory {
    /// The id it is given, if any.
    pub id: Option<String>,
    /// The text.
    pub content: String,
    /// A JSON object, as text.
    pub meta: Option<String>,
    /// When it happened, if that is not now.
    pub occurred_at: Option<Timestamp>,
}

/// Which conversation is meant.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum ConversationChoice {
    /// The one with this name or id; it must exist.
    Existing(String),
    /// The one with this name or id; if there is none, one with this name is begun.
    Named(String),
    /// A new one under this id, chosen by who asks; if it exists already (the request was repeated), that one.
    New {
        /// Its id.
        id: u128,
        /// Its name.
        name: Option<String>,
    },
    /// One that an import brings along, by the source's own id: found again by the next import.
    Imported {
        /// The source's id.
        external: String,
        /// Its name, given if it is begun and no other has it.
        name: Option<String>,
    },
}

/// A message to add.
#[derive(Clone, Debug, Encode, Decode)]
pub struct MessageInput {
    /// Its id.
    pub id: MessageChoice,
    /// The message it follows: that of the same id in this conversation. `None`: the last one of the selected branch.
    pub parent: Option<MessageChoice>,
    /// Who it is from.
    pub role: Role,
    /// The text.
    pub content: String,
    /// Name of the speaker.
    pub author: Option<String>,
    /// Tool calls it asks for.
    pub tool_calls: Vec<ToolCall>,
    /// Of a tool's message: the call it answers.
    pub tool_call_id: Option<String>,
    /// A JSON object, as text.
    pub meta: Option<String>,
    /// When it was said, if that is not now.
    pub occurred_at: Option<Timestamp>,
    /// Whether its branch becomes the selected one.
    pub selected: bool,
}

/// How a message is named.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum MessageChoice {
    /// By its id.
    Id(u128),
    /// By the id that its source gave it.
    External(String),
    /// None: as a parent, the root of the tree.
    Root,
}

/// A question about the state.
#[derive(Clone, Debug, Encode, Decode)]
pub enum Query {
    /// Where the home stands. → [`Answer::Status`]
    Status,
    /// A page of memories, newest first. → [`Answer::Memories`]
    Memories {
        /// Retracted ones too.
        retracted: bool,
        /// Those before this position; from the newest if there is none.
        before: Option<Position>,
        /// At most [`MAX_PAGE`].
        limit: u32,
    },
    /// One memory with all its revisions. → [`Answer::Memory`]
    Memory {
        /// Its id.
        id: String,
    },
    /// The value of a key. → [`Answer::Keys`] with one entry.
    Key {
        /// The key.
        key: String,
    },
    /// A page of keys with their values, in order. → [`Answer::Keys`]
    Keys {
        /// Those that begin with this.
        prefix: String,
        /// Those after this one.
        after: Option<String>,
        /// At most [`MAX_PAGE`].
        limit: u32,
    },
    /// A page of conversations, last changed first. → [`Answer::Conversations`]
    Conversations {
        /// How many to skip.
        skip: u32,
        /// At most [`MAX_PAGE`].
        limit: u32,
    },
    /// A page of the messages of a conversation, oldest first. → [`Answer::Conversation`]
    Conversation {
        /// Its name or id.
        reference: String,
        /// All messages in the order in which they were added, not only those of the selected branch.
        all_branches: bool,
        /// How many to skip.
        skip: u32,
        /// At most [`MAX_PAGE`].
        limit: u32,
    },
    /// What answers cost, by day and model. → [`Answer::Usage`]
    Usage,
    /// Digests of all views. → [`Answer::Digests`]
    Digests,
}

/// Which events.
#[derive(Clone, Debug, Default, Encode, Decode)]
pub struct EventSelection {
    /// From this position on; from the first if 0.
    pub from: Position,
    /// Up to this moment; the head if there is none.
    pub to: Option<At>,
    /// Only the last so many.
    pub last: Option<u32>,
    /// Only those of this stream: `memory/01J…`, or of this category: `memory`.
    pub stream: Option<String>,
    /// Only those whose kind begins with this: `memory.memorized`, `memory`.
    pub kind: Option<String>,
}

/// One response.
#[derive(Clone, Debug, Encode, Decode)]
pub enum Response {
    /// For each item of a command, in order: where it is in the log, durably, or why it is not.
    Acknowledged(Vec<Result<Acknowledged, Failure>>),
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
    /// The request failed; nothing follows.
    Failed(Failure),
    /// The request is done; nothing follows.
    Done,
}

/// Something is in the log, durably.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Something new came into being.
    New,
    /// Something that was there was changed.
    Revised,
    /// Nothing: everything was as asked for already.
    Unchanged,
}

/// Why a request was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, thiserror::Error)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize)]
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
        matches!(self.kind, FailureKind::NotFound | FailureKind::Conflict | FailureKind::Refused | FailureKind::Invalid)
    }
}

/// The answer to a query.
#[derive(Clone, Debug, Encode, Decode)]
pub enum Answer {
    /// Where the home stands.
    Status(Status),
    /// Memories, and the position to continue before, if there are more.
    Memories {
        /// Newest first.
        memories: Vec<MemoryLine>,
        /// Continue with `before` this.
        next: Option<Position>,
    },
    /// A memory with all its revisions, newest first.
    Memory {
        /// As it is.
        memory: MemoryLine,
        /// As it was, newest first.
        older: Vec<MemoryLine>,
    },
    /// Keys with their values.
    Keys(Vec<KeyLine>),
    /// Conversations.
    Conversations {
        /// Last changed first.
        conversations: Vec<ConversationLine>,
        /// How many there are in all.
        total: u32,
    },
    /// A conversation with a page of its messages.
    Conversation {
        /// The conversation.
        conversation: ConversationLine,
        /// The messages, oldest first.
        messages: Vec<MessageLine>,
        /// How many there are in all on what was asked for.
        total: u32,
    },
    /// What answers cost.
    Usage(Vec<UsageLine>),
    /// Digests of all views.
    Digests {
        /// As of this position.
        position: Position,
        /// `(projection, blake3 in hex)`.
        digests: Vec<(String, String)>,
    },
}

/// Where a home stands.
#[derive(Clone, Debug, Encode, Decode, Serialize)]
pub struct Status {
    /// Id of the home.
    pub home: String,
    /// Its folder.
    pub folder: String,
    /// The last position.
    pub head: Position,
    /// When it was recorded.
    pub at: Timestamp,
    /// Counts over all views.
    pub figures: Figures,
    /// How far the memory index is.
    pub indexed: Position,
    /// Process that holds the store.
    pub holder: u32,
    /// Bytes on disk: log, blobs, derived.
    pub bytes: DiskBytes,
    /// Sealed segments.
    pub segments: u32,
    /// Position of the newest snapshot.
    pub snapshot: Option<Position>,
    /// What recovery found and did when the store was opened.
    pub recovery: Vec<String>,
}

/// Bytes on disk.
#[derive(Clone, Copy, Debug, Default, Encode, Decode, Serialize)]
#[allow(missing_docs)] // the names say it
pub struct DiskBytes {
    pub log: u64,
    pub blobs: u64,
    pub derived: u64,
}

/// A revision of a memory.
#[derive(Clone, Debug, Encode, Decode)]
pub struct MemoryLine {
    /// The memory's id as the user knows it.
    pub id: String,
    /// `live`, `superseded`, `retracted`, `forgotten`.
    pub state: String,
    /// The event that holds this revision.
    pub position: Position,
    /// Version of that event in the memory's stream.
    pub version: u32,
    /// When it was recorded.
    pub at: Timestamp,
    /// When it happened.
    pub occurred_at: Option<Timestamp>,
    /// From where on it was no longer valid.
    pub until: Option<Position>,
    /// The text; `None` if it cannot be opened, because its key or blob is gone.
    pub content: Option<String>,
    /// A JSON object, as text.
    pub meta: Option<String>,
}

/// A key with its value.
#[derive(Clone, Debug, Encode, Decode)]
pub struct KeyLine {
    /// The key.
    pub key: String,
    /// The value; `None` if it cannot be opened.
    pub value: Option<String>,
    /// The event that set it.
    pub position: Position,
    /// Version of that event in the key's stream.
    pub version: u32,
    /// When it was set.
    pub at: Timestamp,
}

/// A conversation.
#[derive(Clone, Debug, Encode, Decode, Serialize)]
pub struct ConversationLine {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: Option<String>,
    /// When it was started.
    pub started_at: Timestamp,
    /// When it was last changed.
    pub changed_at: Timestamp,
    /// How many messages it has on all branches.
    pub messages: u32,
    /// How many branches it has.
    pub branches: u32,
}

/// A message.
#[derive(Clone, Debug, Encode, Decode)]
pub struct MessageLine {
    /// Its id.
    pub id: String,
    /// The message it follows.
    pub parent: Option<String>,
    /// Who it is from.
    pub role: Role,
    /// The event that holds it.
    pub position: Position,
    /// When it was recorded.
    pub at: Timestamp,
    /// When it was said.
    pub occurred_at: Option<Timestamp>,
    /// The model that wrote it.
    pub model: Option<String>,
    /// Whether it was cut off.
    pub interrupted: bool,
    /// The text; `None` if it cannot be opened.
    pub content: Option<String>,
    /// Name of the speaker.
    pub author: Option<String>,
    /// Tool calls it asks for.
    pub tool_calls: Vec<ToolCall>,
    /// The call it answers.
    pub tool_call_id: Option<String>,
    /// A JSON object, as text.
    pub meta: Option<String>,
}

/// What the answers of one model cost on one day.
#[derive(Clone, Debug, Encode, Decode, Serialize)]
pub struct UsageLine {
    /// The day, `YYYY-MM-DD`, UTC.
    pub day: String,
    /// The model.
    pub model: String,
    /// How many answers.
    pub answers: u64,
    /// Tokens sent.
    pub input_tokens: u64,
    /// Tokens received.
    pub output_tokens: u64,
    /// Price in millionths of a US dollar.
    pub cost_micros: u64,
}

/// An event as it is shown.
#[derive(Clone, Debug, Encode, Decode)]
pub struct EventLine {
    /// Its place in the log.
    pub position: Position,
    /// Its id.
    pub id: String,
    /// Its stream.
    pub stream: String,
    /// Its number within the stream.
    pub version: u32,
    /// When it was recorded.
    pub at: Timestamp,
    /// `memory.memorized`.
    pub kind: String,
    /// Who asked for it.
    pub actor: Actor,
    /// The event that led to it.
    pub causation: Option<Position>,
    /// What ties it to others.
    pub correlation: Option<String>,
    /// What it says, its opened body included: a JSON object, as text.
    pub data: String,
}

/// An event and what it changed.
#[derive(Clone, Debug, Encode, Decode)]
pub struct Step {
    /// The event.
    pub event: EventLine,
    /// `(figure, before, after)` of every figure that it changed.
    pub changes: Vec<(String, u64, u64)>,
}

/// An answer with where it came from.
#[derive(Clone, Debug, Encode, Decode)]
pub struct Answered {
    /// The text.
    pub answer: String,
    /// Id of the conversation.
    pub conversation: String,
    /// Id of the run.
    pub run: String,
    /// The model or responder.
    pub model: String,
    /// What was recalled to answer with, best first.
    pub recalled: Vec<RecalledLine>,
    /// What it cost.
    pub usage: Usage,
    /// The event that ends the run.
    pub position: Position,
    /// How far the index was.
    pub indexed: Position,
    /// How far the log was.
    pub head: Position,
}

/// Something that was recalled.
#[derive(Clone, Debug, Encode, Decode, Serialize)]
pub struct RecalledLine {
    /// The memory's id as the user knows it.
    pub id: String,
    /// The event that holds the revision.
    pub position: Position,
    /// Its score.
    pub score: f32,
}

/// Counts over the whole log.
#[derive(Clone, Debug, Default, Encode, Decode, Serialize)]
pub struct Stats {
    /// Events.
    pub events: u64,
    /// The last position.
    pub head: Position,
    /// When the first event was recorded.
    pub first_at: Option<Timestamp>,
    /// When the last one was.
    pub last_at: Option<Timestamp>,
    /// Bytes of all packs, as they were written.
    pub bytes: u64,
    /// Packs.
    pub packs: u64,
    /// `kind → (events, bytes)`, most events first.
    pub kinds: Vec<KindStats>,
    /// Bytes on disk.
    pub disk: DiskBytes,
}

/// Counts of one kind of event.
#[derive(Clone, Debug, Default, Encode, Decode, Serialize)]
pub struct KindStats {
    /// The kind.
    pub kind: String,
    /// How many.
    pub events: u64,
    /// Bytes of their records.
    pub bytes: u64,
}

/// What a verification found.
#[derive(Clone, Debug, Encode, Decode, Serialize)]
pub struct Verification {
    /// Whether there is no problem.
    pub ok: bool,
    /// Events read.
    pub events: u64,
    /// The last position.
    pub head: Position,
    /// Hash of the last pack, in hex: the whole log in one number.
    pub hash: String,
    /// What is wrong, and how to mend it.
    pub problems: Vec<Problem>,
}

/// Something that is wrong with what is stored.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize)]
pub struct Problem {
    /// Where: a file of the home, or an event.
    pub place: String,
    /// What is wrong.
    pub what: String,
    /// The first position it touches.
    pub first: Option<Position>,
    /// The last position it touches.
    pub last: Option<Position>,
    /// How it is mended.
    pub restored_by: Option<String>,
}

/// What a rebuild came to.
#[derive(Clone, Debug, Encode, Decode, Serialize)]
pub struct Rebuilt {
    /// As of this position.
    pub position: Position,
    /// Events folded.
    pub events: u64,
    /// Memories indexed.
    pub indexed: u64,
    /// `(projection, digest before, digest after)`.
    pub digests: Vec<(String, String, String)>,
    /// Whether every digest is as it was.
    pub same: bool,
}

/// What a backup copied.
#[derive(Clone, Debug, Default, Encode, Decode, Serialize)]
pub struct BackedUp {
    /// Segments that were copied.
    pub segments_copied: u32,
    /// Segments that were there already.
    pub segments_present: u32,
    /// Blobs that were copied.
    pub blobs_copied: u32,
    /// Bytes written.
    pub bytes: u64,
    /// The backup reaches to this position.
    pub head: Position,
    /// Whether the keys are in it.
    pub keys: bool,
}

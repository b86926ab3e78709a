//! What answers say: one struct for each thing that is shown.

use bincode::{Decode, Encode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zo_projections::event::conversation::{Role, ToolCall};
use zo_projections::views::Figures;
use zo_projections::{Actor, Position, Timestamp};

use super::{AgentDetail, AgentLine, PermissionLine, RuleLine, SkillLine, ToolLine};
use super::{BrowsedArtifact, BrowserActLine, BrowserLine, McpServerLine, ServiceLine, ShareLine, TokenLine};
use super::{ChosenModel, ProviderKeyLine, ProviderLine, WouldAnswer, json};
use super::{HostedFile, JobDetail, JobLine, JobLog, NodeLine, Preview, QueuesAnswer, ScheduleDetail, ScheduleLine};

/// The answer to a query.
#[derive(Clone, Debug, Encode, Decode, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
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
    /// What was recalled.
    Recalled(Recalled),
    /// Agents.
    Agents {
        /// Last started first.
        agents: Vec<AgentLine>,
        /// How many there are in all.
        total: u32,
    },
    /// An agent.
    Agent(Box<AgentDetail>),
    /// Calls that wait for somebody to permit them, oldest first.
    Permissions(Vec<PermissionLine>),
    /// The permission rules.
    Rules {
        /// Those of the home, in the order in which they were added.
        rules: Vec<RuleLine>,
        /// What all agents together may cost in a day (UTC), in millionths of a US dollar.
        daily_budget: Option<u64>,
        /// What they cost today.
        spent_today: u64,
    },
    /// The tools.
    Tools(Vec<ToolLine>),
    /// Skills.
    Skills {
        /// By name; those that are hidden by others behind them.
        skills: Vec<SkillLine>,
        /// What is wrong with folders in which there is no skill, in words.
        problems: Vec<String>,
    },
    /// Jobs.
    Jobs {
        /// Open ones first, in the order in which they are done; then those that have ended, newest first.
        jobs: Vec<JobLine>,
        /// How many there are in all on what was asked for.
        total: u64,
    },
    /// A job.
    Job(Box<JobDetail>),
    /// What an attempt printed.
    JobLog(JobLog),
    /// Queues.
    Queues(QueuesAnswer),
    /// Nodes, by name.
    Nodes(Vec<NodeLine>),
    /// What nodes cost: multipliers in thousandths.
    Prices {
        /// By tier of GPU.
        gpus: Vec<(String, u32)>,
        /// By region.
        regions: Vec<(String, u32)>,
    },
    /// Schedules, the next that is due first.
    Schedules(Vec<ScheduleLine>),
    /// A schedule.
    Schedule(Box<ScheduleDetail>),
    /// A rule, resolved.
    Preview(Preview),
    /// Services, by label.
    Services(Vec<ServiceLine>),
    /// Files, by name; of one name, its versions, newest first.
    Files {
        /// The files.
        files: Vec<HostedFile>,
        /// Continue with `after` this.
        next: Option<String>,
    },
    /// Links, oldest first.
    Shares(Vec<ShareLine>),
    /// Tokens, oldest first.
    Tokens(Vec<TokenLine>),
    /// Browser sessions, by name.
    Browsers(Vec<BrowserLine>),
    /// What was done in browser sessions.
    BrowserActs(Vec<BrowserActLine>),
    /// A picture or document.
    BrowserArtifact(Box<BrowsedArtifact>),
    /// How far the memory index is.
    Index(IndexStatus),
    /// Texts as vectors.
    Vectors(Vectors),
    /// The models that texts can be embedded with.
    Models(Vec<ModelLine>),
    /// The language model that answers where no other is named.
    ChosenModel(ChosenModel),
    /// What would answer a question now.
    WouldAnswer(WouldAnswer),
    /// The providers of language models.
    Providers(Vec<ProviderLine>),
    /// Servers whose tools agents may call, by name.
    McpServers(Vec<McpServerLine>),
    /// The keys there are.
    ProviderKeys(Vec<ProviderKeyLine>),
}

/// Where a home stands.
#[derive(Clone, Debug, Encode, Decode, Serialize, Deserialize, JsonSchema)]
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
#[derive(Clone, Copy, Debug, Default, Encode, Decode, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs)] // the names say it
pub struct DiskBytes {
    pub log: u64,
    pub blobs: u64,
    pub derived: u64,
}

/// A revision of a memory.
#[derive(Clone, Debug, Encode, Decode, Serialize, Deserialize, JsonSchema)]
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
    #[serde(with = "json::text", default)]
    #[schemars(with = "Option<serde_json::Value>")]
    pub meta: Option<String>,
}

/// A key with its value.
#[derive(Clone, Debug, Encode, Decode, Serialize, Deserialize, JsonSchema)]
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
#[derive(Clone, Debug, Encode, Decode, Serialize, Deserialize, JsonSchema)]
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
#[derive(Clone, Debug, Encode, Decode, Serialize, Deserialize, JsonSchema)]
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
    #[serde(with = "json::text", default)]
    #[schemars(with = "Option<serde_json::Value>")]
    pub meta: Option<String>,
    /// The files that belong to it.
    pub files: Vec<FileLine>,
}

/// A file that belongs to a message.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
pub struct FileLine {
    /// Its name; none if it cannot be opened.
    pub name: Option<String>,
    /// What it is: `image/png`, `text/plain`.
    pub media_type: String,
    /// Its length, in bytes.
    pub size: u32,
    /// The event that holds it.
    pub position: Position,
}

/// What the answers of one model cost on one day.
#[derive(Clone, Debug, Encode, Decode, Serialize, Deserialize, JsonSchema)]
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
#[derive(Clone, Debug, Encode, Decode, Serialize, Deserialize, JsonSchema)]
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
    #[serde(with = "json::whole_text")]
    #[schemars(with = "serde_json::Value")]
    pub data: String,
}

/// An event and what it changed.
#[derive(Clone, Debug, Encode, Decode, Serialize, Deserialize, JsonSchema)]
pub struct Step {
    /// The event.
    pub event: EventLine,
    /// `(figure, before, after)` of every figure that it changed.
    pub changes: Vec<(String, u64, u64)>,
}

/// What was recalled, and how far the index was.
#[derive(Clone, Debug, Default, Encode, Decode, Serialize, Deserialize, JsonSchema)]
pub struct Recalled {
    /// Everything up to here could be found by its words.
    pub indexed: Position,
    /// Everything up to here could be found by its meaning.
    pub embedded: Position,
    /// How far the log was.
    pub head: Position,
    /// How much of the index could be found by its meaning.
    pub share: Embedded,
    /// What the reader should know: why there is no search by meaning, for example.
    pub notes: Vec<String>,
    /// Microseconds that making the question's vector took, of all that the answer took; 0 if none was made.
    pub embedding_us: u64,
    /// Best first.
    pub hits: Vec<RecalledHit>,
}

/// Something that was recalled.
#[derive(Clone, Debug, Default, Encode, Decode, Serialize, Deserialize, JsonSchema)]
pub struct RecalledHit {
    /// Its id as the user knows it.
    pub id: String,
    /// Of a message: the conversation it is in.
    pub conversation: Option<String>,
    /// The text; of a long one, the passage that answers best.
    pub content: String,
    /// Of a long text: which passage this is, from 1, of how many.
    pub passage: Option<(u32, u32)>,
    /// A JSON object, as text.
    #[serde(with = "json::text", default)]
    #[schemars(with = "Option<serde_json::Value>")]
    pub meta: Option<String>,
    /// Of a message: who it is from.
    pub role: Option<Role>,
    /// Who said it, if that is known.
    pub speaker: Option<String>,
    /// How well it fits; only comparable within one recall.
    pub score: f32,
    /// The event that holds it.
    pub position: Position,
    /// When it was recorded.
    pub at: Timestamp,
    /// When it happened, if that was said.
    pub occurred_at: Option<Timestamp>,
    /// Of a message, what was said directly before it.
    pub before: Option<Neighbour>,
    /// Of a message, what was said directly after it.
    pub after: Option<Neighbour>,
    /// Why it was found.
    pub explanation: Explanation,
}

/// A message beside one that was recalled.
#[derive(Clone, Debug, Encode, Decode, Serialize, Deserialize, JsonSchema)]
pub struct Neighbour {
    /// Its id.
    pub id: String,
    /// Who it is from.
    pub role: Role,
    /// Who said it, if that is known.
    pub speaker: Option<String>,
    /// The text.
    pub content: String,
    /// The event that holds it.
    pub position: Position,
}

/// Why something was found.
#[derive(Clone, Debug, Default, Encode, Decode, Serialize, Deserialize, JsonSchema)]
pub struct Explanation {
    /// `(part, what it added to the score)`: they sum to the score.
    pub parts: Vec<(String, f32)>,
    /// Sum of the words' contributions, and the most that any text could have.
    pub bm25: f32,
    /// The most that any text could have for this query's words.
    pub ceiling: f32,
    /// `(word, what it added to bm25)`: the query's words that it has, as they are indexed.
    pub words: Vec<(String, f32)>,
    /// Cosine of the angle between the question's vector and its own; none if it is not embedded.
    pub cosine: Option<f32>,
}

/// How much is embedded: passages done and in all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
pub struct Embedded {
    /// Passages that have their vector.
    pub passages: u64,
    /// Passages in all.
    pub of: u64,
}

/// How far the memory index is.
#[derive(Clone, Debug, Encode, Decode, Serialize, Deserialize, JsonSchema)]
pub struct IndexStatus {
    /// Everything up to here can be found by its words.
    pub indexed: Position,
    /// Everything up to here can be found by its meaning.
    pub embedded: Position,
    /// How far the log is.
    pub head: Position,
    /// Memories and messages in the index, older revisions included.
    pub documents: u64,
    /// How much can be found by its meaning.
    pub passages: Embedded,
    /// Documents that are searched from memory until they are written.
    pub uncommitted: u64,
    /// Documents that this process had to read from the log since it opened the home: none after a clean end.
    pub indexed_since_open: u64,
    /// Passages that this process has embedded.
    pub embedded_since_open: u64,
    /// The model that recall uses.
    pub model: Option<ModelInUse>,
    /// The model that was chosen, while not everything is embedded with it.
    pub next_model: Option<ModelInUse>,
    /// What there is to run models with.
    pub runtime: String,
    /// Bytes on disk: words, vectors.
    pub bytes_words: u64,
    /// Bytes on disk of all vectors.
    pub bytes_vectors: u64,
    /// What was found wrong and made anew since the home was opened, and why there is no search by meaning.
    pub notes: Vec<String>,
}

/// Texts as vectors.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
pub struct Vectors {
    /// The model.
    pub model: String,
    /// One for each text, in their order, of length 1.
    pub vectors: Vec<Vec<f32>>,
}

/// A model that texts are embedded with.
#[derive(Clone, Debug, Encode, Decode, Serialize, Deserialize, JsonSchema)]
pub struct ModelInUse {
    /// Its name.
    pub name: String,
    /// The first 16 hex digits of the digest over its files and settings.
    pub id: String,
    /// Numbers in a vector.
    pub dimensions: u32,
    /// How much is embedded with it.
    pub passages: Embedded,
    /// Why it cannot be used here, if it cannot, and what to do.
    pub problem: Option<String>,
}

/// A model that texts can be embedded with.
#[derive(Clone, Debug, Encode, Decode, Serialize, Deserialize, JsonSchema)]
pub struct ModelLine {
    /// Its name.
    pub name: String,
    /// Numbers in a vector.
    pub dimensions: u32,
    /// What its makers say of it.
    pub description: String,
    /// `shipped`, `downloaded` or `not_downloaded`.
    pub state: String,
    /// Whether it needs ONNX Runtime.
    pub needs_runtime: bool,
    /// Whether it is the one that was chosen.
    pub chosen: bool,
}

/// Counts over the whole log.
#[derive(Clone, Debug, Default, Encode, Decode, Serialize, Deserialize, JsonSchema)]
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
#[derive(Clone, Debug, Default, Encode, Decode, Serialize, Deserialize, JsonSchema)]
pub struct KindStats {
    /// The kind.
    pub kind: String,
    /// How many.
    pub events: u64,
    /// Bytes of their records.
    pub bytes: u64,
}

/// What a verification found.
#[derive(Clone, Debug, Encode, Decode, Serialize, Deserialize, JsonSchema)]
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
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
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
#[derive(Clone, Debug, Encode, Decode, Serialize, Deserialize, JsonSchema)]
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
#[derive(Clone, Debug, Default, Encode, Decode, Serialize, Deserialize, JsonSchema)]
pub struct BackedUp {
    /// Segments that were copied.
    pub segments_copied: u32,
    /// Segments that were there already.
    pub segments_present: u32,
    /// Blobs that were copied.
    pub blobs_copied: u32,
    /// Parts of hosted files that were copied.
    pub files_copied: u32,
    /// Bytes written.
    pub bytes: u64,
    /// The backup reaches to this position.
    pub head: Position,
    /// Whether the keys are in it.
    pub keys: bool,
}

//! What can be asked for, and the answers: a receipt or a rejection.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use bincode::{Decode, Encode};
use serde::Serialize;

pub use crate::decide::job::Attempt;
pub use crate::decide::schedule::Occurrence;
pub use crate::decide::service::ServiceNews;
use crate::event::job::{EndBody, JobBody, Submitted};
use crate::event::run::agent::{
    Agent, AgentOptions, CallId, PermissionBody, Replied, ReplyBody, ToolStatus, Trust, Verdict,
};
use crate::event::schedule::{Missed, Plan, PlanBody};
use crate::event::{browser, conversation, file, home, mcp, memory, node, run, service, skill, vault};
use crate::ids::{
    BrowserId, ConversationId, Digest, FileId, JobId, McpServerId, MemoryId, MessageId, NodeId, Position, RunId,
    ScheduleId, ServiceId, StreamId, TokenId,
};
use crate::record::Actor;
use crate::time::Timestamp;

/// A command with everything around it, as it is handed to the writer.
#[derive(Clone, Debug, Encode, Decode)]
pub struct Submission {
    /// What is asked for.
    pub command: Command,
    /// Who asks.
    pub actor: Actor,
    /// Only if this stream is at this version.
    pub expected: Option<(StreamId, ExpectedVersion)>,
    /// Key under which a repetition gets the first result.
    pub idempotency: Option<u128>,
    /// The event that led to it.
    pub causation: Option<Position>,
    /// What ties the events of one run or import together.
    pub correlation: Option<u128>,
}

impl Submission {
    /// A plain command of `actor`.
    pub fn new(actor: Actor, command: Command) -> Self {
        Self { command, actor, expected: None, idempotency: None, causation: None, correlation: None }
    }

    /// The same, only if `stream` is at `version`.
    pub fn expecting(mut self, stream: StreamId, version: ExpectedVersion) -> Self {
        self.expected = Some((stream, version));
        self
    }

    /// The same, under an idempotency key.
    pub fn keyed(mut self, key: u128) -> Self {
        self.idempotency = Some(key);
        self
    }
}

/// The state a stream must be in for a command to be carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum ExpectedVersion {
    /// It has no event yet.
    NoStream,
    /// Its last event has this version, from 1.
    Exactly(u32),
}

impl fmt::Display for ExpectedVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoStream => f.write_str("no stream"),
            Self::Exactly(version) => write!(f, "version {version}"),
        }
    }
}

/// The message that a new one follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Parent {
    /// The last message of the selected branch; none in an empty conversation.
    Selected,
    /// None: it begins a branch of its own.
    Root,
    /// This one.
    Message(MessageId),
}

/// A message to be added.
#[derive(Clone, Debug, Encode, Decode)]
pub struct NewMessage {
    /// Its id, chosen by who adds it: adding it again changes nothing.
    pub id: MessageId,
    /// What it follows.
    pub parent: Parent,
    /// Who it is from.
    pub role: conversation::Role,
    /// What it says.
    pub body: conversation::MessageBody,
    /// The model or responder that wrote it.
    pub model: Option<String>,
    /// When it was said, if not now.
    pub occurred_at: Option<Timestamp>,
    /// Whether it was cut off before its end.
    pub interrupted: bool,
    /// Whether its branch becomes the selected one.
    pub selected: bool,
}

/// A file that belongs to a message.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct NewFile {
    /// Its name, without a folder.
    pub name: String,
    /// What it is: `image/png`, `text/plain`.
    pub media_type: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// A name with its keyed digest.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Name {
    /// The keyed digest, by which it is found.
    pub digest: Digest,
    /// The name itself, which is sealed.
    pub text: String,
}

/// An agent that is to answer a question.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode)]
pub struct NewAgent {
    /// What of it is in clear.
    pub agent: Agent,
    /// What of it is sealed.
    pub options: AgentOptions,
}

/// What can be asked of the writer. Imperatives; each has its decision in [`crate::decide`].
#[derive(Clone, Debug, Encode, Decode)]
pub enum Command {
    /// Begin the log.
    CreateHome {
        /// Version of zo.
        zo_version: String,
    },
    /// Embed texts with this model from now on.
    ChooseEmbedder {
        /// Its name.
        model: String,
    },
    /// Let this model answer where no other is named.
    ChooseModel {
        /// The model, `provider/name`, or `offline`; none: whichever is there.
        model: Option<String>,
        /// The models to be called in turn should the one before fail.
        fallbacks: Vec<String>,
    },
    /// Add a provider of models, or change it.
    AddProvider {
        /// What it is.
        provider: home::ProviderAdded,
    },
    /// Remove a provider that was added.
    RemoveProvider {
        /// Its name.
        name: String,
    },
    /// Record that a provider's key lies in the vault.
    RecordKey {
        /// The provider.
        provider: String,
        /// Keyed digest of the key.
        fingerprint: String,
    },
    /// Record that a provider's key is gone from the vault.
    RecordKeyRemoval {
        /// The provider.
        provider: String,
    },
    /// Keep a content. With an id, other content under it supersedes; without, equal content is one memory.
    Memorize {
        /// The id that its name stands for, if it has one.
        id: Option<MemoryId>,
        /// Digest of content and meta.
        digest: Digest,
        /// When it happened, if not now.
        occurred_at: Option<Timestamp>,
        /// What it says.
        body: memory::Body,
    },
    /// Replace the content of a live memory.
    Supersede {
        /// The memory.
        id: MemoryId,
        /// Digest of the new content and meta.
        digest: Digest,
        /// When the new content happened, if not now.
        occurred_at: Option<Timestamp>,
        /// What it says now.
        body: memory::Body,
    },
    /// Mark a memory as wrong.
    Retract {
        /// The memory.
        id: MemoryId,
        /// Why.
        reason: Option<String>,
    },
    /// Hide a memory.
    Forget {
        /// The memory.
        id: MemoryId,
    },
    /// Give a key a value.
    SetKey {
        /// The key's stream id, derived from the key.
        id: u128,
        /// The key.
        key: String,
        /// The value.
        value: String,
    },
    /// Remove a key.
    DeleteKey {
        /// The key's stream id, derived from the key.
        id: u128,
        /// The key.
        key: String,
    },
    /// Begin a conversation.
    StartConversation {
        /// Its id.
        id: ConversationId,
        /// Its name.
        name: Option<Name>,
        /// The conversation, and the last message of the branch, that it is a copy of.
        fork_of: Option<(ConversationId, MessageId)>,
    },
    /// Add a message to a conversation.
    AddMessage {
        /// The conversation.
        conversation: ConversationId,
        /// The message.
        message: NewMessage,
        /// Files that belong to it.
        files: Vec<NewFile>,
    },
    /// Select the branch that ends with a message.
    SelectBranch {
        /// The conversation.
        conversation: ConversationId,
        /// The last message of the branch.
        message: MessageId,
    },
    /// Give a conversation another name.
    RenameConversation {
        /// The conversation.
        conversation: ConversationId,
        /// The new name.
        name: Name,
    },
    /// Delete a conversation.
    DeleteConversation {
        /// The conversation.
        conversation: ConversationId,
    },
    /// Put a question: the message and a run that wants it answered, in one commit.
    Ask {
        /// The conversation; begun if it does not exist.
        conversation: ConversationId,
        /// Its name, should it be begun.
        name: Option<Name>,
        /// The question.
        message: NewMessage,
        /// Files that belong to it.
        files: Vec<NewFile>,
        /// The run that is to answer it.
        run: RunId,
        /// The model or responder to answer.
        model: String,
        /// How it is to be answered.
        request: run::RequestBody,
        /// The agent that is to answer it; none: one reply of the model is the answer.
        agent: Option<Box<NewAgent>>,
    },
    /// Have a message that was added before answered, once more or for the first time.
    Answer {
        /// The conversation.
        conversation: ConversationId,
        /// The question.
        question: MessageId,
        /// The run that is to answer it.
        run: RunId,
        /// The model or responder to answer.
        model: String,
        /// How it is to be answered.
        request: run::RequestBody,
        /// The agent that is to answer it; none: one reply of the model is the answer.
        agent: Option<Box<NewAgent>>,
    },
    /// Record what was recalled for a run.
    RecordRecall {
        /// The run.
        run: RunId,
        /// The passages, best first.
        passages: Vec<run::Passage>,
        /// How far the index was.
        indexed: Position,
    },
    /// Record that a model is about to be called for a run.
    RecordCall {
        /// The run.
        run: RunId,
        /// The call.
        called: run::Called,
    },
    /// Record that the call of a run came to nothing.
    RecordCallFailure {
        /// The run.
        run: RunId,
        /// What it cost.
        failed: run::CallFailed,
        /// Why.
        reason: String,
    },
    /// Record the answer of a run: the message and the end of the run, in one commit.
    FinishRun {
        /// The run.
        run: RunId,
        /// The answer.
        message: NewMessage,
        /// What it cost.
        usage: run::Usage,
        /// More about that.
        account: run::Account,
        /// Why it was cut off, if it was.
        reason: Option<String>,
    },
    /// Record a reply that asks for tools.
    RecordReply {
        /// The run.
        run: RunId,
        /// The reply.
        replied: Replied,
        /// What it says.
        body: ReplyBody,
    },
    /// Record that a tool is about to be called.
    RecordToolCall {
        /// The run.
        run: RunId,
        /// The call.
        id: CallId,
    },
    /// Record what a tool call came to.
    RecordToolResult {
        /// The run.
        run: RunId,
        /// The call.
        id: CallId,
        /// What it came to.
        status: ToolStatus,
        /// Whom the output is from.
        trust: Trust,
        /// The output.
        output: String,
        /// Keyed digest of the output.
        digest: Digest,
        /// Pictures that are kept in the log and shown with it.
        pictures: Vec<Position>,
    },
    /// Ask somebody to permit a tool call.
    AskPermission {
        /// The run.
        run: RunId,
        /// The call.
        id: CallId,
        /// What is asked.
        body: PermissionBody,
    },
    /// Say whether a tool call may be done.
    AnswerPermission {
        /// The run.
        run: RunId,
        /// The call.
        id: CallId,
        /// Whether it may.
        verdict: Verdict,
        /// The rule that says so from now on, if it is to.
        rule: Option<String>,
    },
    /// Ask a run, and all that its agents started, to stop.
    RequestCancel {
        /// The run.
        run: RunId,
    },
    /// Record that a run was given a skill.
    RecordSkillUse {
        /// The run.
        run: RunId,
        /// The skill's name.
        name: String,
        /// Its version.
        version: Digest,
        /// The event that says where that was met.
        seen: Position,
    },
    /// Lay down what tools may do.
    AddRule {
        /// The rule.
        rule: String,
    },
    /// Take a rule back.
    RemoveRule {
        /// The rule.
        rule: String,
    },
    /// Lay down what all agents together may cost in a day.
    SetDailyBudget {
        /// Millionths of a US dollar; none: no limit.
        cost_micros: Option<u64>,
    },
    /// Record that a skill was met, should it be a version that was not.
    RecordSkillVersion {
        /// Id of its folder's stream.
        id: u128,
        /// Its name.
        name: String,
        /// Where it is from.
        origin: skill::Origin,
        /// The version.
        version: Digest,
        /// The folder.
        folder: String,
    },
    /// Trust a skill as it is in a version.
    TrustSkill {
        /// Id of its folder's stream.
        id: u128,
        /// The version.
        version: Digest,
    },
    /// Trust a skill no longer.
    WithdrawTrust {
        /// Id of its folder's stream.
        id: u128,
    },
    /// Have messages told to models by their summary.
    Compact {
        /// The conversation.
        conversation: ConversationId,
        /// Which messages.
        compacted: conversation::Compacted,
        /// Their summary.
        summary: String,
    },
    /// Have them told as they are again.
    Uncompact {
        /// The conversation.
        conversation: ConversationId,
        /// The compaction.
        compaction: Position,
    },
    /// Record that a run ended without an answer. Calls of tools that are open return with it.
    FailRun {
        /// The run.
        run: RunId,
        /// Why.
        reason: String,
    },
    /// Submit a job.
    SubmitJob {
        /// Its id, chosen by who submits: submitting it again changes nothing.
        job: JobId,
        /// What of it is in clear.
        submitted: Box<Submitted>,
        /// What it is to do.
        body: JobBody,
    },
    /// Give a node the next job that it can run. Changes nothing if there is none.
    ClaimJob {
        /// The node.
        node: NodeId,
        /// How long it is the node's unless that is heard from, in milliseconds; none: as long as this process lives.
        lease_ms: Option<u64>,
        /// Only from these queues, if there are any.
        queues: Vec<String>,
    },
    /// Give the node of this process the next of these jobs that it can run, for as long as this process lives. Changes nothing
    /// if there is none.
    ClaimOneOf {
        /// The node.
        node: NodeId,
        /// The jobs.
        jobs: Arc<BTreeSet<JobId>>,
    },
    /// Record that a job is done.
    CompleteJob {
        /// Whose attempt.
        attempt: Attempt,
        /// What it came to.
        body: Option<EndBody>,
    },
    /// Record that an attempt came to nothing.
    FailJob {
        /// Whose attempt.
        attempt: Attempt,
        /// Whether trying again can help.
        again: bool,
        /// Whether the node could not even begin it.
        not_begun: bool,
        /// Any number: what failed together is not tried again together.
        jitter: u32,
        /// What it came to.
        body: Option<EndBody>,
    },
    /// Give a job back undone.
    ReleaseJob {
        /// Whose attempt.
        attempt: Attempt,
    },
    /// Record that a job was stopped because it was to be.
    RecordJobStopped {
        /// Whose attempt.
        attempt: Attempt,
        /// What it came to.
        body: Option<EndBody>,
    },
    /// Record that the node of an attempt is gone.
    LoseJob {
        /// Whose attempt.
        attempt: Attempt,
        /// What was kept of its log.
        body: Option<EndBody>,
    },
    /// Have a job not done, or stopped.
    CancelJob {
        /// The job.
        job: JobId,
        /// Why.
        reason: Option<String>,
    },
    /// Try a dead or interrupted job again.
    RetryJob {
        /// The job.
        job: JobId,
    },
    /// Record what the time that went by has brought about: leases and deadlines that are over, delays that are.
    AdvanceClock,
    /// Give a queue a limit, or stop it.
    SetQueue {
        /// Which, and how.
        set: home::QueueSet,
    },
    /// Join as a node, or say what one has now. One that is bound to a token that holds is joined again with that one, with
    /// an admin's, or from the machine of the home.
    JoinNode {
        /// The node.
        node: NodeId,
        /// What it has.
        joined: node::Joined,
        /// What it still runs: jobs with their attempts.
        running: Vec<(JobId, u32)>,
    },
    /// Give a node no more jobs.
    DrainNode {
        /// The node.
        node: NodeId,
    },
    /// Give it jobs again.
    ResumeNode {
        /// The node.
        node: NodeId,
    },
    /// Record that a node left.
    LeaveNode {
        /// The node.
        node: NodeId,
    },
    /// Forget a node.
    RemoveNode {
        /// The node.
        node: NodeId,
    },
    /// Record that nodes were heard from.
    HearNodes {
        /// Which.
        nodes: Vec<NodeId>,
        /// How long what they run is theirs from now on, in milliseconds.
        lease_ms: u64,
    },
    /// Lay down what nodes cost.
    SetPrices {
        /// The table.
        prices: home::PricesSet,
    },
    /// Add a schedule.
    AddSchedule {
        /// Its id, chosen by who adds it.
        schedule: ScheduleId,
        /// What of it is in clear.
        plan: Plan,
        /// What it is to do.
        body: PlanBody,
        /// When it is due first.
        next: Option<Timestamp>,
    },
    /// Change a schedule.
    EditSchedule {
        /// The schedule.
        schedule: ScheduleId,
        /// What of it is in clear.
        plan: Plan,
        /// What it is to do.
        body: PlanBody,
        /// When it is due next.
        next: Option<Timestamp>,
    },
    /// Have a schedule occur no more for now.
    PauseSchedule {
        /// The schedule.
        schedule: ScheduleId,
    },
    /// Have it occur again.
    ResumeSchedule {
        /// The schedule.
        schedule: ScheduleId,
        /// When it is due next.
        next: Option<Timestamp>,
    },
    /// Remove a schedule for good.
    RemoveSchedule {
        /// The schedule.
        schedule: ScheduleId,
    },
    /// Record that a schedule occurred, and submit its job: one commit.
    Occur(Box<Occurrence>),
    /// Record that occurrences were left out.
    MissOccurrences {
        /// The schedule.
        schedule: ScheduleId,
        /// Which, and why.
        missed: Missed,
    },
    /// Open a browser session.
    OpenBrowser {
        /// The session.
        browser: BrowserId,
        /// What it is.
        opened: browser::Opened,
    },
    /// Say that something is about to be done in a browser session.
    BeginAct {
        /// The session.
        browser: BrowserId,
        /// What, in a word.
        begun: browser::ActBegun,
        /// All of it.
        body: browser::ActBody,
    },
    /// Say how something that was done in a browser session came out.
    EndAct {
        /// The session.
        browser: BrowserId,
        /// How.
        acted: browser::Acted,
        /// What came of it.
        body: Box<browser::ActedBody>,
        /// Pictures and documents, each with what it is: `image/png`.
        artifacts: Vec<(String, browser::ArtifactBody)>,
    },
    /// Close a browser session: its pages are gone, its profile is kept.
    CloseBrowser {
        /// The session.
        browser: BrowserId,
    },
    /// Forget a browser session: its name is free.
    RemoveBrowser {
        /// The session.
        browser: BrowserId,
    },
    /// Add a service, or give it other properties.
    AddService {
        /// The service.
        service: ServiceId,
        /// What of it is in clear.
        added: service::Added,
        /// How it is started.
        body: service::ServiceBody,
    },
    /// Have a service run.
    StartService {
        /// The service.
        service: ServiceId,
    },
    /// Have it run no more.
    StopService {
        /// The service.
        service: ServiceId,
    },
    /// Have it ended and started anew.
    RestartService {
        /// The service.
        service: ServiceId,
    },
    /// Remove it.
    RemoveService {
        /// The service.
        service: ServiceId,
    },
    /// Record what became of its process.
    RecordService {
        /// The service.
        service: ServiceId,
        /// What became of it.
        news: ServiceNews,
    },
    /// Put a content under a name.
    PutFile {
        /// The name's stream.
        file: FileId,
        /// What of it is in clear.
        put: file::Put,
        /// Where the content is.
        body: file::ContentBody,
    },
    /// Remove a name.
    RemoveFile {
        /// The name's stream.
        file: FileId,
        /// The name.
        name: String,
    },
    /// Let whoever has a link read files.
    ShareFile {
        /// The link.
        share: FileId,
        /// What it lets be read.
        shared: file::Shared,
        /// Its secret.
        body: file::ShareBody,
    },
    /// Take a link back.
    UnshareFile {
        /// The link.
        share: FileId,
    },
    /// Record that a token was made.
    CreateToken {
        /// The token.
        token: TokenId,
        /// What it is good for.
        created: vault::TokenCreated,
    },
    /// Take a token back.
    RevokeToken {
        /// The token.
        token: TokenId,
    },
    /// Add a server of the Model Context Protocol, or give it other properties.
    AddMcpServer {
        /// The server.
        server: McpServerId,
        /// What of it is in clear.
        added: mcp::ServerAdded,
        /// How it is reached.
        body: mcp::ServerBody,
    },
    /// Remove it.
    RemoveMcpServer {
        /// The server.
        server: McpServerId,
    },
    /// Append an event without a meaning. For benches only.
    AppendPlaceholder {
        /// The stream it goes to.
        stream: StreamId,
        /// What it stands for.
        stands_for: String,
        /// As many bytes as that would have.
        filling: Vec<u8>,
    },
}

/// What a carried-out command comes to, once it is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize)]
pub struct Receipt {
    /// The stream of the last event it led to.
    pub stream: StreamId,
    /// The position of that event.
    pub position: Position,
    /// Version of that event in its stream; 0 if it is not known any more.
    pub version: u32,
    /// How many events it led to; 0 if everything was as asked for already, and then the position is that of the
    /// event that had made it so.
    pub events: u32,
}

/// The domain says no. Nothing was recorded.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, thiserror::Error)]
pub enum Rejection {
    /// There is no such thing.
    #[error("there is no {what} {id}")]
    NotFound {
        /// What was looked for: `memory`, `conversation`…
        what: String,
        /// Its id.
        id: String,
    },
    /// The stream is not at the version the command is meant for.
    #[error("{stream} is at version {actual}, and the command was meant for {expected}")]
    Conflict {
        /// The stream.
        stream: StreamId,
        /// What was expected.
        expected: ExpectedVersion,
        /// Its version now; 0 if it has no event.
        actual: u32,
    },
    /// The thing is not in a state for it.
    #[error("{what} {id} {state}")]
    State {
        /// What it is about.
        what: String,
        /// Its id.
        id: String,
        /// Its state: `was retracted at position 12`.
        state: String,
    },
    /// Who asks may not.
    #[error("{what} {id} {why}")]
    Forbidden {
        /// What it is about.
        what: String,
        /// Its id or name.
        id: String,
        /// Why not: `joined with another token`.
        why: String,
    },
    /// What was given cannot be taken.
    #[error("{what}: {why}")]
    Invalid {
        /// What was given.
        what: String,
        /// Why it cannot be taken.
        why: String,
    },
}

impl Rejection {
    /// There is no `what` with this id.
    pub fn not_found(what: &str, id: impl fmt::Display) -> Self {
        Self::NotFound { what: what.to_owned(), id: id.to_string() }
    }

    /// `what` with this id is in a state that forbids it.
    pub fn state(what: &str, id: impl fmt::Display, state: impl Into<String>) -> Self {
        Self::State { what: what.to_owned(), id: id.to_string(), state: state.into() }
    }
}

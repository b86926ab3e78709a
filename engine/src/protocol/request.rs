//! What can be asked to be done. What can be asked about the state is in `query.rs`, the contents that are handed over
//! are in `contents.rs` and beside what they are about.

use bincode::{Decode, Encode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zo_projections::event::run::agent::Verdict;
use zo_projections::event::vault::Scope;
use zo_projections::{Actor, Position, Timestamp};

use super::browsing::BrowseInput;
use super::jobs::{JobInput, NodeInput, RunningAttempt};
use super::mcp::{McpCall, McpServerInput};
use super::schedules::ScheduleInput;
use super::services::{FileContent, ServiceAction, ServiceInput};
use super::{Asking, ConversationChoice, Environment, MessageInput, NewMemory, Query, SecretText, json};

#[cfg(doc)]
use super::{MAX_PAGE, Response};

/// A moment of the log that a reading request looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "a position (a number) or a time (RFC 3339) is expected")]
pub enum At {
    /// After this position, which must exist.
    Position(Position),
    /// After the last event recorded at or before this time.
    Time(Timestamp),
}

/// One request.
#[derive(Clone, Debug, Encode, Decode, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// Keep contents. Answered with one [`Response::Acknowledged`] for all items, in their order.
    Memorize {
        /// Who asks.
        #[serde(skip, default = "json::client")]
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
        #[serde(with = "json::text", default)]
        #[schemars(with = "Option<serde_json::Map<String, serde_json::Value>>")]
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
        #[serde(with = "json::id", default = "json::fresh_id")]
        #[schemars(with = "Option<json::Ulid>", !default)]
        idempotency: u128,
    },
    /// Remove a key. Answered with [`Response::Acknowledged`].
    DeleteKey {
        /// The key.
        key: String,
        /// Key under which a repetition gets the first result.
        #[serde(with = "json::id", default = "json::fresh_id")]
        #[schemars(with = "Option<json::Ulid>", !default)]
        idempotency: u128,
    },
    /// Add messages to a conversation. Answered with one [`Response::Acknowledged`] for all, in their order.
    AddMessages {
        /// Who asks.
        #[serde(skip, default = "json::client")]
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
    /// Begin a conversation as a copy of a branch of another one. Answered with [`Response::Acknowledged`].
    Fork {
        /// Name or id of the other conversation.
        from: String,
        /// Id of the last message of the branch; that of the selected branch if there is none.
        message: Option<String>,
        /// Id of the new conversation, chosen by who asks: asked again, nothing is copied twice.
        #[serde(with = "json::id", default = "json::fresh_id")]
        #[schemars(with = "Option<json::Ulid>", !default)]
        id: u128,
        /// Its name.
        name: Option<String>,
    },
    /// Put a question and wait for the answer. Answered with [`Response::Begun`], then with [`Response::Arrived`] while
    /// it comes, then with [`Response::Answered`]. Who breaks off stops the answer: it is kept as far as it came. Asking
    /// again with the same `run` puts no second question: it waits for the answer of the first.
    Ask(Box<Asking>),
    /// Carry on a run that has not ended, and wait for its answer. Answered as [`Request::Ask`] is.
    Resume {
        /// Its run.
        run: String,
        /// Whether somebody at a terminal can be asked.
        #[serde(default)]
        can_ask: bool,
        /// The surroundings of who asks.
        #[serde(skip)]
        environment: Environment,
    },
    /// Ask an agent, and all that it started, to stop. Answered with [`Response::Acknowledged`].
    CancelAgent {
        /// Its run.
        run: String,
    },
    /// Say whether a tool call may be done. Answered with [`Response::Acknowledged`].
    AnswerPermission {
        /// The run.
        run: String,
        /// The call: `2.0`; the first one that waits if not said.
        call: Option<String>,
        /// Whether it may.
        verdict: Verdict,
        /// Remember it as a rule, for every agent.
        #[serde(default)]
        always: bool,
    },
    /// Add a permission rule. Answered with [`Response::Acknowledged`].
    AddRule {
        /// The rule: `allow: run_command(git status)`.
        rule: String,
    },
    /// Remove a permission rule. Answered with [`Response::Acknowledged`].
    RemoveRule {
        /// The rule.
        rule: String,
    },
    /// Lay down what all agents together may cost in a day (UTC). Answered with [`Response::Acknowledged`].
    SetDailyBudget {
        /// Millionths of a US dollar; none: there is no limit.
        cost_micros: Option<u64>,
    },
    /// Trust a skill as it is in a version. Answered with [`Response::Acknowledged`].
    TrustSkill {
        /// Its folder, absolute.
        folder: String,
        /// The version, as [`Query::Skills`] says it.
        version: String,
    },
    /// Trust a skill no longer. Answered with [`Response::Acknowledged`].
    WithdrawTrust {
        /// Its folder, absolute.
        folder: String,
    },
    /// Have the older messages of a conversation told to models by a summary. Answered with
    /// [`Response::Acknowledged`].
    Compact {
        /// Name or id of the conversation.
        conversation: String,
        /// The model that writes the summary; as for a question if not said; `offline` picks sentences.
        model: Option<String>,
        /// The surroundings of who asks.
        #[serde(skip)]
        environment: Environment,
    },
    /// Have them told as they are again: undoes the last compaction of the selected branch. Answered with
    /// [`Response::Acknowledged`].
    Uncompact {
        /// Name or id of the conversation.
        conversation: String,
    },
    /// Keep the keys of who asks out of everything that is recorded from now on. What a guest says first, if it has
    /// any: they may be none that the holder knows. Answered with nothing.
    #[serde(skip)]
    Introduce {
        /// The surroundings of who asks.
        environment: Environment,
    },
    /// Let a language model answer where no other is named. Answered with [`Response::Acknowledged`].
    ChooseModel {
        /// The model, `provider/name`, or `offline`; none: whichever is there.
        model: Option<String>,
        /// The models to be called in turn should the one before fail.
        #[serde(default)]
        fallbacks: Vec<String>,
    },
    /// Add a provider of language models, or change it. Answered with [`Response::Acknowledged`].
    AddProvider {
        /// The name by which its models are called: `provider/name`.
        name: String,
        /// What it speaks: `openai` or `anthropic`.
        dialect: String,
        /// Where it is.
        base_url: String,
    },
    /// Remove a provider that was added. Answered with [`Response::Acknowledged`].
    RemoveProvider {
        /// Its name.
        name: String,
    },
    /// The models a provider says it has. Answered with [`Response::ChatModels`].
    ListModels {
        /// The provider.
        provider: String,
        /// The surroundings of who asks.
        #[serde(skip)]
        environment: Environment,
    },
    /// Try each step of a call of a model. Answered with [`Response::Tested`] as steps end; the request fails if one does.
    TestModel {
        /// The model, `provider/name`; a provider alone: its default model; none: the chosen one.
        model: Option<String>,
        /// The surroundings of who asks.
        #[serde(skip)]
        environment: Environment,
    },
    /// Put a provider's key into the vault. Answered with [`Response::Acknowledged`], `id` is the provider.
    #[serde(skip)]
    SetKeyOfProvider {
        /// The provider.
        provider: String,
        /// The key.
        key: SecretText,
        /// The surroundings of who asks: the identity, and its passphrase.
        environment: Environment,
    },
    /// Remove a provider's key from the vault. Answered with [`Response::Acknowledged`].
    RemoveKeyOfProvider {
        /// The provider.
        provider: String,
        /// The surroundings of who asks.
        #[serde(skip)]
        environment: Environment,
    },
    /// Ask a provider whether it takes the key there is. Answered with [`Response::Tested`], once; the request fails
    /// if it does not.
    CheckKeyOfProvider {
        /// The provider.
        provider: String,
        /// The surroundings of who asks.
        #[serde(skip)]
        environment: Environment,
    },
    /// Put a passphrase on the identity that opens the vault, change it, or take it off. Answered with
    /// [`Response::Acknowledged`], at the position of the head.
    #[serde(skip)]
    SetPassphrase {
        /// The new one; none takes it off. The old one is in `environment`.
        new: Option<SecretText>,
        /// The surroundings of who asks.
        environment: Environment,
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
        #[serde(default)]
        selection: EventSelection,
        /// Wait for further events for ever, after those that are there.
        #[serde(default)]
        follow: bool,
    },
    /// Fold the log and show what each event changes. Answered with [`Response::Step`]s, then [`Response::Digests`].
    Replay {
        /// Show events from here on; those before it are folded silently.
        #[serde(default)]
        from: Position,
        /// As of when to stop; the head if there is none.
        to: Option<At>,
        /// Begin with the nearest snapshot before `from` and not with nothing.
        #[serde(default)]
        from_snapshot: bool,
        /// Send no [`Response::Step`]s, only [`Response::Progress`] and the digests.
        #[serde(default)]
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
        #[serde(default)]
        with_keys: bool,
    },
    /// Write the whole log into one file. Answered with [`Response::BackedUp`].
    Export {
        /// The file, absolute; it must not exist.
        file: String,
        /// Copy the keys too, into a folder beside it.
        #[serde(default)]
        with_keys: bool,
    },
    /// Embed what is not embedded yet. Answered with [`Response::Progress`] while it lasts, then with
    /// [`Response::Embedded`]. Breaking off loses nothing: what is left is carried on by whoever opens the home next.
    Embed {
        /// Stop after so many milliseconds; go on to the end if there is none.
        budget_ms: Option<u64>,
    },
    /// Choose the model that texts are embedded with. It is fetched if it is not there (answered with
    /// [`Response::Progress`]), then the choice is recorded: [`Response::Acknowledged`]. Until everything is embedded with it,
    /// recall goes on with the one before.
    UseModel {
        /// Its name, as [`Query::Models`] lists it.
        name: String,
    },
    /// Submit jobs. Answered with one [`Response::Acknowledged`] for all, in their order. Jobs of one request may wait for each
    /// other by their names.
    SubmitJobs {
        /// At most [`MAX_PAGE`].
        jobs: Vec<JobInput>,
        /// Whether they are a batch: they are listed and waited for as one, and none is submitted if one of them cannot be.
        #[serde(default)]
        batch: bool,
        /// The batch that they belong to, by the id of its first job: for batches that take several requests.
        #[serde(default)]
        more_of: Option<String>,
    },
    /// Have a job not done, or stopped. Answered with [`Response::Acknowledged`].
    CancelJob {
        /// Its id, or the end of it.
        job: String,
        /// Why.
        #[serde(default)]
        reason: Option<String>,
    },
    /// Try a dead or interrupted job again. Answered with [`Response::Acknowledged`].
    RetryJob {
        /// Its id, or the end of it.
        job: String,
    },
    /// Watch jobs until they have ended or wait for a person. Answered with [`Response::JobArrived`]. While somebody
    /// watches, the process that has the home carries jobs out, whether it serves or not.
    WatchJobs {
        /// Their ids, or ends of them; at most [`MAX_PAGE`].
        #[serde(default)]
        jobs: Vec<String>,
        /// All of this batch.
        #[serde(default)]
        batch: Option<String>,
        /// Whether what they print is told.
        #[serde(default)]
        logs: bool,
    },
    /// Give a queue a limit, or stop it. Answered with [`Response::Acknowledged`].
    SetQueue {
        /// Its name.
        queue: String,
        /// How many of its jobs may run at a time.
        #[serde(default)]
        limit: Option<u32>,
        /// Whether none is begun.
        #[serde(default)]
        paused: bool,
    },
    /// Join as a node. Answered with [`Response::NodeJoined`].
    JoinNode {
        /// What it is.
        node: NodeInput,
    },
    /// Take jobs. Answered with [`Response::JobsClaimed`].
    ClaimJobs {
        /// The node's id.
        node: String,
        /// At most so many.
        most: u32,
        /// How long to wait for one, in milliseconds; at most a minute.
        #[serde(default)]
        wait_ms: u64,
        /// Only from these queues, if there are any.
        #[serde(default)]
        queues: Vec<String>,
    },
    /// Say what a node runs, which keeps it the node's. Answered with [`Response::NodeHeard`], without waiting for the disk.
    HeartbeatNode {
        /// The node's id.
        node: String,
        /// What it runs.
        #[serde(default)]
        running: Vec<RunningAttempt>,
        /// Whether it takes no more jobs.
        #[serde(default)]
        draining: bool,
    },
    /// Say that a job is done. Answered with [`Response::Acknowledged`].
    CompleteJob {
        /// The node's id.
        node: String,
        /// The job's id.
        job: String,
        /// Which attempt.
        attempt: u32,
        /// What it brought, as JSON.
        #[serde(with = "json::text", default)]
        #[schemars(with = "Option<serde_json::Value>")]
        result: Option<String>,
    },
    /// Say that an attempt came to nothing. Answered with [`Response::Acknowledged`].
    FailJob {
        /// The node's id.
        node: String,
        /// The job's id.
        job: String,
        /// Which attempt.
        attempt: u32,
        /// Why.
        reason: String,
        /// Whether trying again may help.
        #[serde(default = "json::yes")]
        retriable: bool,
        /// Whether the node could not even begin it: that counts against the node, other failures do not.
        #[serde(default)]
        not_begun: bool,
    },
    /// Give a job back undone. Answered with [`Response::Acknowledged`].
    ReleaseJob {
        /// The node's id.
        node: String,
        /// The job's id.
        job: String,
        /// Which attempt.
        attempt: u32,
        /// Why.
        #[serde(default)]
        reason: Option<String>,
    },
    /// Add to the log of an attempt. Answered with [`Response::LogAppended`], without waiting for the disk.
    AppendJobLog {
        /// The node's id.
        node: String,
        /// The job's id.
        job: String,
        /// Which attempt.
        attempt: u32,
        /// How many bytes come before it. What is there already is left out.
        offset: u64,
        /// What it printed.
        text: String,
    },
    /// Say that a node leaves. What it still has is lost. Answered with [`Response::Acknowledged`].
    LeaveNode {
        /// The node's id or name.
        node: String,
    },
    /// Give a node no more jobs, or some again. Answered with [`Response::Acknowledged`].
    DrainNode {
        /// The node's name.
        node: String,
        /// Whether it gets jobs again.
        #[serde(default)]
        resume: bool,
    },
    /// Forget a node. Answered with [`Response::Acknowledged`].
    RemoveNode {
        /// The node's name.
        node: String,
    },
    /// Lay down what nodes cost: multipliers in thousandths. Answered with [`Response::Acknowledged`].
    SetPrices {
        /// By tier of GPU.
        #[serde(default)]
        gpus: Vec<(String, u32)>,
        /// By region.
        #[serde(default)]
        regions: Vec<(String, u32)>,
    },
    /// Add a schedule. Answered with [`Response::Acknowledged`].
    AddSchedule {
        /// The schedule.
        schedule: Box<ScheduleInput>,
    },
    /// Change a schedule. Answered with [`Response::Acknowledged`].
    EditSchedule {
        /// Its name, its id, or the end of it.
        reference: String,
        /// What it is from now on; its id is that of the one changed.
        schedule: Box<ScheduleInput>,
    },
    /// Have a schedule occur no more for now. Answered with [`Response::Acknowledged`].
    PauseSchedule {
        /// Its name, its id, or the end of it.
        reference: String,
    },
    /// Have it occur again. Answered with [`Response::Acknowledged`].
    ResumeSchedule {
        /// Its name, its id, or the end of it.
        reference: String,
    },
    /// Remove a schedule for good. Answered with [`Response::Acknowledged`].
    RemoveSchedule {
        /// Its name, its id, or the end of it.
        reference: String,
    },
    /// Have a schedule occur now. Answered with [`Response::Acknowledged`]: the id is that of the job.
    RunSchedule {
        /// Its name, its id, or the end of it.
        reference: String,
        /// The job's id, chosen by who asks: asked again, nothing is done twice.
        #[serde(with = "json::id", default = "json::fresh_id")]
        #[schemars(with = "Option<json::Ulid>", !default)]
        job: u128,
    },
    /// Add a service, or give it other properties. Answered with [`Response::Acknowledged`].
    AddService {
        /// The service.
        service: Box<ServiceInput>,
    },
    /// Have a service run, run no more, or started anew. Answered with [`Response::Acknowledged`].
    ControlService {
        /// Its label.
        label: String,
        /// What is to be done.
        action: ServiceAction,
    },
    /// What a service printed. Answered with [`Response::ServiceLog`], again and again if it is followed.
    ServiceLog {
        /// Its label.
        label: String,
        /// The last so many lines.
        #[serde(default = "json::usual_page")]
        lines: u32,
        /// Whether to go on.
        #[serde(default)]
        follow: bool,
    },
    /// Put a content under a name. Answered with [`Response::Acknowledged`].
    PutFile {
        /// The name: a relative path with `/`.
        name: String,
        /// What it is; told from the name and the content if not said.
        #[serde(default)]
        media_type: Option<String>,
        /// Where the content comes from.
        content: FileContent,
    },
    /// The content of a file. Answered with [`Response::FileBytes`], piece by piece.
    GetFile {
        /// The name.
        name: String,
        /// The version, from 1; the last one if not said.
        #[serde(default)]
        version: Option<u32>,
        /// The first byte.
        #[serde(default)]
        offset: u64,
        /// How many bytes; to the end if not said.
        #[serde(default)]
        length: Option<u64>,
    },
    /// Remove a name; its versions stay. Answered with [`Response::Acknowledged`].
    RemoveFile {
        /// The name.
        name: String,
    },
    /// Let whoever has a link read a file, or all below a folder. Answered with [`Response::Shared`].
    ShareFile {
        /// The name, or a folder with a slash behind it.
        name: String,
        /// Whether folders are answered with their `index.html`.
        #[serde(default)]
        site: bool,
        /// Until when it holds.
        #[serde(default)]
        expires_at: Option<Timestamp>,
    },
    /// Take a link back. Answered with [`Response::Acknowledged`].
    UnshareFile {
        /// Its id.
        id: String,
    },
    /// Make a token of the HTTP interface. Answered with [`Response::TokenMade`].
    CreateToken {
        /// What it is called.
        name: String,
        /// What it is good for.
        scopes: Vec<Scope>,
        /// Until when it holds.
        #[serde(default)]
        expires_at: Option<Timestamp>,
    },
    /// Do something in a browser session. Answered with [`Response::Browsed`]. Who breaks off has it stopped.
    Browse(Box<BrowseInput>),
    /// End the browser of a session, and forget its pages; its profile is kept. Answered with [`Response::Acknowledged`].
    CloseBrowser {
        /// The session.
        session: String,
    },
    /// Forget a browser session and its profile. Answered with [`Response::Acknowledged`].
    RemoveBrowser {
        /// The session.
        session: String,
    },
    /// Write the profile of a browser session, whose browser is ended, into a file that only the passphrase opens. Answered with
    /// [`Response::Acknowledged`].
    #[serde(skip)]
    ExportBrowser {
        /// The session.
        session: String,
        /// The file, by its absolute path; there is none yet.
        file: String,
        /// What opens it.
        passphrase: SecretText,
    },
    /// Make a browser session with a profile that was exported. Answered with [`Response::Acknowledged`].
    #[serde(skip)]
    ImportBrowser {
        /// The session; it has no profile yet.
        session: String,
        /// The file, by its absolute path.
        file: String,
        /// What opens it.
        passphrase: SecretText,
    },
    /// Take a token back. Answered with [`Response::Acknowledged`].
    RevokeToken {
        /// Its name or id.
        token: String,
    },
    /// Add a server whose tools agents may call, or give it other properties. Answered with [`Response::Acknowledged`].
    AddMcpServer {
        /// What it is.
        server: Box<McpServerInput>,
        /// The values of secrets, for the vault.
        #[serde(skip)]
        secrets: Vec<(String, SecretText)>,
        /// The surroundings of who asks: what opens the vault.
        #[serde(skip)]
        environment: Environment,
    },
    /// Forget a server, end it, and take its secrets out of the vault. Answered with [`Response::Acknowledged`].
    RemoveMcpServer {
        /// Its name.
        name: String,
        /// The surroundings of who asks.
        #[serde(skip)]
        environment: Environment,
    },
    /// Start a server if it does not run, list its tools, and call one. Answered with [`Response::Tested`] for each step, then
    /// [`Response::McpTested`].
    TestMcpServer {
        /// Its name.
        name: String,
        /// A call to try.
        #[serde(default)]
        call: Option<McpCall>,
        /// How long starting it and listing its tools may take together, and then the call, in milliseconds; a minute and ten minutes if
        /// not said.
        #[serde(default)]
        deadline_ms: Option<u64>,
        /// The surroundings of who asks.
        #[serde(skip)]
        environment: Environment,
    },
    /// Append events without a meaning. For benches. Answered with [`Response::Acknowledged`].
    AppendPlaceholders {
        /// How many, at most [`MAX_PAGE`].
        count: u32,
        /// How many bytes each.
        bytes: u32,
    },
}

impl Request {
    /// The same in these surroundings, where it matters in which: for a request that came without any.
    #[must_use]
    pub fn in_environment(mut self, surroundings: &Environment) -> Self {
        let environment = match &mut self {
            Self::Ask(asking) => &mut asking.environment,
            Self::Resume { environment, .. }
            | Self::Compact { environment, .. }
            | Self::Introduce { environment }
            | Self::ListModels { environment, .. }
            | Self::TestModel { environment, .. }
            | Self::SetKeyOfProvider { environment, .. }
            | Self::RemoveKeyOfProvider { environment, .. }
            | Self::CheckKeyOfProvider { environment, .. }
            | Self::SetPassphrase { environment, .. }
            | Self::AddMcpServer { environment, .. }
            | Self::RemoveMcpServer { environment, .. }
            | Self::TestMcpServer { environment, .. }
            | Self::Query {
                query:
                    Query::WouldAnswer { environment }
                    | Query::Providers { environment }
                    | Query::ProviderKeys { environment },
                ..
            } => environment,
            _ => return self,
        };
        environment.clone_from(surroundings);
        self
    }
}

/// Which events.
#[derive(Clone, Debug, Default, Encode, Decode, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
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

//! What can be asked about the state, as it is or as of any moment.

use bincode::{Decode, Encode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zo_projections::event::skill::Origin;
use zo_projections::{Position, Timestamp};

use super::{Environment, json};

#[cfg(doc)]
use super::{Answer, MAX_PAGE};

/// A question about the state.
#[derive(Clone, Debug, Encode, Decode, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Query {
    /// Where the home stands. → [`Answer::Status`]
    Status,
    /// A page of memories, newest first. → [`Answer::Memories`]
    Memories {
        /// Retracted ones too.
        #[serde(default)]
        retracted: bool,
        /// Those before this position; from the newest if there is none.
        before: Option<Position>,
        /// At most [`MAX_PAGE`].
        #[serde(default = "json::usual_page")]
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
        #[serde(default)]
        prefix: String,
        /// Those after this one.
        after: Option<String>,
        /// At most [`MAX_PAGE`].
        #[serde(default = "json::usual_page")]
        limit: u32,
    },
    /// A page of conversations, last changed first. → [`Answer::Conversations`]
    Conversations {
        /// Those of agents that other agents started, too.
        #[serde(default)]
        nested: bool,
        /// How many to skip.
        #[serde(default)]
        skip: u32,
        /// At most [`MAX_PAGE`].
        #[serde(default = "json::usual_page")]
        limit: u32,
    },
    /// A page of the messages of a conversation, oldest first. → [`Answer::Conversation`]
    Conversation {
        /// Its name or id.
        reference: String,
        /// All messages in the order in which they were added, not only those of the selected branch.
        #[serde(default)]
        all_branches: bool,
        /// How many to skip.
        #[serde(default)]
        skip: u32,
        /// At most [`MAX_PAGE`].
        #[serde(default = "json::usual_page")]
        limit: u32,
    },
    /// What answers cost, by day and model. → [`Answer::Usage`]
    Usage,
    /// Digests of all views. → [`Answer::Digests`]
    Digests,
    /// What is remembered of something. → [`Answer::Recalled`]
    Recall(RecallQuestion),
    /// How far the memory index is. → [`Answer::Index`]
    Index,
    /// Texts as vectors, by the model that recall uses. → [`Answer::Vectors`]
    Vectors {
        /// At most [`MAX_PAGE`].
        texts: Vec<String>,
    },
    /// The models that texts can be embedded with. → [`Answer::Models`]
    Models,
    /// The language model that answers where no other is named. → [`Answer::ChosenModel`]
    ChosenModel,
    /// What would answer a question now. → [`Answer::WouldAnswer`]
    WouldAnswer {
        /// The surroundings of who asks.
        #[serde(skip)]
        environment: Environment,
    },
    /// The providers of language models. → [`Answer::Providers`]
    Providers {
        /// The surroundings of who asks.
        #[serde(skip)]
        environment: Environment,
    },
    /// A page of agents, last started first. → [`Answer::Agents`]
    Agents {
        /// Those that were started by other agents too.
        #[serde(default)]
        nested: bool,
        /// Only those that have not ended.
        #[serde(default)]
        running: bool,
        /// How many to skip.
        #[serde(default)]
        skip: u32,
        /// At most [`MAX_PAGE`].
        #[serde(default = "json::usual_page")]
        limit: u32,
    },
    /// Everything about an agent. → [`Answer::Agent`]
    Agent {
        /// Its run, or the beginning of its id's end: as few characters from the end as name one agent.
        run: String,
    },
    /// Calls that wait for somebody to permit them. → [`Answer::Permissions`]
    Permissions,
    /// The permission rules. → [`Answer::Rules`]
    Rules,
    /// The tools there are. → [`Answer::Tools`]
    Tools,
    /// Skills, as they lie on the disk now. → [`Answer::Skills`]
    Skills {
        /// Where they are looked for, nearest first; those shipped come by themselves.
        #[serde(default)]
        folders: Vec<(String, Origin)>,
    },
    /// A page of jobs. → [`Answer::Jobs`]
    Jobs {
        /// Only in this state: `ready`, `dead`…
        #[serde(default)]
        state: Option<String>,
        /// Only of this queue.
        #[serde(default)]
        queue: Option<String>,
        /// Only of this batch.
        #[serde(default)]
        batch: Option<String>,
        /// How many to skip.
        #[serde(default)]
        skip: u32,
        /// At most [`MAX_PAGE`].
        #[serde(default = "json::usual_page")]
        limit: u32,
    },
    /// Everything about a job. → [`Answer::Job`]
    Job {
        /// Its id, or the end of it.
        job: String,
    },
    /// What an attempt of a job printed. → [`Answer::JobLog`]
    JobLog {
        /// Its id, or the end of it.
        job: String,
        /// Which attempt; the last one if not said.
        #[serde(default)]
        attempt: Option<u32>,
    },
    /// The queues. → [`Answer::Queues`]
    Queues,
    /// The nodes. → [`Answer::Nodes`]
    Nodes,
    /// What nodes cost. → [`Answer::Prices`]
    Prices,
    /// The schedules. → [`Answer::Schedules`]
    Schedules,
    /// Everything about a schedule. → [`Answer::Schedule`]
    Schedule {
        /// Its name, its id, or the end of it.
        reference: String,
    },
    /// A rule, resolved without being stored. → [`Answer::Preview`]
    PreviewRule {
        /// RFC 5545 lines, five cron fields, or a phrase.
        rule: String,
        /// The time zone of a rule that names none.
        #[serde(default)]
        zone: Option<String>,
        /// The occurrences after this instant; after now if not said.
        #[serde(default)]
        from: Option<Timestamp>,
        /// How many, at most [`MAX_PAGE`].
        #[serde(default = "json::usual_occurrences")]
        count: u32,
    },
    /// The services. → [`Answer::Services`]
    Services,
    /// A page of files. → [`Answer::Files`]
    Files {
        /// Those that begin with this.
        #[serde(default)]
        prefix: String,
        /// Those after this one.
        #[serde(default)]
        after: Option<String>,
        /// At most [`MAX_PAGE`].
        #[serde(default = "json::usual_page")]
        limit: u32,
    },
    /// The versions of a file. → [`Answer::Files`]
    FileVersions {
        /// The name.
        name: String,
    },
    /// The links. → [`Answer::Shares`]
    Shares,
    /// The tokens. → [`Answer::Tokens`]
    Tokens,
    /// The browser sessions. → [`Answer::Browsers`]
    Browsers,
    /// What was done in a browser session, newest first. → [`Answer::BrowserActs`]
    BrowserActs {
        /// The session.
        session: String,
        /// What began before this position; from the newest if there is none.
        before: Option<Position>,
        /// At most [`MAX_PAGE`].
        #[serde(default = "json::usual_page")]
        limit: u32,
    },
    /// One thing that was done in a browser session, with the text it gave. → [`Answer::BrowserActs`] with one entry.
    BrowserAct {
        /// The event that says that it begins, or how it came out.
        position: Position,
    },
    /// A picture or document that something done in a browser session gave. → [`Answer::BrowserArtifact`]
    BrowserArtifact {
        /// The event that has it.
        position: Position,
    },
    /// The servers whose tools agents may call. → [`Answer::McpServers`]
    McpServers,
    /// The keys there are. → [`Answer::ProviderKeys`]
    ProviderKeys {
        /// The surroundings of who asks.
        #[serde(skip)]
        environment: Environment,
    },
}

/// What is to be recalled.
#[derive(Clone, Debug, Default, Encode, Decode, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecallQuestion {
    /// A question or some words.
    pub text: String,
    /// How many hits at most, at most [`MAX_PAGE`].
    #[serde(default = "json::usual_hits")]
    pub limit: u32,
    /// Where to look.
    #[serde(default)]
    pub scope: RecallScope,
    /// Only what has all of these in its meta: `(key, value)`. A value is compared as text.
    #[serde(default)]
    pub meta: Vec<(String, String)>,
    /// Only what happened (else, was recorded) at this time or later.
    pub since: Option<Timestamp>,
    /// Only what happened (else, was recorded) before this time.
    pub until: Option<Timestamp>,
    /// Parts of the score to leave out, by name: to see what each of them brings. See [`RECALL_PARTS`](super::RECALL_PARTS).
    #[serde(default)]
    pub without: Vec<String>,
    /// Embed what is not embedded yet for so many milliseconds before looking.
    #[serde(default)]
    pub embed_ms: u64,
    /// Look even where a meta key occurs nowhere, and find nothing, rather than fail.
    #[serde(default)]
    pub any_key: bool,
}

/// Where to recall from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RecallScope {
    /// Memories and messages.
    #[default]
    Both,
    /// Memories only.
    Memories,
    /// Messages of conversations only.
    Messages,
}

//! Asking: questions to models, and what comes back while they answer.

use std::fmt;

use bincode::{Decode, Encode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zo_projections::Position;
use zo_projections::event::conversation::ToolCall;
use zo_projections::event::run::{Account, Usage};

use super::{AgentArrival, AgentRequest, ConversationChoice, json};

/// A text that never shows itself: a key, a passphrase. It has no form as JSON.
#[derive(Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct SecretText(pub String);

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// What of the surroundings of who asks matters to models: the engine itself looks at no variable and no folder but
/// the home's. It travels with every request that may call a model, for the holder may have been started elsewhere.
/// It has no form as JSON: requests that come from the network are given the holder's own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Environment {
    /// `(variable, value)` of the variables that may hold keys: `OPENAI_API_KEY`. They go before the vault.
    pub keys: Vec<(String, SecretText)>,
    /// The file with the identity that opens the vault, absolute.
    pub identity: Option<String>,
    /// Its passphrase, should it need one.
    pub passphrase: Option<SecretText>,
    /// Where the local Ollama listens, if that is not where it usually does: `http://127.0.0.1:11434`.
    pub ollama: Option<String>,
}

/// A question, and how it is to be answered.
#[derive(Clone, Debug, Encode, Decode, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Asking {
    /// The conversation.
    #[serde(default = "json::fresh_conversation")]
    #[schemars(!default)]
    pub conversation: ConversationChoice,
    /// The question.
    pub question: Question,
    /// Id of the run, chosen by who asks: 128 random bits behind a ULID's time.
    #[serde(with = "json::id", default = "json::fresh_id")]
    #[schemars(with = "Option<json::Ulid>", !default)]
    pub run: u128,
    /// The model, `provider/name` or `offline`; the chosen one if there is none.
    pub model: Option<String>,
    /// The models to be called in turn should that fail; those that were chosen with it if there are none and no model.
    #[serde(default)]
    pub fallbacks: Vec<String>,
    /// Instructions in place of the usual ones.
    pub system: Option<String>,
    /// The answer is to be JSON of this JSON Schema, which is JSON as text.
    #[serde(with = "json::text", default)]
    #[schemars(with = "Option<serde_json::Value>")]
    pub schema: Option<String>,
    /// The agent that is to answer, in as many steps as it takes; none: one reply of the model is the answer.
    pub agent: Option<Box<AgentRequest>>,
    /// Tools that who asks has: the model may ask for them, and the answer says so. They are not kept: a question that is
    /// carried on after a crash has none.
    #[serde(default)]
    pub tools: Vec<ToolInput>,
    /// The surroundings of who asks.
    #[serde(skip)]
    pub environment: Environment,
}

impl Asking {
    /// A plain question, to be answered by the model that was chosen.
    pub fn new(conversation: ConversationChoice, text: impl Into<String>, run: u128) -> Self {
        Self {
            conversation,
            question: Question::New { text: text.into(), files: Vec::new() },
            run,
            model: None,
            fallbacks: Vec::new(),
            system: None,
            schema: None,
            agent: None,
            tools: Vec::new(),
            environment: Environment::default(),
        }
    }
}

/// A tool that who asks has.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ToolInput {
    /// Letters, digits, `_` and `-`.
    pub name: String,
    /// When and how to use it.
    #[serde(default)]
    pub description: String,
    /// JSON Schema of its arguments; an object, as text.
    #[serde(with = "json::whole_text")]
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    pub parameters: String,
}

/// What is asked.
#[derive(Clone, Debug, Encode, Decode, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Question {
    /// This, behind the last message of the selected branch.
    New {
        /// The text.
        text: String,
        /// Files that belong to it.
        #[serde(default)]
        files: Vec<FileInput>,
    },
    /// This, instead of an earlier question: a branch beside it, which becomes the selected one.
    Instead {
        /// Id of the earlier question; the last one of the selected branch if there is none.
        of: Option<String>,
        /// The text.
        text: String,
        /// Files that belong to it.
        #[serde(default)]
        files: Vec<FileInput>,
    },
    /// This, behind that message: a branch of its own if something follows it already, and the selected one.
    Behind {
        /// Id of the message.
        message: String,
        /// The text.
        text: String,
        /// Files that belong to it.
        #[serde(default)]
        files: Vec<FileInput>,
    },
    /// An earlier question once more, or for the first time: the answer becomes a branch beside those there are.
    Again {
        /// Id of the question; the last one of the selected branch if there is none.
        question: Option<String>,
    },
}

/// A file that belongs to a question.
#[derive(Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileInput {
    /// Its name, without a folder.
    pub name: String,
    /// What it is: `image/png`, `text/plain`.
    pub media_type: String,
    /// What is in it, at most 32 MiB.
    #[serde(with = "json::bytes")]
    #[schemars(with = "json::Base64")]
    pub bytes: Vec<u8>,
}

impl fmt::Debug for FileInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} ({}, {} bytes)", self.name, self.media_type, self.bytes.len())
    }
}

/// The question is in the log, and is being answered.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
pub struct AnswerBegun {
    /// Id of the conversation.
    pub conversation: String,
    /// Its name.
    pub conversation_name: Option<String>,
    /// Id of the run.
    pub run: String,
    /// Id of the question's message.
    pub question: String,
    /// The model that is called, `provider/name`, or `offline`.
    pub model: String,
    /// How that one came to be taken, where nobody has named or chosen it: in words, for people.
    pub why: Option<String>,
    /// What was recalled to answer with, best first.
    pub recalled: Vec<RecalledLine>,
}

/// What happens while an answer is on its way.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Arrival {
    /// A piece of the answer.
    Text(String),
    /// A piece of what the model thinks aloud; it is not kept.
    Reasoning(String),
    /// Something about the call, in words: it is tried again, or another model is called.
    Note(String),
    /// What an agent does.
    Agent(Box<AgentArrival>),
    /// Nothing; sent several times a second, so that who no longer waits is noticed.
    Nothing,
}

/// An answer with where it came from.
#[derive(Clone, Debug, Encode, Decode, Serialize, Deserialize, JsonSchema)]
pub struct Answered {
    /// The text: as far as it came, if it was interrupted.
    pub answer: String,
    /// Those of the tools of who asked that are to be called before there is an answer.
    #[serde(default)]
    pub tool_calls: Vec<ToolCall>,
    /// Id of the conversation.
    pub conversation: String,
    /// Id of the run.
    pub run: String,
    /// Id of the question's message.
    pub question: String,
    /// Id of the answer's message.
    pub message: String,
    /// The model or responder.
    pub model: String,
    /// What was recalled to answer with, best first.
    pub recalled: Vec<RecalledLine>,
    /// What it cost.
    pub usage: Usage,
    /// More about that, and how it ended.
    pub account: Account,
    /// The event that ends the run.
    pub position: Position,
    /// How far the index was.
    pub indexed: Position,
    /// How far the log was.
    pub head: Position,
}

/// Something that was recalled.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
pub struct RecalledLine {
    /// The memory's id as the user knows it, or the message's.
    pub id: String,
    /// `memory` or `message`.
    pub kind: String,
    /// The event that holds it.
    pub position: Position,
    /// Its score.
    pub score: f32,
}

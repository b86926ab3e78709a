//! Runs: one question put to a model or an agent, until it is answered. What agents do is in [`agent`].

pub mod agent;

use bincode::{Decode, Encode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::agent::Agent;
use super::{EventError, Payload, decode_exactly};
use crate::ids::{ConversationId, MemoryId, MessageId, Position};

/// A question was asked and wants an answer. Until the run is finished or failed it is outstanding: whoever opens the
/// home next finds it and goes on. The body, if there is something to say in it, is a [`RequestBody`]; that of an agent
/// is always there, and an [`AgentBody`](agent::AgentBody).
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize)]
pub struct Started {
    /// The conversation the answer goes to.
    pub conversation: ConversationId,
    /// The question.
    pub question: MessageId,
    /// The model or responder that is to answer.
    pub model: String,
    /// The agent that is to answer, in as many steps as it takes; none: one reply of the model is the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<Agent>,
}

impl Payload for Started {
    const KIND: u16 = 0x0401;
    const NAME: &'static str = "run.started";
    const SCHEMA: u8 = 2;

    /// Schema 1 was before there were agents.
    fn upcast(schema: u8, bytes: &[u8]) -> Result<Self, EventError> {
        let StartedWithoutAgent { conversation, question, model } = decode_exactly(Self::NAME, schema, bytes)?;
        Ok(Self { conversation, question, model, agent: None })
    }
}

/// [`Started`] of schema 1.
#[derive(Decode)]
struct StartedWithoutAgent {
    conversation: ConversationId,
    question: MessageId,
    model: String,
}

/// How a run is to be answered, sealed with its start.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode, Serialize)]
pub struct RequestBody {
    /// Instructions in place of the usual ones.
    pub system: Option<String>,
    /// The answer is to be JSON of this JSON Schema, which is JSON as text.
    pub schema: Option<String>,
    /// The models to be called in turn, `provider/name`, should the one before fail.
    pub fallbacks: Vec<String>,
}

/// Where a passage is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Source {
    /// A memory.
    Memory(MemoryId) = 0,
    /// A message of a conversation, this one or another.
    Message(MessageId) = 1,
}

/// One thing that was recalled for a run.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize)]
pub struct Passage {
    /// What it is from.
    #[serde(flatten)]
    pub source: Source,
    /// The event that holds what was recalled: the revision of the memory, or the message.
    pub position: Position,
    /// Its score; only comparable within one recall.
    pub score: f32,
    /// Share of the question's words that it covers, by their weight: 0 to 1.
    pub coverage: f32,
    /// Cosine of the angle between its vector and the question's; none if it had no vector then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cosine: Option<f32>,
}

/// What was recalled to answer with, best first. Appended before the answer is written.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize)]
pub struct Recalled {
    /// The passages.
    pub passages: Vec<Passage>,
    /// How far the index was: nothing after this position could be recalled.
    pub indexed: Position,
}

impl Payload for Recalled {
    const KIND: u16 = 0x0402;
    const NAME: &'static str = "run.recalled";
    const SCHEMA: u8 = 3;

    /// Schema 1 was before there were vectors, schema 2 before messages were recalled.
    fn upcast(schema: u8, bytes: &[u8]) -> Result<Self, EventError> {
        let lift = |memory, position, score, coverage, cosine| Passage {
            source: Source::Memory(memory),
            position,
            score,
            coverage,
            cosine,
        };
        if schema == 1 {
            let RecalledByWords { passages, indexed } = decode_exactly(Self::NAME, schema, bytes)?;
            let passages = passages.into_iter().map(|it| lift(it.memory, it.position, it.score, it.coverage, None));
            return Ok(Self { passages: passages.collect(), indexed });
        }
        let RecalledMemories { passages, indexed } = decode_exactly(Self::NAME, schema, bytes)?;
        let passages = passages.into_iter().map(|it| lift(it.memory, it.position, it.score, it.coverage, it.cosine));
        Ok(Self { passages: passages.collect(), indexed })
    }
}

/// [`Recalled`] of schema 1.
#[derive(Decode)]
struct RecalledByWords {
    passages: Vec<PassageByWords>,
    indexed: Position,
}

/// [`Passage`] of schema 1.
#[derive(Decode)]
struct PassageByWords {
    memory: MemoryId,
    position: Position,
    score: f32,
    coverage: f32,
}

/// [`Recalled`] of schema 2.
#[derive(Decode)]
struct RecalledMemories {
    passages: Vec<MemoryPassage>,
    indexed: Position,
}

/// [`Passage`] of schema 2.
#[derive(Decode)]
struct MemoryPassage {
    memory: MemoryId,
    position: Position,
    score: f32,
    coverage: f32,
    cosine: Option<f32>,
}

/// Where the key for a call is from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, Serialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum KeyOrigin {
    /// None was needed.
    #[default]
    None = 0,
    /// The vault.
    Vault = 1,
    /// The environment of who asked.
    Environment = 2,
}

/// A model is about to be called. Appended before anything is sent: a call without an end was cut off, may have cost
/// something, and is never taken for one that was not made.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize)]
pub struct Called {
    /// The model, `provider/name`.
    pub model: String,
    /// Where the key is from.
    pub key: KeyOrigin,
    /// How many messages of the conversation are sent: the last ones of the branch that ends with the question.
    pub messages: u32,
    /// How many earlier ones are left out, for want of room.
    pub left_out: u32,
    /// How many of the recalled passages are sent: the first ones.
    pub passages: u32,
    /// Tokens of all that is sent, estimated.
    pub input_tokens: u64,
    /// Tokens there is room for.
    pub budget: u64,
}

impl Called {
    /// A call for which nothing is sent: a model that cannot be reached from here, or one that is built in.
    pub fn unsent(model: &str) -> Self {
        let model = model.to_owned();
        Self { model, key: KeyOrigin::None, messages: 0, left_out: 0, passages: 0, input_tokens: 0, budget: 0 }
    }
}

impl Payload for Called {
    const KIND: u16 = 0x0405;
    const NAME: &'static str = "run.called";
}

/// A call ended without an answer that could be used: it failed, or was cut off before anything came. The run goes on
/// with another call, or fails. The body is the reason.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize)]
pub struct CallFailed {
    /// The model, `provider/name`.
    pub model: String,
    /// How often it was tried; 0 if the process ended before it was known.
    pub attempts: u32,
    /// What it cost.
    pub usage: Usage,
    /// Whether that is estimated, since nobody said it.
    pub estimated: bool,
}

impl Payload for CallFailed {
    const KIND: u16 = 0x0406;
    const NAME: &'static str = "run.call_failed";
}

/// What an answer cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
pub struct Usage {
    /// Tokens sent; 0 for `offline`, which has none.
    pub input_tokens: u64,
    /// Tokens received.
    pub output_tokens: u64,
    /// Price in millionths of a US dollar.
    pub cost_micros: u64,
}

impl Usage {
    /// Both together.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        Self {
            input_tokens: self.input_tokens.saturating_add(other.input_tokens),
            output_tokens: self.output_tokens.saturating_add(other.output_tokens),
            cost_micros: self.cost_micros.saturating_add(other.cost_micros),
        }
    }
}

/// How an answer ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Ending {
    /// The model had said all.
    #[default]
    Complete = 0,
    /// It had said as much as it may.
    Length = 1,
    /// The provider's filter stopped it.
    Filtered = 2,
    /// It was cut off: somebody stopped it, the connection broke, or the process ended.
    Interrupted = 3,
}

/// More about what an answer cost, and how it came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
pub struct Account {
    /// Those of the tokens sent that the provider had in its cache.
    pub cached_tokens: u64,
    /// Whether the tokens are estimated, since nobody said them.
    pub estimated: bool,
    /// Whether the price is not known; the cost is 0 then.
    pub unpriced: bool,
    /// How often it was tried, the successful time included.
    pub attempts: u32,
    /// How it ended.
    pub ending: Ending,
}

/// A run was answered. Appended in one commit with the answer's message. The body, if the answer was cut off, is a
/// [`ReasonBody`].
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize)]
pub struct Finished {
    /// The answer.
    pub answer: MessageId,
    /// The model or responder that answered.
    pub model: String,
    /// What it cost.
    pub usage: Usage,
    /// More about that; none in what was written before models were called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<Account>,
}

impl Payload for Finished {
    const KIND: u16 = 0x0403;
    const NAME: &'static str = "run.finished";
    const SCHEMA: u8 = 2;

    /// Schema 1 was before models were called.
    fn upcast(schema: u8, bytes: &[u8]) -> Result<Self, EventError> {
        let FinishedOffline { answer, model, usage } = decode_exactly(Self::NAME, schema, bytes)?;
        Ok(Self { answer, model, usage, account: None })
    }
}

/// [`Finished`] of schema 1.
#[derive(Decode)]
struct FinishedOffline {
    answer: MessageId,
    model: String,
    usage: Usage,
}

/// A run ended without an answer. The body is the reason.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize)]
pub struct Failed {}

impl Payload for Failed {
    const KIND: u16 = 0x0404;
    const NAME: &'static str = "run.failed";
}

/// A text, sealed: a reason.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode, Serialize)]
pub struct ReasonBody {
    /// The text.
    pub reason: String,
}

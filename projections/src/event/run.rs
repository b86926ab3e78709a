//! Runs: one question put to a model or an agent, until it is answered.

use bincode::{Decode, Encode};
use serde::Serialize;

use super::{EventError, Payload, decode_exactly};
use crate::ids::{ConversationId, MemoryId, MessageId, Position};

/// A question was asked and wants an answer. Until the run is finished or failed it is outstanding: whoever opens the
/// home next finds it and goes on.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize)]
pub struct Started {
    /// The conversation the answer goes to.
    pub conversation: ConversationId,
    /// The question.
    pub question: MessageId,
    /// The model or responder that is to answer.
    pub model: String,
}

impl Payload for Started {
    const KIND: u16 = 0x0401;
    const NAME: &'static str = "run.started";
}

/// One thing that was recalled for a run.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize)]
pub struct Passage {
    /// The memory.
    pub memory: MemoryId,
    /// The event that holds the revision that was recalled.
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
    const SCHEMA: u8 = 2;

    /// Schema 1 was before there were vectors.
    fn upcast(schema: u8, bytes: &[u8]) -> Result<Self, EventError> {
        let RecalledByWords { passages, indexed } = decode_exactly(Self::NAME, schema, bytes)?;
        let lift = |PassageByWords { memory, position, score, coverage }| Passage {
            memory,
            position,
            score,
            coverage,
            cosine: None,
        };
        Ok(Self { passages: passages.into_iter().map(lift).collect(), indexed })
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

/// What an answer cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, Serialize)]
pub struct Usage {
    /// Tokens sent; 0 for `offline`, which has none.
    pub input_tokens: u64,
    /// Tokens received.
    pub output_tokens: u64,
    /// Price in millionths of a US dollar.
    pub cost_micros: u64,
}

/// A run was answered. Appended in one commit with the answer's message.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize)]
pub struct Finished {
    /// The answer.
    pub answer: MessageId,
    /// The model or responder that answered.
    pub model: String,
    /// What it cost.
    pub usage: Usage,
}

impl Payload for Finished {
    const KIND: u16 = 0x0403;
    const NAME: &'static str = "run.finished";
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

//! What one hears from a model.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::chat::ToolCall;

/// What a caller hears while a reply is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delta<'a> {
    /// A piece of the answer, never cut inside a UTF-8 character.
    Text(&'a str),
    /// A piece of what the model thinks aloud; no part of [`Reply::text`].
    Reasoning(&'a str),
    /// An attempt failed; the next one follows after a wait.
    Retrying {
        /// The number of the attempt that will be made, from 2.
        attempt: u32,
        /// How long until then.
        wait: Duration,
        /// What failed.
        why: &'a str,
    },
    /// At least every 100 ms while nothing arrives, so that a `Break` is noticed promptly.
    Waiting,
}

/// Why a model stopped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finish {
    /// It was done.
    Stop,
    /// The most tokens were reached; the text is incomplete.
    Length,
    /// It wants tools called.
    ToolCalls,
    /// The provider's filter, or the model's own refusal.
    ContentFilter,
    /// Another reason, as the provider names it.
    Other(String),
}

/// What a reply used, over all attempts that reported it, for each is charged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenUsage {
    /// Everything that was read, from a cache or not.
    pub input: u64,
    /// The part of `input` that came from a cache.
    pub cached_input: u64,
    /// The part of `input` that was written to a cache.
    pub cache_write: u64,
    /// Everything that was written, reasoning included.
    pub output: u64,
    /// The price in millionths of a US dollar, if the provider says it.
    pub cost_micros: Option<u64>,
}

impl TokenUsage {
    /// Both together.
    pub(crate) fn plus(self, other: TokenUsage) -> TokenUsage {
        TokenUsage {
            input: self.input.saturating_add(other.input),
            cached_input: self.cached_input.saturating_add(other.cached_input),
            cache_write: self.cache_write.saturating_add(other.cache_write),
            output: self.output.saturating_add(other.output),
            cost_micros: match (self.cost_micros, other.cost_micros) {
                (Some(a), Some(b)) => Some(a.saturating_add(b)),
                (a, b) => a.or(b),
            },
        }
    }
}

/// A whole answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The text; where a schema was asked for, JSON of it.
    pub text: String,
    /// What the model wants called, in its order.
    pub tool_calls: Vec<ToolCall>,
    /// Why it stopped.
    pub finish: Finish,
    /// What it used; `None` if the provider reported nothing.
    pub usage: Option<TokenUsage>,
    /// The model, as the provider calls it.
    pub model: String,
    /// How many requests it took.
    pub attempts: u32,
}

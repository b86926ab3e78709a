//! Sizes and prices of well-known models.

use crate::reply::TokenUsage;

/// What is known of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModelFacts {
    /// Tokens of a conversation with its answer.
    pub context_window: u64,
    /// Tokens of an answer.
    pub max_output: u64,
    /// Whether it sees pictures.
    pub images: bool,
    /// What it costs; `None` if that is not known.
    pub price: Option<Price>,
}

/// Prices in millionths of a US dollar per million tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Price {
    /// Of what is read and was in no cache.
    pub input: u64,
    /// Of what came from a cache.
    pub cached_input: u64,
    /// Of what was written to a cache.
    pub cache_write: u64,
    /// Of what the model writes.
    pub output: u64,
}

impl Price {
    /// The price of a call in millionths of a US dollar, rounded up.
    pub fn cost_micros(&self, usage: &TokenUsage) -> u64 {
        let fresh = usage.input.saturating_sub(usage.cached_input).saturating_sub(usage.cache_write);
        let parts = [
            (fresh, self.input),
            (usage.cached_input, self.cached_input),
            (usage.cache_write, self.cache_write),
            (usage.output, self.output),
        ];
        let total: u128 = parts.iter().map(|(tokens, price)| u128::from(*tokens) * u128::from(*price)).sum();
        u64::try_from(total.div_ceil(1_000_000)).unwrap_or(u64::MAX)
    }
}

/// What is known of a provider's model.
pub fn facts(_provider: &str, _model: &str) -> Option<ModelFacts> {
    None
}

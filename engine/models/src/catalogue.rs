//! Sizes and prices of well-known models.
//!
//! A small table, for a price that can be named and a context that fits before a provider was asked; what a provider says itself
//! ([`ModelInfo`](crate::ModelInfo), [`TokenUsage::cost_micros`]) goes before it. Whatever is not in it is unknown, not free.
//!
//! As of 2026-11-21. Sources:
//! - OpenAI: developers.openai.com/api/docs/pricing and the models' pages, as read by models.dev (commits to 2026-09), by
//!   LiteLLM's "Day 0 support: GPT-6 Sol and GPT-6 Luna" (2026-09-22) and, for the price cut of GPT-5.6 Luna and Terra on 2026-07-30, by two
//!   price trackers; GPT-5, 4.1 and 4o by pydantic's genai-prices (checked 2025-11).
//! - Anthropic: platform.claude.com/docs, "Pricing" and the models' overview pages (2026-10), models.dev (2026-10).
//! - Groq and Together: models.dev, which quotes groq.com/pricing, console.groq.com/docs/models (2026-08) and Together's list (2026-09).
//!
//! What a flat price cannot say: OpenAI asks twice the input and half as much again of the output above 272,000 tokens, Haiku 5.5 five times
//! the price above 100,000. OpenRouter says what each call cost; its prices are those of the providers behind it, and are not repeated here.

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
        let total = parts.iter().fold(0u128, |sum, (tokens, price)| {
            sum.saturating_add(u128::from(*tokens).saturating_mul(u128::from(*price)))
        });
        u64::try_from(total.div_ceil(1_000_000)).unwrap_or(u64::MAX)
    }
}

/// What is known of a provider's model; dated names (`claude-haiku-4-5-20251001`, `gpt-5-mini-2025-08-07`) are their model's.
/// OpenRouter's names are looked up at who makes the model, but without a price.
pub fn facts(provider: &str, model: &str) -> Option<ModelFacts> {
    if provider == "openrouter" {
        let (maker, name) = model.split_once('/')?;
        let name = name.split(':').next().unwrap_or(name);
        let found = row_of(maker, name).or_else(|| row_of(maker, &name.replace('.', "-")))?;
        return Some(ModelFacts { price: None, ..found.facts() });
    }
    row_of(provider, model).map(Row::facts)
}

fn row_of(provider: &str, model: &str) -> Option<&'static Row> {
    let rows = TABLE.iter().filter(|row| row.provider == provider && is_model(row.model, model));
    rows.max_by_key(|row| row.model.len())
}

/// Whether `name` is the model, or the model of some day.
fn is_model(model: &str, name: &str) -> bool {
    let Some(rest) = name.strip_prefix(model) else { return false };
    let Some(date) = rest.strip_prefix(['-', '@']) else { return rest.is_empty() };
    date == "latest"
        || (date.len() >= 8 && date.starts_with("20") && date.chars().all(|c| c.is_ascii_digit() || c == '-'))
}

/// A row of the table.
struct Row {
    provider: &'static str,
    model: &'static str,
    context_window: u64,
    max_output: u64,
    images: bool,
    /// Input, from a cache, to a cache, output; 10,000 is a dollar per million tokens.
    price: [u64; 4],
}

impl Row {
    fn facts(&self) -> ModelFacts {
        let [input, cached_input, cache_write, output] = self.price.map(|price| price * 100);
        ModelFacts {
            context_window: self.context_window,
            max_output: self.max_output,
            images: self.images,
            price: Some(Price { input, cached_input, cache_write, output }),
        }
    }
}

const fn row(
    provider: &'static str,
    model: &'static str,
    context_window: u64,
    max_output: u64,
    images: bool,
    price: [u64; 4],
) -> Row {
    Row { provider, model, context_window, max_output, images, price }
}

#[rustfmt::skip]
const TABLE: &[Row] = &[
    //  provider     model                       context    output  images  input, from cache, to cache, output: 10_000 is a dollar
    row("openai",    "gpt-6-astra",            1_050_000, 128_000, true,  [100_000, 10_000, 125_000, 500_000]),
    row("openai",    "gpt-6-sol",              1_050_000, 128_000, true,  [ 20_000,  2_000,  25_000, 100_000]),
    row("openai",    "gpt-6-luna",             1_050_000, 128_000, true,  [  1_000,    100,   1_250,   5_000]),
    row("openai",    "gpt-5.6-terra",          1_050_000, 128_000, true,  [ 20_000,  2_000,  20_000, 120_000]),
    row("openai",    "gpt-5.6-luna",           1_050_000, 128_000, true,  [  2_000,    200,   2_000,  12_000]),
    row("openai",    "gpt-5.5",                1_050_000, 128_000, true,  [ 50_000,  5_000,  50_000, 300_000]),
    row("openai",    "gpt-5",                    400_000, 128_000, true,  [ 12_500,  1_250,  12_500, 100_000]),
    row("openai",    "gpt-5-mini",               400_000, 128_000, true,  [  2_500,    250,   2_500,  20_000]),
    row("openai",    "gpt-5-nano",               400_000, 128_000, true,  [    500,     50,     500,   4_000]),
    row("openai",    "gpt-4.1",                1_000_000,  32_768, true,  [ 20_000,  5_000,  20_000,  80_000]),
    row("openai",    "gpt-4.1-mini",           1_000_000,  32_768, true,  [  4_000,  1_000,   4_000,  16_000]),
    row("openai",    "gpt-4o",                   128_000,  16_384, true,  [ 25_000, 12_500,  25_000, 100_000]),
    row("openai",    "gpt-4o-mini",              128_000,  16_384, true,  [  1_500,    750,   1_500,   6_000]),
    row("anthropic", "claude-opus-5-5",        1_000_000, 128_000, true,  [ 40_000,  2_000,  50_000, 200_000]),
    row("anthropic", "claude-sonnet-5-5",      1_000_000, 128_000, true,  [ 20_000,  1_000,  25_000, 100_000]),
    row("anthropic", "claude-haiku-5-5",       1_000_000, 128_000, true,  [  1_000,    100,   1_250,   5_000]),
    row("anthropic", "claude-opus-5",          1_000_000, 128_000, true,  [ 50_000,  5_000,  62_500, 250_000]),
    row("anthropic", "claude-sonnet-5",        1_000_000, 128_000, true,  [ 20_000,  2_000,  25_000, 100_000]),
    row("anthropic", "claude-opus-4-8",        1_000_000, 128_000, true,  [ 50_000,  5_000,  62_500, 250_000]),
    row("anthropic", "claude-opus-4-6",        1_000_000, 128_000, true,  [ 50_000,  5_000,  62_500, 250_000]),
    row("anthropic", "claude-opus-4-5",          200_000,  64_000, true,  [ 50_000,  5_000,  62_500, 250_000]),
    row("anthropic", "claude-opus-4-1",          200_000,  32_000, true,  [150_000, 15_000, 187_500, 750_000]),
    row("anthropic", "claude-sonnet-4-6",      1_000_000,  64_000, true,  [ 30_000,  3_000,  37_500, 150_000]),
    row("anthropic", "claude-sonnet-4-5",        200_000,  64_000, true,  [ 30_000,  3_000,  37_500, 150_000]),
    row("anthropic", "claude-haiku-4-5",         200_000,  64_000, true,  [ 10_000,  1_000,  12_500,  50_000]),
    row("groq",      "openai/gpt-oss-120b",      131_072,  65_536, false, [  1_500,    750,   1_500,   6_000]),
    row("groq",      "openai/gpt-oss-20b",       131_072,  65_536, false, [    750,    375,     750,   3_000]),
    row("groq",      "qwen/qwen3.8-27b",         131_042,  16_384, true,  [  8_000,  4_000,   8_000,  40_000]),
    row("together",  "deepseek-ai/DeepSeek-V4.1-Flash", 1_000_000, 384_000, true, [3_000, 60, 3_000, 12_000]),
    row("together",  "zai-org/GLM-5.3",        1_048_575, 262_144, false, [ 14_000,  2_600,  14_000,  44_000]),
    row("together",  "meta-llama/Llama-3.3-70B-Instruct-Turbo", 131_072, 8_192, false, [8_800, 8_800, 8_800, 8_800]),
];

#[cfg(test)]
mod tests;

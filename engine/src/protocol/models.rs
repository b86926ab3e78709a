//! Language models: who has them, which one answers, and the keys for them.

use bincode::{Decode, Encode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zo_projections::{Position, Timestamp};

/// The language model that answers where no other is named.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
pub struct ChosenModel {
    /// The model, `provider/name`, or `offline`; none: whichever is there.
    pub model: Option<String>,
    /// The models to be called in turn should the one before fail.
    pub fallbacks: Vec<String>,
    /// The event that says so; none if nobody ever chose one.
    pub since: Option<Position>,
}

/// What would answer a question now.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
pub struct WouldAnswer {
    /// The model, `provider/name`, or `offline`.
    pub model: String,
    /// Why that one, in words.
    pub why: String,
}

/// A provider of language models.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
pub struct ProviderLine {
    /// The name by which its models are called: `provider/name`.
    pub name: String,
    /// Its name, for people.
    pub title: String,
    /// What it speaks: `openai` or `anthropic`.
    pub dialect: String,
    /// Where it is.
    pub base_url: String,
    /// Whether it was added to those that zo knows.
    pub added: bool,
    /// Whether it wants a key.
    pub needs_key: bool,
    /// The variables its key is looked for in, first of all.
    pub key_variables: Vec<String>,
    /// Whether there is a key for it, and where: `environment`, `vault`.
    pub key: Option<String>,
    /// The model that is taken where only the provider is known.
    pub default_model: Option<String>,
}

/// A model that a provider says it has.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
pub struct ChatModelLine {
    /// `provider/name`.
    pub name: String,
    /// The most tokens it takes in, if that is known.
    pub context_window: Option<u64>,
    /// Price of a million tokens sent, in millionths of a US dollar, if that is known.
    pub input_price: Option<u64>,
    /// Price of a million tokens received.
    pub output_price: Option<u64>,
    /// What the provider says of it.
    pub description: Option<String>,
}

/// A step of the test of a connection to a model, which has ended.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
pub struct TestStep {
    /// What was tried: `address`, `connect`, `tls`, `key`, `model`, `chat`…
    pub step: String,
    /// `ok`, `failed` or `skipped`.
    pub outcome: String,
    /// What was found, with the values.
    pub detail: String,
    /// What to do, if it failed.
    pub hint: Option<String>,
    /// How long it took, in microseconds.
    pub elapsed_us: u64,
}

/// The key of a provider: not the key.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
pub struct ProviderKeyLine {
    /// The provider.
    pub provider: String,
    /// 16 hex digits by which the key is recognised; the same key has the same in this home.
    pub fingerprint: String,
    /// `vault`, or `environment` with the variable.
    pub origin: String,
    /// When it was set; none for one of the environment.
    pub set_at: Option<Timestamp>,
    /// When the provider was last called.
    pub last_used_at: Option<Timestamp>,
}

//! The home itself.

use bincode::{Decode, Encode};
use serde::Serialize;

use super::Payload;
use crate::ids::NodeId;
use crate::time::Timestamp;

/// A home came into being. Appended once, by the writer, as the first event of every log.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize)]
pub struct Created {
    /// Version of zo that made it.
    pub zo_version: String,
}

impl Payload for Created {
    const KIND: u16 = 0x0001;
    const NAME: &'static str = "home.created";
}

/// The model was chosen that texts are embedded with from now on. Until everything is embedded with it, recall goes on
/// with the one before.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize)]
pub struct EmbedderChosen {
    /// Its name, as `zo model list` shows it.
    pub model: String,
}

impl Payload for EmbedderChosen {
    const KIND: u16 = 0x0002;
    const NAME: &'static str = "home.embedder_chosen";
}

/// The model was chosen that answers from now on where no other is named.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize)]
pub struct ModelChosen {
    /// The model, `provider/name`, or `offline`; none: whichever is there.
    pub model: Option<String>,
    /// The models to be called in turn should the one before fail.
    pub fallbacks: Vec<String>,
}

impl Payload for ModelChosen {
    const KIND: u16 = 0x0003;
    const NAME: &'static str = "home.model_chosen";
}

/// A provider of models was added, or one of this name given other properties.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize)]
pub struct ProviderAdded {
    /// The name by which its models are called: `provider/name`.
    pub name: String,
    /// What it speaks: `openai` or `anthropic`.
    pub dialect: String,
    /// Where it is, without a trailing slash.
    pub base_url: String,
}

impl Payload for ProviderAdded {
    const KIND: u16 = 0x0004;
    const NAME: &'static str = "home.provider_added";
}

/// A provider that had been added was removed.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize)]
pub struct ProviderRemoved {
    /// Its name.
    pub name: String,
}

impl Payload for ProviderRemoved {
    const KIND: u16 = 0x0005;
    const NAME: &'static str = "home.provider_removed";
}

/// A person laid down what tools may do from now on, for every agent: a permission rule.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize)]
pub struct RuleAdded {
    /// The rule: `allow: run_command(git status)`.
    pub rule: String,
}

impl Payload for RuleAdded {
    const KIND: u16 = 0x0006;
    const NAME: &'static str = "home.rule_added";
}

/// A permission rule no longer holds.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize)]
pub struct RuleRemoved {
    /// The rule.
    pub rule: String,
}

impl Payload for RuleRemoved {
    const KIND: u16 = 0x0007;
    const NAME: &'static str = "home.rule_removed";
}

/// It was laid down what all agents together may cost in a day (UTC).
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize)]
pub struct DailyBudgetSet {
    /// Millionths of a US dollar; none: there is no limit.
    pub cost_micros: Option<u64>,
}

impl Payload for DailyBudgetSet {
    const KIND: u16 = 0x0008;
    const NAME: &'static str = "home.daily_budget_set";
}

/// A queue of jobs was given a limit, or stopped.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize)]
pub struct QueueSet {
    /// Its name.
    pub queue: String,
    /// How many of its jobs may run at a time; none: as many as there are nodes for.
    pub limit: Option<u32>,
    /// Whether none of its jobs is begun.
    pub paused: bool,
}

impl Payload for QueueSet {
    const KIND: u16 = 0x0009;
    const NAME: &'static str = "home.queue_set";
}

/// Time went by, and something was due that no other event says: jobs whose delay is over are ready.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize)]
pub struct ClockAdvanced {}

impl Payload for ClockAdvanced {
    const KIND: u16 = 0x000A;
    const NAME: &'static str = "home.clock_advanced";
}

/// Nodes were heard from: the leases of what they run are renewed. One event for all of them, now and then.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize)]
pub struct NodesHeard {
    /// The nodes, sorted.
    pub nodes: Vec<NodeId>,
    /// Until when what they run is theirs.
    pub until: Timestamp,
}

impl Payload for NodesHeard {
    const KIND: u16 = 0x000B;
    const NAME: &'static str = "home.nodes_heard";
}

/// What nodes cost: multipliers by tier of GPU and by region, in thousandths. What is not named counts once.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode, Serialize)]
pub struct PricesSet {
    /// By tier of GPU.
    pub gpus: Vec<(String, u32)>,
    /// By region.
    pub regions: Vec<(String, u32)>,
}

impl Payload for PricesSet {
    const KIND: u16 = 0x000C;
    const NAME: &'static str = "home.prices_set";
}

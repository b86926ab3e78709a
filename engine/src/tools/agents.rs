//! Agents below an agent.

use schemars::JsonSchema;
use serde::Deserialize;
use zo_projections::event::run::agent::Effect;

use super::rules::Subject;
use super::{Doing, Output, Tool, Usually};
use crate::service::asking::spawn;

/// Agents that one call starts at the most.
const MOST_AGENTS: usize = 1_000;

/// Arguments of `spawn_agents`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SpawnAgents {
    /// The agents to start, at once.
    pub(crate) agents: Vec<NewAgent>,
    /// Wait only for the first one that answers, and stop the others.
    #[serde(default)]
    pub(crate) first: bool,
}

/// An agent to start.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewAgent {
    /// What it is to do, with all that it must know: it sees nothing of this conversation.
    pub(crate) task: String,
    /// The model, `provider/name`; the same as here if not said.
    #[serde(default)]
    pub(crate) model: Option<String>,
    /// The tools that it is offered; the same as here if not said.
    #[serde(default)]
    pub(crate) tools: Option<Vec<String>>,
    /// How many replies it may get; as many as here if not said.
    #[serde(default)]
    pub(crate) steps: Option<u32>,
    /// Tokens it may use.
    #[serde(default)]
    pub(crate) tokens: Option<u64>,
    /// Seconds it may take.
    #[serde(default)]
    pub(crate) seconds: Option<u64>,
    /// What the model `scripted` says to it.
    #[serde(default)]
    #[schemars(skip)]
    pub(crate) script: Option<serde_json::Value>,
}

impl Tool for SpawnAgents {
    const NAME: &'static str = "spawn_agents";
    const DESCRIPTION: &'static str = "Starts several agents at once, each with a task of its own, waits for them, and \
        gives back what each answered, in order. For work that can be done side by side.";
    // Those that were started are found again.
    const EFFECT: Effect = Effect::Idempotent;
    const USUALLY: Usually = Usually::Allow;

    fn subject(&self) -> Result<Subject, String> {
        match self.agents.len() {
            0 => return Err("there are no agents to start".to_owned()),
            count if count > MOST_AGENTS => return Err(format!("{count} agents are more than {MOST_AGENTS}")),
            _ => {}
        }
        if self.agents.iter().any(|agent| agent.task.trim().is_empty()) {
            return Err("an agent has no task".to_owned());
        }
        for agent in &self.agents {
            super::check_names(agent.tools.as_deref().unwrap_or_default())?;
        }
        let agents = if self.agents.len() == 1 { "agent" } else { "agents" };
        Ok(Subject::text(Self::NAME, &format!("{} {agents}", self.agents.len())))
    }

    fn call(self, doing: &Doing<'_>) -> Output {
        spawn(doing, self)
    }
}

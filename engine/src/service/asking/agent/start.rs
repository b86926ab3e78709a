//! What an agent may do, checked before anything is recorded; and the skill that its task calls for by name.

use std::str::FromStr;

use zo_projections::command::NewAgent;
use zo_projections::event::run::agent::{Agent as Clear, AgentOptions, Budget, Consent};
use zo_projections::event::run::{Account, Called, Usage};
use zo_projections::views::agents::RunningAgent;
use zo_projections::views::runs::Run;
use zo_projections::{Command, Timestamp};
use zo_skills::{Catalogue, Skill};

use super::super::call::{Asked, record_reply};
use super::super::{from_run, question_of};
use super::{Agent, scripted};
use crate::engine::Engine;
use crate::protocol::{
    AgentRequest, Environment, Failure, FailureKind, SCRIPTED, USUAL_CONCURRENCY, USUAL_DEPTH, USUAL_STEPS,
};
use crate::providers::OFFLINE;
use crate::tools;

/// Agents at the same time, at the most.
const MOST_CONCURRENCY: u32 = 256;
/// Levels of agents, at the most.
const MOST_DEPTH: u32 = 8;
/// The model in whose name a skill is taken that has a trigger in the task.
const BY_TRIGGER: &str = "trigger";
/// The same for one whose description means what the task does.
const BY_MEANING: &str = "meaning";
/// Skills that are compared with the task.
const MOST_COMPARED: usize = 64;
/// The least cosine of one that fits: unrelated sentences of this model stay below .3, paraphrases are above .6.
const ALIKE: f32 = 0.5;
/// By so much it must be ahead of the next.
const CLEARLY: f32 = 0.05;

/// Checks what an agent is to be.
pub(in super::super) fn start(
    engine: &Engine,
    request: &AgentRequest,
    environment: &Environment,
    model: &str,
) -> Result<Box<NewAgent>, Failure> {
    let invalid = |why: String| Failure::new(FailureKind::Invalid, why);
    let identity = environment.identity.as_deref();
    let workspace = request.workspace.as_deref().map(|folder| tools::check_workspace(engine, folder, identity));
    let workspace = workspace.transpose().map_err(invalid)?;
    tools::check_names(request.tools.as_deref().unwrap_or_default()).map_err(invalid)?;
    for rule in &request.rules {
        tools::rules::Rule::from_str(rule).map_err(|error| invalid(error.to_string()))?;
    }
    if model == SCRIPTED {
        scripted::check(request.script.as_deref()).map_err(invalid)?;
    }
    let zero = [
        ("steps", request.steps == Some(0)),
        ("tokens", request.tokens == Some(0)),
        ("cost", request.cost_micros == Some(0)),
        ("time", request.wall_ms == Some(0)),
        ("agents at a time", request.concurrency == Some(0)),
    ];
    if let Some((what, _)) = zero.iter().find(|(_, zero)| *zero) {
        return Err(invalid(format!("a budget of zero ({what}): the agent could do nothing")));
    }
    let now = engine.world.now();
    let deadline = request.wall_ms.map(|ms| Timestamp(now.0.saturating_add(i64::try_from(ms).unwrap_or(i64::MAX))));
    Ok(Box::new(NewAgent {
        agent: Clear {
            parent: None,
            depth: request.depth.unwrap_or(USUAL_DEPTH).min(MOST_DEPTH),
            budget: Budget {
                steps: request.steps.unwrap_or(USUAL_STEPS),
                tokens: request.tokens,
                cost_micros: request.cost_micros,
                deadline,
            },
        },
        options: AgentOptions {
            name: request.name.clone(),
            workspace,
            tools: request.tools.clone(),
            rules: request.rules.clone(),
            skills: request.skills.clone(),
            concurrency: request.concurrency.unwrap_or(USUAL_CONCURRENCY).min(MOST_CONCURRENCY),
            consent: if request.can_ask { Consent::Ask } else { Consent::Deny },
            script: request.script.clone(),
        },
    }))
}

/// If the task calls for a skill, by a trigger of it or by what it means, that skill is the agent's first call: recorded
/// as a reply, as if the model had asked for it. Whether there is one. Else it is for the model to choose.
pub(super) fn wants_skill(agent: &Agent<'_>, run: &Run, state: &RunningAgent) -> Result<bool, Failure> {
    let (engine, id) = (agent.engine, agent.id);
    let offered = tools::offered(&agent.options, state.depth).any(|tool| tool.name == "use_skill");
    let begun = engine.writer.read(|views| views.calls.of(id).is_some_and(|calls| calls.begun > 0))?;
    if !state.steps.is_empty() || begun || !offered || run.model == SCRIPTED || run.model == OFFLINE {
        return Ok(false);
    }
    let question = question_of(engine, run)?;
    let skills = crate::skills::usable(engine, &agent.options.skills)?;
    let by_meaning = || if state.parent.is_none() { alike(engine, &skills, &question) } else { None };
    let found = match skills.by_trigger(&question) {
        Some(skill) => Some((BY_TRIGGER, skill)),
        None => by_meaning().map(|skill| (BY_MEANING, skill)),
    };
    let Some((model, skill)) = found else { return Ok(false) };
    let called = Called::unsent(model);
    let command = Command::RecordCall { run: id, called };
    let position = engine.writer.submit_one(from_run(command, id, run.started))?.position;
    let call = zo_models::ToolCall {
        id: "call_skill".to_owned(),
        name: "use_skill".to_owned(),
        arguments: serde_json::json!({ "name": skill.name }).to_string(),
    };
    let (usage, account) = (Usage::default(), Account::default());
    record_reply(agent, state, position, Asked { model, text: String::new(), calls: vec![call], usage, account })?;
    Ok(true)
}

/// The skill whose description means what the task does, if one clearly does.
fn alike<'a>(engine: &Engine, skills: &'a Catalogue, question: &str) -> Option<&'a Skill> {
    let compared = &skills.skills[..skills.skills.len().min(MOST_COMPARED)];
    let descriptions: Vec<&str> = compared.iter().map(|skill| skill.description.as_str()).collect();
    if descriptions.is_empty() {
        return None;
    }
    let likeness = engine.recall.likeness(engine.log_for_recall(), question, &descriptions)?;
    let mut ranked: Vec<(f32, &Skill)> = likeness.into_iter().zip(compared).collect();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (best, skill) = *ranked.first()?;
    let second = ranked.get(1).map_or(0.0, |(cosine, _)| *cosine);
    (best >= ALIKE && best - second >= CLEARLY).then_some(skill)
}

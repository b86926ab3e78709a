//! Decisions about agents: their replies, the calls of tools and who permits them.

use super::home::rule_added;
use super::run::outstanding;
use super::{
    Decision, MAX_CALLS, MAX_OPTIONS, MAX_STEPS, MAX_TOOL_BYTES, NewEvent, check_length, check_name, record, text_size,
};
use crate::command::Rejection;
use crate::event::run::agent::{
    Agent, AgentOptions, CallId, CancelRequested, Effect, PermissionAnswered, PermissionAsked, PermissionBody, Replied,
    ReplyBody, ResultBody, SkillUsed, ToolCalled, ToolReturned, ToolStatus, Trust, Verdict,
};
use crate::ids::{Digest, Position, RunId};
use crate::views::Views;
use crate::views::agents::{RunningAgent, ToolCall};

/// The longest output of a tool that is recorded, in bytes.
pub(super) const MAX_OUTPUT_BYTES: usize = 16 * 1024 * 1024;

/// Checks an agent that is to be started.
pub(super) fn check(views: &Views, agent: &Agent, options: &AgentOptions) -> Result<(), Rejection> {
    let invalid = |what: &str, why: String| Err(Rejection::Invalid { what: what.to_owned(), why });
    if agent.budget.steps == 0 {
        return invalid("the budget", "an agent without a step cannot answer".to_owned());
    }
    if agent.budget.steps > MAX_STEPS {
        return invalid(
            "the budget",
            format!("{} steps are more than the {MAX_STEPS} there may be", agent.budget.steps),
        );
    }
    let counts = [options.rules.len(), options.skills.len(), options.tools.as_ref().map_or(0, Vec::len)];
    if let Some(count) = counts.into_iter().find(|count| *count > MAX_OPTIONS) {
        return invalid("the agent", format!("{count} of a kind are more than the {MAX_OPTIONS} it may be given"));
    }
    options.name.iter().try_for_each(|name| check_name("the agent's name", name))?;
    options.rules.iter().try_for_each(|rule| check_name("the rule", rule))?;
    options.script.iter().try_for_each(|script| text_size("the script", script).map(drop))?;
    if let Some(caller) = agent.parent {
        let parent = running(views, caller.run)?;
        if parent.depth == 0 {
            return Err(Rejection::state("agent", caller.run, "may start no agents below itself"));
        }
        if agent.depth >= parent.depth {
            let why = format!("{} levels below it are not less than the {} of its parent", agent.depth, parent.depth);
            return invalid("the agent", why);
        }
        if parent.cancelled.is_some() {
            return Err(Rejection::state("agent", caller.run, "was asked to stop"));
        }
        open_call(parent, caller.run, caller.call)?;
    }
    Ok(())
}

pub(super) fn record_reply(
    views: &Views,
    id: RunId,
    replied: Replied,
    body: &ReplyBody,
) -> Result<Decision, Rejection> {
    outstanding(views, id)?;
    running(views, id)?;
    check_name("the model", &replied.model)?;
    text_size("the reply", &body.text)?;
    if views.calls.of(id).is_none_or(|calls| calls.under_way.is_none()) {
        return Err(Rejection::state("run", id, "waits for no call"));
    }
    check_closed(views, id)?;
    let count = replied.calls.len();
    if count == 0 || count > MAX_CALLS || count != body.tool_calls.len() {
        let why = format!("{count} tool calls: there may be 1 to {MAX_CALLS}, each with its arguments");
        return Err(Rejection::Invalid { what: "the reply".to_owned(), why });
    }
    for call in &replied.calls {
        check_name("the tool", &call.tool)?;
        check_length("the tool", call.tool.len(), MAX_TOOL_BYTES)?;
    }
    Ok(record([NewEvent::new(id, replied).with_body(body)]))
}

pub(super) fn record_tool_call(views: &Views, run: RunId, id: CallId) -> Result<Decision, Rejection> {
    let call = open_call(running(views, run)?, run, id)?;
    match (call.called, call.verdict) {
        (_, Some(Verdict::Denied)) => Err(Rejection::state("tool call", id, "was not permitted")),
        (_, None) if call.asked.is_some() => Err(Rejection::state("tool call", id, "waits to be permitted")),
        (Some(position), _) if call.effect == Effect::Once => {
            Err(Rejection::state("tool call", id, format!("was made at position {position}, and is made once")))
        }
        _ => Ok(record([NewEvent::new(run, ToolCalled { id })])),
    }
}

/// Pictures of one result.
const MAX_PICTURES: usize = 16;

/// What a tool call came to.
pub(super) struct ToolResult {
    pub(super) status: ToolStatus,
    pub(super) trust: Trust,
    pub(super) output: String,
    pub(super) digest: Digest,
    pub(super) pictures: Vec<Position>,
}

pub(super) fn record_tool_result(
    views: &Views,
    run: RunId,
    id: CallId,
    result: ToolResult,
) -> Result<Decision, Rejection> {
    let call = open_call(running(views, run)?, run, id)?;
    let ToolResult { status, trust, output, digest, pictures } = result;
    if matches!(status, ToolStatus::Done | ToolStatus::Failed | ToolStatus::Interrupted) && call.called.is_none() {
        return Err(Rejection::state("tool call", id, "was never made"));
    }
    check_length("the output", output.len(), MAX_OUTPUT_BYTES)?;
    if pictures.len() > MAX_PICTURES {
        let why = format!("there are {}, and {MAX_PICTURES} are kept at the most", pictures.len());
        return Err(Rejection::Invalid { what: "pictures".to_owned(), why });
    }
    let event = ToolReturned { id, status, trust, bytes: output.len() as u64, digest, pictures };
    Ok(record([NewEvent::new(run, event).with_body(&ResultBody { output })]))
}

/// Returns for all calls of a run that are open, which is about to end.
pub(super) fn close_calls(views: &Views, run: RunId) -> Vec<NewEvent> {
    let Some(agent) = views.agents.running().get(&run) else { return Vec::new() };
    let close = |(id, call): (CallId, &ToolCall)| {
        let (status, output) = match (call.called, call.effect) {
            (Some(_), Effect::Once) => {
                (ToolStatus::Interrupted, "the run was stopped meanwhile: it may have been done")
            }
            (Some(_), _) => (ToolStatus::Cancelled, "the run was stopped meanwhile"),
            (None, _) => (ToolStatus::Cancelled, "the run was stopped before: it was not done"),
        };
        let (trust, bytes, digest) = (Trust::Trusted, output.len() as u64, Digest::default());
        let event = ToolReturned { id, status, trust, bytes, digest, pictures: Vec::new() };
        NewEvent::new(run, event).with_body(&ResultBody { output: output.to_owned() })
    };
    agent.open_calls().map(close).collect()
}

pub(super) fn ask_permission(
    views: &Views,
    run: RunId,
    id: CallId,
    body: &PermissionBody,
) -> Result<Decision, Rejection> {
    let call = open_call(running(views, run)?, run, id)?;
    if let Some(position) = call.asked {
        return Ok(Decision::already(run, position));
    }
    text_size("what is asked", &body.what)?;
    Ok(record([NewEvent::new(run, PermissionAsked { id }).with_body(body)]))
}

pub(super) fn answer_permission(
    views: &Views,
    run: RunId,
    id: CallId,
    verdict: Verdict,
    rule: Option<String>,
) -> Result<Decision, Rejection> {
    let call = open_call(running(views, run)?, run, id)?;
    if call.asked.is_none() {
        return Err(Rejection::state("tool call", id, "asks for no permission"));
    }
    if let Some(said) = call.verdict {
        let said = if said == Verdict::Allowed { "was allowed before" } else { "was denied before" };
        return Err(Rejection::state("tool call", id, said));
    }
    let mut events = vec![NewEvent::new(run, PermissionAnswered { id, verdict })];
    if let Some(rule) = rule {
        check_name("the rule", &rule)?;
        if views.rules.since(&rule).is_none() {
            events.insert(0, rule_added(rule));
        }
    }
    Ok(record(events))
}

pub(super) fn request_cancel(views: &Views, id: RunId) -> Result<Decision, Rejection> {
    let wanted = running(views, id)?;
    let all = views.agents.with_descendants(id).into_iter();
    let running = all.filter(|id| views.agents.running().get(id).is_some_and(|agent| agent.cancelled.is_none()));
    let events: Vec<NewEvent> = running.map(|id| NewEvent::new(id, CancelRequested {})).collect();
    Ok(match wanted.cancelled {
        Some(position) if events.is_empty() => Decision::already(id, position),
        _ => record(events),
    })
}

pub(super) fn record_skill_use(
    views: &Views,
    run: RunId,
    name: String,
    version: Digest,
    seen: Position,
) -> Result<Decision, Rejection> {
    let agent = running(views, run)?;
    check_name("the skill", &name)?;
    if let Some(used) = agent.skill(&name, version) {
        return Ok(Decision::already(run, used.position));
    }
    Ok(record([NewEvent::new(run, SkillUsed { name, version, seen })]))
}

/// Checks that every tool call of a run has returned.
pub(super) fn check_closed(views: &Views, id: RunId) -> Result<(), Rejection> {
    match views.agents.running().get(&id).and_then(|agent| agent.open_calls().next()) {
        Some((open, _)) => Err(Rejection::state("run", id, format!("waits for its tool call {open}"))),
        None => Ok(()),
    }
}

fn running(views: &Views, id: RunId) -> Result<&RunningAgent, Rejection> {
    let state = || match views.agents.ended().get(&id) {
        Some(agent) => Rejection::state("agent", id, format!("ended at position {}", agent.ended)),
        None => Rejection::not_found("agent", id),
    };
    views.agents.running().get(&id).ok_or_else(state)
}

/// A call of the agent's last reply that has not returned.
fn open_call(agent: &RunningAgent, run: RunId, id: CallId) -> Result<&ToolCall, Rejection> {
    let call = agent.call(id).ok_or_else(|| Rejection::not_found("tool call", format!("{id} of run {run}")))?;
    match call.returned {
        Some(returned) => Err(Rejection::state("tool call", id, format!("returned at position {}", returned.position))),
        None => Ok(call),
    }
}

#[cfg(test)]
mod tests;

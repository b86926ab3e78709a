//! What an agent may still use: looked at before each call of a model.

use zo_projections::event::run::Usage;
use zo_projections::views::agents::{Agents, RunningAgent};
use zo_projections::{RunId, Views};

use crate::engine::Engine;
use crate::protocol::Failure;

/// So often an agent may ask for the same calls, and get the same from them, before it is stopped.
pub(super) const MOST_REPETITIONS: usize = 6;
/// After so many times it is told.
pub(super) const TOLD_REPETITIONS: usize = 3;

/// Why an agent may call no model any more, if it may not.
pub(super) fn used_up(engine: &Engine, id: RunId, agent: &RunningAgent) -> Result<Option<String>, Failure> {
    let (now, today) = (engine.world.now(), engine.world.now().day());
    Ok(engine.writer.read(|views| {
        own(agent, now)
            .or_else(|| shared(views, id, agent))
            .or_else(|| of_the_day(views, today))
            .or_else(|| goes_round(agent))
    })?)
}

/// What it has for itself: replies, tokens, time.
fn own(agent: &RunningAgent, now: zo_projections::Timestamp) -> Option<String> {
    let budget = agent.budget;
    let tokens = agent.spent.input_tokens.saturating_add(agent.spent.output_tokens);
    if agent.steps.len() >= budget.steps as usize {
        let replies = if budget.steps == 1 { "reply" } else { "replies" };
        return Some(format!("the budget of {} {replies} is used up", budget.steps));
    }
    if let Some(most) = budget.tokens.filter(|most| tokens >= *most) {
        return Some(format!("the budget of {most} tokens is used up: {tokens}"));
    }
    let deadline = budget.deadline.filter(|deadline| now >= *deadline)?;
    Some(format!("the agent's time is over since {deadline}"))
}

/// What it costs together with those above and below it.
fn shared(views: &Views, id: RunId, agent: &RunningAgent) -> Option<String> {
    let mut next = Some((id, agent));
    while let Some((id, agent)) = next {
        if let Some(most) = agent.budget.cost_micros {
            let cost = with_agents(&views.agents, id).cost_micros;
            if cost >= most {
                return Some(format!("the budget of {} is used up: {}", dollars(most), dollars(cost)));
            }
        }
        next = agent.parent.and_then(|caller| Some((caller.run, views.agents.running().get(&caller.run)?)));
    }
    None
}

/// What an agent and those below it cost.
pub(in super::super) fn with_agents(agents: &Agents, id: RunId) -> Usage {
    let (spent, children) = match (agents.running().get(&id), agents.ended().get(&id)) {
        (Some(agent), _) => (agent.spent, &agent.children),
        (None, Some(agent)) => (agent.spent, &agent.children),
        (None, None) => return Usage::default(),
    };
    children.iter().fold(spent, |spent, child| spent.plus(&with_agents(agents, *child)))
}

fn of_the_day(views: &Views, today: i32) -> Option<String> {
    let most = views.rules.daily_budget()?;
    let cost = views.usage.cost_of(today);
    (cost >= most).then(|| format!("the budget of {} for a day is used up: {}", dollars(most), dollars(cost)))
}

fn goes_round(agent: &RunningAgent) -> Option<String> {
    let repetitions = repetitions(agent, agent.steps.len());
    (repetitions >= MOST_REPETITIONS)
        .then(|| format!("the agent goes round: it made the same call {repetitions} times, and got the same each time"))
}

/// How often, up to the step before `end`, the same calls were made in a row and gave the same.
pub(super) fn repetitions(agent: &RunningAgent, end: usize) -> usize {
    let Some((last, before)) = agent.steps.get(..end).and_then(<[_]>::split_last) else { return 0 };
    let same =
        |step: &&zo_projections::views::agents::Step| {
            step.calls.len() == last.calls.len()
                && step.calls.iter().zip(&last.calls).all(|(a, b)| {
                    a.digest == b.digest && a.returned.map(|it| it.digest) == b.returned.map(|it| it.digest)
                })
        };
    1 + before.iter().rev().take_while(same).count()
}

fn dollars(micros: u64) -> String {
    format!("{}.{:04} USD", micros / 1_000_000, micros % 1_000_000 / 100)
}

#[cfg(test)]
mod tests;

//! What an agent may still use: looked at before each call of a model.

use zo_projections::event::run::Usage;
use zo_projections::views::agents::{Agents, RunningAgent, Step};
use zo_projections::{RunId, Views};

use crate::engine::Engine;
use crate::protocol::Failure;

/// So often an agent may ask for the same calls, and get the same from them, before it is stopped.
pub(super) const MOST_REPETITIONS: usize = 6;
/// So many steps in turn are looked at.
const LONGEST_ROUND: usize = 4;
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

/// What it has for itself: replies, time.
fn own(agent: &RunningAgent, now: zo_projections::Timestamp) -> Option<String> {
    let budget = agent.budget;
    if agent.steps.len() >= budget.steps as usize {
        let replies = if budget.steps == 1 { "reply" } else { "replies" };
        return Some(format!("the budget of {} {replies} is used up", budget.steps));
    }
    let deadline = budget.deadline.filter(|deadline| now >= *deadline)?;
    Some(format!("the agent's time is over since {deadline}"))
}

/// What it and those below it use, and what that leaves those above it.
fn shared(views: &Views, id: RunId, agent: &RunningAgent) -> Option<String> {
    let mut next = Some((id, agent));
    while let Some((id, agent)) = next {
        if agent.budget.tokens.is_some() || agent.budget.cost_micros.is_some() {
            let spent = with_agents(&views.agents, id);
            let tokens = spent.input_tokens.saturating_add(spent.output_tokens);
            if let Some(most) = agent.budget.tokens.filter(|most| tokens >= *most) {
                return Some(format!("the budget of {most} tokens is used up: {tokens}"));
            }
            if let Some(most) = agent.budget.cost_micros.filter(|most| spent.cost_micros >= *most) {
                return Some(format!("the budget of {} is used up: {}", dollars(most), dollars(spent.cost_micros)));
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
    (repetitions >= MOST_REPETITIONS).then(|| {
        format!("the agent goes round: it made the same calls {repetitions} times, and got the same each time")
    })
}

/// How often, up to the step before `end`, the same calls were made in a row and gave the same; or the same few in turn.
pub(super) fn repetitions(agent: &RunningAgent, end: usize) -> usize {
    let steps = agent.steps.get(..end).unwrap_or_default();
    (1..=LONGEST_ROUND).map(|round| rounds(steps, round)).max().unwrap_or(0)
}

/// How often the last `round` steps were made in a row.
fn rounds(steps: &[Step], round: usize) -> usize {
    let mut rounds = steps.rchunks_exact(round);
    let Some(last) = rounds.next() else { return 0 };
    1 + rounds.take_while(|before| before.iter().zip(last).all(|(a, b)| are_same(a, b))).count()
}

/// Whether two steps made the same calls, and got the same.
fn are_same(a: &Step, b: &Step) -> bool {
    a.calls.len() == b.calls.len()
        && a.calls
            .iter()
            .zip(&b.calls)
            .all(|(a, b)| a.digest == b.digest && a.returned.map(|it| it.digest) == b.returned.map(|it| it.digest))
}

fn dollars(micros: u64) -> String {
    format!("{}.{:04} USD", micros / 1_000_000, micros % 1_000_000 / 100)
}

#[cfg(test)]
mod tests;

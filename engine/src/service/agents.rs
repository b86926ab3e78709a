//! Requests about agents: what they do, what they may do, and how they are stopped.

use std::str::FromStr;

use zo_projections::event::Event;
use zo_projections::event::conversation::MessageBody;
use zo_projections::event::run::agent::{AgentBody, CallId, ReplyBody, ResultBody, Verdict};
use zo_projections::views::agents::{Agents, EndedAgent, Outcome, RunningAgent};
use zo_projections::{Actor, Command, ConversationId, Position, RunId, Submission, Views};

use super::asking::agent::{in_one_line, permission_line};
use super::asking::{Place, last_reason, resume as resume_run};
use super::conversation::{body_of, name_of};
use super::id_end::IdEnd;
use super::{Each, acknowledge};
use crate::engine::Engine;
use crate::protocol::{
    Acknowledged, AgentDetail, AgentLine, Answer, Answered, At, CallLine, Environment, Failure, FailureKind,
    PermissionLine, ReplyLine, RuleLine, SkillVersion, ToolLine,
};
use crate::skills::shown;
use crate::tools::rules::Rule;
use crate::tools::{self, parse_call};

/// What is told of a task in a list.
const LINE: usize = 120;
/// Bytes of an output that are shown.
const SHOWN: usize = 64 * 1024;

pub(super) fn resume(
    engine: &Engine,
    run: &str,
    can_ask: bool,
    environment: &Environment,
    each: Each<'_>,
) -> Result<Answered, Failure> {
    let id = find(engine, run)?;
    let ended = engine.writer.read(|views| views.agents.ended().get(&id).map(|agent| agent.outcome))?;
    if let Some(outcome @ (Outcome::Failed | Outcome::Cancelled)) = ended {
        let message = format!("agent {id} has ended: it {}", status_of(outcome));
        let hint = "what it did is kept: a further question in its conversation goes on from there";
        return Err(Failure::new(FailureKind::Refused, message).hint(hint));
    }
    resume_run(engine, id, Place { environment, attended: can_ask, tools: &[] }, each)
}

pub(super) fn cancel(engine: &Engine, run: &str) -> Result<Acknowledged, Failure> {
    let id = find(engine, run)?;
    let command = Command::RequestCancel { run: id };
    let acknowledged = acknowledge(id.to_string(), engine.writer.submit_one(Submission::new(Actor::User, command)))?;
    // Whoever carries one on ends it; what nobody carries on ends here. Those below first: their answers are awaited.
    let all = engine.writer.read(|views| views.agents.with_descendants(id))?;
    for id in all.into_iter().rev() {
        engine.end_if_idle(id)?;
    }
    Ok(acknowledged)
}

pub(super) fn answer_permission(
    engine: &Engine,
    run: &str,
    call: Option<&str>,
    verdict: Verdict,
    always: bool,
) -> Result<Acknowledged, Failure> {
    let id = find(engine, run)?;
    let waiting = |views: &Views| {
        let agent = views.agents.running().get(&id)?;
        let mut open = agent.open_calls().filter(|(_, call)| call.asked.is_some() && call.verdict.is_none());
        open.next().map(|(id, _)| id)
    };
    let call = match call {
        Some(call) => parse_call(call).ok_or_else(|| {
            Failure::new(FailureKind::Invalid, format!("{call:?} names no call")).hint("one is named as in `2.0`")
        })?,
        None => engine.writer.read(waiting)?.ok_or_else(|| {
            Failure::new(FailureKind::Refused, format!("no call of agent {id} waits to be permitted"))
        })?,
    };
    let rule = match always {
        false => None,
        true => Some(rule_for(engine, id, call, verdict)?),
    };
    let command = Command::AnswerPermission { run: id, id: call, verdict, rule };
    acknowledge(id.to_string(), engine.writer.submit_one(Submission::new(Actor::User, command)))
}

/// The rule that says of a call for ever what is said of it now.
fn rule_for(engine: &Engine, id: RunId, call: CallId, verdict: Verdict) -> Result<String, Failure> {
    let rule = permission_line(engine, id, call)?.and_then(|line| line.rule);
    let rule = rule.ok_or_else(|| {
        let message = format!("there is no rule for what call {call} of agent {id} would do: say it each time");
        Failure::new(FailureKind::Refused, message).hint("`zo permission allow RULE` adds a wider one")
    })?;
    Ok(match verdict {
        Verdict::Allowed => rule,
        Verdict::Denied => rule.replacen("allow:", "deny:", 1),
    })
}

pub(super) fn add_rule(engine: &Engine, rule: String) -> Result<Acknowledged, Failure> {
    let parsed = Rule::from_str(&rule).map_err(|error| Failure::new(FailureKind::Invalid, error.to_string()))?;
    let rule = parsed.to_string();
    let command = Command::AddRule { rule: rule.clone() };
    acknowledge(rule, engine.writer.submit_one(Submission::new(Actor::User, command)))
}

pub(super) fn remove_rule(engine: &Engine, rule: String) -> Result<Acknowledged, Failure> {
    // As it was written, else as it reads.
    let there = engine.writer.read(|views| views.rules.since(&rule).is_some())?;
    let rule = if there { rule } else { Rule::from_str(&rule).map_or(rule, |rule| rule.to_string()) };
    let command = Command::RemoveRule { rule: rule.clone() };
    acknowledge(rule, engine.writer.submit_one(Submission::new(Actor::User, command)))
}

pub(super) fn set_daily_budget(engine: &Engine, cost_micros: Option<u64>) -> Result<Acknowledged, Failure> {
    let command = Command::SetDailyBudget { cost_micros };
    acknowledge("budget".to_owned(), engine.writer.submit_one(Submission::new(Actor::User, command)))
}

/// An agent as the views have it.
#[derive(Clone)]
enum Known {
    Running(RunningAgent),
    Ended(EndedAgent),
}

impl Known {
    fn of(agents: &Agents, id: RunId) -> Option<Self> {
        let running = agents.running().get(&id).cloned().map(Self::Running);
        running.or_else(|| agents.ended().get(&id).cloned().map(Self::Ended))
    }

    fn started(&self) -> Position {
        match self {
            Self::Running(agent) => agent.started,
            Self::Ended(agent) => agent.started,
        }
    }

    fn conversation(&self) -> ConversationId {
        match self {
            Self::Running(agent) => agent.conversation,
            Self::Ended(agent) => agent.conversation,
        }
    }

    fn children(&self) -> &[RunId] {
        match self {
            Self::Running(agent) => &agent.children,
            Self::Ended(agent) => &agent.children,
        }
    }

    /// Replies that asked for tools, each with the events of the returns of its calls.
    fn steps(&self) -> Vec<(Position, Vec<Position>)> {
        match self {
            Self::Running(agent) => {
                let step = |step: &zo_projections::views::agents::Step| {
                    (step.replied, step.calls.iter().filter_map(|call| Some(call.returned?.position)).collect())
                };
                agent.steps.iter().map(step).collect()
            }
            Self::Ended(agent) => agent.steps.clone(),
        }
    }
}

fn status_of(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Finished => "finished",
        Outcome::Failed => "failed",
        Outcome::Cancelled => "was cancelled",
    }
}

pub(super) fn list(
    engine: &Engine,
    at: Option<At>,
    nested: bool,
    running: bool,
    skip: usize,
    limit: usize,
) -> Result<Answer, Failure> {
    let (page, total) = engine.ask_views(at, |views| {
        let agents = &views.agents;
        let top = |parent: Option<_>| nested || parent.is_none();
        let mut all: Vec<(Position, RunId)> =
            agents.running().iter().filter(|(_, it)| top(it.parent)).map(|(id, it)| (it.started, *id)).collect();
        if !running {
            all.extend(agents.ended().iter().filter(|(_, it)| top(it.parent)).map(|(id, it)| (it.started, *id)));
        }
        all.sort_unstable_by(|a, b| b.cmp(a));
        let total = all.len();
        let page = all.into_iter().skip(skip).take(limit);
        let page: Vec<(RunId, Known)> = page.filter_map(|(_, id)| Some((id, Known::of(agents, id)?))).collect();
        (page, total)
    })?;
    let agents: Result<Vec<AgentLine>, Failure> = page.iter().map(|(id, agent)| line(engine, *id, agent)).collect();
    Ok(Answer::Agents { agents: agents?, total: u32::try_from(total).unwrap_or(u32::MAX) })
}

fn line(engine: &Engine, id: RunId, agent: &Known) -> Result<AgentLine, Failure> {
    let question = question(engine, agent.started())?;
    let options = options(engine, agent.started())?;
    let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let steps = agent.steps();
    let (status, parent, model, started_at, ended_at, calls, usage) = match agent {
        Known::Running(it) => {
            let status = if it.waits_for_consent() { "waiting" } else { "running" };
            (status, it.parent, &it.model, it.started_at, None, it.tool_calls(), it.spent)
        }
        Known::Ended(it) => {
            let status = it.outcome.name();
            let calls = steps.iter().map(|(_, returns)| returns.len()).sum();
            (status, it.parent, &it.model, it.started_at, Some(it.ended_at), calls, it.spent)
        }
    };
    Ok(AgentLine {
        run: id.to_string(),
        task: in_one_line(&question, LINE),
        status: status.to_owned(),
        active: engine.turns.is_taken(id),
        name: options.options.name,
        conversation: agent.conversation().to_string(),
        conversation_name: name_of(engine, agent.conversation())?,
        model: model.clone(),
        parent: parent.map(|caller| caller.run.to_string()),
        started_at,
        ended_at,
        steps: count(steps.len()),
        tool_calls: count(calls),
        agents: count(agent.children().len()),
        usage,
    })
}

/// What an agent is, as it was started.
fn options(engine: &Engine, started: Position) -> Result<AgentBody, Failure> {
    Ok(body_of(&engine.reader.event(started)?)?.unwrap_or_default())
}

/// What an agent is to do.
fn question(engine: &Engine, started: Position) -> Result<String, Failure> {
    let Event::RunStarted(event) = engine.reader.event(started)?.recorded.event else {
        return Err(Failure::new(FailureKind::Damaged, format!("position {started} starts no run")));
    };
    let position = engine.writer.read(|views| {
        let (conversation, index) = views.conversations.by_message(event.question)?;
        Some(conversation.messages[index as usize].position)
    })?;
    let Some(position) = position else { return Ok(String::new()) };
    let body: Option<MessageBody> = body_of(&engine.reader.event(position)?)?;
    Ok(body.map(|body| body.content).unwrap_or_default())
}

pub(super) fn show(engine: &Engine, at: Option<At>, run: &str) -> Result<Answer, Failure> {
    let id = find(engine, run)?;
    let found = engine.ask_views(at, |views| {
        let known = Known::of(&views.agents, id)?;
        let children = known.children().iter().filter_map(|id| Some((*id, Known::of(&views.agents, *id)?)));
        let children: Vec<(RunId, Known)> = children.collect();
        Some((known, children))
    })?;
    let (known, children) =
        found.ok_or_else(|| Failure::new(FailureKind::NotFound, format!("there is no agent {run}")))?;
    let started = engine.reader.event(known.started())?;
    let Event::RunStarted(event) = &started.recorded.event else {
        return Err(Failure::new(FailureKind::Damaged, format!("position {} starts no run", known.started())));
    };
    let budget = event.agent.as_ref().map(|agent| agent.budget).unwrap_or_default();
    let body = options(engine, known.started())?;
    let (answer, reason) = match &known {
        Known::Running(_) => (None, None),
        Known::Ended(ended) => {
            let answer = super::asking::agent::answer_of(engine, ended);
            let reason = if answer.is_none() { last_reason(engine, id)? } else { None };
            (answer, reason)
        }
    };
    let mut replies = Vec::new();
    for (index, (replied, returns)) in known.steps().into_iter().enumerate() {
        replies.push(reply(engine, index, replied, &returns)?);
    }
    let children: Result<Vec<AgentLine>, Failure> =
        children.iter().map(|(id, agent)| line(engine, *id, agent)).collect();
    Ok(Answer::Agent(Box::new(AgentDetail {
        question: question(engine, known.started())?,
        workspace: body.options.workspace,
        budget_steps: budget.steps,
        budget_tokens: budget.tokens,
        budget_cost_micros: budget.cost_micros,
        deadline: budget.deadline,
        replies,
        answer,
        reason,
        children: children?,
        skills: skills(engine, id, &known)?,
        line: line(engine, id, &known)?,
    })))
}

fn reply(engine: &Engine, index: usize, replied: Position, returns: &[Position]) -> Result<ReplyLine, Failure> {
    let event = engine.reader.event(replied)?;
    let Event::RunReplied(reply) = &event.recorded.event else {
        return Err(Failure::new(FailureKind::Damaged, format!("position {replied} is no reply")));
    };
    let body: ReplyBody = body_of(&event)?.unwrap_or_default();
    let returned = engine.reader.events(returns.iter().copied())?;
    let mut calls = Vec::with_capacity(reply.calls.len());
    for (intent, number) in reply.calls.iter().zip(0..) {
        let id = CallId { step: u32::try_from(index).unwrap_or(u32::MAX), call: number };
        let is_return = |event: &&crate::reader::ReadEvent| matches!(&event.recorded.event, Event::ToolReturned(returned) if returned.id == id);
        let found = returned.iter().find(is_return);
        let details = found.map(|event| match &event.recorded.event {
            Event::ToolReturned(it) => {
                (Some(it.status), Some(it.trust), it.bytes, Some(event.recorded.header.position))
            }
            _ => (None, None, 0, None),
        });
        let (status, trust, bytes, position) = details.unwrap_or_default();
        let output = found.map(body_of::<ResultBody>).transpose()?.flatten().map(|body| {
            let mut output = body.output;
            output.truncate(output.floor_char_boundary(SHOWN));
            output
        });
        let arguments = body.tool_calls.get(number as usize).map(|call| call.arguments.clone()).unwrap_or_default();
        let (tool, effect) = (intent.tool.clone(), intent.effect);
        calls.push(CallLine { call: id.to_string(), tool, arguments, effect, status, trust, output, bytes, position });
    }
    Ok(ReplyLine { position: replied, model: reply.model.clone(), text: body.text, calls })
}

/// Which skills an agent was given: of one that has ended, as its events say.
fn skills(engine: &Engine, id: RunId, agent: &Known) -> Result<Vec<SkillVersion>, Failure> {
    let used = match agent {
        Known::Running(agent) => agent.skills.iter().map(|used| (used.name.clone(), used.version)).collect(),
        Known::Ended(ended) => {
            let mut used = Vec::new();
            engine.reader.each(ended.started, ended.ended, &mut |event| {
                if let Event::SkillUsed(skill) = &event.recorded.event
                    && event.recorded.header.stream.id == id.0
                {
                    used.push((skill.name.clone(), skill.version));
                }
                std::ops::ControlFlow::Continue(())
            })?;
            used
        }
    };
    Ok(used.into_iter().map(|(name, version)| SkillVersion { name, version: shown(version) }).collect())
}

pub(super) fn permissions(engine: &Engine) -> Result<Answer, Failure> {
    let waiting = engine.writer.read(|views| {
        let agents = views.agents.running().iter();
        let calls = agents.flat_map(|(run, agent)| agent.open_calls().map(move |(id, call)| (*run, id, call)));
        let waits = calls.filter(|(_, _, call)| call.asked.is_some() && call.verdict.is_none());
        let mut waiting: Vec<_> = waits.map(|(run, id, call)| (call.asked, run, id)).collect();
        waiting.sort_unstable();
        waiting
    })?;
    let lines = waiting.into_iter().map(|(_, run, id)| permission_line(engine, run, id));
    let lines: Result<Vec<Option<PermissionLine>>, Failure> = lines.collect();
    Ok(Answer::Permissions(lines?.into_iter().flatten().collect()))
}

pub(super) fn rules(engine: &Engine, at: Option<At>) -> Result<Answer, Failure> {
    let today = engine.world.now().day();
    Ok(engine.ask_views(at, |views| {
        let line = |(rule, position): &(String, Position)| RuleLine { rule: rule.clone(), position: Some(*position) };
        Answer::Rules {
            rules: views.rules.rules().iter().map(line).collect(),
            daily_budget: views.rules.daily_budget(),
            spent_today: views.usage.cost_of(today),
        }
    })?)
}

pub(super) fn tools() -> Vec<ToolLine> {
    let line = |tool: &tools::Entry| ToolLine {
        name: tool.name.to_owned(),
        description: tool.description.to_owned(),
        effect: tool.effect,
        usually: tool.usually.name().to_owned(),
        parameters: tool.parameters.to_string(),
    };
    tools::all().iter().map(line).collect()
}

/// The run that is meant: by its id, or by the end of it.
fn find(engine: &Engine, named: &str) -> Result<RunId, Failure> {
    let upper = named.trim().to_ascii_uppercase();
    if let Ok(id) = upper.parse::<RunId>() {
        let there = engine
            .writer
            .read(|views| views.runs.outstanding().contains_key(&id) || Known::of(&views.agents, id).is_some())?;
        return match there {
            true => Ok(id),
            false => Err(no_agent(named)),
        };
    }
    let end = IdEnd::parse(&upper);
    let matching = |views: &Views| {
        let all = views.agents.running().keys().chain(views.agents.ended().keys());
        all.filter(|id| end.is_some_and(|end| end.is_of(id.0))).copied().take(2).collect::<Vec<_>>()
    };
    let found = if end.is_none() { Vec::new() } else { engine.writer.read(matching)? };
    match found[..] {
        [one] => Ok(one),
        [] => Err(no_agent(named)),
        _ => {
            let message = format!("there are several agents whose ids end with {named}");
            Err(Failure::new(FailureKind::Invalid, message).hint("name more of it: `zo agent list --all`"))
        }
    }
}

fn no_agent(named: &str) -> Failure {
    Failure::new(FailureKind::NotFound, format!("there is no agent {named}"))
        .hint("`zo agent list` shows those there are; the last characters of an id are enough, four or more")
}

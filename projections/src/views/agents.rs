//! Agents: what each running one has done and waits for, and what became of the others.

use std::collections::BTreeMap;

use bincode::{Decode, Encode};

use crate::event::Event;
use crate::event::run::agent::{Budget, CallId, Caller, Effect, ToolStatus, Trust, Verdict};
use crate::event::run::{Ending, Usage};
use crate::ids::{ConversationId, Digest, MessageId, Position, RunId};
use crate::projection::{Anomaly, NotASnapshot, Projection, load_value, save_value};
use crate::record::Recorded;
use crate::time::Timestamp;

/// Running agents with their steps, and the others with their ends.
///
/// ```text
/// started ──► replied ──► [asked ──► answered] ──► called ──► returned ──► replied … ──► finished | failed
/// ```
#[derive(Clone, Debug, Default)]
pub struct Agents {
    running: BTreeMap<RunId, RunningAgent>,
    ended: BTreeMap<RunId, EndedAgent>,
    by_answer: BTreeMap<MessageId, RunId>,
    /// Of each question the last agent that gave no answer to it.
    unanswered: BTreeMap<MessageId, RunId>,
}

/// An agent that has not ended.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct RunningAgent {
    /// The conversation it answers in.
    pub conversation: ConversationId,
    /// The question.
    pub question: MessageId,
    /// The model it begins with.
    pub model: String,
    /// The call that started it.
    pub parent: Option<Caller>,
    /// How many levels of agents it may start below itself.
    pub depth: u32,
    /// What it may use.
    pub budget: Budget,
    /// The event that started it.
    pub started: Position,
    /// When that was.
    pub started_at: Timestamp,
    /// Its replies that asked for tools, in order.
    pub steps: Vec<Step>,
    /// What its calls of models cost until now.
    pub spent: Usage,
    /// Whether it was given a text that anybody may have written.
    pub tainted: bool,
    /// The event by which it was asked to stop.
    pub cancelled: Option<Position>,
    /// The agents that it started, in the order in which they were started.
    pub children: Vec<RunId>,
    /// Skills that it was given, in each version once.
    pub skills: Vec<UsedSkill>,
}

/// A skill that an agent was given.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct UsedSkill {
    /// Its name.
    pub name: String,
    /// The version.
    pub version: Digest,
    /// The event that says so.
    pub position: Position,
}

/// A reply that asked for tools.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Step {
    /// The reply.
    pub replied: Position,
    /// The calls it asked for, in its order.
    pub calls: Vec<ToolCall>,
}

/// A tool call.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ToolCall {
    /// The tool.
    pub tool: String,
    /// What doing it twice would do.
    pub effect: Effect,
    /// Keyed digest of tool and arguments.
    pub digest: Digest,
    /// The event by which somebody was asked to permit it.
    pub asked: Option<Position>,
    /// What was said to that.
    pub verdict: Option<Verdict>,
    /// The event since which it is being done, the last one if there are several.
    pub called: Option<Position>,
    /// What it came to.
    pub returned: Option<Returned>,
}

/// The end of a tool call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Returned {
    /// The event that says so.
    pub position: Position,
    /// What it came to.
    pub status: ToolStatus,
    /// Whom the output is from.
    pub trust: Trust,
    /// Keyed digest of the output.
    pub digest: Digest,
}

/// What became of an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[repr(u8)]
pub enum Outcome {
    /// It answered.
    Finished = 0,
    /// It did not.
    Failed = 1,
    /// It was asked to stop.
    Cancelled = 2,
}

impl Outcome {
    /// Its name: `finished`, `failed`, `cancelled`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// An agent that has ended.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct EndedAgent {
    /// The conversation it answered in.
    pub conversation: ConversationId,
    /// The question.
    pub question: MessageId,
    /// The model it began with.
    pub model: String,
    /// The call that started it.
    pub parent: Option<Caller>,
    /// The event that started it.
    pub started: Position,
    /// When that was.
    pub started_at: Timestamp,
    /// The event that ended it.
    pub ended: Position,
    /// When that was.
    pub ended_at: Timestamp,
    /// What became of it.
    pub outcome: Outcome,
    /// Its answer.
    pub answer: Option<MessageId>,
    /// What all of it cost.
    pub spent: Usage,
    /// Its replies that asked for tools: the reply, and the returns of its calls in their order.
    pub steps: Vec<(Position, Vec<Position>)>,
    /// The agents that it started.
    pub children: Vec<RunId>,
    /// The events by which it was given skills.
    pub skills: Vec<Position>,
    /// Whether it was given a text that anybody may have written.
    pub tainted: bool,
}

impl RunningAgent {
    /// The calls of the last reply that have not returned, with their ids.
    pub fn open_calls(&self) -> impl Iterator<Item = (CallId, &ToolCall)> {
        let step = u32::try_from(self.steps.len()).unwrap_or(u32::MAX).saturating_sub(1);
        let calls = self.steps.last().map(|step| &step.calls[..]).unwrap_or_default();
        let calls = (0..).zip(calls).map(move |(call, it)| (CallId { step, call }, it));
        calls.filter(|(_, call)| call.returned.is_none())
    }

    /// A call.
    pub fn call(&self, id: CallId) -> Option<&ToolCall> {
        self.steps.get(id.step as usize)?.calls.get(id.call as usize)
    }

    fn call_mut(&mut self, id: CallId) -> Option<&mut ToolCall> {
        self.steps.get_mut(id.step as usize)?.calls.get_mut(id.call as usize)
    }

    /// How many tool calls it asked for.
    pub fn tool_calls(&self) -> usize {
        self.steps.iter().map(|step| step.calls.len()).sum()
    }

    /// Whether it had been given a text that anybody may have written when it replied last.
    pub fn was_tainted_at_reply(&self) -> bool {
        let earlier = self.steps.split_last().map_or(&[][..], |(_, earlier)| earlier);
        let mut returns = earlier.iter().flat_map(|step| &step.calls).filter_map(|call| call.returned);
        returns.any(|returned| returned.trust == Trust::Untrusted)
    }

    /// Whether it waits for somebody to permit a call.
    pub fn waits_for_consent(&self) -> bool {
        self.open_calls().any(|(_, call)| call.asked.is_some() && call.verdict.is_none())
    }

    /// A skill that it was given, in this version.
    pub fn skill(&self, name: &str, version: Digest) -> Option<&UsedSkill> {
        self.skills.iter().find(|used| used.name == name && used.version == version)
    }

    fn spend(&mut self, usage: &Usage) {
        self.spent = self.spent.plus(usage);
    }
}

impl Agents {
    /// Agents that have not ended, oldest id first.
    pub fn running(&self) -> &BTreeMap<RunId, RunningAgent> {
        &self.running
    }

    /// Agents that have ended, oldest id first.
    pub fn ended(&self) -> &BTreeMap<RunId, EndedAgent> {
        &self.ended
    }

    /// The last agent that was to answer a question and did not.
    pub fn unanswered(&self, question: MessageId) -> Option<&EndedAgent> {
        self.ended.get(self.unanswered.get(&question)?)
    }

    /// The conversations of agents that other agents started.
    pub fn conversations_of_nested(&self) -> impl Iterator<Item = ConversationId> {
        let running = self.running.values().filter(|agent| agent.parent.is_some()).map(|agent| agent.conversation);
        let ended = self.ended.values().filter(|agent| agent.parent.is_some()).map(|agent| agent.conversation);
        running.chain(ended)
    }

    /// The agent that gave an answer.
    pub fn of_answer(&self, answer: MessageId) -> Option<&EndedAgent> {
        self.ended.get(self.by_answer.get(&answer)?)
    }

    /// The agent that started this one.
    pub fn parent(&self, id: RunId) -> Option<Caller> {
        match self.running.get(&id) {
            Some(agent) => agent.parent,
            None => self.ended.get(&id)?.parent,
        }
    }

    /// An agent and those below it that have not ended, each before those that it started.
    pub fn with_descendants(&self, id: RunId) -> Vec<RunId> {
        let mut found = Vec::new();
        let mut next = vec![id];
        while let Some(id) = next.pop() {
            if let Some(agent) = self.running.get(&id) {
                found.push(id);
                next.extend(agent.children.iter().rev());
            } else if let Some(agent) = self.ended.get(&id) {
                // Its agents may outlive an agent that failed.
                next.extend(agent.children.iter().rev());
            }
        }
        found
    }

    fn start(&mut self, recorded: &Recorded) {
        let Event::RunStarted(event) = &recorded.event else { return };
        let Some(agent) = &event.agent else { return };
        let id = RunId(recorded.header.stream.id);
        if recorded.header.version != 1 || self.running.contains_key(&id) || self.ended.contains_key(&id) {
            // The folds of runs and streams note it.
            return;
        }
        if let Some(caller) = agent.parent
            && let Some(parent) = self.running.get_mut(&caller.run)
        {
            parent.children.push(id);
        }
        let running = RunningAgent {
            conversation: event.conversation,
            question: event.question,
            model: event.model.clone(),
            parent: agent.parent,
            depth: agent.depth,
            budget: agent.budget,
            started: recorded.header.position,
            started_at: recorded.header.at,
            steps: Vec::new(),
            spent: Usage::default(),
            tainted: false,
            cancelled: None,
            children: Vec::new(),
            skills: Vec::new(),
        };
        self.running.insert(id, running);
    }

    /// Notes an agent that ended without an answer.
    fn note_unanswered(&mut self, id: RunId, question: MessageId, started: Position) {
        let later = |known: &RunId| self.ended.get(known).is_none_or(|agent| agent.started < started);
        if self.unanswered.get(&question).is_none_or(later) {
            self.unanswered.insert(question, id);
        }
    }

    /// Two that gave one answer are not possible; of such, it belongs to the oldest id, also after a snapshot.
    fn note_answer(&mut self, answer: MessageId, id: RunId) {
        self.by_answer.entry(answer).and_modify(|known| *known = id.min(*known)).or_insert(id);
    }

    fn end(&mut self, recorded: &Recorded, outcome: Outcome, answer: Option<MessageId>) {
        let id = RunId(recorded.header.stream.id);
        let Some(agent) = self.running.remove(&id) else { return };
        let outcome = match (outcome, agent.cancelled) {
            (Outcome::Failed | Outcome::Cancelled, Some(_)) => Outcome::Cancelled,
            (Outcome::Cancelled, None) => Outcome::Finished,
            (outcome, _) => outcome,
        };
        let returns = |step: Step| {
            let positions = step.calls.iter().filter_map(|call| Some(call.returned?.position));
            (step.replied, positions.collect())
        };
        match answer {
            Some(answer) => self.note_answer(answer, id),
            None => self.note_unanswered(id, agent.question, agent.started),
        }
        let ended = EndedAgent {
            conversation: agent.conversation,
            question: agent.question,
            model: agent.model,
            parent: agent.parent,
            started: agent.started,
            started_at: agent.started_at,
            ended: recorded.header.position,
            ended_at: recorded.header.at,
            outcome,
            answer,
            spent: agent.spent,
            steps: agent.steps.into_iter().map(returns).collect(),
            children: agent.children,
            skills: agent.skills.into_iter().map(|skill| skill.position).collect(),
            tainted: agent.tainted,
        };
        self.ended.insert(id, ended);
    }

    fn step(&mut self, recorded: &Recorded) -> Result<(), Anomaly> {
        let header = &recorded.header;
        let id = RunId(header.stream.id);
        let not_running = || Anomaly::new(recorded, format!("agent {id} is not running"));
        let agent = self.running.get_mut(&id).ok_or_else(not_running)?;
        let open = |agent: &RunningAgent, id: CallId| {
            let last = agent.steps.len().checked_sub(1).is_some_and(|last| last == id.step as usize);
            last && agent.call(id).is_some_and(|call| call.returned.is_none())
        };
        let not_open = |id: CallId| Anomaly::new(recorded, format!("call {id} waits for nothing"));
        match &recorded.event {
            Event::RunReplied(event) => {
                if agent.open_calls().next().is_some() {
                    return Err(Anomaly::new(recorded, format!("calls of agent {id} have not returned")));
                }
                let call = |intent: &crate::event::run::agent::Intent| ToolCall {
                    tool: intent.tool.clone(),
                    effect: intent.effect,
                    digest: intent.digest,
                    asked: None,
                    verdict: None,
                    called: None,
                    returned: None,
                };
                agent.spend(&event.usage);
                agent.steps.push(Step { replied: header.position, calls: event.calls.iter().map(call).collect() });
            }
            Event::ToolCalled(event) if open(agent, event.id) => {
                if let Some(call) = agent.call_mut(event.id) {
                    if call.called.is_some() && call.effect == Effect::Once {
                        return Err(Anomaly::new(recorded, "it is called a second time".to_owned()));
                    }
                    call.called = Some(header.position);
                }
            }
            Event::ToolReturned(event) if open(agent, event.id) => {
                agent.tainted |= event.trust == Trust::Untrusted;
                if let Some(call) = agent.call_mut(event.id) {
                    let (status, trust, digest) = (event.status, event.trust, event.digest);
                    call.returned = Some(Returned { position: header.position, status, trust, digest });
                }
            }
            Event::PermissionAsked(event) if open(agent, event.id) => {
                if let Some(call) = agent.call_mut(event.id) {
                    call.asked = Some(header.position);
                }
            }
            Event::PermissionAnswered(event) if open(agent, event.id) => {
                if let Some(call) = agent.call_mut(event.id) {
                    call.verdict = Some(event.verdict);
                }
            }
            Event::ToolCalled(event) => return Err(not_open(event.id)),
            Event::ToolReturned(event) => return Err(not_open(event.id)),
            Event::PermissionAsked(event) => return Err(not_open(event.id)),
            Event::PermissionAnswered(event) => return Err(not_open(event.id)),
            Event::CancelRequested(_) => agent.cancelled = agent.cancelled.or(Some(header.position)),
            Event::SkillUsed(event) if agent.skill(&event.name, event.version).is_none() => {
                let (name, version, position) = (event.name.clone(), event.version, header.position);
                agent.skills.push(UsedSkill { name, version, position });
            }
            _ => {}
        }
        Ok(())
    }
}

impl Projection for Agents {
    const NAME: &'static str = "agents";
    const SCHEMA: u16 = 1;

    fn apply(&mut self, recorded: &Recorded) -> Result<(), Anomaly> {
        match &recorded.event {
            Event::RunStarted(_) => self.start(recorded),
            Event::RunCallFailed(event) => {
                if let Some(agent) = self.running.get_mut(&RunId(recorded.header.stream.id)) {
                    agent.spend(&event.usage);
                }
            }
            Event::RunFinished(event) => {
                if let Some(agent) = self.running.get_mut(&RunId(recorded.header.stream.id)) {
                    agent.spend(&event.usage);
                }
                // Who was asked to stop in the middle of its answer has not finished it.
                let cut = event.account.is_some_and(|account| account.ending == Ending::Interrupted);
                self.end(recorded, if cut { Outcome::Cancelled } else { Outcome::Finished }, Some(event.answer));
            }
            Event::RunFailed(_) => self.end(recorded, Outcome::Failed, None),
            Event::RunReplied(_)
            | Event::ToolCalled(_)
            | Event::ToolReturned(_)
            | Event::PermissionAsked(_)
            | Event::PermissionAnswered(_)
            | Event::CancelRequested(_)
            | Event::SkillUsed(_) => self.step(recorded)?,
            _ => {}
        }
        Ok(())
    }

    fn save(&self, out: &mut Vec<u8>) {
        save_value(&(&self.running, &self.ended), out);
    }

    fn load(bytes: &[u8]) -> Result<Self, NotASnapshot> {
        let (running, ended): (_, BTreeMap<RunId, EndedAgent>) = load_value(bytes)?;
        let answers: Vec<_> = ended.iter().filter_map(|(id, agent)| Some((agent.answer?, *id))).collect();
        let without = ended.iter().filter(|(_, agent)| agent.answer.is_none());
        let without: Vec<_> = without.map(|(id, agent)| (*id, agent.question, agent.started)).collect();
        let mut agents = Self { running, ended, by_answer: BTreeMap::new(), unanswered: BTreeMap::new() };
        answers.into_iter().for_each(|(answer, id)| agents.note_answer(answer, id));
        without.into_iter().for_each(|(id, question, started)| agents.note_unanswered(id, question, started));
        Ok(agents)
    }
}

#[cfg(test)]
mod tests;

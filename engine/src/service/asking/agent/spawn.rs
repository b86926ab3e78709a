//! Agents below an agent: started under ids that follow from the call that starts them, so that one that is made again
//! after a crash finds them; carried on side by side; their answers given back in order.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use zo_projections::command::{NewAgent as NewAgentCommand, Parent};
use zo_projections::event::conversation::{MessageBody, Role};
use zo_projections::event::run::RequestBody;
use zo_projections::event::run::agent::{Agent as Clear, AgentOptions, Budget, Caller, Consent, Trust};
use zo_projections::views::agents::{EndedAgent, RunningAgent};
use zo_projections::{Actor, Command, ConversationId, RunId, Submission, Timestamp};

use super::super::runs::{self, last_reason};
use super::super::{choice, text_message};
use super::{Place, in_one_line, scripted};
use crate::engine::Engine;
use crate::protocol::{AgentArrival, Arrival, Failure, Response, SCRIPTED};
use crate::service::conversation::body_of;
use crate::tools::{Doing, NewAgent, Output, SpawnAgents};

/// What is told of an agent's task.
const LINE: usize = 120;

/// What one agent came to, for who started it.
#[derive(Serialize)]
struct Given {
    run: String,
    /// `finished`, `failed`, `cancelled` or `refused`.
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// Starts agents and waits for them.
pub(crate) fn spawn(doing: &Doing<'_>, wanted: SpawnAgents) -> Output {
    let parent = doing.engine.writer.read(|views| views.agents.running().get(&doing.run).cloned());
    let parent = match parent {
        Ok(Some(parent)) => parent,
        Ok(None) => return Output::cancelled("the run has ended"),
        Err(error) => return Output::failed(error.to_string()),
    };
    let crew = Crew {
        doing,
        parent: &parent,
        agents: &wanted.agents,
        next: AtomicUsize::new(0),
        won: AtomicBool::new(false),
        given: Mutex::new(Vec::new()),
        untrusted: AtomicBool::new(false),
    };
    let at_once = usize::try_from(doing.options.concurrency.max(1)).unwrap_or(1).min(wanted.agents.len());
    std::thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(|| crew.work(wanted.first));
        }
    });
    let mut given = crew.given.into_inner().unwrap_or_else(PoisonError::into_inner);
    if given.len() < wanted.agents.len() && !wanted.first {
        return Output::cancelled("stopped before all of them had answered");
    }
    given.sort_by_key(|(index, _)| *index);
    let given: Vec<Given> = given.into_iter().map(|(_, given)| given).collect();
    let text = serde_json::to_string(&given).unwrap_or_else(|error| error.to_string());
    let trust = if crew.untrusted.into_inner() { Trust::Untrusted } else { Trust::Trusted };
    Output { trust, ..Output::done(text) }
}

/// The agents of one call, and those who carry them on.
struct Crew<'a> {
    doing: &'a Doing<'a>,
    parent: &'a RunningAgent,
    agents: &'a [NewAgent],
    /// The next one that nobody has taken.
    next: AtomicUsize,
    /// Whether one has answered, and that is enough.
    won: AtomicBool,
    given: Mutex<Vec<(usize, Given)>>,
    untrusted: AtomicBool,
}

impl Crew<'_> {
    /// Takes one agent after the other until there are no more.
    fn work(&self, first: bool) {
        loop {
            if (self.doing.stop)() || (first && self.won.load(Ordering::Relaxed)) {
                return;
            }
            let index = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(agent) = self.agents.get(index) else { return };
            let Some(given) = self.one(index, agent) else { return };
            if first && given.status == "finished" && !self.won.swap(true, Ordering::Relaxed) {
                self.stop_others(index);
            }
            self.given.lock().unwrap_or_else(PoisonError::into_inner).push((index, given));
        }
    }

    fn id_of(&self, index: usize) -> RunId {
        let place = u32::try_from(index).unwrap_or(u32::MAX);
        RunId(self.doing.engine.names.agent(self.doing.run.0, &self.doing.id.to_string(), place))
    }

    /// Starts an agent, or finds the one that was started, and carries it on to its end. None if it must stay as it is.
    fn one(&self, index: usize, wanted: &NewAgent) -> Option<Given> {
        let (engine, id) = (self.doing.engine, self.id_of(index));
        if let Err(failure) = self.start(id, index, wanted) {
            let reason = Some(failure.message);
            return Some(Given { run: id.to_string(), status: "refused", answer: None, reason });
        }
        let (parent, run) = (self.doing.run.to_string(), id.to_string());
        let task = in_one_line(&wanted.task, LINE);
        (self.doing.tell)(AgentArrival::AgentStarted { parent: parent.clone(), run: run.clone(), task });
        let place = Place { environment: self.doing.environment, attended: self.doing.attended, tools: &[] };
        // How it ended is in the log.
        let carried = runs::carry_on_agent(engine, id, place, &mut |response| {
            if let Response::Arrived(Arrival::Agent(arrival)) = response {
                (self.doing.tell)(*arrival);
            }
            ControlFlow::Continue(())
        });
        if let Err(failure) = carried {
            tracing::debug!(run = %id, "{}", engine.writer.redactor().clean(&failure.message));
        }
        let ended = engine.writer.read(|views| views.agents.ended().get(&id).cloned()).ok().flatten()?;
        let given = self.given(id, &ended);
        (self.doing.tell)(AgentArrival::AgentEnded { parent, run, status: given.status.to_owned() });
        Some(given)
    }

    fn given(&self, id: RunId, ended: &EndedAgent) -> Given {
        if ended.tainted {
            self.untrusted.store(true, Ordering::Relaxed);
        }
        let engine = self.doing.engine;
        let reason = if ended.answer.is_none() { last_reason(engine, id).ok().flatten() } else { None };
        Given { run: id.to_string(), status: ended.outcome.name(), answer: answer_of(engine, ended), reason }
    }

    fn stop_others(&self, but: usize) {
        let others = (0..self.agents.len()).filter(|index| *index != but).map(|index| self.id_of(index));
        let running = |views: &zo_projections::Views| {
            others.filter(|id| views.agents.running().contains_key(id)).collect::<Vec<_>>()
        };
        for run in self.doing.engine.writer.read(running).unwrap_or_default() {
            let submission = Submission::new(Actor::Agent, Command::RequestCancel { run });
            if let Err(error) = self.doing.engine.writer.submit_one(submission) {
                tracing::debug!(%run, "it had ended: {error}");
            }
        }
    }

    /// Starts an agent, should it not have been.
    fn start(&self, id: RunId, index: usize, wanted: &NewAgent) -> Result<(), Failure> {
        let engine = self.doing.engine;
        if engine.writer.read(|views| views.streams.version(id.into()) != 0)? {
            return Ok(());
        }
        let (model, fallbacks) = self.model(wanted)?;
        let script = wanted.script.as_ref().map(ToString::to_string);
        if model == SCRIPTED {
            scripted::check(script.as_deref()).map_err(|why| invalid(&why))?;
        }
        let message = text_message(engine.names.question(id.0), Role::User, wanted.task.clone(), Parent::Root, None);
        let command = Command::Ask {
            conversation: ConversationId(engine.names.agent(id.0, "conversation", 0)),
            name: None,
            message,
            files: Vec::new(),
            run: id,
            model,
            request: RequestBody { fallbacks, ..RequestBody::default() },
            agent: Some(Box::new(NewAgentCommand {
                agent: self.clear(index, wanted),
                options: self.options(wanted, script)?,
            })),
        };
        let last = engine.writer.read(|views| views.streams.get(self.doing.run.into()).map(|state| state.last))?;
        let submission = Submission {
            causation: last,
            correlation: Some(self.doing.run.0),
            ..Submission::new(Actor::Agent, command)
        };
        engine.writer.submit_one(submission)?;
        Ok(())
    }

    fn model(&self, wanted: &NewAgent) -> Result<(String, Vec<String>), Failure> {
        let engine = self.doing.engine;
        let named = match &wanted.model {
            Some(model) => Some(model.clone()),
            None if wanted.script.is_some() => Some(SCRIPTED.to_owned()),
            // A script is for one agent: those below it are answered by what answers usually.
            None => Some(self.parent.model.clone()).filter(|model| model != SCRIPTED),
        };
        let choice = choice::choose_named(engine, self.doing.environment, named.as_deref())?;
        Ok((choice.model, choice.fallbacks))
    }

    fn clear(&self, index: usize, wanted: &NewAgent) -> Clear {
        let Budget { steps, deadline, .. } = self.parent.budget;
        let own = wanted.seconds.map(|seconds| {
            let ms = i64::try_from(seconds.saturating_mul(1000)).unwrap_or(i64::MAX);
            Timestamp(self.doing.engine.world.now().0.saturating_add(ms))
        });
        Clear {
            parent: Some(Caller {
                run: self.doing.run,
                call: self.doing.id,
                index: u32::try_from(index).unwrap_or(u32::MAX),
            }),
            depth: self.parent.depth.saturating_sub(1),
            budget: Budget {
                steps: wanted.steps.unwrap_or(steps).min(steps),
                tokens: wanted.tokens,
                // What it costs counts for those above it, too.
                cost_micros: None,
                deadline: own.into_iter().chain(deadline).min(),
            },
        }
    }

    fn options(&self, wanted: &NewAgent, script: Option<String>) -> Result<AgentOptions, Failure> {
        let parent = self.doing.options;
        let tools = match (&wanted.tools, &parent.tools) {
            (Some(wanted), Some(there)) => {
                if let Some(more) = wanted.iter().find(|tool| !there.contains(tool)) {
                    return Err(invalid(&format!("the tool {more} is not offered here, and cannot be passed on")));
                }
                Some(wanted.clone())
            }
            (Some(wanted), None) => Some(wanted.clone()),
            (None, there) => there.clone(),
        };
        let consent = if self.doing.attended { Consent::Ask } else { parent.consent };
        Ok(AgentOptions { name: None, tools, script, consent, ..parent.clone() })
    }
}

fn invalid(why: &str) -> Failure {
    Failure::new(crate::protocol::FailureKind::Invalid, why)
}

/// What an agent answered.
pub(crate) fn answer_of(engine: &Engine, ended: &EndedAgent) -> Option<String> {
    let answer = ended.answer?;
    let position = engine.writer.read(|views| {
        let (conversation, index) = views.conversations.by_message(answer)?;
        Some(conversation.messages[index as usize].position)
    });
    let event = engine.reader.event(position.ok()??).ok()?;
    body_of::<MessageBody>(&event).ok()?.map(|body| body.content)
}

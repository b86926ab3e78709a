//! The tool calls of a reply: permitted, recorded, carried out side by side, and recorded again when they return.

use std::collections::HashSet;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::time::Duration;

use zo_projections::event::conversation::ToolCall as Written;
use zo_projections::event::run::agent::{CallId, Consent, Effect, ReplyBody, ToolStatus, Verdict};
use zo_projections::views::agents::{RunningAgent, ToolCall};
use zo_projections::{Actor, Command, Submission};

use super::super::ignore_if_ended;
use super::super::runs::left_to_others;
use super::consent::{self, Judged};
use super::{Agent, Stop, arrived, in_one_line};
use crate::protocol::{AgentArrival, Arrival, Failure, FailureKind, Response};
use crate::redaction;
use crate::service::conversation::body_of;
use crate::service::{Each, deliver};
use crate::tools::rules::Rule;
use crate::tools::{self, Doing, Output, Prepared};

/// So many calls of one reply are carried out at the same time.
const MOST_AT_ONCE: usize = 16;
/// Between two words to who watches, and two looks at what others have said.
const WAITING: Duration = Duration::from_millis(100);
/// Bytes of a line that tells of a call.
const LINE: usize = 200;
/// What a `once` call says that was under way when its process ended.
const INTERRUPTED: &str = "the process ended while this was under way. It may have been done, wholly or in part, and was \
    not done again: look before you repeat it";

/// What a call says whose arguments have a key in them.
const REDACTED: &str = "there is a key in the arguments, or the mark that stands for one. Keys get into no event, so this \
    cannot be done by a tool: do it without the key, or leave it to the person";

/// What comes back from the threads that carry calls out.
enum Word {
    /// Something to tell.
    Tell(AgentArrival),
    /// A call has returned.
    Returned(CallId, Output),
}

/// Sees to it that every open call returns. If the run is to stop, what is under way is stopped, and the caller finds out
/// by itself; if only what somebody must permit is left and nobody can be asked here, the run waits in the log.
pub(super) fn carry_out(agent: &Agent<'_>, state: &RunningAgent, each: Each<'_>) -> Result<(), Failure> {
    let step = state.steps.last().ok_or_else(|| Failure::new(FailureKind::Damaged, "the agent has no reply"))?;
    let body: ReplyBody = body_of(&agent.engine.reader.event(step.replied)?)?.unwrap_or_default();
    let (tx, rx) = mpsc::channel::<Word>();
    std::thread::scope(|scope| {
        let mut open: HashSet<CallId> = state.open_calls().map(|(id, _)| id).collect();
        let mut under_way: HashSet<CallId> = HashSet::new();
        let mut asked: HashSet<CallId> = HashSet::new();
        loop {
            let Some(state) = agent.engine.writer.read(|views| views.agents.running().get(&agent.id).cloned())? else {
                return Ok(());
            };
            let stop = agent.stop();
            if stop.is_none() {
                for (id, call) in state.open_calls() {
                    if under_way.len() >= MOST_AT_ONCE || under_way.contains(&id) || !open.contains(&id) {
                        continue;
                    }
                    match begin(agent, &state, &body, id, call, &mut asked, each)? {
                        Begun::Ended => drop(open.remove(&id)),
                        Begun::Waits => {}
                        Begun::Ready(prepared) => {
                            under_way.insert(id);
                            let tx = tx.clone();
                            // As it was when the model asked for it: a call that is made again after a crash is the
                            // same one, whatever those beside it have brought by now.
                            let tainted = state.was_tainted_at_reply() || agent.given_untrusted;
                            let rules = consent::rules(agent, &state)?;
                            scope.spawn(move || work(agent, id, (tainted, &rules), prepared, &tx));
                        }
                    }
                }
            }
            if open.is_empty() || (stop.is_some() && under_way.is_empty()) {
                return match stop {
                    Some(Stop::Leaving) if !open.is_empty() => Err(left_to_others()),
                    Some(Stop::Deadline) if !open.is_empty() => {
                        Err(super::fail(agent.engine, agent.id, Some(super::too_late()))?)
                    }
                    _ => Ok(()),
                };
            }
            if under_way.is_empty() && agent.consent() == Consent::Deny {
                // What waits was asked where somebody could be: it goes on there, or when it was permitted.
                let message = "the agent waits for somebody to permit a call";
                let hint =
                    format!("`zo agent answer {} --allow` permits it, `zo agent resume` carries it on", agent.id);
                return Err(Failure::new(FailureKind::Refused, message).hint(hint));
            }
            let mut next = rx.recv_timeout(WAITING);
            while let Ok(word) = next {
                match word {
                    Word::Tell(arrival) => deliver(each, arrived(arrival))?,
                    Word::Returned(id, output) => {
                        under_way.remove(&id);
                        open.remove(&id);
                        let call = state.call(id);
                        returned(agent, id, call, output, each)?;
                    }
                }
                next = rx.try_recv().map_err(|_| RecvTimeoutError::Timeout);
            }
            deliver(each, Response::Arrived(Arrival::Nothing))?;
        }
    })
}

/// What became of a call that was looked at.
enum Begun {
    /// It has returned.
    Ended,
    /// Somebody must permit it.
    Waits,
    /// It is recorded as called.
    Ready(Prepared),
}

/// Looks at a call that nobody works on here: whoever did is gone, or it is new.
fn begin(
    agent: &Agent<'_>,
    state: &RunningAgent,
    body: &ReplyBody,
    id: CallId,
    call: &ToolCall,
    asked: &mut HashSet<CallId>,
    each: Each<'_>,
) -> Result<Begun, Failure> {
    let Some(written) = body.tool_calls.get(id.call as usize) else {
        returned(
            agent,
            id,
            Some(call),
            plain(ToolStatus::Invalid, "what was asked for cannot be read any more"),
            each,
        )?;
        return Ok(Begun::Ended);
    };
    let Written { name, arguments, .. } = written;
    // What is recorded is not what the model wrote: asterisks are a pattern to a shell, and no key to a file.
    if redaction::has_mark(arguments) {
        returned(agent, id, Some(call), plain(ToolStatus::Refused, REDACTED), each)?;
        return Ok(Begun::Ended);
    }
    if call.called.is_some() && call.effect == Effect::Once {
        returned(agent, id, Some(call), plain(ToolStatus::Interrupted, INTERRUPTED), each)?;
        return Ok(Begun::Ended);
    }
    let (by, what) = ((&agent.options, state.depth), (name.as_str(), arguments.as_str()));
    let prepared = match tools::prepare(agent.engine, agent.place.environment, by, what) {
        Ok(prepared) => prepared,
        Err(why) => {
            returned(agent, id, Some(call), plain(ToolStatus::Invalid, why), each)?;
            return Ok(Begun::Ended);
        }
    };
    // What was permitted and begun before a crash needs no second permission.
    let judged = match (call.called, call.verdict) {
        (Some(_), _) | (_, Some(Verdict::Allowed)) => Judged::Allowed,
        (_, Some(Verdict::Denied)) => Judged::Refused("somebody said no".to_owned()),
        (None, None) => consent::judge(agent, state, id, call, &prepared)?,
    };
    match judged {
        Judged::Refused(why) => {
            if asked.remove(&id) {
                deliver(each, arrived(answered(agent, id, Verdict::Denied)))?;
            }
            returned(agent, id, Some(call), plain(ToolStatus::Refused, why), each)?;
            Ok(Begun::Ended)
        }
        Judged::Asked => {
            if asked.insert(id)
                && let Some(line) = consent::waiting(agent.engine, agent.id, id)?
            {
                deliver(each, arrived(AgentArrival::PermissionAsked(line)))?;
            }
            Ok(Begun::Waits)
        }
        Judged::Allowed => {
            if asked.remove(&id) {
                deliver(each, arrived(answered(agent, id, Verdict::Allowed)))?;
            }
            let command = Command::RecordToolCall { run: agent.id, id };
            agent.engine.writer.submit_one(from_agent(agent, command))?;
            let what = in_one_line(&prepared.subject.to_string(), LINE);
            let (run, tool) = (agent.id.to_string(), name.clone());
            deliver(each, arrived(AgentArrival::ToolCalled { run, call: id.to_string(), tool, what }))?;
            Ok(Begun::Ready(prepared))
        }
    }
}

fn answered(agent: &Agent<'_>, id: CallId, verdict: Verdict) -> AgentArrival {
    AgentArrival::PermissionAnswered { run: agent.id.to_string(), call: id.to_string(), verdict }
}

fn plain(status: ToolStatus, text: impl Into<String>) -> Output {
    Output { status, ..Output::done(text) }
}

/// Carries a call out, on a thread of its own.
fn work(agent: &Agent<'_>, id: CallId, (tainted, rules): (bool, &[Rule]), prepared: Prepared, tx: &Sender<Word>) {
    let tell = {
        let tx = std::sync::Mutex::new(tx.clone());
        move |arrival| {
            // Who carries the run on outlives its calls.
            let _ = tx.lock().unwrap_or_else(std::sync::PoisonError::into_inner).send(Word::Tell(arrival));
        }
    };
    let doing = Doing {
        engine: agent.engine,
        run: agent.id,
        id,
        options: &agent.options,
        environment: agent.place.environment,
        attended: agent.place.attended,
        rules,
        tainted,
        tell: &tell,
        stop: &|| agent.stop().is_some(),
    };
    // A tool that panics is a fault of zo's: the run goes on, and is told.
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| (prepared.carry_out)(&doing)));
    let output = caught.unwrap_or_else(|_| Output::failed("the tool broke down: that is a fault of zo's"));
    let _ = tx.send(Word::Returned(id, output));
}

/// Records what a call gave.
fn returned(
    agent: &Agent<'_>,
    id: CallId,
    call: Option<&ToolCall>,
    output: Output,
    each: Each<'_>,
) -> Result<(), Failure> {
    let Output { mut status, trust, text, pictures } = output;
    let (tool, effect) = call.map_or((String::new(), Effect::Once), |call| (call.tool.clone(), call.effect));
    if status == ToolStatus::Cancelled {
        match agent.stop() {
            // It is made again by whoever comes next.
            Some(Stop::Leaving) if effect != Effect::Once => return Ok(()),
            _ if effect == Effect::Once => status = ToolStatus::Interrupted,
            _ => {}
        }
    }
    let text = kept(text);
    let digest = agent.engine.names.call(&tool, &text);
    let (summary, bytes) = (in_one_line(&text, LINE), text.len() as u64);
    let command = Command::RecordToolResult { run: agent.id, id, status, trust, output: text, digest, pictures };
    ignore_if_ended(agent.engine.writer.submit_one(from_agent(agent, command)))?;
    let (run, call) = (agent.id.to_string(), id.to_string());
    deliver(each, arrived(AgentArrival::ToolReturned { run, call, tool, status, summary, bytes }))
}

/// An output as far as it can be recorded.
fn kept(mut text: String) -> String {
    /// Below what one event may have.
    const MOST: usize = 8 * 1024 * 1024;
    if text.len() > MOST {
        let rest = text.len() - text.floor_char_boundary(MOST);
        text.truncate(text.floor_char_boundary(MOST));
        text.push_str(&format!("\n… {rest} bytes more were not kept"));
    }
    text
}

/// A command of the engine on behalf of an agent.
pub(super) fn from_agent(agent: &Agent<'_>, command: Command) -> Submission {
    let last = agent.engine.writer.read(|views| views.streams.get(agent.id.into()).map(|state| state.last));
    Submission {
        causation: last.ok().flatten(),
        correlation: Some(agent.id.0),
        ..Submission::new(Actor::Agent, command)
    }
}

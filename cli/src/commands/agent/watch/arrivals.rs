//! Events of runs as what they mean to who watches: the same as what is told to who waits for an answer.

#[cfg(test)]
mod tests;

use std::collections::HashMap;

use serde_json::Value;
use zo_engine::protocol::{AgentArrival, EventLine, PermissionLine};
use zo_projections::event::run::agent::{ToolStatus, Verdict};

use crate::input;
use crate::output::text::preview;

/// Arguments that say best what a call is to do, in the order of preference.
const TELLING: [&str; 9] = ["path", "command", "argv", "url", "query", "name", "key", "content", "task"];
/// The tool that starts agents.
const SPAWN: &str = "spawn_agents";

/// What is known of the runs whose events are read.
#[derive(Debug, Default)]
pub(super) struct Arrivals {
    runs: HashMap<String, Known>,
}

/// What is known of a run.
#[derive(Debug, Default)]
struct Known {
    /// The run that started it; empty if nobody did.
    parent: Option<String>,
    /// The calls of its last reply: a reply comes only when all calls of the one before have returned.
    calls: Vec<Call>,
    cancelled: bool,
}

/// A call that a reply asks for.
#[derive(Debug, Default)]
struct Call {
    tool: String,
    arguments: Value,
}

impl Arrivals {
    /// A run was there before its events are read.
    pub(super) fn join(&mut self, parent: &str, run: &str) {
        self.runs.entry(run.to_owned()).or_default().parent = Some(parent.to_owned());
    }

    /// What an event of this run means, if anything to who watches.
    pub(super) fn of(&mut self, run: &str, event: &EventLine) -> Option<AgentArrival> {
        let data = input::json_of(&event.data);
        match event.kind.as_str() {
            "run.started" => self.started(run, &data),
            "run.replied" => {
                self.runs.entry(run.to_owned()).or_default().calls = calls_of(&data);
                None
            }
            "run.tool_called" => {
                let call = self.call(run, &data);
                let (tool, what) = (call.map_or("call", |call| &call.tool).to_owned(), call.map(what_of));
                Some(AgentArrival::ToolCalled {
                    run: run.to_owned(),
                    call: call_id(&data),
                    tool,
                    what: what.unwrap_or_else(|| call_id(&data)),
                })
            }
            "run.tool_returned" => Some(AgentArrival::ToolReturned {
                run: run.to_owned(),
                call: call_id(&data),
                tool: self.call(run, &data).map_or("call", |call| &call.tool).to_owned(),
                status: status(data["status"].as_str()?)?,
                summary: preview(data["output"].as_str().unwrap_or_default()),
                bytes: data["bytes"].as_u64().unwrap_or_default(),
            }),
            "run.permission_asked" => {
                let text = |name: &str| data[name].as_str().unwrap_or_default().to_owned();
                Some(AgentArrival::PermissionAsked(PermissionLine {
                    run: run.to_owned(),
                    call: call_id(&data),
                    tool: self.call(run, &data).map_or("call", |call| &call.tool).to_owned(),
                    what: text("what"),
                    why: text("why"),
                    rule: data["rule"].as_str().map(str::to_owned),
                }))
            }
            "run.permission_answered" => Some(AgentArrival::PermissionAnswered {
                run: run.to_owned(),
                call: call_id(&data),
                verdict: if data["verdict"] == "allowed" { Verdict::Allowed } else { Verdict::Denied },
            }),
            "run.cancel_requested" => {
                self.runs.entry(run.to_owned()).or_default().cancelled = true;
                None
            }
            "run.finished" => self.ended(run, "finished"),
            "run.failed" => {
                let cancelled = self.runs.get(run).is_some_and(|known| known.cancelled);
                self.ended(run, if cancelled { "cancelled" } else { "failed" })
            }
            _ => None,
        }
    }

    /// An agent starts; runs that are none are of no interest.
    fn started(&mut self, run: &str, data: &Value) -> Option<AgentArrival> {
        let agent = data.get("agent").filter(|agent| agent.is_object())?;
        let caller = agent.get("parent").filter(|parent| parent.is_object());
        let parent = caller.and_then(|caller| caller["run"].as_str()).unwrap_or_default().to_owned();
        let task = caller.and_then(|caller| {
            let index = usize::try_from(caller["index"].as_u64()?).ok()?;
            let call = self.call(&parent, &caller["call"]).filter(|call| call.tool == SPAWN)?;
            Some(call.arguments.get("agents")?.get(index)?.get("task")?.as_str()?.to_owned())
        });
        let name = || data["options"]["name"].as_str().map(|name| format!("{name} ({run})"));
        let task = task.or_else(name).unwrap_or_else(|| run.to_owned());
        self.join(&parent, run);
        Some(AgentArrival::AgentStarted { parent, run: run.to_owned(), task })
    }

    fn ended(&mut self, run: &str, status: &str) -> Option<AgentArrival> {
        let parent = self.runs.remove(run)?.parent?;
        Some(AgentArrival::AgentEnded { parent, run: run.to_owned(), status: status.to_owned() })
    }

    /// The call that an event is about.
    fn call(&self, run: &str, data: &Value) -> Option<&Call> {
        let index = usize::try_from(data["call"].as_u64()?).ok()?;
        self.runs.get(run)?.calls.get(index)
    }
}

/// `2.0`, the first call of the third reply.
fn call_id(data: &Value) -> String {
    let number = |name: &str| data[name].as_u64().unwrap_or_default();
    format!("{}.{}", number("step"), number("call"))
}

fn calls_of(data: &Value) -> Vec<Call> {
    let intents = data["calls"].as_array().into_iter().flatten();
    let calls = intents.enumerate().map(|(index, intent)| Call {
        tool: intent["tool"].as_str().unwrap_or("call").to_owned(),
        arguments: data["tool_calls"][index]["arguments"].clone(),
    });
    calls.collect()
}

/// What a call is to do, in one line.
fn what_of(call: &Call) -> String {
    let Value::Object(arguments) = &call.arguments else { return preview(&words(&call.arguments)) };
    if let (SPAWN, Some(Value::Array(agents))) = (call.tool.as_str(), arguments.get("agents")) {
        return crate::output::text::counted(agents.len() as u64, "agent");
    }
    let told = TELLING.iter().find_map(|name| arguments.get(*name)).or_else(|| arguments.values().next());
    told.map(|value| preview(&words(value))).unwrap_or_default()
}

/// A value as a person would write it: the words of a command line, a text without quotes.
fn words(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(words).collect::<Vec<_>>().join(" "),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn status(name: &str) -> Option<ToolStatus> {
    Some(match name {
        "done" => ToolStatus::Done,
        "failed" => ToolStatus::Failed,
        "refused" => ToolStatus::Refused,
        "invalid" => ToolStatus::Invalid,
        "interrupted" => ToolStatus::Interrupted,
        "cancelled" => ToolStatus::Cancelled,
        _ => return None,
    })
}

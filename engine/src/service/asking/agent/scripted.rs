//! The built-in model that says what a script says: it needs no network, costs nothing, and says the same each time. For
//! trying tools and rules, for tests, and for starting several agents at once.

use serde::Deserialize;
use zo_projections::event::run::agent::ResultBody;
use zo_projections::event::run::{Account, Called, Usage};
use zo_projections::views::agents::RunningAgent;
use zo_projections::views::runs::Run;
use zo_projections::{Command, Position};

use super::super::call::{Asked, record_reply};
use super::super::runs::fail;
use super::super::{Reply, finish, from_run};
use super::Agent;
use crate::protocol::{Arrival, Failure, FailureKind, Response, SCRIPTED};
use crate::service::conversation::body_of;
use crate::service::{Each, deliver};

/// Stands in a script's text for what the calls of the reply before it gave, in their order.
const RESULTS: &str = "{{results}}";

/// One reply of a script.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    #[serde(default)]
    text: String,
    #[serde(default)]
    tool_calls: Vec<Call>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Call {
    name: String,
    #[serde(default)]
    arguments: serde_json::Value,
}

/// Checks a script.
pub(super) fn check(script: Option<&str>) -> Result<(), String> {
    lines(script).map(drop)
}

fn lines(script: Option<&str>) -> Result<Vec<Line>, String> {
    let script = script.ok_or("the model `scripted` needs a script: --script FILE")?;
    let lines: Vec<Line> = serde_json::from_str(script).map_err(|error| {
        format!(r#"the script: {error}; it is a list of {{"text", "tool_calls": [{{"name", "arguments"}}]}}"#)
    })?;
    match lines.last() {
        None => Err("the script is empty".to_owned()),
        Some(last) if !last.tool_calls.is_empty() => {
            Err("the script ends with tool calls: its last reply is the answer, and asks for none".to_owned())
        }
        _ => Ok(lines),
    }
}

/// Says what comes next in the script.
pub(super) fn reply(
    agent: &Agent<'_>,
    run: &Run,
    state: &RunningAgent,
    recalled: Position,
    each: Each<'_>,
) -> Result<(), Failure> {
    let (engine, id) = (agent.engine, agent.id);
    let lines = lines(agent.options.script.as_deref()).map_err(|why| Failure::new(FailureKind::Invalid, why));
    let line = lines.and_then(|lines| {
        let count = lines.len();
        let ended = || Failure::new(FailureKind::Model, format!("the script has {count} replies, and no more"));
        lines.into_iter().nth(state.steps.len()).ok_or_else(ended)
    });
    let Line { text, tool_calls } = match line {
        Ok(line) => line,
        Err(failure) => return Err(fail(engine, id, Some(failure))?),
    };
    let text = if text.contains(RESULTS) { text.replace(RESULTS, &results(agent, state)?) } else { text };
    let called = Called::unsent(SCRIPTED);
    let command = Command::RecordCall { run: id, called };
    let position = engine.writer.submit_one(from_run(command, id, recalled))?.position;
    if !text.is_empty() {
        deliver(each, Response::Arrived(Arrival::Text(text.clone())))?;
    }
    let account = Account { attempts: 1, ..Account::default() };
    if tool_calls.is_empty() {
        let model = SCRIPTED.to_owned();
        return finish(
            engine,
            id,
            run,
            Reply { text, model, usage: Usage::default(), account, reason: None, tool_calls: Vec::new() },
        );
    }
    let call = |(index, call): (usize, Call)| zo_models::ToolCall {
        id: format!("call_{}_{index}", state.steps.len()),
        name: call.name,
        arguments: call.arguments.to_string(),
    };
    let calls = tool_calls.into_iter().enumerate().map(call).collect();
    record_reply(agent, state, position, Asked { model: SCRIPTED, text, calls, usage: Usage::default(), account })
}

/// What the calls of the last reply gave.
fn results(agent: &Agent<'_>, state: &RunningAgent) -> Result<String, Failure> {
    let calls = state.steps.last().map(|step| &step.calls[..]).unwrap_or_default();
    let positions = calls.iter().filter_map(|call| Some(call.returned?.position));
    let mut outputs = Vec::new();
    for event in agent.engine.reader.events(positions)? {
        outputs.push(body_of::<ResultBody>(&event)?.unwrap_or_default().output);
    }
    Ok(outputs.join("\n"))
}

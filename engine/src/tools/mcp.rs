//! Tools of servers of the Model Context Protocol: `mcp_SERVER_TOOL`. They are asked about unless a rule allows them, cannot be taken
//! back unless the user believes the server that they can, and anybody may have written what they bring.

use std::time::Duration;

use serde_json::{Map, Value};
use zo_mcp::client::{Calling, ClientError, ServerSpec, ServerTool};
use zo_models::ToolSpec;
use zo_projections::event::run::agent::{AgentOptions, Effect, ToolStatus};

use super::rules::Subject;
use super::{Doing, Output, Prepared};
use crate::engine::Engine;
use crate::protocol::Environment;

/// How the names of these tools begin.
const PREFIX: &str = "mcp_";
/// The longest name: providers allow no more.
const MAX_NAME_BYTES: usize = 64;
/// How long a server is waited for before an agent goes on without it.
const OFFERING: Duration = Duration::from_secs(30);
/// How long a call may take.
const CALLING: Duration = Duration::from_secs(600);

/// What an agent is called with: the tools of all servers that can be had now, and the servers that cannot.
pub(crate) struct Offered {
    pub(crate) tools: Vec<ToolSpec>,
    pub(crate) missing: Vec<String>,
}

/// Whether a tool of this name would be one of a server's.
pub(crate) fn is_name(name: &str) -> bool {
    server_of(name).is_some()
}

/// The server that a tool of this name would be of: its own name has no `_`.
fn server_of(name: &str) -> Option<&str> {
    let (server, tool) = name.strip_prefix(PREFIX)?.split_once('_')?;
    (!server.is_empty() && !tool.is_empty()).then_some(server)
}

/// What agents call a tool of a server.
pub(crate) fn name_of(server: &str, tool: &str) -> String {
    let simple = |letter: char| if letter.is_ascii_alphanumeric() || "_-".contains(letter) { letter } else { '_' };
    let name: String = format!("{PREFIX}{server}_{tool}").chars().map(simple).collect();
    if name.len() <= MAX_NAME_BYTES && name.ends_with(tool) {
        return name;
    }
    // What was changed or cut is told apart by its digest.
    let digest = blake3::hash(tool.as_bytes()).to_hex();
    let end = format!("_{}", &digest[..8]);
    format!("{}{end}", &name[..name.len().min(MAX_NAME_BYTES - end.len())])
}

/// What doing it twice does, as far as the server is believed.
pub(crate) fn effect_of(spec: &ServerSpec, tool: &ServerTool) -> Effect {
    if spec.trust_hints && (tool.read_only || tool.idempotent) { Effect::Idempotent } else { Effect::Once }
}

/// The tools of servers that an agent is offered. Servers are started for it.
pub(crate) fn offered(
    engine: &Engine,
    options: &AgentOptions,
    environment: &Environment,
    stop: &dyn Fn() -> bool,
) -> Offered {
    let mut offered = Offered { tools: Vec::new(), missing: Vec::new() };
    let wanted = |name: &str| options.tools.as_ref().is_none_or(|names| names.iter().any(|wanted| wanted == name));
    let any_of = |server: &str| {
        options.tools.as_ref().is_none_or(|names| names.iter().any(|name| server_of(name) == Some(server)))
    };
    let servers: Vec<String> = engine.mcp_names().into_iter().filter(|name| any_of(name)).collect();
    // All are started before the first is waited for.
    let started: Vec<_> = servers.into_iter().map(|name| (engine.mcp_server(&name, environment), name)).collect();
    for (server, name) in started {
        let tools = server
            .map_err(|failure| failure.message)
            .and_then(|server| server.tools(OFFERING, stop).map_err(|error| error.to_string()));
        match tools {
            Err(why) => {
                tracing::warn!("the tools of the MCP server {name} are not offered: {why}");
                offered.missing.push(name);
            }
            Ok(tools) => offered.tools.extend(tools.tools.iter().filter_map(|tool| {
                let own = name_of(&name, &tool.name);
                let spec = || ToolSpec {
                    name: own.clone(),
                    description: tool.description.clone(),
                    parameters: tool.parameters.clone(),
                };
                wanted(&own).then(spec)
            })),
        }
    }
    offered
}

/// Prepares a call of a server's tool.
///
/// # Errors
/// If there is no such tool, or it cannot be had: in words for the model.
pub(super) fn prepare(
    engine: &Engine,
    environment: &Environment,
    options: &AgentOptions,
    name: &str,
    arguments: &str,
) -> Result<Prepared, String> {
    let server_name = server_of(name).unwrap_or_default();
    if options.tools.as_ref().is_some_and(|names| !names.iter().any(|wanted| wanted == name)) {
        return Err(format!("this agent is not offered the tool {name}"));
    }
    let server = engine.mcp_server(server_name, environment).map_err(|failure| failure.message)?;
    let tools = server.tools(OFFERING, &|| engine.is_stopping()).map_err(|error| told(&error))?;
    let tool = tools.tools.iter().find(|tool| name_of(server_name, &tool.name) == name);
    let tool = tool.ok_or_else(|| format!("the MCP server {server_name} has no such tool as {name}"))?.clone();
    let arguments = if arguments.trim().is_empty() { "{}" } else { arguments };
    let cannot =
        |why: &str| format!("the arguments of {name} cannot be taken: {why}; their JSON Schema is {}", tool.parameters);
    let arguments: Map<String, Value> = match serde_json::from_str(arguments) {
        Ok(Value::Object(arguments)) => arguments,
        Ok(_) => return Err(cannot("they are no object")),
        Err(error) => return Err(cannot(&error.to_string())),
    };
    let effect = effect_of(server.spec(), &tool);
    let subject = Subject::text(name.to_owned(), &Value::Object(arguments.clone()).to_string());
    let carry_out = Box::new(move |doing: &Doing<'_>| {
        let calling = Calling { within: CALLING, progress: &mut |_| {}, stop: &|| (doing.stop)() };
        match server.call(&tool.name, arguments, calling) {
            Ok(result) if result.is_error => Output { status: ToolStatus::Failed, ..Output::untrusted(result.text) },
            Ok(result) => Output::untrusted(result.text),
            Err(ClientError::Stopped) => Output::cancelled("it was stopped, and the server was told so"),
            Err(error) => Output { status: ToolStatus::Failed, ..Output::untrusted(told(&error)) },
        }
    });
    Ok(Prepared { effect, subject, details: None, carry_out })
}

fn told(error: &ClientError) -> String {
    match error.hint() {
        Some(hint) => format!("{error}; {hint}"),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests;

//! Requests about servers of the Model Context Protocol.

use std::ops::ControlFlow;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use zo_mcp::client::{CallResult, Calling, ClientError, Server, ServerKind, ServerSpec, ServerState, ServerTools};
use zo_projections::decide::mcp::check_server_name;
use zo_projections::event::mcp::{ServerAdded, ServerBody};
use zo_projections::{Actor, Command, McpServerId, Submission};

use super::{Each, acknowledge, vault};
use crate::engine::Engine;
use crate::mcp::{failure, vault_entry};
use crate::protocol::{
    Acknowledged, Answer, Environment, Failure, FailureKind, McpCall, McpCalled, McpServerInput, McpServerLine,
    McpTested, McpToolLine, Response, SecretText, TestStep,
};
use crate::tools::mcp::{effect_of, name_of};

/// How long a server may take to start and to list its tools, if nobody says.
const LISTING: Duration = Duration::from_secs(60);
/// How long a call may take.
const CALLING: Duration = Duration::from_secs(600);

fn spec_of(input: McpServerInput) -> Result<ServerSpec, Failure> {
    let McpServerInput { name, argv, folder, env, url, headers, secrets, trust_hints } = input;
    let invalid = |why: &str| Failure::new(FailureKind::Invalid, why.to_owned());
    check_server_name(&name)?;
    let kind = match url {
        Some(_) if !argv.is_empty() => return Err(invalid("a server is a program or a URL, not both")),
        Some(_) if folder.is_some() || !env.is_empty() => {
            return Err(invalid("a server with a URL has neither a folder nor variables"));
        }
        Some(url) => ServerKind::Http { url, headers },
        None if !headers.is_empty() => return Err(invalid("a program is sent no headers")),
        None => ServerKind::Stdio { argv, folder, env },
    };
    let spec = ServerSpec { name, kind, secrets, trust_hints };
    spec.check().map_err(|error| Failure::new(FailureKind::Invalid, error.to_string()))?;
    Ok(spec)
}

/// Puts the secrets into the vault, then records the server that names them.
pub(super) fn add(
    engine: &Engine,
    input: McpServerInput,
    secrets: &[(String, SecretText)],
    environment: &Environment,
) -> Result<Acknowledged, Failure> {
    let mut spec = spec_of(input)?;
    spec.secrets.extend(secrets.iter().map(|(name, _)| name.clone()));
    spec.secrets.sort();
    spec.secrets.dedup();
    spec.check().map_err(|error| Failure::new(FailureKind::Invalid, error.to_string()))?;
    for (name, secret) in secrets {
        vault::keep(engine, vault_entry(&spec.name, name), secret, environment)?;
    }
    let server = McpServerId(engine.names.mcp_server(&spec.name));
    let json = |error: serde_json::Error| Failure::new(FailureKind::Invalid, error.to_string());
    let body = ServerBody { spec: serde_json::to_string(&spec).map_err(json)? };
    let command = Command::AddMcpServer { server, added: ServerAdded { name: spec.name.clone() }, body };
    acknowledge(spec.name, engine.writer.submit_one(Submission::new(Actor::User, command)))
}

/// Forgets a server, ends it, and takes its secrets out of the vault.
pub(super) fn remove(engine: &Engine, name: &str, environment: &Environment) -> Result<Acknowledged, Failure> {
    let (server, known) = engine.mcp_find(name)?;
    let secrets = engine.mcp_spec(known.defined).map(|spec| spec.secrets).unwrap_or_default();
    let command = Command::RemoveMcpServer { server };
    let acknowledged = acknowledge(name.to_owned(), engine.writer.submit_one(Submission::new(Actor::User, command)))?;
    engine.mcp.end(server);
    for secret in secrets {
        // The server is gone; a secret that cannot be reached now can be removed with `zo key remove`.
        if let Err(failure) = vault::remove(engine, vault_entry(name, &secret), environment) {
            tracing::warn!("the secret {secret} of the MCP server {name} stays in the vault: {failure}");
        }
    }
    Ok(acknowledged)
}

pub(super) fn list(engine: &Engine) -> Result<Answer, Failure> {
    let servers = engine.mcp_names().into_iter().map(|name| line(engine, &name));
    Ok(Answer::McpServers(servers.collect::<Result<_, _>>()?))
}

fn line(engine: &Engine, name: &str) -> Result<McpServerLine, Failure> {
    let (id, known) = engine.mcp_find(name)?;
    let spec = engine.mcp_spec(known.defined)?;
    let (state, why) = match engine.mcp.state(id) {
        None | Some(ServerState::Stopped) => ("idle", None),
        Some(ServerState::Starting) => ("starting", None),
        Some(ServerState::Ready) => ("ready", None),
        Some(ServerState::Waiting { why }) => ("failing", Some(why)),
    };
    let kind = match spec.kind {
        ServerKind::Stdio { .. } => "stdio",
        ServerKind::Http { .. } => "http",
    };
    Ok(McpServerLine {
        summary: spec.summary(),
        name: spec.name,
        kind: kind.to_owned(),
        secrets: spec.secrets,
        trust_hints: spec.trust_hints,
        state: state.to_owned(),
        why,
    })
}

/// Starts a server if it does not run, lists its tools, and calls one if that is asked for.
pub(super) fn test(
    engine: &Engine,
    name: &str,
    call: Option<&McpCall>,
    deadline_ms: Option<u64>,
    environment: &Environment,
    each: Each<'_>,
) -> Result<(), Failure> {
    let begun = Instant::now();
    let server = engine.mcp_server(name, environment)?;
    let listener = Listener { each: Mutex::new((each, true)) };
    let stop = || engine.is_stopping() || !listener.is_there();
    listener.tell(step("start", &server.spec().summary(), begun));
    let within = deadline_ms.map_or(LISTING, Duration::from_millis);
    let tools = server.tools(within, &stop).map_err(|error| {
        let failure = failure(&error);
        match error {
            ClientError::TimedOut { .. } => {
                failure.hint("does it speak the protocol? `--timeout SECONDS` waits longer")
            }
            _ => failure,
        }
    })?;
    if let Some(call) = call.filter(|call| !tools.tools.iter().any(|tool| tool.name == call.tool)) {
        let message = format!("{name} has no tool {}", call.tool);
        let near = zo_models::did_you_mean(&call.tool, tools.tools.iter().map(|tool| tool.name.as_str()));
        let hint = near.unwrap_or_else(|| format!("`zo mcp test {name}` lists those it has"));
        return Err(Failure::new(FailureKind::NotFound, message).hint(hint));
    }
    let detail = format!("{} tools", tools.tools.len());
    listener.tell(step("list", &detail, begun));
    let calling = deadline_ms.map_or(CALLING, Duration::from_millis);
    let called = call.map(|call| try_out(&server, call, calling, &listener, &stop)).transpose()?;
    let tested = McpTested {
        tools: lines(&server, &tools),
        left_out: tools.left_out.iter().map(|left| format!("{}: {}", left.name, left.why)).collect(),
        called: called.map(|result| McpCalled { text: result.text, is_error: result.is_error }),
        log: server.log(),
    };
    listener.tell(Response::McpTested(Box::new(tested)));
    Ok(())
}

fn try_out(
    server: &Server,
    call: &McpCall,
    within: Duration,
    listener: &Listener<'_>,
    stop: &dyn Fn() -> bool,
) -> Result<CallResult, Failure> {
    let begun = Instant::now();
    let no_object = || Failure::new(FailureKind::Invalid, "the arguments are no JSON object");
    let arguments = call.arguments.as_deref().unwrap_or("{}");
    let arguments = serde_json::from_str(arguments)
        .map_err(|error| Failure::new(FailureKind::Invalid, format!("the arguments are no JSON object: {error}")))?;
    let serde_json::Value::Object(arguments) = arguments else { return Err(no_object()) };
    let mut progress = |progress: zo_mcp::client::Progress| {
        let of = progress.total.map(|total| format!(" of {total}")).unwrap_or_default();
        let what = progress.message.map(|message| format!(": {message}")).unwrap_or_default();
        listener.tell(step("progress", &format!("{}{of}{what}", progress.done), begun));
    };
    let calling = Calling { within, progress: &mut progress, stop };
    server.call(&call.tool, arguments, calling).map_err(|error| failure(&error))
}

fn lines(server: &Server, tools: &ServerTools) -> Vec<McpToolLine> {
    let line = |tool: &zo_mcp::client::ServerTool| McpToolLine {
        name: name_of(&server.spec().name, &tool.name),
        tool: tool.name.clone(),
        description: tool.description.clone(),
        effect: effect_of(server.spec(), tool),
    };
    tools.tools.iter().map(line).collect()
}

fn step(name: &str, detail: &str, begun: Instant) -> Response {
    let elapsed_us = begun.elapsed().as_micros().try_into().unwrap_or(u64::MAX);
    let (step, outcome, detail) = (name.to_owned(), "ok".to_owned(), detail.to_owned());
    Response::Tested(TestStep { step, outcome, detail, hint: None, elapsed_us })
}

/// Who asked, who is told things from within a call, and may leave.
struct Listener<'a> {
    each: Mutex<(Each<'a>, bool)>,
}

impl Listener<'_> {
    fn tell(&self, response: Response) {
        let mut each = self.each.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let flow = (each.0)(response);
        each.1 &= flow.is_continue();
    }

    /// Whether somebody still listens: told nothing, they show it.
    fn is_there(&self) -> bool {
        let mut each = self.each.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if each.1 {
            let flow = (each.0)(Response::Arrived(crate::protocol::Arrival::Nothing));
            each.1 = flow == ControlFlow::Continue(());
        }
        each.1
    }
}

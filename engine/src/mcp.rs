//! The Model Context Protocol, as far as the engine has to do with it.
//!
//! - Here: servers that run, each started when somebody first asks for it, and ended with the engine. What they are is in the log; how
//!   one is kept running is the business of `zo_mcp::client`. Their tools are in `tools/mcp.rs`.
//! - [`workspace`]: the workspace as a server, by requests of the protocol of this crate.

pub mod workspace;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use zo_mcp::client::{ClientError, Connector, SecretValues, Server, ServerKind, ServerSpec, ServerState};
use zo_projections::event::mcp::ServerBody;
use zo_projections::views::mcp_servers::McpServer;
use zo_projections::{McpServerId, Position};
use zo_sandbox::Sandbox;

use crate::engine::Engine;
use crate::protocol::{Environment, Failure, FailureKind};
use crate::providers;
use crate::service::body_of;

/// Servers that run in this process.
pub(crate) struct McpServers {
    connector: Connector,
    running: Mutex<BTreeMap<McpServerId, Running>>,
}

struct Running {
    /// The event that says what it is.
    defined: Position,
    server: Arc<Server>,
}

impl McpServers {
    pub(crate) fn new(sandbox: Sandbox) -> Self {
        Self { connector: Connector::new(sandbox), running: Mutex::default() }
    }

    /// How a server is, if it was started.
    pub(crate) fn state(&self, id: McpServerId) -> Option<ServerState> {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.get(&id).map(|running| running.server.state())
    }

    /// Ends a server, and waits for its end.
    pub(crate) fn end(&self, id: McpServerId) {
        let ended = self.running.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
        if let Some(running) = ended {
            running.server.stop();
        }
    }

    /// Ends all of them, at once.
    pub(crate) fn end_all(&self) {
        let all = std::mem::take(&mut *self.running.lock().unwrap_or_else(PoisonError::into_inner));
        all.values().for_each(|running| running.server.ask_to_stop());
        all.values().for_each(|running| running.server.stop());
    }
}

impl Engine {
    /// The names of all servers.
    pub(crate) fn mcp_names(&self) -> Vec<String> {
        let names = self.writer.read(|views| views.mcp_servers.iter().map(|(_, server)| server.name.clone()).collect());
        let mut names: Vec<String> = names.unwrap_or_default();
        names.sort();
        names
    }

    /// The server of this name, as the log has it.
    ///
    /// # Errors
    /// If there is none; says the nearest.
    pub(crate) fn mcp_find(&self, name: &str) -> Result<(McpServerId, McpServer), Failure> {
        let id = McpServerId(self.names.mcp_server(name));
        if let Some(server) = self.writer.read(|views| views.mcp_servers.get(id).cloned())? {
            return Ok((id, server));
        }
        let names = self.mcp_names();
        let hint = zo_models::did_you_mean(name, names.iter().map(String::as_str));
        let hint = hint.unwrap_or_else(|| "`zo mcp list` shows those there are".to_owned());
        Err(Failure::new(FailureKind::NotFound, format!("there is no MCP server {name}")).hint(hint))
    }

    /// What a server is, as the event at `position` says.
    pub(crate) fn mcp_spec(&self, position: Position) -> Result<ServerSpec, Failure> {
        let body: ServerBody = body_of(&self.reader.event(position)?)?.unwrap_or_default();
        serde_json::from_str(&body.spec)
            .map_err(|error| Failure::new(FailureKind::Damaged, format!("what an MCP server is: {error}")))
    }

    /// The server of this name, started if it does not run, and anew if it is another one now.
    ///
    /// # Errors
    /// If there is none, or its secrets cannot be had.
    pub(crate) fn mcp_server(&self, name: &str, environment: &Environment) -> Result<Arc<Server>, Failure> {
        let (id, known) = self.mcp_find(name)?;
        let mut running = self.mcp.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = running.get(&id).filter(|found| found.defined == known.defined) {
            return Ok(found.server.clone());
        }
        let spec = self.mcp_spec(known.defined)?;
        let secrets = self.mcp_secrets(&spec, environment)?;
        let server = Arc::new(self.mcp.connector.start(spec, secrets).map_err(|error| failure(&error))?);
        // One that was there before ends by itself, once nobody calls it any more.
        running.insert(id, Running { defined: known.defined, server: server.clone() });
        Ok(server)
    }

    /// The values of a server's secrets.
    fn mcp_secrets(&self, spec: &ServerSpec, environment: &Environment) -> Result<SecretValues, Failure> {
        let mut values = SecretValues::default();
        let vault = providers::vault(self, environment);
        for name in &spec.secrets {
            let entry = vault_entry(&spec.name, name);
            let secret = match vault.is_used() {
                true => providers::with_unlock(environment, |unlock| vault.get(&entry, unlock))?,
                false => None,
            };
            let Some(secret) = secret else { continue };
            self.writer.redactor().learn(secret.expose());
            // A token for that header is named alone, as it is handed out.
            let is_token = matches!(spec.kind, ServerKind::Http { .. }) && name.eq_ignore_ascii_case("authorization");
            let begin = if is_token { "Bearer " } else { "" };
            values.0.insert(name.clone(), format!("{begin}{}", secret.expose()));
        }
        Ok(values)
    }
}

/// Where the secret of a server lies in the vault.
pub(crate) fn vault_entry(server: &str, secret: &str) -> String {
    format!("mcp.{server}.{}", secret.to_ascii_lowercase())
}

/// A failure of a request, from what a server did.
pub(crate) fn failure(error: &ClientError) -> Failure {
    let kind = match error {
        ClientError::Spec(_) => FailureKind::Invalid,
        ClientError::NoSecret { .. } => FailureKind::Key,
        ClientError::Refused { .. } | ClientError::Stopped => FailureKind::Refused,
        _ => FailureKind::Io,
    };
    let failure = Failure::new(kind, error.to_string());
    match error.hint() {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

//! `zo mcp serve`, and `zo mcp` alone.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use clap::Args;
use zo_engine::client::{Client, OpenOptions};
use zo_engine::mcp::workspace::{Home, Requests};
use zo_engine::protocol::{Environment, Failure, FailureKind, Request, Response};
use zo_engine::service;

use super::super::agent::options::skill_folders;
use crate::context::Context;
use crate::error::{CliError, Kind};

/// Be a server on stdin and stdout, until stdin ends
///
/// Examples:
///   zo mcp serve
///
/// Other programs start it: `claude mcp add zo -- zo mcp` tells Claude Code to. Whoever starts it may do all that you may. It works
/// beside a `zo serve` and other terminals of the same home.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Serve {}

impl Serve {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let here = std::env::current_dir().ok();
        let skills = skill_folders(here.as_deref())?;
        let client = context.open()?;
        let access =
            Access { home: context.home.clone(), environment: context.environment(), client: Mutex::new(Some(client)) };
        let access = Arc::new(access);
        let served = zo_mcp::server::serve_stdio(Arc::new(Home::new(Shared(access.clone()), skills)));
        let client = access.client.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(client) = client {
            context.close(client)?;
        }
        served.map_err(|error| CliError::new(Kind::Engine(FailureKind::Io), format!("cannot speak: {error}")))
    }
}

/// The home, for requests that come side by side.
struct Access {
    home: PathBuf,
    environment: Environment,
    /// Keeps the home open: what is held is held for as long as this server lives.
    client: Mutex<Option<Client>>,
}

struct Shared(Arc<Access>);

impl Requests for Shared {
    fn request(&self, request: Request, each: &mut dyn FnMut(Response) -> ControlFlow<()>) -> Result<(), Failure> {
        let access = &self.0;
        let request = request.in_environment(&access.environment);
        let engine = {
            let client = access.client.lock().unwrap_or_else(PoisonError::into_inner);
            client.as_ref().and_then(|client| client.engine().cloned())
        };
        if let Some(engine) = engine {
            return service::handle(&engine, request, each);
        }
        // Another process has the home: each request has a connection of its own, so that none waits for another.
        let options = OpenOptions { must_exist: false, environment: access.environment.clone() };
        let mut client = Client::open(&access.home, &options)?;
        let result = client.call(&request, each);
        if client.engine().is_some() {
            // It has let go of it, and the home is this process's now.
            *access.client.lock().unwrap_or_else(PoisonError::into_inner) = Some(client);
        }
        result
    }
}

//! `zo memory …`: one file per command; what they share is how a memory is shown.

mod forget;
mod list;
mod retract;
mod show;
mod supersede;

use clap::Subcommand;
use serde::Serialize;
use serde_json::Value;
use zo_engine::client::Client;
use zo_engine::protocol::{Answer, FailureKind, MAX_PAGE, MemoryLine, Query};
use zo_projections::{Position, Timestamp};

use crate::context::Context;
use crate::error::{CliError, Kind};
use crate::input;
use crate::suggest::nearest;

/// List, show, supersede, retract and forget memories
///
/// Examples:
///   zo memory list --at yesterday
///   zo memory show deploy-steps
///   zo memory supersede deploy-steps "Deploys run from main now"
///   zo memory retract 01K… --reason "never was true"
#[derive(Subcommand, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) enum Memory {
    List(list::List),
    Show(show::Show),
    Supersede(supersede::Supersede),
    Retract(retract::Retract),
    Forget(forget::Forget),
}

impl Memory {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        match self {
            Self::List(command) => command.run(context),
            Self::Show(command) => command.run(context),
            Self::Supersede(command) => command.run(context),
            Self::Retract(command) => command.run(context),
            Self::Forget(command) => command.run(context),
        }
    }
}

/// A revision of a memory, as JSON has it.
#[derive(Serialize)]
struct MemoryJson<'a> {
    id: &'a str,
    state: &'a str,
    position: Position,
    version: u32,
    at: Timestamp,
    occurred_at: Option<Timestamp>,
    until: Option<Position>,
    content: Option<&'a str>,
    meta: Option<Value>,
}

impl<'a> MemoryJson<'a> {
    fn of(line: &'a MemoryLine) -> Self {
        Self {
            id: &line.id,
            state: &line.state,
            position: line.position,
            version: line.version,
            at: line.at,
            occurred_at: line.occurred_at,
            until: line.until,
            content: line.content.as_deref(),
            meta: line.meta.as_deref().map(input::json_of),
        }
    }
}

/// Says of a text that cannot be opened that it is so.
fn content_of(line: &MemoryLine) -> &str {
    line.content.as_deref().unwrap_or("(cannot be opened: its key or blob is gone)")
}

/// Adds to "there is no such memory" the nearest id among the newest ones, as a hint.
fn with_nearest(error: CliError, client: &mut Client, id: &str) -> CliError {
    if error.kind != Kind::Engine(FailureKind::NotFound) {
        return error;
    }
    let newest = Query::Memories { retracted: true, before: None, limit: MAX_PAGE as u32 };
    let Ok(Answer::Memories { memories, .. }) = client.query(newest, None) else { return error };
    match nearest(id, memories.iter().map(|memory| memory.id.as_str())) {
        Some(near) => error.first_hint(format!("did you mean `{near}`?")),
        None => error,
    }
}

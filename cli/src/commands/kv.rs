//! `zo kv …`: one file per command; what they share is how a key is shown.

mod delete;
mod get;
mod list;
mod set;

use clap::Subcommand;
use serde::Serialize;
use zo_engine::client::Client;
use zo_engine::protocol::{Answer, FailureKind, KeyLine, MAX_PAGE, Query};
use zo_projections::{Position, Timestamp};

use crate::context::Context;
use crate::error::{CliError, Kind};
use crate::suggest::nearest;

/// Set, get, list and delete keys
///
/// Examples:
///   zo kv set editor.theme dark
///   zo kv get editor.theme
///   zo kv list editor.
///   zo kv get editor.theme --at yesterday
///
/// The last write wins; --if-version and --if-absent make sure that it is yours.
#[derive(Subcommand, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) enum Kv {
    Set(set::Set),
    Get(get::Get),
    List(list::List),
    Delete(delete::Delete),
}

impl Kv {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        match self {
            Self::Set(command) => command.run(context),
            Self::Get(command) => command.run(context),
            Self::List(command) => command.run(context),
            Self::Delete(command) => command.run(context),
        }
    }
}

/// A key with its value, as JSON has it.
#[derive(Serialize)]
struct KeyJson<'a> {
    key: &'a str,
    value: Option<&'a str>,
    position: Position,
    version: u32,
    at: Timestamp,
}

impl<'a> KeyJson<'a> {
    fn of(line: &'a KeyLine) -> Self {
        let KeyLine { key, value, position, version, at } = line;
        Self { key, value: value.as_deref(), position: *position, version: *version, at: *at }
    }
}

/// Adds to "there is no such key" the nearest one, as a hint.
fn with_nearest(error: CliError, client: &mut Client, key: &str) -> CliError {
    if error.kind != Kind::Engine(FailureKind::NotFound) {
        return error;
    }
    let first = Query::Keys { prefix: String::new(), after: None, limit: MAX_PAGE as u32 };
    let Ok(Answer::Keys(keys)) = client.query(first, None) else { return error };
    match nearest(key, keys.iter().map(|line| line.key.as_str())) {
        Some(near) => error.first_hint(format!("did you mean `{near}`?")),
        None => error,
    }
}

//! The home of this call, and an open client.

use std::env;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use serde::Serialize;
use zo_engine::client::{Client, OpenOptions};
use zo_engine::protocol::{
    Acknowledged, Answer, At, Environment, Failure, FailureKind, Outcome, Query, Request, Response,
};
use zo_engine::world::{SystemWorld, World};

use crate::environment;
use crate::error::{CliError, Kind};
use crate::output::{Output, Progress, Table, Total};

/// What every command is given.
pub(crate) struct Context {
    /// Folder of the home, absolute; it need not exist.
    pub(crate) home: PathBuf,
    /// Stdout and stderr.
    pub(crate) output: Output,
    /// The clock and fresh ids.
    pub(crate) world: SystemWorld,
}

impl Context {
    /// Opens the home, or makes it if there is none: for commands that write.
    ///
    /// # Errors
    /// What is wrong with the home.
    pub(crate) fn open(&mut self) -> Result<Client, CliError> {
        self.open_with(&OpenOptions { must_exist: false, environment: self.environment() })
    }

    /// Opens the home, which must be there: for commands that read.
    ///
    /// # Errors
    /// That there is none, or what is wrong with it.
    pub(crate) fn open_existing(&mut self) -> Result<Client, CliError> {
        self.open_with(&OpenOptions { must_exist: true, environment: self.environment() })
    }

    fn open_with(&mut self, options: &OpenOptions) -> Result<Client, CliError> {
        let client = Client::open(&self.home, options)?;
        for note in client.notes() {
            self.output.note(format!("note: {note}"));
        }
        Ok(client)
    }

    /// Ends the access, when everything that was printed is out: closing may take a moment that nobody needs to wait for.
    ///
    /// # Errors
    /// That stdout cannot be written, or what was wrong with the log.
    pub(crate) fn close(&mut self, client: Client) -> Result<(), CliError> {
        self.output.flush()?;
        if client.is_answering() {
            self.output
                .note("note: an answer is on its way to another terminal, and is waited for; Ctrl-C leaves at once");
        }
        Ok(client.close()?)
    }

    /// Prints a whole list, says what it means that there is nothing on it, and ends the access.
    ///
    /// # Errors
    /// That stdout cannot be written, or what was wrong with the log.
    pub(crate) fn print_list<'a, L: Serialize, R: IntoIterator<Item = String>>(
        &mut self,
        client: Client,
        table: Table,
        lines: &'a [L],
        row: impl Fn(&'a L) -> R,
        nothing: &str,
    ) -> Result<(), CliError> {
        self.output.list(table, lines, row)?;
        if lines.is_empty() {
            self.output.note(nothing);
        }
        self.close(client)
    }

    /// What of the surroundings of this process matters to models.
    pub(crate) fn environment(&self) -> Environment {
        environment::of_process()
    }

    /// An id that was never given before.
    pub(crate) fn fresh_id(&self) -> u128 {
        self.world.fresh_id()
    }

    /// Prints what a command that changes one thing came to: its id, or `{id, position}`.
    ///
    /// # Errors
    /// The failure it ended with, or that stdout cannot be written.
    pub(crate) fn print_acknowledged(&mut self, acknowledged: &Acknowledged, what: &str) -> Result<(), CliError> {
        if self.output.is_json() {
            return self.output.data(acknowledged);
        }
        self.output.line(self.output.shown(&acknowledged.id))?;
        let Acknowledged { position, outcome, .. } = acknowledged;
        self.output.note(if *outcome == Outcome::Unchanged {
            "nothing to do: it is so already".to_owned()
        } else {
            format!("{what} at position {position}")
        });
        Ok(())
    }
}

/// Folder of the home: `--home`, else `$ZO_HOME`, else `$XDG_DATA_HOME/zo`, else `~/.local/share/zo`.
///
/// # Errors
/// If there is nothing to tell it from.
pub(crate) fn home_folder(given: Option<&Path>) -> Result<PathBuf, CliError> {
    let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let folder = given
        .map(Path::to_owned)
        .or_else(|| set("ZO_HOME"))
        // The XDG base directory specification: a relative path is to be ignored.
        .or_else(|| set("XDG_DATA_HOME").filter(|folder| folder.is_absolute()).map(|folder| folder.join("zo")))
        .or_else(|| set("HOME").map(|home| home.join(".local/share/zo")))
        .ok_or_else(|| CliError::usage("neither HOME nor ZO_HOME is set").hint("name the home with --home DIR"))?;
    std::path::absolute(&folder).map_err(|error| CliError::io(format!("cannot use {}", folder.display()), &error))
}

/// Sends a request and hands each response to `each`, which may fail or say that it has enough.
///
/// # Errors
/// What `each` failed with, else what the request failed with.
pub(crate) fn stream(
    client: &mut Client,
    request: &Request,
    mut each: impl FnMut(Response) -> Result<ControlFlow<()>, CliError>,
) -> Result<(), CliError> {
    let mut failed = None;
    let called = client.call(request, &mut |response| match each(response) {
        Ok(flow) => flow,
        Err(error) => {
            failed = Some(error);
            ControlFlow::Break(())
        }
    });
    match failed {
        Some(error) => Err(error),
        None => Ok(called?),
    }
}

/// Sends a long request that ends with one result, and shows how far it is. `take` picks the result.
///
/// # Errors
/// What the request failed with, or that it ended without a result.
pub(crate) fn with_progress<T>(
    client: &mut Client,
    output: &mut Output,
    what: &str,
    request: &Request,
    mut take: impl FnMut(Response) -> Option<T>,
) -> Result<T, CliError> {
    let progress = output.progress(what, Total::Later);
    let mut result = None;
    stream(client, request, |response| {
        show_progress(&progress, &response);
        result = take(response).or(result.take());
        Ok(ControlFlow::Continue(()))
    })?;
    result.ok_or_else(|| CliError::new(Kind::Engine(FailureKind::Io), format!("{what} ended without a result")))
}

/// Moves the bar if the response is about that.
pub(crate) fn show_progress(progress: &Progress, response: &Response) {
    if let Response::Progress { what, done, total } = response {
        progress.show(what, *done, *total);
    }
}

/// Sends a request that changes things; the results are in the order of its items.
///
/// # Errors
/// If the request as a whole failed.
pub(crate) fn write(client: &mut Client, request: &Request) -> Result<Vec<Result<Acknowledged, Failure>>, CliError> {
    match client.one(request)? {
        Response::Acknowledged(results) => Ok(results),
        other => Err(unexpected(&other)),
    }
}

/// Sends a request that changes one thing.
///
/// # Errors
/// If it failed or was refused.
pub(crate) fn write_one(client: &mut Client, request: &Request) -> Result<Acknowledged, CliError> {
    let results = write(client, request)?;
    let nothing = || CliError::new(Kind::Engine(FailureKind::Io), "the holder acknowledged nothing");
    Ok(results.into_iter().next().ok_or_else(nothing)??)
}

/// Sends a query and takes the answer apart with `take`.
///
/// # Errors
/// If it failed.
pub(crate) fn query<T>(
    client: &mut Client,
    query: Query,
    at: Option<At>,
    take: impl FnOnce(Answer) -> Option<T>,
) -> Result<T, CliError> {
    let asked = format!("{query:?}");
    let nothing = || CliError::new(Kind::Engine(FailureKind::Io), format!("{asked} had an answer of another kind"));
    take(client.query(query, at)?).ok_or_else(nothing)
}

/// A response came that answers nothing that was asked.
pub(crate) fn unexpected(response: &Response) -> CliError {
    let mut what = format!("{response:?}");
    if let Some((end, _)) = what.char_indices().nth(200) {
        what.truncate(end);
    }
    CliError::new(Kind::Engine(FailureKind::Io), format!("the holder gave an answer of another kind: {what}"))
}

//! `zo browse list|close|remove|login`: sessions.

use std::io::{self, BufRead, IsTerminal};

use clap::Args;
use zo_browser::act::{Act, Open};
use zo_engine::client::Client;
use zo_engine::protocol::{Answer, BrowserLine, FailureKind, Query, Request};

use super::acting::{self, SessionArgs};
use crate::context::{Context, query, write_one};
use crate::error::{CliError, Kind};
use crate::interrupt::Interrupt;
use crate::output::Table;
use crate::output::text::bytes;
use crate::time::minute;

/// List the sessions
///
/// Examples:
///   zo browse list
///   zo browse list --json | jq -r 'select(.state == "running") | .session'
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(super) struct List {}

impl List {
    pub(super) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let mut client = context.open_existing()?;
        let browsers = browsers(&mut client)?;
        let mut table = Table::new(&["SESSION", "STATE", "ACTS", "LAST", "MEMORY", "PAGE"]);
        for line in &browsers {
            if context.output.is_json() {
                context.output.data(line)?;
            } else {
                table.row(row(line));
            }
        }
        table.print(&mut context.output)?;
        if browsers.is_empty() {
            context.output.note("there is no session: `zo browse open URL` opens one");
        }
        context.close(client)
    }
}

fn browsers(client: &mut Client) -> Result<Vec<BrowserLine>, CliError> {
    query(client, Query::Browsers, None, |answer| match answer {
        Answer::Browsers(browsers) => Some(browsers),
        _ => None,
    })
}

fn row(line: &BrowserLine) -> [String; 6] {
    let state = if line.guarded { format!("{}, for agents", line.state) } else { line.state.clone() };
    let memory = line.resident_bytes.map_or_else(String::new, bytes);
    [line.session.clone(), state, line.acts.to_string(), minute(line.at), memory, line.url.clone().unwrap_or_default()]
}

/// End the browser of a session; its logins are kept
///
/// Examples:
///   zo browse close
///   zo browse close --session work
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(super) struct Close {}

impl Close {
    pub(super) fn run(&self, context: &mut Context, session: &SessionArgs) -> Result<(), CliError> {
        let mut client = context.open_existing()?;
        let closed = write_one(&mut client, &Request::CloseBrowser { session: session.session.clone() })?;
        context.print_acknowledged(&closed, "closed")?;
        context.close(client)
    }
}

/// Remove a session with its profile: cookies, logins, what it has downloaded
///
/// Examples:
///   zo browse remove --session work
///   zo browse remove --session work --yes
///
/// What was done in it stays in the log.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(super) struct Remove {
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
}

impl Remove {
    pub(super) fn run(&self, context: &mut Context, session: &SessionArgs) -> Result<(), CliError> {
        let mut client = context.open_existing()?;
        let name = &session.session;
        // What is not there is said without a question.
        if browsers(&mut client)?.iter().any(|line| line.session == *name) {
            context.output.confirm(&format!("Remove browser session {name} with its logins?"), self.yes)?;
        }
        let removed = write_one(&mut client, &Request::RemoveBrowser { session: name.clone() })?;
        context.print_acknowledged(&removed, "removed")?;
        context.close(client)
    }
}

/// Log in somewhere by hand, in a window; the session stays logged in
///
/// Examples:
///   zo browse login github.com
///   zo browse login --session work https://intranet.example.org
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(super) struct Login {
    /// The page to begin with
    url: String,
}

impl Login {
    pub(super) fn run(&self, context: &mut Context, session: &SessionArgs) -> Result<(), CliError> {
        acting::check_display(true)?;
        if !io::stdin().is_terminal() {
            return Err(CliError::new(
                Kind::Engine(FailureKind::Refused),
                "somebody must be at the terminal to say when they are logged in",
            ));
        }
        let mut client = context.open()?;
        let interrupt = Interrupt::watch()?;
        let act = Act::Open(Open { url: self.url.clone(), ..Open::default() });
        let mut input = session.input(&act, None)?;
        input.visible = true;
        acting::browse(&mut client, input, &interrupt)?;
        context.output.note("log in in the window, then press Enter here");
        let mut line = String::new();
        io::stdin().lock().read_line(&mut line).map_err(|error| CliError::io("cannot read the terminal", &error))?;
        // Its browser ends, so that the next one, without a window, finds the profile written.
        let closed = write_one(&mut client, &Request::CloseBrowser { session: session.session.clone() })?;
        context.print_acknowledged(&closed, "logged in")?;
        context.close(client)
    }
}

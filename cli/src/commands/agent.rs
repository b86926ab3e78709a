//! `zo agent …`: one file per command; what they share is how a run is found and named.

mod answer;
mod cancel;
mod list;
pub(super) mod options;
mod resume;
mod run;
mod show;
mod spawn;
mod tools;
mod watch;

use clap::Subcommand;
use zo_engine::client::Client;
use zo_engine::protocol::{AgentDetail, AgentLine, Answer, FailureKind, MAX_PAGE, PermissionLine, Query};

use crate::context::{Context, query};
use crate::error::{CliError, Kind};
use crate::suggest::nearest;

/// Let agents work, and look after them
///
/// Examples:
///   zo agent run "Find out why the tests fail, and mend it"
///   zo agent spawn --each topics.txt --model ollama/llama3.2
///   zo agent list --running
///   zo agent watch
///
/// An agent answers a question in as many steps as it takes: it calls tools, reads what comes back, and goes on. Everything
/// it does is in the log before it is done: whatever ends the process, the next one that opens the home carries on. A run
/// is named by its id, or by as many of its last characters as name one.
#[derive(Subcommand, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) enum Agent {
    Run(run::Run),
    Spawn(spawn::Spawn),
    List(list::List),
    Show(show::Show),
    Watch(watch::Watch),
    Cancel(cancel::Cancel),
    Resume(resume::Resume),
    Answer(answer::Answer),
    Tools(tools::Tools),
}

impl Agent {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        match self {
            Self::Run(command) => command.run(context),
            Self::Spawn(command) => command.run(context),
            Self::List(command) => command.run(context),
            Self::Show(command) => command.run(context),
            Self::Watch(command) => command.run(context),
            Self::Cancel(command) => command.run(context),
            Self::Resume(command) => command.run(context),
            Self::Answer(command) => command.run(context),
            Self::Tools(command) => command.run(context),
        }
    }
}

/// Everything about the agent of a run.
///
/// # Errors
/// If there is none, with the nearest.
fn find(client: &mut Client, run: &str) -> Result<AgentDetail, CliError> {
    let asked = Query::Agent { run: run.to_uppercase() };
    let found = query(client, asked, None, |answer| match answer {
        Answer::Agent(agent) => Some(*agent),
        _ => None,
    });
    found.map_err(|error| with_nearest(error, client, run))
}

/// Adds to "there is no such agent" the nearest id, as a hint: of ids as much of their end as was given.
fn with_nearest(error: CliError, client: &mut Client, run: &str) -> CliError {
    if error.kind != Kind::Engine(FailureKind::NotFound) {
        return error;
    }
    let Ok(agents) = page(client, true, false, 0, MAX_PAGE as u32) else { return error };
    let endings: Vec<&str> =
        agents.0.iter().map(|line| &line.run[line.run.len().saturating_sub(run.len())..]).collect();
    let error = match nearest(run, endings) {
        Some(near) => error.first_hint(format!("did you mean `{near}`?")),
        None => error,
    };
    if error.hints.is_empty() { error.hint("`zo agent list` shows the runs there are") } else { error }
}

/// A page of agents, last started first, and how many there are.
fn page(
    client: &mut Client,
    nested: bool,
    running: bool,
    skip: u32,
    limit: u32,
) -> Result<(Vec<AgentLine>, u32), CliError> {
    query(client, Query::Agents { nested, running, skip, limit }, None, |answer| match answer {
        Answer::Agents { agents, total } => Some((agents, total)),
        _ => None,
    })
}

/// All agents that have not ended, last started first.
fn running(client: &mut Client, nested: bool) -> Result<Vec<AgentLine>, CliError> {
    let mut all = Vec::new();
    loop {
        let (agents, total) = page(client, nested, true, all.len() as u32, MAX_PAGE as u32)?;
        let last = agents.is_empty();
        all.extend(agents);
        if last || all.len() as u32 >= total {
            return Ok(all);
        }
    }
}

/// The calls that wait for somebody to permit them, oldest first.
fn waiting(client: &mut Client) -> Result<Vec<PermissionLine>, CliError> {
    query(client, Query::Permissions, None, |answer| match answer {
        Answer::Permissions(lines) => Some(lines),
        _ => None,
    })
}

//! `zo schedule …`: one file per command. [`rule`] reads rules and shows when they are due.

mod add;
mod control;
mod edit;
mod list;
mod next;
mod options;
mod preview;
mod remove;
mod rule;
mod run;
mod show;

use clap::Subcommand;
use zo_engine::client::Client;
use zo_engine::protocol::{Answer, FailureKind, Query, ScheduleDetail, ScheduleLine};

use crate::context::{Context, query};
use crate::error::{CliError, Kind};
use crate::suggest::nearest;

/// Have work done again and again, or at a time to come
///
/// Examples:
///   zo schedule add "every weekday at 8:30" --ask "What is on today?" --name morning
///   zo schedule add "0 3 * * *" --write ~/backup -- ./backup.sh
///   zo schedule preview "every 2 weeks on friday at 17:00" --count 3
///   zo schedule list
///
/// When is said in five cron fields, in RFC 5545 lines, or in words; it is kept as RFC 5545 with its time zone. What is due is
/// done by `zo serve`. A schedule is named by its name, its id, or as many of its last characters as name one.
#[derive(Subcommand, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) enum Schedule {
    Add(Box<add::Add>),
    List(list::List),
    Show(show::Show),
    Next(next::Next),
    Preview(preview::Preview),
    Pause(control::Pause),
    Resume(control::Resume),
    Run(run::Run),
    Edit(Box<edit::Edit>),
    Remove(remove::Remove),
}

impl Schedule {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        match self {
            Self::Add(command) => command.run(context),
            Self::List(command) => command.run(context),
            Self::Show(command) => command.run(context),
            Self::Next(command) => command.run(context),
            Self::Preview(command) => command.run(context),
            Self::Pause(command) => command.run(context),
            Self::Resume(command) => command.run(context),
            Self::Run(command) => command.run(context),
            Self::Edit(command) => command.run(context),
            Self::Remove(command) => command.run(context),
        }
    }
}

/// All schedules, the next that is due first.
fn schedules(client: &mut Client) -> Result<Vec<ScheduleLine>, CliError> {
    query(client, Query::Schedules, None, |answer| match answer {
        Answer::Schedules(schedules) => Some(schedules),
        _ => None,
    })
}

/// Everything about a schedule.
///
/// # Errors
/// If there is none, with the nearest.
fn find(client: &mut Client, reference: &str) -> Result<ScheduleDetail, CliError> {
    let asked = Query::Schedule { reference: reference.to_owned() };
    let found = query(client, asked, None, |answer| match answer {
        Answer::Schedule(schedule) => Some(*schedule),
        _ => None,
    });
    found.map_err(|error| with_nearest(error, client, reference))
}

/// Adds to "there is no such schedule" the nearest name or id, as a hint.
fn with_nearest(mut error: CliError, client: &mut Client, reference: &str) -> CliError {
    if error.kind != Kind::Engine(FailureKind::NotFound) {
        return error;
    }
    let Ok(schedules) = schedules(client) else { return error };
    let names = schedules.iter().filter_map(|line| line.name.as_deref());
    let endings = schedules.iter().map(|line| &line.id[line.id.len().saturating_sub(reference.len())..]);
    let error = match nearest(reference, names.chain(endings)) {
        Some(near) => {
            // In place of the engine's own.
            error.hints.clear();
            error.first_hint(format!("did you mean `{near}`?"))
        }
        None => error,
    };
    if error.hints.is_empty() { error.hint("`zo schedule list` shows the schedules there are") } else { error }
}

/// A schedule's name if it has one, else its id.
fn named(line: &ScheduleLine) -> &str {
    line.name.as_deref().unwrap_or(&line.id)
}

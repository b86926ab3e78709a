//! `zo job …`: one file per command. What is to be done is in [`what`], in which order and how often in [`options`], and how
//! jobs are waited for in [`watching`]: schedules share them.

mod cancel;
mod dead;
mod each;
mod list;
mod logs;
pub(super) mod options;
mod queue;
mod retry;
mod show;
mod submit;
mod wait;
pub(super) mod watching;
pub(super) mod what;

use clap::Subcommand;
use zo_engine::client::Client;
use zo_engine::protocol::{Answer, FailureKind, JobDetail, JobLine, MAX_PAGE, Query};

use crate::context::{Context, query};
use crate::error::{CliError, Kind};
use crate::suggest::nearest;

/// Have work done, once, by whichever machine can
///
/// Examples:
///   zo job submit -- make test
///   zo job submit --wait --each urls.txt -- wget -q {}
///   zo job list --state dead
///   zo job logs -f 7Y0ABC
///
/// A job is in the log before it is begun, and is done by `zo serve`, or by whoever waits for it. What fails is tried again; what
/// fails each time is kept as dead, until somebody says `zo job retry`. A job is named by its id, or by as many of its last
/// characters as name one.
#[derive(Subcommand, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) enum Job {
    Submit(Box<submit::Submit>),
    List(list::List),
    Show(show::Show),
    Logs(logs::Logs),
    Cancel(cancel::Cancel),
    Retry(retry::Retry),
    Wait(wait::Wait),
    Dead(dead::Dead),
    #[command(subcommand)]
    Queue(queue::Queue),
}

impl Job {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        match self {
            Self::Submit(command) => command.run(context),
            Self::List(command) => command.run(context),
            Self::Show(command) => command.run(context),
            Self::Logs(command) => command.run(context),
            Self::Cancel(command) => command.run(context),
            Self::Retry(command) => command.run(context),
            Self::Wait(command) => command.run(context),
            Self::Dead(command) => command.run(context),
            Self::Queue(command) => command.run(context),
        }
    }
}

/// Which jobs are meant, in lists.
#[derive(Clone, Debug, Default)]
struct Selection {
    state: Option<String>,
    queue: Option<String>,
    batch: Option<String>,
}

/// A page of jobs, open ones first, and how many there are.
fn page(client: &mut Client, selection: &Selection, skip: u32, limit: u32) -> Result<(Vec<JobLine>, u64), CliError> {
    let Selection { state, queue, batch } = selection.clone();
    query(client, Query::Jobs { state, queue, batch, skip, limit }, None, |answer| match answer {
        Answer::Jobs { jobs, total } => Some((jobs, total)),
        _ => None,
    })
}

/// All jobs in a state.
fn all(client: &mut Client, selection: &Selection) -> Result<Vec<JobLine>, CliError> {
    let mut all = Vec::new();
    loop {
        let (jobs, total) = page(client, selection, all.len() as u32, MAX_PAGE as u32)?;
        let last = jobs.is_empty();
        all.extend(jobs);
        if last || all.len() as u64 >= total {
            return Ok(all);
        }
    }
}

/// Everything about a job.
///
/// # Errors
/// If there is none, with the nearest.
fn find(client: &mut Client, job: &str) -> Result<JobDetail, CliError> {
    let asked = Query::Job { job: job.to_uppercase() };
    let found = query(client, asked, None, |answer| match answer {
        Answer::Job(job) => Some(*job),
        _ => None,
    });
    found.map_err(|error| with_nearest(error, client, job))
}

/// Adds to "there is no such job" the nearest id, as a hint: of ids as much of their end as was given.
fn with_nearest(error: CliError, client: &mut Client, job: &str) -> CliError {
    if error.kind != Kind::Engine(FailureKind::NotFound) {
        return error;
    }
    let Ok((jobs, _)) = page(client, &Selection::default(), 0, MAX_PAGE as u32) else { return error };
    let endings: Vec<&str> = jobs.iter().map(|line| &line.id[line.id.len().saturating_sub(job.len())..]).collect();
    let error = match nearest(job, endings) {
        Some(near) => error.first_hint(format!("did you mean `{near}`?")),
        None => error,
    };
    if error.hints.is_empty() { error.hint("`zo job list` shows the jobs there are") } else { error }
}

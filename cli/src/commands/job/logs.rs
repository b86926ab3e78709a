//! `zo job logs`.

use clap::Args;
use zo_engine::protocol::{Answer, JobLog, Query};

use super::find;
use super::watching::{Watched, watch};
use crate::context::{Context, query};
use crate::error::CliError;
use crate::output::text::bytes;

/// Print what a job has printed
///
/// Examples:
///   zo job logs 7Y0ABC
///   zo job logs -f 7Y0ABC
///   zo job logs 7Y0ABC --attempt 1
///
/// stdout and stderr of a command are one log. -f goes on until the job has ended; the exit code says nothing about the job:
/// `zo job wait` does.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Logs {
    /// Its id, or the end of it
    job: String,
    /// Which attempt, from 1 [default: the last one]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), conflicts_with = "follow")]
    attempt: Option<u32>,
    /// Go on while it runs
    #[arg(long, short)]
    follow: bool,
}

impl Logs {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let mut client = context.open_existing()?;
        let job = find(&mut client, &self.job)?.job;
        let is_open = ["blocked", "waiting", "ready", "running"].contains(&job.state.as_str());
        if self.follow && is_open {
            watch(context, &mut client, &Watched::One(job.id), true)?;
            return context.close(client);
        }
        if job.attempt == 0 {
            context.output.note(format!("it has not been begun: it is {}", job.state));
            return context.close(client);
        }
        let asked = Query::JobLog { job: job.id, attempt: self.attempt };
        let log = query(&mut client, asked, None, |answer| match answer {
            Answer::JobLog(log) => Some(log),
            _ => None,
        })?;
        print(context, &log)?;
        context.close(client)
    }
}

fn print(context: &mut Context, log: &JobLog) -> Result<(), CliError> {
    let output = &mut context.output;
    if output.is_json() {
        return output.data(log);
    }
    if log.left_out > 0 {
        output.note(format!("note: {} were left out in the middle", bytes(log.left_out)));
    }
    output.piece(&log.text)?;
    output.end_pieces()
}

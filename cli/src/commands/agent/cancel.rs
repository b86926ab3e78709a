//! `zo agent cancel`.

use clap::Args;
use zo_engine::client::Client;
use zo_engine::protocol::Request;

use super::{find, running};
use crate::context::{Context, write_one};
use crate::error::CliError;
use crate::output::text::counted;

/// Ask agents to stop, and all that they started
///
/// Examples:
///   zo agent cancel 7Y0ABC
///   zo agent cancel --all --yes
///
/// A tool that is under way is stopped; what was done stays done, and is in the log.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Cancel {
    /// The runs, or the ends of their ids
    #[arg(value_name = "RUN", required_unless_present = "all")]
    runs: Vec<String>,
    /// All that have not ended
    #[arg(long, conflicts_with = "runs")]
    all: bool,
    /// Do it without asking
    #[arg(long, short)]
    yes: bool,
}

impl Cancel {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let mut client = context.open_existing()?;
        let runs = self.runs(context, &mut client)?;
        for run in runs {
            let acknowledged = write_one(&mut client, &Request::CancelAgent { run })?;
            context.print_acknowledged(&acknowledged, "asked to stop")?;
            context.output.flush()?;
        }
        context.close(client)
    }

    /// The ids of the runs: all are known before the first one is stopped.
    fn runs(&self, context: &mut Context, client: &mut Client) -> Result<Vec<String>, CliError> {
        if !self.all {
            return self.runs.iter().map(|run| Ok(find(client, run)?.line.run)).collect();
        }
        let runs: Vec<String> = running(client, false)?.into_iter().map(|line| line.run).collect();
        if runs.is_empty() {
            context.output.note("no agent is running");
        } else {
            context.output.confirm(&format!("Stop {}?", counted(runs.len() as u64, "agent")), self.yes)?;
        }
        Ok(runs)
    }
}

//! `zo job cancel`.

use clap::Args;
use zo_engine::client::Client;
use zo_engine::protocol::Request;

use super::{Selection, all, find};
use crate::context::{Context, write_one};
use crate::error::CliError;
use crate::output::text::counted;

/// Have jobs not done, or stopped if they are being done
///
/// Examples:
///   zo job cancel 7Y0ABC
///   zo job cancel --batch 01K… --reason "the data was wrong" --yes
///
/// What was done stays done. Jobs that come after a cancelled one are cancelled too.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Cancel {
    /// Their ids, or the ends of them
    #[arg(value_name = "ID", required_unless_present = "batch")]
    jobs: Vec<String>,
    /// All of this batch that have not ended
    #[arg(long, value_name = "ID", conflicts_with = "jobs")]
    batch: Option<String>,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Do it without asking
    #[arg(long, short)]
    yes: bool,
}

impl Cancel {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let mut client = context.open_existing()?;
        for job in self.jobs(context, &mut client)? {
            let acknowledged = write_one(&mut client, &Request::CancelJob { job, reason: self.reason.clone() })?;
            context.print_acknowledged(&acknowledged, "cancelled")?;
            context.output.flush()?;
        }
        context.close(client)
    }

    /// The ids: all are known before the first one is cancelled.
    fn jobs(&self, context: &mut Context, client: &mut Client) -> Result<Vec<String>, CliError> {
        let Some(batch) = &self.batch else {
            return self.jobs.iter().map(|job| Ok(find(client, job)?.job.id)).collect();
        };
        let selection = Selection { batch: Some(batch.to_uppercase()), ..Selection::default() };
        let open =
            all(client, &selection)?.into_iter().filter(|line| line.state != "done" && line.state != "cancelled");
        let jobs: Vec<String> = open.map(|line| line.id).collect();
        if jobs.is_empty() {
            context.output.note("no job of the batch is open");
        } else {
            context.output.confirm(&format!("Cancel {}?", counted(jobs.len() as u64, "job")), self.yes)?;
        }
        Ok(jobs)
    }
}

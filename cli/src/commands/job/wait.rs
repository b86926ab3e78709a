//! `zo job wait`.

use clap::Args;

use super::watching::{Watched, judged, watch};
use super::{Selection, find, page};
use crate::context::Context;
use crate::error::CliError;

/// Wait until jobs have ended, and say whether they got done
///
/// Examples:
///   zo job wait 7Y0ABC
///   zo job wait --batch 01K…
///   zo job wait 7Y0ABC --logs
///
/// The exit code is 0 if all got done, and 1 if one did not. While somebody waits, jobs are carried out even if there is no
/// `zo serve`. Ctrl-C leaves, and the jobs stay.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Wait {
    /// Their ids, or the ends of them
    #[arg(value_name = "ID", required_unless_present = "batch")]
    jobs: Vec<String>,
    /// All of this batch
    #[arg(long, value_name = "ID", conflicts_with = "jobs")]
    batch: Option<String>,
    /// Print what a single job prints, too
    #[arg(long, conflicts_with = "batch")]
    logs: bool,
}

impl Wait {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let mut client = context.open_existing()?;
        let watched = match &self.batch {
            Some(batch) => {
                let batch = batch.to_uppercase();
                let selection = Selection { batch: Some(batch.clone()), ..Selection::default() };
                let (_, total) = page(&mut client, &selection, 0, 1)?;
                Watched::Batch(batch, total)
            }
            None => {
                let mut jobs: Vec<String> =
                    self.jobs.iter().map(|job| Ok(find(&mut client, job)?.job.id)).collect::<Result<_, CliError>>()?;
                match jobs.len() {
                    1 => Watched::One(jobs.remove(0)),
                    _ => Watched::Several(jobs),
                }
            }
        };
        let ended = watch(context, &mut client, &watched, self.logs && matches!(watched, Watched::One(_)))?;
        judged(&ended)?;
        context.close(client)
    }
}

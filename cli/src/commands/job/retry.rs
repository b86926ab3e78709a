//! `zo job retry`.

use clap::Args;
use zo_engine::protocol::Request;

use super::find;
use super::watching::note_nobody_serves;
use crate::context::{Context, write_one};
use crate::error::CliError;

/// Try dead or interrupted jobs again
///
/// Examples:
///   zo job retry 7Y0ABC
///   zo job dead --retry-all
///
/// A job that must be done only once and was cut off is `interrupted`: look at what it had done before you have it done again.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Retry {
    /// Their ids, or the ends of them
    #[arg(value_name = "ID", required = true)]
    jobs: Vec<String>,
}

impl Retry {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let mut client = context.open_existing()?;
        let jobs: Vec<String> =
            self.jobs.iter().map(|job| Ok(find(&mut client, job)?.job.id)).collect::<Result<_, CliError>>()?;
        for job in jobs {
            let acknowledged = write_one(&mut client, &Request::RetryJob { job })?;
            context.print_acknowledged(&acknowledged, "to be tried again")?;
            context.output.flush()?;
        }
        note_nobody_serves(context, &client);
        context.close(client)
    }
}

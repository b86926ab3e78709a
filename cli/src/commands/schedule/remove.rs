//! `zo schedule remove`.

use clap::Args;
use zo_engine::protocol::Request;

use super::{find, named};
use crate::context::{Context, write_one};
use crate::error::CliError;

/// Remove a schedule, for good
///
/// Examples:
///   zo schedule remove morning
///   zo schedule remove morning --yes
///
/// Its jobs, and what it did, stay in the log. To have it not occur for a while, pause it.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Remove {
    /// Its name, its id, or the end of it
    schedule: String,
    /// Do it without asking
    #[arg(long, short)]
    yes: bool,
}

impl Remove {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let mut client = context.open_existing()?;
        let line = find(&mut client, &self.schedule)?.schedule;
        let question = format!("Remove the schedule {} ({}: {})?", named(&line), line.written, line.what);
        context.output.confirm(&question, self.yes)?;
        let acknowledged = write_one(&mut client, &Request::RemoveSchedule { reference: line.id })?;
        context.print_acknowledged(&acknowledged, "removed")?;
        context.close(client)
    }
}

//! `zo schedule run`.

use clap::Args;
use zo_engine::protocol::Request;

use super::super::job::watching::{Watched, judged, note_nobody_serves, watch};
use super::find;
use crate::context::{Context, write_one};
use crate::error::CliError;

/// Have a schedule occur now
///
/// Examples:
///   zo schedule run backup
///   zo schedule run backup --wait
///
/// Prints the id of its job. When it is due next is not changed; a paused one can be run too.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Run {
    /// Its name, its id, or the end of it
    schedule: String,
    /// Wait until the job is done, and print what it prints
    #[arg(long, short)]
    wait: bool,
}

impl Run {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let mut client = context.open_existing()?;
        let reference = find(&mut client, &self.schedule)?.schedule.id;
        let acknowledged = write_one(&mut client, &Request::RunSchedule { reference, job: context.fresh_id() })?;
        if !self.wait {
            context.print_acknowledged(&acknowledged, "submitted")?;
            note_nobody_serves(context, &client);
            return context.close(client);
        }
        if context.output.is_json() {
            context.output.data_now(&acknowledged)?;
        } else {
            context.output.note(format!("job {}", acknowledged.id));
        }
        judged(&watch(context, &mut client, &Watched::One(acknowledged.id), true)?)?;
        context.close(client)
    }
}

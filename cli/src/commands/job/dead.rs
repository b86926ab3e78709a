//! `zo job dead`.

use clap::Args;
use zo_engine::protocol::Request;

use super::list::print;
use super::watching::note_nobody_serves;
use super::{Selection, all};
use crate::context::{Context, write_one};
use crate::error::CliError;
use crate::output::text::counted;

/// List the jobs that failed for good, or try all of them again
///
/// Examples:
///   zo job dead
///   zo job dead --queue mail --retry-all --yes
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Dead {
    /// Only those of this queue
    #[arg(long, value_name = "NAME")]
    queue: Option<String>,
    /// Try all of them again
    #[arg(long)]
    retry_all: bool,
    /// Do it without asking
    #[arg(long, short, requires = "retry_all")]
    yes: bool,
}

impl Dead {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let mut client = context.open_existing()?;
        let selection = Selection { state: Some("dead".to_owned()), queue: self.queue.clone(), ..Selection::default() };
        let dead = all(&mut client, &selection)?;
        if dead.is_empty() {
            context.output.note("no job is dead");
        } else if self.retry_all {
            context.output.confirm(&format!("Try {} again?", counted(dead.len() as u64, "job")), self.yes)?;
            for line in dead {
                let acknowledged = write_one(&mut client, &Request::RetryJob { job: line.id })?;
                context.print_acknowledged(&acknowledged, "to be tried again")?;
                context.output.flush()?;
            }
            note_nobody_serves(context, &client);
        } else {
            print(context, &dead, false)?;
        }
        context.close(client)
    }
}

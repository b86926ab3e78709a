//! `zo schedule pause` and `zo schedule resume`.

use clap::Args;
use zo_engine::protocol::Request;

use super::find;
use crate::context::{Context, write_one};
use crate::error::CliError;

/// Have schedules not occur for now
///
/// Examples:
///   zo schedule pause morning
///
/// Jobs that were submitted already are done all the same.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Pause {
    /// Their names, their ids, or the ends of them
    #[arg(value_name = "SCHEDULE", required = true)]
    schedules: Vec<String>,
}

/// Have paused schedules occur again
///
/// Examples:
///   zo schedule resume morning
///
/// What would have been due meanwhile is not made up for.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Resume {
    /// Their names, their ids, or the ends of them
    #[arg(value_name = "SCHEDULE", required = true)]
    schedules: Vec<String>,
}

impl Pause {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        for_each(context, &self.schedules, "paused", |reference| Request::PauseSchedule { reference })
    }
}

impl Resume {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        for_each(context, &self.schedules, "resumed", |reference| Request::ResumeSchedule { reference })
    }
}

/// All schedules are known before the first one is changed.
fn for_each(
    context: &mut Context,
    references: &[String],
    what: &str,
    request: impl Fn(String) -> Request,
) -> Result<(), CliError> {
    let mut client = context.open_existing()?;
    let ids: Vec<String> =
        references.iter().map(|one| Ok(find(&mut client, one)?.schedule.id)).collect::<Result<_, CliError>>()?;
    for id in ids {
        let acknowledged = write_one(&mut client, &request(id))?;
        context.print_acknowledged(&acknowledged, what)?;
        context.output.flush()?;
    }
    context.close(client)
}

//! `zo agent answer`.

use clap::Args;
use zo_engine::protocol::Request;
use zo_projections::event::run::agent::Verdict;

use super::{find, waiting};
use crate::context::{Context, write_one};
use crate::error::CliError;
use crate::output::Table;

/// Say whether an agent may do what it asks for, or list what waits
///
/// Examples:
///   zo agent answer
///   zo agent answer 7Y0ABC --allow
///   zo agent answer 01K… 2.0 --deny
///   zo agent answer 7Y0ABC --allow --always
///
/// Whoever answers first counts, at whichever terminal of this home.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Answer {
    /// The run, or the end of its id; without it what waits is listed
    #[arg(requires = "verdict")]
    run: Option<String>,
    /// The call, as it is listed: 2.0; the first one that waits if not said
    call: Option<String>,
    /// It may be done
    #[arg(long, group = "verdict", requires = "run")]
    allow: bool,
    /// It may not
    #[arg(long, group = "verdict", requires = "run")]
    deny: bool,
    /// Remember that as a rule, for every agent
    #[arg(long, requires = "allow")]
    always: bool,
}

impl Answer {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let mut client = context.open_existing()?;
        let Some(run) = &self.run else {
            let lines = waiting(&mut client)?;
            context.output.list(Table::new(&["RUN", "CALL", "TOOL", "WHAT"]), &lines, |line| {
                [line.run.clone(), line.call.clone(), line.tool.clone(), line.what.clone()]
            })?;
            if lines.is_empty() {
                context.output.note("nothing waits to be permitted");
            }
            return context.close(client);
        };
        let run = find(&mut client, run)?.line.run;
        let verdict = if self.allow { Verdict::Allowed } else { Verdict::Denied };
        let request = Request::AnswerPermission { run, call: self.call.clone(), verdict, always: self.always };
        let acknowledged = write_one(&mut client, &request)?;
        context.print_acknowledged(&acknowledged, if self.allow { "allowed" } else { "denied" })?;
        context.close(client)
    }
}

//! `zo schedule list`.

use clap::Args;
use zo_engine::protocol::ScheduleLine;

use super::schedules;
use crate::context::Context;
use crate::error::CliError;
use crate::output::Table;

/// List the schedules, the next that is due first
///
/// Examples:
///   zo schedule list
///   zo schedule list --json | jq 'select(.failures > 0) | .name'
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct List {}

impl List {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let mut client = context.open_existing()?;
        let schedules = schedules(&mut client)?;
        let nothing = "there is no schedule: `zo schedule add` adds one";
        context.print_list(
            client,
            Table::new(&["ID", "NAME", "NEXT", "ZONE", "RULE", "WHAT"]),
            &schedules,
            row,
            nothing,
        )
    }
}

fn row(line: &ScheduleLine) -> [String; 6] {
    let next = match (&line.next_local, line.paused) {
        (_, true) => "paused".to_owned(),
        (Some(next), false) => next.clone(),
        (None, false) => "never again".to_owned(),
    };
    let failures = match line.failures {
        0 => String::new(),
        failures => format!(" ({failures} failed in a row)"),
    };
    let name = line.name.clone().unwrap_or_default();
    [line.id.clone(), name, next, line.zone.clone(), line.written.clone(), format!("{}{failures}", line.what)]
}

//! `zo service list`.

use clap::Args;
use zo_engine::protocol::ServiceLine;

use super::{services, standing};
use crate::context::Context;
use crate::error::CliError;
use crate::output::Table;
use crate::time::minute;

/// List the services
///
/// Examples:
///   zo service list
///   zo service list --json | jq 'select(.state != "running") | .label'
///
/// `waiting` is a service that would run if `zo serve` did.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct List {}

impl List {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let mut client = context.open_existing()?;
        let services = services(&mut client)?;
        let nothing = "there is no service: `zo service add` adds one";
        context.print_list(client, Table::new(&["LABEL", "STATE", "PORT", "SINCE", "COMMAND"]), &services, row, nothing)
    }
}

fn row(line: &ServiceLine) -> [String; 5] {
    let port = line.port.map_or_else(String::new, |port| port.to_string());
    let since = line.since.map_or_else(String::new, minute);
    [line.label.clone(), standing(line), port, since, line.argv.join(" ")]
}

//! `zo service status`.

use clap::Args;
use zo_engine::protocol::ServiceLine;

use super::{find, standing};
use crate::context::Context;
use crate::error::CliError;
use crate::output::{Output, Style};
use crate::time::second;

/// Show how a service stands
///
/// Examples:
///   zo service status notes
///   zo service status notes --json | jq -r .state
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Status {
    /// Its label
    label: String,
}

impl Status {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let mut client = context.open_existing()?;
        let line = find(&mut client, &self.label)?;
        if context.output.is_json() {
            context.output.data(&line)?;
        } else {
            print(&mut context.output, &line)?;
        }
        context.close(client)
    }
}

fn print(output: &mut Output, line: &ServiceLine) -> Result<(), CliError> {
    output.line(output.paint(Style::Bold, &output.shown(&format!("{}  {}", line.label, standing(line)))))?;
    let field = |output: &mut Output, name: &str, value: Option<String>| match value {
        Some(value) => output.line(format!("{name:>10}  {}", output.shown(&value))),
        None => Ok(()),
    };
    field(output, "command", Some(line.argv.join(" ")))?;
    field(output, "folder", line.folder.clone())?;
    field(output, "port", line.port.map(|port| port.to_string()))?;
    field(output, "since", line.since.map(second))?;
    field(output, "again at", line.restart_at.map(second))?;
    field(output, "because", line.why.clone())?;
    field(output, "exit code", line.code.map(|code| code.to_string()))?;
    field(output, "signal", line.signal.map(|signal| signal.to_string()))?;
    field(output, "ended", (line.exits > 0).then(|| format!("{} times by itself", line.exits)))
}

//! `zo mcp list`.

use clap::Args;
use zo_engine::protocol::{Answer, McpServerLine, Query};

use crate::context::{Context, query};
use crate::error::CliError;
use crate::output::Table;

/// List the servers whose tools agents may call
///
/// Examples:
///   zo mcp list
///   zo mcp list --json | jq 'select(.state == "failing") | .why'
///
/// `idle` is one that nobody has asked for since this home was opened: it is started when an agent is.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct List {}

impl List {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let mut client = context.open_existing()?;
        let servers = query(&mut client, Query::McpServers, None, |answer| match answer {
            Answer::McpServers(servers) => Some(servers),
            _ => None,
        })?;
        let mut table = Table::new(&["NAME", "STATE", "SECRETS", "SERVER"]);
        for line in &servers {
            if context.output.is_json() {
                context.output.data(line)?;
            } else {
                table.row(row(line));
            }
        }
        table.print(&mut context.output)?;
        if servers.is_empty() {
            context.output.note("there is no MCP server: `zo mcp add` adds one");
        }
        context.close(client)
    }
}

fn row(line: &McpServerLine) -> [String; 4] {
    let why = line.why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
    [line.name.clone(), format!("{}{why}", line.state), line.secrets.join(", "), line.summary.clone()]
}

//! `zo node show`.

use clap::Args;
use zo_engine::protocol::NodeLine;

use super::{find, state};
use crate::context::Context;
use crate::error::CliError;
use crate::output::text::{count, dollars};
use crate::output::{Output, Style};
use crate::time::second;

/// Show a node: what it has, what it runs, how well it did
///
/// Examples:
///   zo node show build-7
///   zo node show local --json | jq .running
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Show {
    /// Its name or id
    node: String,
}

impl Show {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let mut client = context.open_existing()?;
        let node = find(&mut client, &self.node)?;
        if context.output.is_json() {
            context.output.data(&node)?;
        } else {
            print(&mut context.output, &node)?;
        }
        context.close(client)
    }
}

fn print(output: &mut Output, node: &NodeLine) -> Result<(), CliError> {
    output.line(output.paint(Style::Bold, &output.shown(&format!("{}  {}", node.name, state(node)))))?;
    let field = |output: &mut Output, name: &str, value: &str| {
        if value.is_empty() { Ok(()) } else { output.line(format!("{name:>11}  {}", output.shown(value))) }
    };
    field(output, "id", &node.id)?;
    field(output, "where", if node.local { "here: the process that has the home" } else { "" })?;
    field(output, "capacity", &node.capacity.to_string())?;
    field(output, "labels", &node.labels.join(", "))?;
    field(output, "region", node.region.as_deref().unwrap_or_default())?;
    field(output, "GPU", node.gpu.as_deref().unwrap_or_default())?;
    let price =
        format!("{} an hour, {} with multipliers", dollars(node.price_micros), dollars(node.effective_price_micros));
    field(output, "price", &price)?;
    let jobs = format!("{} done, {} failed, {} lost", count(node.completed), count(node.failed), count(node.lost));
    field(output, "attempts", &jobs)?;
    field(output, "reputation", &format!("{:.2}", node.reputation))?;
    field(output, "heard from", &second(node.heard_at))?;
    node.running.iter().try_for_each(|job| field(output, "runs", job))
}

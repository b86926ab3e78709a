//! `zo node list`.

use clap::Args;
use zo_engine::protocol::NodeLine;

use super::{nodes, state};
use crate::context::Context;
use crate::error::CliError;
use crate::output::Table;
use crate::output::text::dollars;
use crate::time::second;

/// List the nodes: how they stand, what they run, what they cost
///
/// Examples:
///   zo node list
///   zo node list --json | jq 'select(.state == "lost") | .name'
///
/// REPUTATION is the part of its recent attempts that went well, from 0 to 1: a node with little of it gets no work of a high
/// priority. PRICE is that of an hour, with the multipliers of its GPU and its region.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct List {}

impl List {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let mut client = context.open_existing()?;
        let nodes = nodes(&mut client)?;
        let nothing = "there is no node yet: `zo serve` makes this machine one, `zo worker` others";
        context.print_list(
            client,
            Table::new(&["NAME", "STATE", "RUNNING", "PRICE", "REPUTATION", "HEARD FROM", "HAS"]),
            &nodes,
            row,
            nothing,
        )
    }
}

fn row(line: &NodeLine) -> [String; 7] {
    let running = format!("{}/{}", line.running.len(), line.capacity);
    let reputation = format!("{:.2}", line.reputation);
    let heard = if line.local { "here".to_owned() } else { second(line.heard_at) };
    [
        line.name.clone(),
        state(line).to_owned(),
        running,
        dollars(line.effective_price_micros),
        reputation,
        heard,
        has(line),
    ]
}

/// What a node has, in a line.
fn has(line: &NodeLine) -> String {
    let gpu = line.gpu.iter().map(|gpu| format!("GPU {gpu}"));
    let region = line.region.iter().map(|region| format!("region {region}"));
    gpu.chain(region).chain(line.labels.iter().cloned()).collect::<Vec<_>>().join(", ")
}

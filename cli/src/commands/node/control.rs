//! `zo node drain`, `zo node resume` and `zo node remove`.

use clap::Args;
use zo_engine::protocol::Request;

use super::find;
use crate::context::{Context, write_one};
use crate::error::CliError;
use crate::output::text::counted;

/// Give nodes no more jobs
///
/// Examples:
///   zo node drain build-7
///
/// What they run they finish.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Drain {
    /// Their names or ids
    #[arg(value_name = "NODE", required = true)]
    nodes: Vec<String>,
}

/// Give nodes that were drained jobs again
///
/// Examples:
///   zo node resume build-7
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Resume {
    /// Their names or ids
    #[arg(value_name = "NODE", required = true)]
    nodes: Vec<String>,
}

/// Forget a node
///
/// Examples:
///   zo node remove build-7
///   zo node remove build-7 --yes
///
/// What it still runs is lost to it, and done by another. It may join again, with nothing known of it; to keep it away, take its
/// token back: `zo token revoke`.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Remove {
    /// Its name or id
    node: String,
    /// Do it without asking, even if it runs something
    #[arg(long, short)]
    yes: bool,
}

impl Drain {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        drain(context, &self.nodes, false)
    }
}

impl Resume {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        drain(context, &self.nodes, true)
    }
}

/// All nodes are known before the first one is changed.
fn drain(context: &mut Context, nodes: &[String], resume: bool) -> Result<(), CliError> {
    let mut client = context.open_existing()?;
    let names: Vec<String> =
        nodes.iter().map(|node| Ok(find(&mut client, node)?.name)).collect::<Result<_, CliError>>()?;
    for node in names {
        let acknowledged = write_one(&mut client, &Request::DrainNode { node, resume })?;
        context.print_acknowledged(&acknowledged, if resume { "takes jobs again" } else { "drained" })?;
        context.output.flush()?;
    }
    context.close(client)
}

impl Remove {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let mut client = context.open_existing()?;
        let node = find(&mut client, &self.node)?;
        if !node.running.is_empty() {
            let runs = counted(node.running.len() as u64, "job");
            context.output.confirm(&format!("Forget the node {}, which runs {runs}?", node.name), self.yes)?;
        }
        let acknowledged = write_one(&mut client, &Request::RemoveNode { node: node.name })?;
        context.print_acknowledged(&acknowledged, "removed")?;
        context.close(client)
    }
}

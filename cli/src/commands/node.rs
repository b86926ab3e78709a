//! `zo node …`: one file per command.

mod control;
mod list;
pub(super) mod offer;
mod prices;
mod show;

use clap::Subcommand;
use zo_engine::client::Client;
use zo_engine::protocol::{Answer, NodeLine, Query};
use zo_projections::views::nodes::NodeState;

use crate::context::{Context, query};
use crate::error::CliError;
use crate::suggest::nearest;

/// See which machines carry jobs out, and what they cost
///
/// Examples:
///   zo node list
///   zo node drain build-7
///   zo node prices --set gpu:a100=2.5 --set region:eu=1.1
///
/// The machine that has the home is the first node, `local`. Others join with `zo worker`.
#[derive(Subcommand, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) enum Node {
    List(list::List),
    Show(show::Show),
    Drain(control::Drain),
    Resume(control::Resume),
    Remove(control::Remove),
    Prices(prices::Prices),
}

impl Node {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        match self {
            Self::List(command) => command.run(context),
            Self::Show(command) => command.run(context),
            Self::Drain(command) => command.run(context),
            Self::Resume(command) => command.run(context),
            Self::Remove(command) => command.run(context),
            Self::Prices(command) => command.run(context),
        }
    }
}

/// The nodes, by name.
fn nodes(client: &mut Client) -> Result<Vec<NodeLine>, CliError> {
    query(client, Query::Nodes, None, |answer| match answer {
        Answer::Nodes(nodes) => Some(nodes),
        _ => None,
    })
}

/// The node of this name or id.
///
/// # Errors
/// If there is none, with the nearest.
fn find(client: &mut Client, name: &str) -> Result<NodeLine, CliError> {
    let nodes = nodes(client)?;
    if let Some(node) = nodes.iter().find(|node| node.name == name || node.id.eq_ignore_ascii_case(name)) {
        return Ok(node.clone());
    }
    let error = CliError::not_found(format!("there is no node {name}"));
    Err(match nearest(name, nodes.iter().map(|node| node.name.as_str())) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None => error.hint("`zo node list` shows the nodes there are"),
    })
}

/// Where a node stands, in a word.
fn state(node: &NodeLine) -> &'static str {
    match node.state {
        NodeState::Up => "up",
        NodeState::Draining => "draining",
        NodeState::Left => "left",
        NodeState::Lost => "lost",
    }
}

//! `zo permission …`: what agents may do without asking, what they may not, and what they may cost.

mod budget;
mod change;
mod list;

use clap::Subcommand;
use zo_engine::client::Client;
use zo_engine::protocol::{Answer, Query, RuleLine};

use crate::context::{Context, query};
use crate::error::CliError;

/// Lay down what agents may do without asking, and what they may cost
///
/// Examples:
///   zo permission list
///   zo permission allow "run_command(cargo test …)"
///   zo permission deny "run_command(git push)"
///   zo permission budget 5
///
/// A rule names a tool, and perhaps what it is for. A command is taken apart before it is compared: `run_command(git log)` is this
/// command and no other, `run_command(git log …)` also whatever stands behind, `*` is any one word; a denial always means
/// what stands behind, too. Of a path or an address `*` is any text. What is denied is denied whatever allows it; then what is to be
/// asked for is asked for; then what is allowed is done. What no rule names is as `zo agent tools` says.
#[derive(Subcommand, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) enum Permission {
    List(list::List),
    Allow(change::Allow),
    Deny(change::Deny),
    Ask(change::Ask),
    Remove(change::Remove),
    Budget(budget::Budget),
}

impl Permission {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        match self {
            Self::List(command) => command.run(context),
            Self::Allow(command) => command.run(context),
            Self::Deny(command) => command.run(context),
            Self::Ask(command) => command.run(context),
            Self::Remove(command) => command.run(context),
            Self::Budget(command) => command.run(context),
        }
    }
}

/// The rules, and the daily budget with what was spent of it, in millionths of a US dollar.
struct Rules {
    rules: Vec<RuleLine>,
    daily_budget: Option<u64>,
    spent_today: u64,
}

fn rules(client: &mut Client) -> Result<Rules, CliError> {
    query(client, Query::Rules, None, |answer| match answer {
        Answer::Rules { rules, daily_budget, spent_today } => Some(Rules { rules, daily_budget, spent_today }),
        _ => None,
    })
}

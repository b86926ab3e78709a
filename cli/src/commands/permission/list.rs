//! `zo permission list`.

use clap::Args;

use super::rules;
use crate::context::Context;
use crate::error::CliError;
use crate::output::Table;

/// List the rules
///
/// Examples:
///   zo permission list
///   zo permission list --json | jq -r .rule
///
/// SINCE is the position of the event that added a rule; those that are built in have none.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct List {}

impl List {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let mut client = context.open_existing()?;
        let rules = rules(&mut client)?.rules;
        let nothing = "there is no rule: `zo agent tools` says what happens without one";
        context.print_list(
            client,
            Table::new(&["SINCE", "RULE"]),
            &rules,
            |line| {
                let since = line.position.map_or_else(|| "built in".to_owned(), |position| position.to_string());
                [since, line.rule.clone()]
            },
            nothing,
        )
    }
}

//! `zo token list`.

use clap::Args;

use super::{scopes, tokens};
use crate::context::Context;
use crate::error::CliError;
use crate::output::Table;
use crate::time::minute;

/// List the tokens, oldest first
///
/// Examples:
///   zo token list
///   zo token list --json | jq -r .name
///
/// The tokens themselves are shown to nobody.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct List {}

impl List {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let mut client = context.open_existing()?;
        let tokens = tokens(&mut client)?;
        let nothing = "there is no token: `zo token create` makes one";
        context.print_list(
            client,
            Table::new(&["NAME", "SCOPES", "MADE", "UNTIL", "ID"]),
            &tokens,
            |line| {
                let until = line.expires_at.map_or_else(|| "no end".to_owned(), minute);
                [line.name.clone(), scopes(line), minute(line.created_at), until, line.id.clone()]
            },
            nothing,
        )
    }
}

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
        let mut table = Table::new(&["NAME", "SCOPES", "MADE", "UNTIL", "ID"]);
        for line in &tokens {
            if context.output.is_json() {
                context.output.data(line)?;
            } else {
                let until = line.expires_at.map_or_else(|| "revoked".to_owned(), minute);
                table.row([line.name.clone(), scopes(line), minute(line.created_at), until, line.id.clone()]);
            }
        }
        table.print(&mut context.output)?;
        if tokens.is_empty() {
            context.output.note("there is no token: `zo token create` makes one");
        }
        context.close(client)
    }
}

//! `zo token …`: one file per command.

mod create;
mod list;
mod revoke;

use clap::Subcommand;
use zo_engine::client::Client;
use zo_engine::protocol::{Answer, Query, TokenLine};

use crate::context::{Context, query};
use crate::error::CliError;

/// Let programs talk to `zo serve`
///
/// Examples:
///   zo token create phone --scope ask,read --expires 90d
///   zo token list
///   zo token revoke phone
///
/// Whoever has a token may do what its scopes say: `read` looks at things, `ask` puts questions and what that needs, `node` carries
/// jobs out, `admin` does everything. Only a hash of it is kept.
#[derive(Subcommand, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) enum Token {
    Create(create::Create),
    List(list::List),
    Revoke(revoke::Revoke),
}

impl Token {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        match self {
            Self::Create(command) => command.run(context),
            Self::List(command) => command.run(context),
            Self::Revoke(command) => command.run(context),
        }
    }
}

/// The tokens, oldest first.
fn tokens(client: &mut Client) -> Result<Vec<TokenLine>, CliError> {
    query(client, Query::Tokens, None, |answer| match answer {
        Answer::Tokens(tokens) => Some(tokens),
        _ => None,
    })
}

/// What a token is good for, in words.
fn scopes(line: &TokenLine) -> String {
    line.scopes.iter().map(|scope| scope.name()).collect::<Vec<_>>().join(", ")
}

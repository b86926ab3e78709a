//! `zo key …`: one file per command. The keys lie in the vault, encrypted to an identity that lies elsewhere.

mod check;
mod list;
mod passphrase;
mod remove;
mod set;

use clap::Subcommand;

use crate::context::Context;
use crate::error::CliError;

/// Set, list, check and remove the keys of providers
///
/// Examples:
///   zo key set openai
///   zo key set anthropic --from-file ~/anthropic.key
///   zo key list
///   zo key check
///
/// A key is typed without being shown, or comes through a pipe or from a file; it is never an argument. It lies encrypted
/// (age) in the vault of the home, and what opens it, the identity, lies elsewhere and is in no backup and no export. A key
/// in an environment variable, such as OPENAI_API_KEY, goes before the vault.
#[derive(Subcommand, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) enum Key {
    Set(set::Set),
    List(list::List),
    Check(check::Check),
    Remove(remove::Remove),
    Passphrase(passphrase::Passphrase),
}

impl Key {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        match self {
            Self::Set(command) => command.run(context),
            Self::List(command) => command.run(context),
            Self::Check(command) => command.run(context),
            Self::Remove(command) => command.run(context),
            Self::Passphrase(command) => command.run(context),
        }
    }
}

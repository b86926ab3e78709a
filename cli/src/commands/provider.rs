//! `zo provider …`: one file per command.

mod add;
mod list;
mod remove;

use clap::Subcommand;

use crate::context::Context;
use crate::error::CliError;

/// List, add and remove providers of language models
///
/// Examples:
///   zo provider list
///   zo provider add lan --base-url http://10.0.0.7:8000/v1
///   zo provider remove lan
///
/// The model `NAME` of the provider `PROVIDER` is called `PROVIDER/NAME`.
#[derive(Subcommand, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) enum Provider {
    List(list::List),
    Add(add::Add),
    Remove(remove::Remove),
}

impl Provider {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        match self {
            Self::List(command) => command.run(context),
            Self::Add(command) => command.run(context),
            Self::Remove(command) => command.run(context),
        }
    }
}

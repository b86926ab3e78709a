//! `zo provider list`.

use clap::Args;

use crate::context::Context;
use crate::error::CliError;
use crate::output::Table;
use crate::providers::{key_in_words, providers};

/// List the providers that zo knows, and those that were added
///
/// Examples:
///   zo provider list
///   zo provider list --json | jq -r 'select(.key) | .name'
///
/// KEY says where its key is: in the environment or in the vault.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct List {}

impl List {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let environment = context.environment();
        let mut client = context.open_existing()?;
        let providers = providers(&mut client, &environment)?;
        context.close(client)?;
        let output = &mut context.output;
        if output.is_json() {
            return providers.iter().try_for_each(|provider| output.data(provider));
        }
        let mut table = Table::new(&["NAME", "DIALECT", "BASE URL", "KEY", "DEFAULT MODEL"]);
        for provider in providers {
            let key = key_in_words(&provider).to_owned();
            let model = provider.default_model.unwrap_or_default();
            table.row([provider.name, provider.dialect, provider.base_url, key, model]);
        }
        table.print(output)
    }
}

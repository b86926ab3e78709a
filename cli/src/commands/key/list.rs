//! `zo key list`.

use clap::Args;

use crate::context::Context;
use crate::error::CliError;
use crate::output::Table;
use crate::providers::keys;
use crate::time::minute;

/// List the keys there are, without showing them
///
/// Examples:
///   zo key list
///   zo key list --json | jq -r .provider
///
/// A key is recognised by its fingerprint: the same key has the same one in this home, and it says nothing elsewhere. FROM
/// is the vault, or the environment variable that goes before it.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct List {}

impl List {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let environment = context.environment();
        let mut client = context.open_existing()?;
        let keys = keys(&mut client, &environment)?;
        context.close(client)?;
        let output = &mut context.output;
        if output.is_json() {
            return keys.iter().try_for_each(|key| output.data(key));
        }
        if keys.is_empty() {
            output.note("there is no key yet: `zo key set PROVIDER` gives one to a provider");
        }
        let mut table = Table::new(&["PROVIDER", "FINGERPRINT", "SET", "LAST USED", "FROM"]);
        for key in keys {
            let time = |at: Option<_>| at.map_or_else(|| "never".to_owned(), minute);
            let set = key.set_at.map_or_else(String::new, minute);
            table.row([key.provider, key.fingerprint, set, time(key.last_used_at), key.origin]);
        }
        table.print(output)
    }
}

//! `zo kv delete`.

use clap::Args;
use zo_engine::protocol::Request;

use super::with_nearest;
use crate::context::{Context, write_one};
use crate::error::CliError;

/// Delete keys
///
/// Examples:
///   zo kv delete editor.theme
///   zo kv delete a b c
///
/// The log keeps what they were set to: `zo kv get KEY --at` a time before shows it.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Delete {
    /// The keys
    #[arg(required = true, value_name = "KEY")]
    keys: Vec<String>,
}

impl Delete {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let mut client = context.open_existing()?;
        for key in &self.keys {
            let request = Request::DeleteKey { key: key.clone(), idempotency: context.fresh_id() };
            let acknowledged =
                write_one(&mut client, &request).map_err(|error| with_nearest(error, &mut client, key))?;
            context.print_acknowledged(&acknowledged, "deleted")?;
        }
        context.close(client)
    }
}

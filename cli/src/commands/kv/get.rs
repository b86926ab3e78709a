//! `zo kv get`.

use clap::Args;
use zo_engine::protocol::{Answer, Query};

use super::{KeyJson, with_nearest};
use crate::context::{Context, query};
use crate::error::{CliError, Kind};
use crate::time::AtArgs;

/// Print the value of a key
///
/// Examples:
///   zo kv get editor.theme
///   zo kv get editor.theme --at 1200
///   zo kv get editor.theme --json
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Get {
    /// The key
    key: String,
    #[command(flatten)]
    at: AtArgs,
}

impl Get {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let mut client = context.open_existing()?;
        let found = query(&mut client, Query::Key { key: self.key.clone() }, self.at.at, |answer| match answer {
            Answer::Keys(keys) => Some(keys),
            _ => None,
        });
        let keys = found.map_err(|error| with_nearest(error, &mut client, &self.key))?;
        let Some(line) = keys.first() else {
            let error = CliError::not_found(format!("there is no key {}", self.key));
            return Err(with_nearest(error, &mut client, &self.key));
        };
        if context.output.is_json() {
            context.output.data(&KeyJson::of(line))?;
        } else {
            let gone = || {
                let message = format!("the value of {} cannot be opened: its key or blob is gone", self.key);
                CliError::new(Kind::Engine(zo_engine::protocol::FailureKind::Damaged), message)
            };
            let value = line.value.as_deref().ok_or_else(gone)?;
            context.output.line(context.output.shown(value))?;
        }
        context.close(client)
    }
}

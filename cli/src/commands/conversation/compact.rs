//! `zo conversation compact` and `zo conversation uncompact`.

use clap::Args;
use zo_engine::protocol::Request;

use super::with_nearest;
use crate::context::{Context, write_one};
use crate::error::CliError;
use crate::passphrase::unlocked;

/// Tell models the older messages of a conversation by a summary
///
/// Examples:
///   zo conversation compact work
///   zo conversation compact work --model offline
///
/// The messages stay as they are, are shown and recalled; `zo conversation uncompact` has them told as they are again. It is
/// done by itself when a conversation has become too long for its model. `offline` picks sentences and asks no model.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Compact {
    /// Its name or id
    conversation: String,
    /// The model that writes the summary [default: as for a question]
    #[arg(long, short, value_name = "PROVIDER/NAME")]
    model: Option<String>,
}

/// Tell models the messages of a conversation as they are again
///
/// Examples:
///   zo conversation uncompact work
///
/// Undoes the last `zo conversation compact`, or what was done by itself.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Uncompact {
    /// Its name or id
    conversation: String,
}

impl Compact {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let mut environment = context.environment();
        let mut client = context.open_existing()?;
        let compacted = unlocked(&mut context.output, &mut environment, |_, environment| {
            let (conversation, model) = (self.conversation.clone(), self.model.clone());
            write_one(&mut client, &Request::Compact { conversation, model, environment: environment.clone() })
        });
        let acknowledged = compacted.map_err(|error| with_nearest(error, &mut client, &self.conversation))?;
        context.print_acknowledged(&acknowledged, "compacted")?;
        context.close(client)
    }
}

impl Uncompact {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let request = Request::Uncompact { conversation: self.conversation.clone() };
        let mut client = context.open_existing()?;
        let acknowledged =
            write_one(&mut client, &request).map_err(|error| with_nearest(error, &mut client, &self.conversation))?;
        context.print_acknowledged(&acknowledged, "told as it is again")?;
        context.close(client)
    }
}

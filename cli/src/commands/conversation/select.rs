//! `zo conversation select`.

use clap::Args;
use zo_engine::protocol::Request;

use super::with_nearest;
use crate::context::{Context, write_one};
use crate::error::CliError;

/// Select the branch that ends with a message
///
/// Examples:
///   zo conversation show work --all-branches
///   zo conversation select work 01K…
///
/// What is shown and continued is the path from the first message to this one.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Select {
    /// Name or id of the conversation
    conversation: String,
    /// Id of the message
    message: String,
}

impl Select {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let request = Request::SelectBranch { conversation: self.conversation.clone(), message: self.message.clone() };
        let mut client = context.open_existing()?;
        let acknowledged =
            write_one(&mut client, &request).map_err(|error| with_nearest(error, &mut client, &self.conversation))?;
        context.print_acknowledged(&acknowledged, "selected")?;
        context.close(client)
    }
}

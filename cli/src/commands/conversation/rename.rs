//! `zo conversation rename`.

use clap::Args;
use zo_engine::protocol::Request;

use super::with_nearest;
use crate::context::{Context, write_one};
use crate::error::CliError;
use crate::input;

/// Rename a conversation
///
/// Examples:
///   zo conversation rename work "Work, 2026"
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Rename {
    /// Its name or id
    conversation: String,
    /// The new name; no other conversation may have it
    name: String,
}

impl Rename {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        input::check_name("the name", &self.name)?;
        let request = Request::RenameConversation { conversation: self.conversation.clone(), name: self.name.clone() };
        let mut client = context.open_existing()?;
        let acknowledged =
            write_one(&mut client, &request).map_err(|error| with_nearest(error, &mut client, &self.conversation))?;
        context.print_acknowledged(&acknowledged, "renamed")?;
        context.close(client)
    }
}

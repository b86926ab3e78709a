//! `zo conversation fork`.

use clap::Args;
use zo_engine::protocol::Request;

use super::with_nearest;
use crate::context::{Context, write_one};
use crate::error::CliError;
use crate::input;

/// Begin a conversation as a copy of another one
///
/// Examples:
///   zo conversation fork work
///   zo conversation fork work --at 01J9ZQ4R1M3V8K2T6W5X7Y0ABC --name "work, otherwise"
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Fork {
    /// The name or id of the other one
    conversation: String,
    /// The last message to copy, by its id; the last one of the selected branch if not said
    #[arg(long, value_name = "MESSAGE")]
    at: Option<String>,
    /// What it is called; no other conversation may have the name
    #[arg(long)]
    name: Option<String>,
}

impl Fork {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        if let Some(name) = &self.name {
            input::check_name("the name", name)?;
        }
        let request = Request::Fork {
            from: self.conversation.clone(),
            message: self.at.clone(),
            id: context.fresh_id(),
            name: self.name.clone(),
        };
        let mut client = context.open_existing()?;
        let acknowledged =
            write_one(&mut client, &request).map_err(|error| with_nearest(error, &mut client, &self.conversation))?;
        context.print_acknowledged(&acknowledged, "forked")?;
        context.close(client)
    }
}

//! `zo conversation delete`.

use clap::Args;
use zo_engine::protocol::{Answer, Query, Request};

use super::with_nearest;
use crate::context::{Context, query, write_one};
use crate::error::CliError;
use crate::output::text::counted;

/// Delete a conversation
///
/// Examples:
///   zo conversation delete work
///   zo conversation delete work --yes
///
/// It is in no list any more. The log keeps it, and `--at` a time before still shows it.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Delete {
    /// Its name or id
    conversation: String,
    /// Do it without asking
    #[arg(long, short)]
    yes: bool,
}

impl Delete {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let mut client = context.open_existing()?;
        if !self.yes {
            let reference = self.conversation.clone();
            let page = Query::Conversation { reference, all_branches: true, skip: 0, limit: 1 };
            let found = query(&mut client, page, None, |answer| match answer {
                Answer::Conversation { conversation, .. } => Some(conversation),
                _ => None,
            });
            let line = found.map_err(|error| with_nearest(error, &mut client, &self.conversation))?;
            let messages = counted(u64::from(line.messages), "message");
            context.output.confirm(&format!("Delete {} with {messages}?", self.conversation), false)?;
        }
        let request = Request::DeleteConversation { conversation: self.conversation.clone() };
        let acknowledged =
            write_one(&mut client, &request).map_err(|error| with_nearest(error, &mut client, &self.conversation))?;
        context.print_acknowledged(&acknowledged, "deleted")?;
        context.close(client)
    }
}

//! `zo conversation add-message`.

use clap::{Args, ValueEnum};
use zo_engine::protocol::{ConversationChoice, MessageChoice, MessageInput, Request};
use zo_projections::event::conversation::Role;
use zo_projections::{Actor, MessageId, Timestamp};

use super::with_nearest;
use crate::context::{Context, write_one};
use crate::error::CliError;
use crate::input::{self, TextArgs};
use crate::time::parse_time;

/// Add a message to a conversation
///
/// Examples:
///   zo conversation add-message work --role user "What is left to do?"
///   zo conversation add-message work --role assistant --file answer.md
///   zo conversation add-message work --role user "Say it differently" --parent 01K…
///
/// A conversation of this name is begun if there is none, unless --existing is given. The message follows the last
/// one of the selected branch; with --parent it follows another one, and its branch becomes the selected one.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct AddMessage {
    /// Name or id of the conversation
    conversation: String,
    /// Who it is from
    #[arg(long, value_enum)]
    role: RoleArg,
    #[command(flatten)]
    text: TextArgs,
    /// Only if there is such a conversation already
    #[arg(long)]
    existing: bool,
    /// Name of the speaker
    #[arg(long, value_name = "NAME")]
    author: Option<String>,
    /// Id of the message it follows; `root` begins a branch of its own
    #[arg(long, value_name = "MESSAGE", value_parser = parse_parent)]
    parent: Option<Parent>,
    /// Say something about it; may be given more than once
    #[arg(long, value_name = "KEY=VALUE", value_parser = input::key_value)]
    meta: Vec<(String, String)>,
    /// When it was said, if that is not now
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    at: Option<Timestamp>,
}

/// Who a message is from.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum RoleArg {
    System,
    User,
    Assistant,
    Tool,
}

/// What a message follows.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Parent {
    Root,
    Message(MessageId),
}

fn parse_parent(text: &str) -> Result<Parent, String> {
    if text == "root" {
        return Ok(Parent::Root);
    }
    text.parse().map(Parent::Message).map_err(|error: zo_projections::ids::NotAnId| error.to_string())
}

impl AddMessage {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let message = MessageInput {
            id: MessageChoice::Id(context.fresh_id()),
            parent: self.parent.map(|parent| match parent {
                Parent::Root => MessageChoice::Root,
                Parent::Message(id) => MessageChoice::Id(id.0),
            }),
            role: match self.role {
                RoleArg::System => Role::System,
                RoleArg::User => Role::User,
                RoleArg::Assistant => Role::Assistant,
                RoleArg::Tool => Role::Tool,
            },
            content: input::not_blank("the text", self.text.read()?)?,
            author: self.author.clone(),
            tool_calls: Vec::new(),
            tool_call_id: None,
            meta: input::meta_text(&input::meta(&self.meta)?),
            occurred_at: self.at,
            selected: true,
        };
        let conversation = match self.existing {
            true => ConversationChoice::Existing(self.conversation.clone()),
            false => ConversationChoice::Named(self.conversation.clone()),
        };
        let request = Request::AddMessages { actor: Actor::User, conversation, messages: vec![message] };
        let mut client = if self.existing { context.open_existing()? } else { context.open()? };
        let acknowledged = write_one(&mut client, &request);
        let acknowledged = acknowledged.map_err(|error| match self.existing {
            true => with_nearest(error, &mut client, &self.conversation),
            false => error,
        })?;
        context.print_acknowledged(&acknowledged, "added")?;
        context.close(client)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parent_is_root_or_an_id() {
        assert_eq!(parse_parent("root"), Ok(Parent::Root));
        assert!(matches!(parse_parent("01J9ZQ4R1M3V8K2T6W5X7Y0ABC"), Ok(Parent::Message(_))));
        assert!(parse_parent("the last one").is_err());
    }
}

//! `zo conversation …`: one file per command; what they share is how conversations and messages are shown.

mod add_message;
mod compact;
mod delete;
mod export;
mod fork;
mod list;
mod rename;
mod select;
mod show;

use clap::Subcommand;
use serde::Serialize;
use serde_json::Value;
use zo_engine::client::Client;
use zo_engine::protocol::{Answer, At, ConversationLine, FailureKind, FileLine, MAX_PAGE, MessageLine, Query};
use zo_projections::event::conversation::{Role, ToolCall};
use zo_projections::{Position, Timestamp};

pub(super) use self::show::print_message;
use crate::context::{Context, query};
use crate::error::{CliError, Kind};
use crate::input;
use crate::output::text;
use crate::suggest::nearest;

/// Add to, list, show, rename, fork, export and delete conversations
///
/// Examples:
///   zo conversation add-message work --role user "What is left to do?"
///   zo conversation show work
///   zo conversation export work > work.md
///
/// A conversation is named by its name or by its id.
#[derive(Subcommand, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) enum Conversation {
    AddMessage(add_message::AddMessage),
    List(list::List),
    Show(show::Show),
    Select(select::Select),
    Rename(rename::Rename),
    Fork(fork::Fork),
    Compact(compact::Compact),
    Uncompact(compact::Uncompact),
    Export(export::Export),
    Delete(delete::Delete),
}

impl Conversation {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        match self {
            Self::AddMessage(command) => command.run(context),
            Self::List(command) => command.run(context),
            Self::Show(command) => command.run(context),
            Self::Select(command) => command.run(context),
            Self::Rename(command) => command.run(context),
            Self::Fork(command) => command.run(context),
            Self::Compact(command) => command.run(context),
            Self::Uncompact(command) => command.run(context),
            Self::Export(command) => command.run(context),
            Self::Delete(command) => command.run(context),
        }
    }
}

/// A message, as JSON has it.
#[derive(Serialize)]
pub(super) struct MessageJson<'a> {
    id: &'a str,
    parent: Option<&'a str>,
    role: Role,
    position: Position,
    at: Timestamp,
    occurred_at: Option<Timestamp>,
    model: Option<&'a str>,
    interrupted: bool,
    content: Option<&'a str>,
    author: Option<&'a str>,
    tool_calls: &'a [ToolCall],
    tool_call_id: Option<&'a str>,
    meta: Option<Value>,
    files: &'a [FileLine],
}

impl<'a> MessageJson<'a> {
    pub(super) fn of(line: &'a MessageLine) -> Self {
        Self {
            id: &line.id,
            parent: line.parent.as_deref(),
            role: line.role,
            position: line.position,
            at: line.at,
            occurred_at: line.occurred_at,
            model: line.model.as_deref(),
            interrupted: line.interrupted,
            content: line.content.as_deref(),
            author: line.author.as_deref(),
            tool_calls: &line.tool_calls,
            tool_call_id: line.tool_call_id.as_deref(),
            meta: line.meta.as_deref().map(input::json_of),
            files: &line.files,
        }
    }
}

/// What a role is called.
pub(super) fn role_name(role: Role) -> &'static str {
    match role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::Tool => "tool",
    }
}

/// What a message says; that it cannot be opened, if so.
fn content_of(line: &MessageLine) -> &str {
    line.content.as_deref().unwrap_or("(cannot be opened: its key or blob is gone)")
}

/// A file that belongs to a message, in words: `plan.png (image/png, 12.0 KiB)`.
fn file_in_words(file: &FileLine) -> String {
    let name = file.name.as_deref().unwrap_or("a file whose name cannot be opened");
    format!("{name} ({}, {})", file.media_type, text::bytes(u64::from(file.size)))
}

/// Reads a conversation page by page and hands over each message; returns the conversation.
pub(super) fn each_message(
    client: &mut Client,
    reference: &str,
    all_branches: bool,
    at: Option<At>,
    mut each: impl FnMut(&ConversationLine, &MessageLine) -> Result<(), CliError>,
) -> Result<ConversationLine, CliError> {
    let mut skip = 0;
    loop {
        let page = Query::Conversation { reference: reference.to_owned(), all_branches, skip, limit: MAX_PAGE as u32 };
        let answer = query(client, page, at, |answer| match answer {
            Answer::Conversation { conversation, messages, total } => Some((conversation, messages, total)),
            _ => None,
        });
        let (conversation, messages, total) = answer.map_err(|error| with_nearest(error, client, reference))?;
        messages.iter().try_for_each(|message| each(&conversation, message))?;
        skip += messages.len() as u32;
        if messages.is_empty() || skip >= total {
            return Ok(conversation);
        }
    }
}

/// Adds to "there is no such conversation" the nearest name or id, as a hint.
pub(super) fn with_nearest(error: CliError, client: &mut Client, reference: &str) -> CliError {
    if error.kind != Kind::Engine(FailureKind::NotFound) {
        return error;
    }
    let first = Query::Conversations { nested: true, skip: 0, limit: MAX_PAGE as u32 };
    let Ok(Answer::Conversations { conversations, .. }) = client.query(first, None) else { return error };
    let names = conversations.iter().flat_map(|line| line.name.as_deref().into_iter().chain([line.id.as_str()]));
    match nearest(reference, names) {
        Some(near) => error.first_hint(format!("did you mean `{near}`?")),
        None => error,
    }
}

//! Decisions about conversations and their messages.

use super::{
    Decision, MAX_FILE_BYTES, MAX_FILES, MAX_NAME_BYTES, NewEvent, check_length, check_name, record, text_size,
};
use crate::command::{Name, NewFile, NewMessage, Parent, Rejection};
use crate::event::conversation::{
    BranchSelected, Compacted, Deleted, FileAttached, FileBody, Forked, MessageAdded, MessageBody, NameBody, Renamed,
    Role, Started, SummaryBody, Uncompacted,
};
use crate::ids::{ConversationId, MessageId, Position};
use crate::views::Views;
use crate::views::conversations::Conversation;

pub(super) fn start(
    views: &Views,
    id: ConversationId,
    name: Option<Name>,
    fork_of: Option<(ConversationId, MessageId)>,
) -> Result<Decision, Rejection> {
    match views.conversations.get(id) {
        Some(conversation) if conversation.deleted.is_none() => {
            let state = views.streams.get(id.into()).ok_or_else(|| Rejection::not_found("conversation", id))?;
            Ok(Decision::already(id, state.last))
        }
        Some(_) => Err(Rejection::state("conversation", id, "was deleted")),
        None => {
            let mut events = vec![started(views, id, name)?];
            if let Some((from, message)) = fork_of {
                existing(views, from)?;
                index_in(views, from, message)?;
                events.push(NewEvent::new(id, Forked { from, message }));
            }
            Ok(record(events))
        }
    }
}

/// The event that starts a conversation which does not exist yet.
pub(super) fn started(views: &Views, id: ConversationId, name: Option<Name>) -> Result<NewEvent, Rejection> {
    let Some(name) = name else { return Ok(NewEvent::new(id, Started { name: None })) };
    check_free(views, &name, None)?;
    let event = NewEvent::new(id, Started { name: Some(name.digest) });
    Ok(event.with_body(&NameBody { name: name.text }))
}

fn check_free(views: &Views, name: &Name, but: Option<ConversationId>) -> Result<(), Rejection> {
    check_name("the name", &name.text)?;
    match views.conversations.by_name(name.digest) {
        Some(taken) if Some(taken.id) != but => Err(Rejection::Invalid {
            what: format!("the name {:?}", name.text),
            why: format!("conversation {} has it", taken.id),
        }),
        _ => Ok(()),
    }
}

pub(super) fn add_message(
    views: &Views,
    id: ConversationId,
    message: NewMessage,
    files: Vec<NewFile>,
) -> Result<Decision, Rejection> {
    let conversation = existing(views, id)?;
    if let Some(already) = already_added(views, id, message.id)? {
        return Ok(already);
    }
    let attached = files_attached(id, message.id, files)?;
    let mut events = vec![message_added(views, Some(conversation), id, message)?];
    events.extend(attached);
    Ok(record(events))
}

/// The events that attach files to a message.
pub(super) fn files_attached(
    id: ConversationId,
    message: MessageId,
    files: Vec<NewFile>,
) -> Result<Vec<NewEvent>, Rejection> {
    if files.len() > MAX_FILES {
        let why = format!("{} are more than the {MAX_FILES} that a message may have", files.len());
        return Err(Rejection::Invalid { what: "the files".to_owned(), why });
    }
    let attached = files.into_iter().map(|NewFile { name, media_type, bytes }| {
        check_name("the name of the file", &name)?;
        check_name("the type of the file", &media_type)?;
        check_length(&format!("the file {name:?}"), bytes.len(), MAX_FILE_BYTES)?;
        let size = u32::try_from(bytes.len()).expect("it is below the limit, which is below 4 GiB");
        let event = FileAttached { message, media_type, size };
        Ok(NewEvent::new(id, event).with_body(&FileBody { name, bytes }))
    });
    attached.collect()
}

/// `Some` if the message is in this conversation already.
pub(super) fn already_added(
    views: &Views,
    id: ConversationId,
    message: MessageId,
) -> Result<Option<Decision>, Rejection> {
    match views.conversations.by_message(message) {
        None => Ok(None),
        Some((conversation, index)) if conversation.id == id => {
            Ok(Some(Decision::already(id, conversation.messages[index as usize].position)))
        }
        Some((other, _)) => Err(Rejection::state("message", message, format!("is in conversation {}", other.id))),
    }
}

/// The event that adds a message, which must be new. `conversation` is `None` if it is started by the same decision.
pub(super) fn message_added(
    views: &Views,
    conversation: Option<&Conversation>,
    id: ConversationId,
    message: NewMessage,
) -> Result<NewEvent, Rejection> {
    check_message(&message.body, message.role)?;
    if let Some(model) = &message.model {
        check_length("the model", model.len(), MAX_NAME_BYTES)?;
    }
    let size = text_size("the message", &message.body.content)?;
    let selected = conversation.and_then(|conversation| {
        let index = conversation.selected?;
        conversation.messages.get(index as usize).map(|message| message.id)
    });
    let parent = match message.parent {
        Parent::Selected => selected,
        Parent::Root => None,
        Parent::Message(parent) => {
            index_in(views, id, parent)?;
            Some(parent)
        }
    };
    let event = MessageAdded {
        message: message.id,
        parent,
        role: message.role,
        size,
        tool_calls: u16::try_from(message.body.tool_calls.len()).unwrap_or(u16::MAX),
        model: message.model,
        occurred_at: message.occurred_at,
        interrupted: message.interrupted,
        selected: message.selected,
    };
    Ok(NewEvent::new(id, event).with_body(&message.body))
}

fn check_message(body: &MessageBody, role: Role) -> Result<(), Rejection> {
    let invalid = |why: &str| Err(Rejection::Invalid { what: "the message".to_owned(), why: why.to_owned() });
    if body.content.trim().is_empty() && body.tool_calls.is_empty() && role != Role::Tool {
        return invalid("it is empty");
    }
    if body.tool_calls.len() > usize::from(u16::MAX) {
        return invalid("it asks for more than 65535 tool calls");
    }
    if let Some(meta) = &body.meta {
        text_size("the meta", meta)?;
    }
    Ok(())
}

pub(super) fn select(views: &Views, id: ConversationId, message: MessageId) -> Result<Decision, Rejection> {
    let conversation = existing(views, id)?;
    let index = index_in(views, id, message)?;
    if conversation.selected == Some(index) {
        return Ok(Decision::already(id, conversation.messages[index as usize].position));
    }
    Ok(record([NewEvent::new(id, BranchSelected { message })]))
}

pub(super) fn rename(views: &Views, id: ConversationId, name: Name) -> Result<Decision, Rejection> {
    let conversation = existing(views, id)?;
    check_free(views, &name, Some(id))?;
    match conversation.name {
        Some((digest, position)) if digest == name.digest => Ok(Decision::already(id, position)),
        _ => Ok(record([NewEvent::new(id, Renamed { name: name.digest }).with_body(&NameBody { name: name.text })])),
    }
}

pub(super) fn delete(views: &Views, id: ConversationId) -> Result<Decision, Rejection> {
    let conversation = views.conversations.get(id).ok_or_else(|| Rejection::not_found("conversation", id))?;
    match conversation.deleted {
        Some(position) => Ok(Decision::already(id, position)),
        None => Ok(record([NewEvent::new(id, Deleted {})])),
    }
}

/// Index of a message in this conversation.
fn index_in(views: &Views, id: ConversationId, message: MessageId) -> Result<u32, Rejection> {
    match views.conversations.by_message(message) {
        Some((conversation, index)) if conversation.id == id => Ok(index),
        _ => Err(Rejection::not_found("message", message)),
    }
}

/// The conversation, if it is there and not deleted.
pub(super) fn existing(views: &Views, id: ConversationId) -> Result<&Conversation, Rejection> {
    views
        .conversations
        .get(id)
        .filter(|conversation| conversation.deleted.is_none())
        .ok_or_else(|| Rejection::not_found("conversation", id))
}

pub(super) fn compact(
    views: &Views,
    id: ConversationId,
    compacted: Compacted,
    summary: String,
) -> Result<Decision, Rejection> {
    let conversation = existing(views, id)?;
    check_name("the model", &compacted.model)?;
    text_size("the summary", &summary)?;
    let index = |message| match views.conversations.by_message(message) {
        Some((found, index)) if found.id == id => Ok(index),
        _ => Err(Rejection::not_found("message", message)),
    };
    let (from, through) = (index(compacted.from)?, index(compacted.through)?);
    let path = conversation.path_to(Some(through));
    let Some(first) = path.iter().position(|message| message.id == conversation.messages[from as usize].id) else {
        let why = format!("message {} does not come before {}", compacted.from, compacted.through);
        return Err(Rejection::Invalid { what: "the range".to_owned(), why });
    };
    let messages = u32::try_from(path.len() - first).unwrap_or(u32::MAX);
    let event = Compacted { messages, ..compacted };
    Ok(record([NewEvent::new(id, event).with_body(&SummaryBody { summary })]))
}

pub(super) fn uncompact(views: &Views, id: ConversationId, compaction: Position) -> Result<Decision, Rejection> {
    existing(views, id)?;
    if !views.compactions.of(id).iter().any(|it| it.position == compaction) {
        return Err(Rejection::not_found("compaction", compaction));
    }
    Ok(record([NewEvent::new(id, Uncompacted { compaction })]))
}

#[cfg(test)]
mod tests;

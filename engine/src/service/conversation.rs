//! Requests about conversations.

use zo_projections::command::{Name, NewMessage, Parent};
use zo_projections::event::Event;
use zo_projections::event::conversation::{MessageBody, NameBody};
use zo_projections::views::conversations::{Conversation, Message};
use zo_projections::{Actor, Command, ConversationId, MessageId, Position, Rejection, Submission, Timestamp, Views};

use super::memory::canonical_meta;
use super::{acknowledge, check_count};
use crate::engine::Engine;
use crate::protocol::{
    Acknowledged, Answer, At, ConversationChoice, ConversationLine, Failure, FailureKind, MessageChoice, MessageInput,
    MessageLine, Outcome,
};
use crate::reader::ReadEvent;

pub(super) fn add_messages(
    engine: &Engine,
    actor: Actor,
    choice: &ConversationChoice,
    messages: Vec<MessageInput>,
) -> Result<Vec<Result<Acknowledged, Failure>>, Failure> {
    check_count("messages", messages.len())?;
    let conversation = resolve_or_begin(engine, actor, choice)?;
    let mut submissions: Vec<Submission> = Vec::with_capacity(messages.len());
    let mut ids = Vec::with_capacity(messages.len());
    for message in messages {
        let id = message_id(engine, conversation, &message.id)?;
        let parent = match &message.parent {
            None => Parent::Selected,
            Some(MessageChoice::Root) => Parent::Root,
            Some(choice) => Parent::Message(message_id(engine, conversation, choice)?),
        };
        ids.push(id);
        let message = NewMessage {
            id,
            parent,
            role: message.role,
            body: MessageBody {
                content: message.content,
                author: message.author,
                tool_calls: message.tool_calls,
                tool_call_id: message.tool_call_id,
                meta: canonical_meta(message.meta.as_deref())?,
            },
            model: None,
            occurred_at: message.occurred_at,
            interrupted: false,
            selected: message.selected,
        };
        submissions.push(Submission::new(actor, Command::AddMessage { conversation, message, files: Vec::new() }));
    }
    let outcomes = engine.writer.submit(submissions);
    let acknowledged = ids.into_iter().zip(outcomes).map(|(id, outcome)| {
        let mut acknowledged = acknowledge(id.to_string(), outcome)?;
        if acknowledged.outcome == Outcome::Revised {
            // The stream is the conversation's, which was revised; the message itself is new.
            acknowledged.outcome = Outcome::New;
        }
        Ok(acknowledged)
    });
    Ok(acknowledged.collect())
}

/// The conversation that is meant; it is begun if it is to be and does not exist.
pub(super) fn resolve_or_begin(
    engine: &Engine,
    actor: Actor,
    choice: &ConversationChoice,
) -> Result<ConversationId, Failure> {
    loop {
        let (id, begin) = resolve(engine, choice)?;
        let Some(name) = begin else { return Ok(id) };
        let named = name.as_ref().map(|name| name.digest);
        match engine.writer.submit_one(Submission::new(actor, Command::StartConversation { id, name, fork_of: None })) {
            Ok(_) => return Ok(id),
            Err(error) => {
                // Another terminal may have begun one of that name just now: then that one is meant, or none is wanted.
                let by_name = !matches!(choice, ConversationChoice::New { .. });
                let taken = engine.writer.read(|views| views.conversations.by_name(named?).map(|found| found.id))?;
                if !by_name || taken.is_none() {
                    return Err(error.into());
                }
            }
        }
    }
}

/// The conversation that is meant; with the name to begin it with if it is to be begun.
fn resolve(engine: &Engine, choice: &ConversationChoice) -> Result<(ConversationId, Option<Option<Name>>), Failure> {
    let name = |text: &str| Name { digest: engine.names.conversation_name(text), text: text.to_owned() };
    match choice {
        ConversationChoice::Existing(reference) => Ok((find(engine, None, reference, |found| found.id)?, None)),
        ConversationChoice::Named(reference) => match find(engine, None, reference, |found| found.id) {
            Ok(id) => Ok((id, None)),
            Err(failure) if failure.kind == FailureKind::NotFound => {
                let id = ConversationId(engine.world.fresh_id());
                Ok((id, Some(Some(name(reference)))))
            }
            Err(failure) => Err(failure),
        },
        ConversationChoice::New { id, name: text } => {
            let id = ConversationId(*id);
            let exists = engine.writer.read(|views| views.conversations.get(id).is_some())?;
            Ok((id, (!exists).then(|| text.as_deref().map(name))))
        }
        ConversationChoice::Imported { external, name: text } => {
            let id = ConversationId(engine.names.conversation(external));
            let exists = engine.writer.read(|views| views.conversations.get(id).is_some())?;
            if exists {
                return Ok((id, None));
            }
            let Some(title) = text else { return Ok((id, Some(None))) };
            // Chats are often called alike: the second is `New chat (2)`.
            let free = |text: &str| {
                let name = name(text);
                let taken = engine.writer.read(|views| views.conversations.by_name(name.digest).is_some())?;
                Ok::<_, Failure>((!taken).then_some(name))
            };
            let mut found = free(title)?;
            let mut number = 2_u32;
            while found.is_none() {
                found = free(&format!("{title} ({number})"))?;
                number += 1;
            }
            Ok((id, Some(found)))
        }
    }
}

fn message_id(engine: &Engine, conversation: ConversationId, choice: &MessageChoice) -> Result<MessageId, Failure> {
    match choice {
        MessageChoice::Id(id) => Ok(MessageId(*id)),
        MessageChoice::External(external) => Ok(engine.names.message(conversation.0, external)),
        MessageChoice::Root => Err(Failure::new(FailureKind::Invalid, "the root of a conversation is no message")),
    }
}

pub(super) fn fork(
    _engine: &Engine,
    _from: &str,
    _message: Option<&str>,
    _id: u128,
    _name: Option<String>,
) -> Result<Acknowledged, Failure> {
    Err(Failure::new(FailureKind::Io, "not there yet"))
}

pub(super) fn select(engine: &Engine, reference: &str, message: &str) -> Result<Acknowledged, Failure> {
    let conversation = find(engine, None, reference, |found| found.id)?;
    let message: MessageId = message.parse().map_err(|_| Rejection::not_found("message", message))?;
    submit(engine, conversation, Command::SelectBranch { conversation, message })
}

pub(super) fn rename(engine: &Engine, reference: &str, name: &str) -> Result<Acknowledged, Failure> {
    let conversation = find(engine, None, reference, |found| found.id)?;
    let name = Name { digest: engine.names.conversation_name(name), text: name.to_owned() };
    submit(engine, conversation, Command::RenameConversation { conversation, name })
}

pub(super) fn delete(engine: &Engine, reference: &str) -> Result<Acknowledged, Failure> {
    let conversation = find(engine, None, reference, |found| found.id)?;
    submit(engine, conversation, Command::DeleteConversation { conversation })
}

fn submit(engine: &Engine, conversation: ConversationId, command: Command) -> Result<Acknowledged, Failure> {
    let outcome = engine.writer.submit_one(Submission::new(Actor::User, command));
    acknowledge(conversation.to_string(), outcome)
}

/// Finds the conversation that a user means by `reference`: its name or its id.
pub(super) fn find<T>(
    engine: &Engine,
    at: Option<At>,
    reference: &str,
    then: impl FnOnce(&Conversation) -> T,
) -> Result<T, Failure> {
    let name = engine.names.conversation_name(reference);
    let literal = reference.parse::<ConversationId>().ok();
    let found = engine.ask_views(at, |views| {
        let by_id = |id| views.conversations.get(id).filter(|found| found.deleted.is_none());
        views.conversations.by_name(name).or_else(|| literal.and_then(by_id)).map(then)
    })?;
    found.ok_or_else(|| Rejection::not_found("conversation", reference).into())
}

/// What a line of a list needs from the fold; the name is read afterwards.
struct Place {
    id: ConversationId,
    name: Option<Position>,
    started_at: Timestamp,
    changed_at: Timestamp,
    messages: u32,
    branches: u32,
}

impl Place {
    fn of(conversation: &Conversation) -> Self {
        let to_u32 = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        Self {
            id: conversation.id,
            name: conversation.name.map(|(_, position)| position),
            started_at: conversation.started_at,
            changed_at: conversation.changed_at,
            messages: to_u32(conversation.messages.len()),
            branches: to_u32(conversation.branches()),
        }
    }

    fn line(self, engine: &Engine) -> Result<ConversationLine, Failure> {
        let name = name_at(engine, self.name)?;
        Ok(ConversationLine {
            id: self.id.to_string(),
            name,
            started_at: self.started_at,
            changed_at: self.changed_at,
            messages: self.messages,
            branches: self.branches,
        })
    }
}

/// The name of a conversation, if it has one that can be opened.
pub(super) fn name_of(engine: &Engine, id: ConversationId) -> Result<Option<String>, Failure> {
    let position = engine.writer.read(|views| views.conversations.get(id)?.name.map(|(_, position)| position))?;
    name_at(engine, position)
}

fn name_at(engine: &Engine, position: Option<Position>) -> Result<Option<String>, Failure> {
    let Some(position) = position else { return Ok(None) };
    Ok(body_of::<NameBody>(&engine.reader.event(position)?)?.map(|body| body.name))
}

pub(super) fn list(engine: &Engine, at: Option<At>, skip: usize, limit: usize) -> Result<Answer, Failure> {
    let (places, total) = engine.ask_views(at, |views| page(views, skip, limit))?;
    let conversations = places.into_iter().map(|place| place.line(engine)).collect::<Result<_, _>>()?;
    Ok(Answer::Conversations { conversations, total: u32::try_from(total).unwrap_or(u32::MAX) })
}

fn page(views: &Views, skip: usize, limit: usize) -> (Vec<Place>, usize) {
    let mut live: Vec<&Conversation> = views.conversations.iter().filter(|each| each.deleted.is_none()).collect();
    let total = live.len();
    live.sort_unstable_by_key(|each| std::cmp::Reverse((each.changed_at, each.id)));
    (live.into_iter().skip(skip).take(limit).map(Place::of).collect(), total)
}

pub(super) fn show(
    engine: &Engine,
    at: Option<At>,
    reference: &str,
    all_branches: bool,
    skip: usize,
    limit: usize,
) -> Result<Answer, Failure> {
    let (place, messages, total) = find(engine, at, reference, |conversation| {
        let messages: Vec<&Message> =
            if all_branches { conversation.messages.iter().collect() } else { conversation.branch() };
        let total = messages.len();
        let page = messages.into_iter().skip(skip).take(limit);
        let parent_of = |message: &Message| Some(conversation.messages[message.parent? as usize].id);
        (Place::of(conversation), page.map(|each| (*each, parent_of(each))).collect::<Vec<_>>(), total)
    })?;
    let events = engine.reader.events(messages.iter().map(|(message, _)| message.position))?;
    let lines =
        messages.into_iter().zip(events).map(|((message, parent), event)| message_line(message, parent, &event));
    Ok(Answer::Conversation {
        conversation: place.line(engine)?,
        messages: lines.collect::<Result<_, _>>()?,
        total: u32::try_from(total).unwrap_or(u32::MAX),
    })
}

fn message_line(message: Message, parent: Option<MessageId>, event: &ReadEvent) -> Result<MessageLine, Failure> {
    let (model, occurred_at) = match &event.recorded.event {
        Event::MessageAdded(added) => (added.model.clone(), added.occurred_at),
        _ => (None, None),
    };
    let body = body_of::<MessageBody>(event)?;
    let opened = body.is_some();
    let body = body.unwrap_or_default();
    Ok(MessageLine {
        id: message.id.to_string(),
        parent: parent.map(|parent| parent.to_string()),
        role: message.role,
        position: message.position,
        at: event.recorded.header.at,
        occurred_at,
        model,
        interrupted: message.interrupted,
        content: opened.then_some(body.content),
        author: body.author,
        tool_calls: body.tool_calls,
        tool_call_id: body.tool_call_id,
        meta: body.meta,
        files: Vec::new(),
    })
}

/// The opened body of an event; `None` if it cannot be opened.
pub(super) fn body_of<T: bincode::Decode<()>>(event: &ReadEvent) -> Result<Option<T>, Failure> {
    event.body().map_err(|error| Failure::new(FailureKind::Damaged, error.to_string()))
}

//! Requests about conversations.

use std::collections::HashSet;

use zo_projections::command::{Name, NewFile, NewMessage, Parent};
use zo_projections::event::Event;
use zo_projections::event::conversation::{FileBody, MessageBody, NameBody};
use zo_projections::views::attachments::Attached;
use zo_projections::views::conversations::{Conversation, Message};
use zo_projections::{Actor, Command, ConversationId, MessageId, Position, Rejection, Submission, Timestamp, Views};

use super::memory::canonical_meta;
use super::{acknowledge, check_count};
use crate::engine::Engine;
use crate::protocol::{
    Acknowledged, Answer, At, ConversationChoice, ConversationLine, Failure, FailureKind, FileLine, MessageChoice,
    MessageInput, MessageLine, Outcome,
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

/// Begins a conversation as a copy of a branch of another one, in one commit: whole or not at all.
pub(super) fn fork(
    engine: &Engine,
    from: &str,
    message: Option<&str>,
    id: u128,
    name: Option<String>,
) -> Result<Acknowledged, Failure> {
    let id = ConversationId(id);
    let from = find(engine, None, from, |found| found.id)?;
    let last: Option<MessageId> = match message {
        Some(message) => Some(message.parse().map_err(|_| Rejection::not_found("message", message))?),
        None => None,
    };
    let branch = engine.writer.read(|views| {
        let conversation = views.conversations.get(from)?;
        let last = last.map_or(conversation.selected, |last| conversation.index_of(last));
        let path = conversation.path_to(last).into_iter();
        Some(path.map(|message| (*message, views.attachments.of(message.id).to_vec())).collect::<Vec<_>>())
    })?;
    let branch = branch.unwrap_or_default();
    let Some(&(Message { id: last, .. }, _)) = branch.last() else {
        let what = message.unwrap_or("that could be continued");
        return Err(Rejection::not_found("message", what).into());
    };
    let name = name.map(|text| Name { digest: engine.names.conversation_name(&text), text });
    let start = Command::StartConversation { id, name, fork_of: Some((from, last)) };
    let mut submissions = vec![Submission::new(Actor::User, start)];
    for (message, files) in branch {
        submissions.push(Submission::new(Actor::User, copied(engine, id, message, &files)?));
    }
    let mut outcomes = engine.writer.submit(submissions).into_iter();
    let started = outcomes.next().expect("one command has one outcome");
    let acknowledged = acknowledge(id.to_string(), started)?;
    // What was refused with the start is refused with every message too.
    outcomes.try_for_each(|outcome| outcome.map(drop))?;
    Ok(acknowledged)
}

/// The command that adds a copy of a message to another conversation, under an id that follows from both.
fn copied(engine: &Engine, to: ConversationId, message: Message, files: &[Attached]) -> Result<Command, Failure> {
    let event = engine.reader.event(message.position)?;
    let (model, occurred_at) = match &event.recorded.event {
        Event::MessageAdded(added) => (added.model.clone(), added.occurred_at),
        _ => (None, None),
    };
    let unreadable = || Failure::new(FailureKind::Damaged, format!("message {} cannot be opened", message.id));
    let mut copies = Vec::with_capacity(files.len());
    for (file, event) in files.iter().zip(engine.reader.events(files.iter().map(|file| file.position))?) {
        let FileBody { name, bytes } = body_of(&event)?.ok_or_else(unreadable)?;
        copies.push(NewFile { name, media_type: file.media_type.clone(), bytes });
    }
    let message = NewMessage {
        id: engine.names.message(to.0, &message.id.to_string()),
        parent: Parent::Selected,
        role: message.role,
        body: body_of(&event)?.ok_or_else(unreadable)?,
        model,
        occurred_at: occurred_at.or(Some(event.recorded.header.at)),
        interrupted: message.interrupted,
        selected: true,
    };
    Ok(Command::AddMessage { conversation: to, message, files: copies })
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
    find_in(engine, at, reference, |_, conversation| then(conversation))
}

fn find_in<T>(
    engine: &Engine,
    at: Option<At>,
    reference: &str,
    then: impl FnOnce(&Views, &Conversation) -> T,
) -> Result<T, Failure> {
    let name = engine.names.conversation_name(reference);
    let literal = reference.parse::<ConversationId>().ok();
    let found = engine.ask_views(at, |views| {
        let by_id = |id| views.conversations.get(id).filter(|found| found.deleted.is_none());
        views.conversations.by_name(name).or_else(|| literal.and_then(by_id)).map(|found| then(views, found))
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

pub(super) fn list(
    engine: &Engine,
    at: Option<At>,
    nested: bool,
    skip: usize,
    limit: usize,
) -> Result<Answer, Failure> {
    let (places, total) = engine.ask_views(at, |views| page(views, nested, skip, limit))?;
    let conversations = places.into_iter().map(|place| place.line(engine)).collect::<Result<_, _>>()?;
    Ok(Answer::Conversations { conversations, total: u32::try_from(total).unwrap_or(u32::MAX) })
}

fn page(views: &Views, nested: bool, skip: usize, limit: usize) -> (Vec<Place>, usize) {
    // An agent that another one started has its own conversation, which few want to see.
    let hidden: HashSet<ConversationId> =
        if nested { HashSet::new() } else { views.agents.conversations_of_nested().collect() };
    let is_shown = |each: &&Conversation| each.deleted.is_none() && !hidden.contains(&each.id);
    let mut live: Vec<&Conversation> = views.conversations.iter().filter(is_shown).collect();
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
    let (place, messages, total) = find_in(engine, at, reference, |views, conversation| {
        let messages: Vec<&Message> =
            if all_branches { conversation.messages.iter().collect() } else { conversation.branch() };
        let total = messages.len();
        let page = messages.into_iter().skip(skip).take(limit);
        let parent_of = |message: &Message| Some(conversation.messages[message.parent? as usize].id);
        let with_files = |each: &Message| (*each, parent_of(each), views.attachments.of(each.id).to_vec());
        (Place::of(conversation), page.map(with_files).collect::<Vec<_>>(), total)
    })?;
    let events = engine.reader.events(messages.iter().map(|(message, ..)| message.position))?;
    let lines = messages
        .into_iter()
        .zip(events)
        .map(|((message, parent, files), event)| message_line(engine, message, &files, parent, &event));
    Ok(Answer::Conversation {
        conversation: place.line(engine)?,
        messages: lines.collect::<Result<_, _>>()?,
        total: u32::try_from(total).unwrap_or(u32::MAX),
    })
}

fn message_line(
    engine: &Engine,
    message: Message,
    files: &[Attached],
    parent: Option<MessageId>,
    event: &ReadEvent,
) -> Result<MessageLine, Failure> {
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
        files: files.iter().map(|file| file_line(engine, file)).collect::<Result<_, _>>()?,
    })
}

fn file_line(engine: &Engine, file: &Attached) -> Result<FileLine, Failure> {
    let body: Option<FileBody> = body_of(&engine.reader.event(file.position)?)?;
    Ok(FileLine {
        name: body.map(|body| body.name),
        media_type: file.media_type.clone(),
        size: file.size,
        position: file.position,
    })
}

/// The opened body of an event; `None` if it cannot be opened.
pub(crate) fn body_of<T: bincode::Decode<()>>(event: &ReadEvent) -> Result<Option<T>, Failure> {
    event.body().map_err(|error| Failure::new(FailureKind::Damaged, error.to_string()))
}

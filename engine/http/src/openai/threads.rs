//! Which conversation a request goes on with.
//!
//! A client of OpenAI's interface sends the whole conversation each time. Each message has a *mark*: a hash over its role, its
//! text and the mark of the message before it. So a mark stands for everything said up to there, and where the marks of what
//! a client sends are known, the conversation is: only what is new is added, behind the message with the last known mark. Where
//! something else follows that message already, what is new becomes a branch of its own.
//!
//! The table of marks is nothing but a view of the engine's conversations: it is made from those that were changed since it was
//! last looked at, when a mark is not found in it. So it outlives no process and need not, and a conversation that began at a
//! terminal can be gone on with, too. Instructions (`system`) are no part of a conversation here, and of no mark.
//!
//! A request with nothing said before begins a new conversation, even if another one began alike.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::{Mutex, PoisonError};

use zo_engine::engine::Engine;
use zo_engine::protocol::{Answer, ConversationLine, Failure, MAX_PAGE, MessageLine, Query, Request, Response};
use zo_engine::service;
use zo_projections::Timestamp;
use zo_projections::event::conversation::Role;

use super::messages::Said;

/// So many conversations are looked through for marks at the most, last changed first.
const MOST_CONVERSATIONS: u32 = 2_000;
/// So many of them are listed at a time.
const PAGE: u32 = 50;
/// With more marks than this the table is begun anew.
const MOST_MARKS: usize = 500_000;

/// Everything that was said up to a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Mark([u8; 16]);

impl Mark {
    /// The mark of a message behind this one. White space around a text does not count: clients take it off.
    pub(super) fn then(self, role: Role, text: &str) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.0).update(&[role as u8]).update(text.trim().as_bytes());
        Self(*hasher.finalize().as_bytes().first_chunk().expect("a hash has 32 bytes"))
    }

    /// The marks of messages that follow each other.
    pub(super) fn of(said: &[Said]) -> Vec<Self> {
        let mut mark = Self::default();
        said.iter()
            .map(|said| {
                mark = mark.then(said.role, &said.text);
                mark
            })
            .collect()
    }
}

/// Where a message is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) conversation: String,
    pub(super) message: String,
}

/// Messages by their marks.
#[derive(Default)]
pub(crate) struct Threads {
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    places: HashMap<Mark, Place>,
    /// Conversations changed before this have been looked through.
    seen: Option<Timestamp>,
}

impl Threads {
    /// How many of these messages are in one conversation, one behind the other, and where the last of them is.
    ///
    /// # Errors
    /// If conversations cannot be read.
    pub(super) fn find(&self, engine: &Engine, marks: &[Mark]) -> Result<Option<(usize, Place)>, Failure> {
        let Some(last) = marks.last() else { return Ok(None) };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if !known.places.contains_key(last) {
            known.look(engine)?;
        }
        let place = |(index, mark): (usize, &Mark)| Some((index + 1, known.places.get(mark)?.clone()));
        Ok(marks.iter().enumerate().rev().find_map(place))
    }

    /// Remembers where a message is.
    pub(super) fn note(&self, mark: Mark, place: Place) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).note(mark, place);
    }
}

impl Known {
    fn note(&mut self, mark: Mark, place: Place) {
        if self.places.len() >= MOST_MARKS {
            *self = Self::default();
        }
        self.places.insert(mark, place);
    }

    /// Takes in the conversations that were changed since it was last looked.
    fn look(&mut self, engine: &Engine) -> Result<(), Failure> {
        let mut newest = self.seen;
        let mut skip = 0;
        'all: while skip < MOST_CONVERSATIONS {
            let lines = conversations(engine, skip)?;
            let count = lines.len();
            for line in lines {
                // Within one millisecond there may have been more than was seen.
                if self.seen.is_some_and(|seen| line.changed_at < seen) {
                    break 'all;
                }
                newest = newest.max(Some(line.changed_at));
                self.take(engine, &line)?;
            }
            if count < PAGE as usize {
                break;
            }
            skip += PAGE;
        }
        self.seen = newest;
        Ok(())
    }

    fn take(&mut self, engine: &Engine, line: &ConversationLine) -> Result<(), Failure> {
        let mut marks: HashMap<String, Mark> = HashMap::new();
        let mut skip = 0;
        loop {
            let messages = messages(engine, &line.id, skip)?;
            let count = messages.len();
            for message in messages {
                let parent = message.parent.as_ref().and_then(|parent| marks.get(parent)).copied();
                // Instructions of an import are no part of what a client sends as said.
                let mark = match message.role {
                    Role::System => parent.unwrap_or_default(),
                    role => parent.unwrap_or_default().then(role, message.content.as_deref().unwrap_or_default()),
                };
                if message.role != Role::System {
                    self.note(mark, Place { conversation: line.id.clone(), message: message.id.clone() });
                }
                marks.insert(message.id, mark);
            }
            if count < MAX_PAGE {
                return Ok(());
            }
            skip += u32::try_from(MAX_PAGE).unwrap_or(u32::MAX);
        }
    }
}

fn conversations(engine: &Engine, skip: u32) -> Result<Vec<ConversationLine>, Failure> {
    match ask(engine, Query::Conversations { nested: false, skip, limit: PAGE })? {
        Some(Answer::Conversations { conversations, .. }) => Ok(conversations),
        _ => Ok(Vec::new()),
    }
}

fn messages(engine: &Engine, conversation: &str, skip: u32) -> Result<Vec<MessageLine>, Failure> {
    let limit = u32::try_from(MAX_PAGE).unwrap_or(u32::MAX);
    let query = Query::Conversation { reference: conversation.to_owned(), all_branches: true, skip, limit };
    match ask(engine, query)? {
        Some(Answer::Conversation { messages, .. }) => Ok(messages),
        _ => Ok(Vec::new()),
    }
}

/// The answer to a query. Blocks.
fn ask(engine: &Engine, query: Query) -> Result<Option<Answer>, Failure> {
    let mut answer = None;
    service::handle(engine, Request::Query { query, at: None }, &mut |response| {
        if let Response::Answer(given) = response {
            answer = Some(*given);
        }
        ControlFlow::Continue(())
    })?;
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_stands_for_all_that_was_said() {
        let said =
            |texts: &[(Role, &str)]| texts.iter().fold(Mark::default(), |mark, (role, text)| mark.then(*role, text));
        let one = said(&[(Role::User, "hi"), (Role::Assistant, "hello")]);
        assert_eq!(one, said(&[(Role::User, " hi\n"), (Role::Assistant, "hello ")]));
        assert_ne!(one, said(&[(Role::Assistant, "hi"), (Role::User, "hello")]));
        assert_ne!(one, said(&[(Role::User, "hih"), (Role::Assistant, "ello")]));
        assert_ne!(one, said(&[(Role::User, "hello")]));
    }
}

//! What of the log is recalled: an event that holds a text becomes a document of the index.

use serde_json::{Map, Value};
use zo_memory::{Document, Kind};
use zo_projections::event::conversation::{MessageBody, Role};
use zo_projections::event::{Event, memory};
use zo_projections::{Category, ConversationId};

use crate::providers::OFFLINE;
use crate::reader::ReadEvent;

/// Raised whenever another event becomes a document, or an event another document: the words are indexed anew then, and
/// vectors of texts that are the same are kept.
pub(super) const VERSION: u32 = 1;

/// Under which names `meta` tells the usual things. Imports that are told other names put these beside them.
const TITLE: &[&str] = &["title"];
const SPEAKER: &[&str] = &["speaker", "role"];
const CONVERSATION: &[&str] = &["conversation", "conv"];
const SESSION: &[&str] = &["session"];
/// What lies deeper in `meta` than this is not to be filtered by.
const MAX_DEPTH: usize = 4;

/// Whether streams of this category can hold documents: the others need not be decoded.
pub(super) fn may_hold(category: Category) -> bool {
    matches!(category, Category::Memory | Category::Conversation)
}

/// The document that an event holds: a revision of a memory, or what a person or model said. None if it holds none, or
/// its body cannot be opened.
pub(super) fn document(event: &ReadEvent) -> Option<Document> {
    match &event.recorded.event {
        Event::Memorized(memory::Memorized { occurred_at, .. })
        | Event::Superseded(memory::Superseded { occurred_at, .. }) => {
            let body: memory::Body = event.body().ok()??;
            let meta = object(body.meta.as_deref());
            let item = event.recorded.header.stream.id;
            Some(Document {
                session: session(&meta),
                date_ms: occurred_at.map(|at| at.0),
                ..base(event, item, Kind::Memory, body.content, &meta)
            })
        }
        // The built-in responder only quotes: what it quoted is found itself, as long as it is valid.
        Event::MessageAdded(message) if message.model.as_deref() == Some(OFFLINE) => None,
        Event::MessageAdded(message) if matches!(message.role, Role::User | Role::Assistant) => {
            let body: MessageBody = event.body().ok()??;
            if body.content.trim().is_empty() {
                return None;
            }
            let meta = object(body.meta.as_deref());
            let document = base(event, message.message.0, Kind::Message, body.content, &meta);
            Some(Document {
                session: Some(ConversationId(event.recorded.header.stream.id).to_string()),
                speaker: body.author.or(document.speaker),
                date_ms: message.occurred_at.map(|at| at.0),
                ..document
            })
        }
        _ => None,
    }
}

/// Words for a part in a conversation, which are nobody's name.
const ROLES: &[&str] = &["system", "user", "assistant", "tool", "human", "ai", "model", "bot"];

fn base(event: &ReadEvent, item: u128, kind: Kind, text: String, meta: &Map<String, Value>) -> Document {
    let header = &event.recorded.header;
    Document {
        position: header.position.0,
        item,
        kind,
        text,
        title: text_under(meta, TITLE),
        speaker: text_under(meta, SPEAKER).filter(|name| !ROLES.contains(&name.to_lowercase().as_str())),
        session: None,
        date_ms: None,
        recorded_ms: header.at.0,
        facets: facets(meta),
    }
}

/// The session that a text of a conversation belongs to: sessions are numbered anew in every conversation.
fn session(meta: &Map<String, Value>) -> Option<String> {
    match (text_under(meta, CONVERSATION), text_under(meta, SESSION)) {
        (None, session) => session,
        (conversation, None) => conversation,
        (Some(conversation), Some(session)) => Some(format!("{conversation}\n{session}")),
    }
}

/// `meta` as an object; an empty one if it is none.
pub(crate) fn object(meta: Option<&str>) -> Map<String, Value> {
    meta.and_then(|meta| serde_json::from_str(meta).ok()).unwrap_or_default()
}

fn text_under(meta: &Map<String, Value>, names: &[&str]) -> Option<String> {
    let filled = |text: &String| !text.trim().is_empty();
    names.iter().filter_map(|name| meta.get(*name)).find_map(|value| as_text(value).filter(filled))
}

/// Every value of `meta` as `(key, text)`: of objects within it under `outer.inner`, of lists each one.
fn facets(meta: &Map<String, Value>) -> Vec<(String, String)> {
    let mut facets = Vec::with_capacity(meta.len());
    for (key, value) in meta {
        add_facets(key.clone(), value, MAX_DEPTH, &mut facets);
    }
    facets
}

fn add_facets(key: String, value: &Value, depth: usize, facets: &mut Vec<(String, String)>) {
    match value {
        Value::Object(inner) if depth > 0 => {
            for (name, value) in inner {
                add_facets(format!("{key}.{name}"), value, depth - 1, facets);
            }
        }
        Value::Array(values) if depth > 0 => {
            for value in values {
                add_facets(key.clone(), value, depth - 1, facets);
            }
        }
        value => facets.extend(as_text(value).map(|text| (key, text))),
    }
}

/// A string as it is, a number or truth value as JSON writes it.
fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests;

//! Requests about recall: hits of the memory index made into what a reader sees, from the log.

use zo_projections::event::Event;
use zo_projections::event::conversation::MessageBody;
use zo_projections::{ConversationId, Position};

use super::conversation::body_of;
use super::memory;
use crate::engine::Engine;
use crate::protocol::{Answer, At, Explanation, Failure, FailureKind, RecallQuestion, Recalled, RecalledHit};
use crate::reader::ReadEvent;

pub(super) fn recall(engine: &Engine, question: &RecallQuestion, at: Option<At>) -> Result<Answer, Failure> {
    let _ = at;
    let limit = (question.limit as usize).clamp(1, crate::protocol::MAX_PAGE);
    let found = engine.recall.search(&engine.writer, &engine.reader, &question.text, limit)?;
    let head = engine.writer.read(|views| views.position)?;
    let events = engine.reader.events(found.hits.iter().map(|hit| Position(hit.position)))?;
    let mut hits = Vec::with_capacity(found.hits.len());
    for (hit, event) in found.hits.iter().zip(events) {
        let mut line = line(&event)?;
        line.score = hit.score;
        hits.push(line);
    }
    Ok(Answer::Recalled(Recalled { indexed: found.indexed, head, hits, ..Recalled::default() }))
}

/// What a hit shows, from the event that holds it.
fn line(event: &ReadEvent) -> Result<RecalledHit, Failure> {
    let header = &event.recorded.header;
    let mut line = RecalledHit {
        id: String::new(),
        conversation: None,
        content: String::new(),
        passage: None,
        meta: None,
        role: None,
        speaker: None,
        score: 0.0,
        position: header.position,
        at: header.at,
        occurred_at: None,
        before: None,
        after: None,
        explanation: Explanation::default(),
    };
    match &event.recorded.event {
        Event::MessageAdded(message) => {
            let body: MessageBody = body_of(event)?.unwrap_or_default();
            line.id = message.message.to_string();
            line.conversation = Some(ConversationId(header.stream.id).to_string());
            line.role = Some(message.role);
            line.occurred_at = message.occurred_at;
            (line.content, line.speaker, line.meta) = (body.content, body.author, body.meta);
        }
        Event::Memorized(zo_projections::event::memory::Memorized { occurred_at, .. })
        | Event::Superseded(zo_projections::event::memory::Superseded { occurred_at, .. }) => {
            line.id = memory::user_id(event, zo_projections::MemoryId(header.stream.id));
            line.occurred_at = *occurred_at;
            if let Some(body) = memory::body(event)? {
                (line.content, line.meta) = (body.content, body.meta);
            }
        }
        other => {
            let message = format!("the event at position {}, {}, cannot be recalled", header.position, other.name());
            return Err(Failure::new(FailureKind::Damaged, message));
        }
    }
    Ok(line)
}

//! Decisions about memories.

use super::{Decision, NewEvent, check_name, record, text_size};
use crate::command::Rejection;
use crate::event::memory::{Body, Forgotten, Memorized, Retracted, Superseded};
use crate::event::run::ReasonBody;
use crate::ids::{Digest, MemoryId};
use crate::record::Actor;
use crate::time::Timestamp;
use crate::views::Views;
use crate::views::memories::{Memory, State};

pub(super) fn memorize(
    views: &Views,
    actor: Actor,
    id: Option<MemoryId>,
    digest: Digest,
    occurred_at: Option<Timestamp>,
    body: &Body,
    fresh_id: &mut dyn FnMut() -> u128,
) -> Result<Decision, Rejection> {
    check(body)?;
    let Some(id) = id else {
        if let Some(same) = views.memories.by_digest(digest) {
            return Ok(Decision::already(same.id, same.current.position));
        }
        return memorized(MemoryId(fresh_id()), false, digest, occurred_at, body);
    };
    match views.memories.get(id) {
        Some(memory) if memory.state == State::Live => supersede(views, id, digest, occurred_at, body),
        // What was found wrong or hidden does not come back by importing the same once more; a person may want it to.
        Some(memory) if actor == Actor::Import && memory.current.digest == digest => {
            Ok(Decision::already(id, memory.current.position))
        }
        _ => memorized(id, true, digest, occurred_at, body),
    }
}

fn memorized(
    id: MemoryId,
    named: bool,
    digest: Digest,
    occurred_at: Option<Timestamp>,
    body: &Body,
) -> Result<Decision, Rejection> {
    let size = text_size("the content", &body.content)?;
    Ok(record([NewEvent::new(id, Memorized { digest, named, size, occurred_at }).with_body(body)]))
}

pub(super) fn supersede(
    views: &Views,
    id: MemoryId,
    digest: Digest,
    occurred_at: Option<Timestamp>,
    body: &Body,
) -> Result<Decision, Rejection> {
    let memory = existing(views, id)?;
    match memory.state {
        State::Live if memory.current.digest == digest => Ok(Decision::already(id, memory.current.position)),
        State::Live => {
            check(body)?;
            let size = text_size("the content", &body.content)?;
            Ok(record([NewEvent::new(id, Superseded { digest, size, occurred_at }).with_body(body)]))
        }
        State::Retracted(since) => {
            Err(Rejection::state("memory", id, format!("was retracted at position {since}; memorize it anew")))
        }
        State::Forgotten(_) => Err(Rejection::not_found("memory", id)),
    }
}

pub(super) fn retract(views: &Views, id: MemoryId, reason: Option<String>) -> Result<Decision, Rejection> {
    match existing(views, id)?.state {
        State::Live => {
            let event = NewEvent::new(id, Retracted {});
            Ok(record([match reason {
                Some(reason) => {
                    text_size("the reason", &reason)?;
                    event.with_body(&ReasonBody { reason })
                }
                None => event,
            }]))
        }
        State::Retracted(since) => Ok(Decision::already(id, since)),
        State::Forgotten(_) => Err(Rejection::not_found("memory", id)),
    }
}

pub(super) fn forget(views: &Views, id: MemoryId) -> Result<Decision, Rejection> {
    match existing(views, id)?.state {
        State::Live | State::Retracted(_) => Ok(record([NewEvent::new(id, Forgotten {})])),
        State::Forgotten(since) => Ok(Decision::already(id, since)),
    }
}

fn existing(views: &Views, id: MemoryId) -> Result<&Memory, Rejection> {
    views.memories.get(id).ok_or_else(|| Rejection::not_found("memory", id))
}

fn check(body: &Body) -> Result<(), Rejection> {
    if let Some(name) = &body.name {
        check_name("the id", name)?;
    }
    if body.content.trim().is_empty() {
        return Err(Rejection::Invalid { what: "the content".to_owned(), why: "it is empty".to_owned() });
    }
    if let Some(meta) = &body.meta {
        text_size("the meta", meta)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;

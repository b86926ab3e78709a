//! Requests about memories.

use zo_projections::event::{Event, memory};
use zo_projections::views::memories::{Memory, Revision, State};
use zo_projections::{Actor, Command, ExpectedVersion, MemoryId, Position, Rejection, StreamId, Submission, Views};

use super::{acknowledge, check_count};
use crate::engine::Engine;
use crate::names::canonical_json;
use crate::protocol::{Acknowledged, Answer, At, Failure, FailureKind, MemoryLine, NewMemory};
use crate::reader::ReadEvent;

pub(super) fn memorize(
    engine: &Engine,
    actor: Actor,
    items: Vec<NewMemory>,
) -> Result<Vec<Result<Acknowledged, Failure>>, Failure> {
    check_count("items", items.len())?;
    let mut names = Vec::with_capacity(items.len());
    let mut submissions = Vec::with_capacity(items.len());
    let mut refused = Vec::new();
    for (index, item) in items.into_iter().enumerate() {
        match canonical_meta(item.meta.as_deref()) {
            Ok(meta) => {
                let digest = engine.names.content(&item.content, meta.as_deref());
                let id = item.id.as_deref().map(|name| engine.names.memory(name));
                names.push((id, item.id.clone()));
                let body = memory::Body { name: item.id, content: item.content, meta };
                let command = Command::Memorize { id, digest, occurred_at: item.occurred_at, body };
                submissions.push(Submission::new(actor, command));
            }
            Err(failure) => refused.push((index, failure)),
        }
    }
    let outcomes = engine.writer.submit(submissions);
    let mut results = Vec::with_capacity(outcomes.len() + refused.len());
    for ((_, name), outcome) in names.into_iter().zip(outcomes) {
        let id = outcome.as_ref().map_or(0, |receipt| receipt.stream.id);
        results.push(acknowledge(name.unwrap_or_else(|| MemoryId(id).to_string()), outcome));
    }
    for (index, failure) in refused {
        results.insert(index, Err(failure));
    }
    Ok(results)
}

pub(super) fn supersede(
    engine: &Engine,
    reference: &str,
    content: String,
    meta: Option<String>,
    expected: Option<u32>,
) -> Result<Acknowledged, Failure> {
    let (id, current) = find(engine, None, reference, |memory| (memory.id, (memory.current.position, memory.state)))?;
    let old = body(&engine.reader.event(current.0)?)?;
    let meta = match meta {
        Some(meta) => canonical_meta(Some(&meta))?,
        None => old.as_ref().and_then(|old| old.meta.clone()),
    };
    let digest = engine.names.content(&content, meta.as_deref());
    let name = old.and_then(|old| old.name);
    let shown = name.clone().unwrap_or_else(|| id.to_string());
    let body = memory::Body { name, content, meta };
    submit(engine, shown, id, expected, Command::Supersede { id, digest, occurred_at: None, body })
}

pub(super) fn retract(
    engine: &Engine,
    reference: &str,
    reason: Option<String>,
    expected: Option<u32>,
) -> Result<Acknowledged, Failure> {
    let id = find(engine, None, reference, |memory| memory.id)?;
    submit(engine, reference.to_owned(), id, expected, Command::Retract { id, reason })
}

pub(super) fn forget(engine: &Engine, reference: &str) -> Result<Acknowledged, Failure> {
    let id = find(engine, None, reference, |memory| memory.id)?;
    submit(engine, reference.to_owned(), id, None, Command::Forget { id })
}

fn submit(
    engine: &Engine,
    shown: String,
    id: MemoryId,
    expected: Option<u32>,
    command: Command,
) -> Result<Acknowledged, Failure> {
    let mut submission = Submission::new(Actor::User, command);
    if let Some(version) = expected {
        submission = submission.expecting(StreamId::from(id), ExpectedVersion::Exactly(version));
    }
    acknowledge(shown, engine.writer.submit_one(submission))
}

pub(super) fn list(
    engine: &Engine,
    at: Option<At>,
    retracted: bool,
    before: Option<Position>,
    limit: usize,
) -> Result<Answer, Failure> {
    let page = engine.ask_views(at, |views| page(views, retracted, before, limit))?;
    let next = (page.len() == limit).then(|| page.last().map(|(_, revision, _, _)| revision.position)).flatten();
    Ok(Answer::Memories { memories: lines(engine, page)?, next })
}

type Place = (MemoryId, Revision, State, Option<Position>);

/// The newest revisions before a position, newest first. Memories lie in the order in which they came into being,
/// which is nearly that of their newest revisions: what was revised since is found by looking at all.
fn page(views: &Views, retracted: bool, before: Option<Position>, limit: usize) -> Vec<Place> {
    let wanted = |state: State| match state {
        State::Live => true,
        State::Retracted(_) => retracted,
        State::Forgotten(_) => false,
    };
    let mut newest = std::collections::BinaryHeap::with_capacity(limit + 1);
    for memory in views.memories.iter() {
        let position = memory.current.position;
        if wanted(memory.state) && before.is_none_or(|before| position < before) {
            newest.push(std::cmp::Reverse((position, memory.id)));
            if newest.len() > limit {
                newest.pop();
            }
        }
    }
    let ids = newest.into_sorted_vec().into_iter().map(|std::cmp::Reverse((_, id))| id);
    ids.filter_map(|id| views.memories.get(id)).map(place).collect()
}

fn place(memory: &Memory) -> Place {
    let until = match memory.state {
        State::Live => None,
        State::Retracted(since) | State::Forgotten(since) => Some(since),
    };
    (memory.id, memory.current, memory.state, until)
}

pub(super) fn show(engine: &Engine, at: Option<At>, reference: &str) -> Result<Answer, Failure> {
    let (current, older) = find(engine, at, reference, |memory| (place(memory), memory.older.clone()))?;
    let id = current.0;
    let mut next = current.1.position;
    let mut places = vec![current];
    let mut states = Vec::new();
    for (revision, until) in older.into_iter().rev() {
        // It ended where the next one begins, or where it was found wrong or hidden before that.
        let ended = if until == next { None } else { Some(engine.reader.event(until)?.recorded.event) };
        next = revision.position;
        match ended {
            Some(Event::Forgotten(_)) => continue,
            Some(Event::Retracted(_)) => states.push("retracted"),
            _ => states.push("superseded"),
        }
        places.push((id, revision, State::Live, Some(until)));
    }
    let mut lines = lines(engine, places)?;
    for (older, state) in lines.iter_mut().skip(1).zip(states) {
        older.state = state.to_owned();
    }
    let memory = lines.remove(0);
    Ok(Answer::Memory { memory, older: lines })
}

fn lines(engine: &Engine, places: Vec<Place>) -> Result<Vec<MemoryLine>, Failure> {
    let events = engine.reader.events(places.iter().map(|(_, revision, _, _)| revision.position))?;
    let lines = places.into_iter().zip(events).map(|((id, revision, state, until), event)| {
        let (name, content, meta) = match body(&event)? {
            Some(body) => (body.name, Some(body.content), body.meta),
            None => (None, None, None),
        };
        Ok(MemoryLine {
            id: name.unwrap_or_else(|| id.to_string()),
            state: match state {
                State::Live => "live",
                State::Retracted(_) => "retracted",
                State::Forgotten(_) => "forgotten",
            }
            .to_owned(),
            position: revision.position,
            version: revision.version,
            at: revision.at,
            occurred_at: revision.occurred_at,
            until,
            content,
            meta,
        })
    });
    lines.collect()
}

/// Finds the memory that a user means by `reference`: a name that was given, or a ULID. Forgotten ones are not found.
pub(super) fn find<T>(
    engine: &Engine,
    at: Option<At>,
    reference: &str,
    then: impl FnOnce(&Memory) -> T,
) -> Result<T, Failure> {
    let named = engine.names.memory(reference);
    let literal = reference.parse::<MemoryId>().ok();
    let found = engine.ask_views(at, |views| {
        let known = |id: MemoryId| views.memories.get(id).filter(|m| !matches!(m.state, State::Forgotten(_)));
        known(named).or_else(|| literal.and_then(known)).map(then)
    })?;
    found.ok_or_else(|| Rejection::not_found("memory", reference).into())
}

/// The id that a user knows a memory by, from one of its revisions.
pub(crate) fn user_id(event: &ReadEvent, id: MemoryId) -> String {
    body(event).ok().flatten().and_then(|body| body.name).unwrap_or_else(|| id.to_string())
}

/// The body of a revision; `None` if it cannot be opened.
pub(crate) fn body(event: &ReadEvent) -> Result<Option<memory::Body>, Failure> {
    match &event.recorded.event {
        Event::Memorized(_) | Event::Superseded(_) => {
            event.body().map_err(|error| Failure::new(FailureKind::Damaged, error.to_string()))
        }
        _ => Ok(None),
    }
}

/// Meta as it is kept: canonical, so that equal meta is equal text.
pub(super) fn canonical_meta(meta: Option<&str>) -> Result<Option<String>, Failure> {
    let Some(meta) = meta else { return Ok(None) };
    canonical_json(meta).map_err(|why| {
        Failure::new(FailureKind::Invalid, format!("the meta is not a JSON object: {why}"))
            .hint("give it as KEY=VALUE, or as an object such as {\"topic\": \"rust\"}")
    })
}

//! Requests about keys and values.

use zo_projections::event::kv::Body;
use zo_projections::{Actor, Category, Command, ExpectedVersion, Rejection, StreamId, Submission};

use super::acknowledge;
use crate::engine::Engine;
use crate::protocol::{Acknowledged, Answer, At, Failure, FailureKind, KeyLine};
use crate::writer::SubmitError;

pub(super) fn set(
    engine: &Engine,
    key: String,
    value: String,
    expected: Option<u32>,
    idempotency: u128,
) -> Result<Acknowledged, Failure> {
    let id = engine.names.key(&key);
    let stream = StreamId::new(Category::Kv, id);
    loop {
        let command = Command::SetKey { id, key: key.clone(), value: value.clone() };
        let mut submission = Submission::new(Actor::User, command).keyed(idempotency);
        if let Some(version) = expected {
            let version = if version == 0 { absent(engine, stream, &key, idempotency)? } else { Some(version) };
            submission.expected = version.map(|version| (stream, expectation(version)));
        }
        match engine.writer.submit_one(submission) {
            // Somebody set and deleted it just now: it may be absent again.
            Err(SubmitError::Rejected(Rejection::Conflict { .. })) if expected == Some(0) => {}
            outcome => return acknowledge(key, outcome),
        }
    }
}

fn expectation(version: u32) -> ExpectedVersion {
    if version == 0 { ExpectedVersion::NoStream } else { ExpectedVersion::Exactly(version) }
}

/// The version at which a key that has no value stands; `None` if the command was carried out before.
fn absent(engine: &Engine, stream: StreamId, key: &str, idempotency: u128) -> Result<Option<u32>, Failure> {
    let (value, version, done) = engine.writer.read(|views| {
        let done = views.idempotency.get(idempotency).is_some();
        (views.key_values.get(key), views.streams.version(stream), done)
    })?;
    match value {
        _ if done => Ok(None),
        None => Ok(Some(version)),
        Some(value) => {
            let message = format!("key {key} has a value since position {}", value.position);
            Err(Failure::new(FailureKind::Conflict, message).hint("`zo kv get` shows it; --if-version replaces it"))
        }
    }
}

pub(super) fn delete(engine: &Engine, key: String, idempotency: u128) -> Result<Acknowledged, Failure> {
    let id = engine.names.key(&key);
    let shown = key.clone();
    let submission = Submission::new(Actor::User, Command::DeleteKey { id, key }).keyed(idempotency);
    acknowledge(shown, engine.writer.submit_one(submission))
}

pub(super) fn get(engine: &Engine, at: Option<At>, key: &str) -> Result<Answer, Failure> {
    let value = engine.ask_views(at, |views| views.key_values.get(key))?;
    let value = value.ok_or_else(|| Rejection::not_found("key", key))?;
    Ok(Answer::Keys(lines(engine, vec![(key.to_owned(), value)])?))
}

pub(super) fn list(
    engine: &Engine,
    at: Option<At>,
    prefix: &str,
    after: Option<&str>,
    limit: usize,
) -> Result<Answer, Failure> {
    let page = engine.ask_views(at, |views| {
        views
            .key_values
            .after(prefix, after)
            .take(limit)
            .map(|(key, value)| (key.to_owned(), value))
            .collect::<Vec<_>>()
    })?;
    Ok(Answer::Keys(lines(engine, page)?))
}

fn lines(
    engine: &Engine,
    page: Vec<(String, zo_projections::views::key_values::KeyValue)>,
) -> Result<Vec<KeyLine>, Failure> {
    let events = engine.reader.events(page.iter().map(|(_, value)| value.position))?;
    let lines = page.into_iter().zip(events).map(|((key, value), event)| {
        let body: Option<Body> = event.body().map_err(|error| Failure::new(FailureKind::Damaged, error.to_string()))?;
        Ok(KeyLine {
            key,
            value: body.map(|body| body.value),
            position: value.position,
            version: value.version,
            at: value.at,
        })
    });
    lines.collect()
}

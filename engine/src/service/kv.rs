//! Requests about keys and values.

use zo_projections::event::kv::Body;
use zo_projections::{Actor, Category, Command, ExpectedVersion, Rejection, StreamId, Submission};

use super::acknowledge;
use crate::engine::Engine;
use crate::protocol::{Acknowledged, Answer, At, Failure, FailureKind, KeyLine};

pub(super) fn set(
    engine: &Engine,
    key: String,
    value: String,
    expected: Option<u32>,
    idempotency: u128,
) -> Result<Acknowledged, Failure> {
    let id = engine.names.key(&key);
    let shown = key.clone();
    let mut submission = Submission::new(Actor::User, Command::SetKey { id, key, value }).keyed(idempotency);
    if let Some(version) = expected {
        let version = if version == 0 { ExpectedVersion::NoStream } else { ExpectedVersion::Exactly(version) };
        submission = submission.expecting(StreamId::new(Category::Kv, id), version);
    }
    acknowledge(shown, engine.writer.submit_one(submission))
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

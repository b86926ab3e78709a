//! How something in a session came out: recorded, and told.

use std::time::Duration;

use serde_json::Value;
use zo_browser::act::Act;
use zo_browser::{ActError, ActErrorKind, Done};
use zo_projections::event::browser::{ActOutcome, Acted, ActedBody, ArtifactBody};
use zo_projections::{Actor, BrowserId, Command, Position, Submission};

use super::recorded;
use super::starting::Pages;
use crate::engine::Engine;
use crate::protocol::{Browsed, BrowsedArtifact, BrowsedDownload, Failure, FailureKind};

/// Something that has ended.
pub(super) struct Ended<'a> {
    pub(super) id: BrowserId,
    pub(super) begun: Position,
    pub(super) act: &'a Act,
    /// Whether what it wrote was found to be a secret.
    pub(super) concealed: bool,
    pub(super) session: &'a str,
    pub(super) took: Duration,
    pub(super) pages: Pages,
}

/// Records how it came out, and tells.
pub(super) fn end(engine: &Engine, ended: Ended<'_>, result: Result<Done, ActError>) -> Result<Browsed, Failure> {
    let took_ms = u32::try_from(ended.took.as_millis()).unwrap_or(u32::MAX);
    let front = u32::try_from(ended.pages.front).unwrap_or_default();
    let outcome = if result.is_ok() { ActOutcome::Done } else { ActOutcome::Failed };
    let pages = u32::try_from(ended.pages.urls.len()).unwrap_or(u32::MAX);
    let acted = Acted { begun: ended.begun, outcome, took_ms, pages };
    let front_url = ended.pages.urls.get(ended.pages.front).cloned().unwrap_or_default();
    let mut body = ActedBody { pages: ended.pages.urls, front, ..ActedBody::default() };
    let (done, error) = match result {
        Ok(done) => (done, None),
        Err(error) => {
            body.reason = Some(format!("{}: {}", error.kind, error.message));
            (Done { url: front_url, notes: error.notes.clone(), ..Done::default() }, Some(error))
        }
    };
    (body.result, body.text) = recorded::given(ended.act, &done.value, done.text.as_deref());
    (body.url, body.title) = (done.url.clone(), done.title.clone());
    body.notes = done.notes.iter().map(recorded::note).collect();
    if ended.concealed {
        body.notes
            .push("the field is for a password: what was to be written into it is left out of what is recorded of the browser".to_owned());
    }
    if let Some(status) = done.value.get("status").and_then(Value::as_u64).filter(|status| *status >= 400) {
        body.notes.push(format!("the server answered {status}"));
    }
    let notes = body.notes.clone();
    let body = without_secrets(engine, body);
    let artifacts = done.artifacts.iter().map(|artifact| {
        let body = ArtifactBody { name: artifact.name.clone(), bytes: artifact.bytes.clone() };
        (artifact.media_type.clone(), body)
    });
    let command = Command::EndAct { browser: ended.id, acted, body: Box::new(body), artifacts: artifacts.collect() };
    let position = engine.writer.submit_one(Submission::new(Actor::Engine, command))?.position;
    if let Some(error) = error {
        return Err(failure_of(&error));
    }
    Ok(browsed(ended.session, ended.act, position, took_ms, done, notes))
}

/// What is written down: pages say again what was typed into them.
fn without_secrets(engine: &Engine, body: ActedBody) -> ActedBody {
    let clean = |text: String| engine.browsers.without_secrets(text);
    ActedBody {
        url: clean(body.url),
        title: clean(body.title),
        result: body.result.map(clean),
        text: body.text.map(clean),
        reason: body.reason.map(clean),
        notes: body.notes.into_iter().map(clean).collect(),
        pages: body.pages.into_iter().map(clean).collect(),
        front: body.front,
    }
}

fn browsed(session: &str, act: &Act, position: Position, took_ms: u32, done: Done, notes: Vec<String>) -> Browsed {
    // Those in one commit stand in front of its last event, in order.
    let first = position.0.saturating_sub(done.artifacts.len() as u64);
    let artifacts = done.artifacts.into_iter().zip(first..).map(|(artifact, position)| BrowsedArtifact {
        name: artifact.name,
        media_type: artifact.media_type,
        position: Position(position),
        size: u32::try_from(artifact.bytes.len()).unwrap_or(u32::MAX),
        bytes: artifact.bytes,
    });
    let downloads = done.downloads.into_iter().map(|download| BrowsedDownload {
        path: download.path.display().to_string(),
        name: download.name,
        url: download.url,
        size: download.size,
    });
    Browsed {
        session: session.to_owned(),
        act: act.name().to_owned(),
        position,
        url: done.url,
        title: done.title,
        value: (done.value != Value::Null).then(|| done.value.to_string()),
        text: done.text,
        artifacts: artifacts.collect(),
        downloads: downloads.collect(),
        notes,
        took_ms,
    }
}

/// An act that failed, as a request's failure.
pub(super) fn failure_of(error: &ActError) -> Failure {
    use ActErrorKind::{
        Ambiguous, Covered, Crashed, Detached, Disabled, Invalid, Io, Navigation, NotFound, NotVisible, Refused,
        Script, Stopped, Timeout, TooLarge,
    };
    let kind = match error.kind {
        Invalid => FailureKind::Invalid,
        NotFound => FailureKind::NotFound,
        Ambiguous | Covered | Detached | Disabled | NotVisible | Refused | Stopped => FailureKind::Refused,
        Navigation | Timeout | Script | Crashed | TooLarge | Io => FailureKind::Io,
    };
    Failure { kind, message: format!("{}: {}", error.kind, error.message), hint: error.hint.clone() }
}

//! Decisions about browser sessions.

use super::{
    Decision, MAX_FILE_BYTES, MAX_FILES, MAX_OPTIONS, MAX_TEXT_BYTES, NewEvent, check_count, check_length, check_name,
    record,
};
use crate::command::Rejection;
use crate::event::browser::{ActBegun, ActBody, Acted, ActedBody, ArtifactBody, ArtifactKept, Closed, Opened, Removed};
use crate::ids::{BrowserId, Position};
use crate::views::Views;
use crate::views::browsers::Browser;

/// The most bytes that the name of a session may have: it names a folder.
const MAX_SESSION_NAME: usize = 64;
/// The longest pattern for a host, in bytes: twice [`MAX_OPTIONS`] of them have room in one event.
const MAX_HOST_BYTES: usize = 100;

fn known(views: &Views, id: BrowserId) -> Result<&Browser, Rejection> {
    views.browsers.get(id).ok_or_else(|| Rejection::not_found("browser session", id))
}

pub(super) fn open(views: &Views, id: BrowserId, opened: Opened) -> Result<Decision, Rejection> {
    check_session_name(&opened.name)?;
    for hosts in [&opened.only_hosts, &opened.deny_hosts] {
        check_count("hosts", hosts.len(), MAX_OPTIONS)?;
        hosts.iter().try_for_each(|host| check_length("a host", host.len(), MAX_HOST_BYTES))?;
    }
    match views.browsers.get(id) {
        Some(browser) if browser.guarded != opened.guarded => {
            let what = if browser.guarded { "is for agents" } else { "is not for agents" };
            Err(Rejection::state("browser session", &opened.name, what))
        }
        Some(browser) if browser.open && reaches_the_same(browser, &opened) => {
            Ok(Decision::already(id, browser.opened))
        }
        _ => Ok(record([NewEvent::new(id, opened)])),
    }
}

fn reaches_the_same(browser: &Browser, opened: &Opened) -> bool {
    browser.only_hosts == opened.only_hosts && browser.deny_hosts == opened.deny_hosts
}

/// Whether a session can be called so: its name is that of a folder too.
///
/// # Errors
/// What is wrong with it.
pub fn check_session_name(name: &str) -> Result<(), Rejection> {
    let what = "the name of the session";
    check_name(what, name)?;
    check_length(what, name.len(), MAX_SESSION_NAME)?;
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '@');
    match name.chars().find(|c| !fits(*c)) {
        None if name.starts_with('.') => Err(invalid(what, "it begins with a dot".to_owned())),
        None => Ok(()),
        Some(other) => Err(invalid(what, format!("it has {other:?} in it; letters, digits, - _ . @ will do"))),
    }
}

fn invalid(what: &str, why: String) -> Rejection {
    Rejection::Invalid { what: what.to_owned(), why }
}

/// Refuses if something is done in a session.
fn check_idle(browser: &Browser) -> Result<(), Rejection> {
    let Some(begun) = browser.under_way() else { return Ok(()) };
    let why = format!("is busy with what began at position {begun}");
    Err(Rejection::state("browser session", &browser.name, &why))
}

pub(super) fn begin(views: &Views, id: BrowserId, begun: ActBegun, body: &ActBody) -> Result<Decision, Rejection> {
    let browser = known(views, id)?;
    check_name("the act", &begun.act)?;
    check_length("the act", body.act.len(), MAX_TEXT_BYTES)?;
    if !browser.open {
        return Err(Rejection::state("browser session", &browser.name, "is closed"));
    }
    check_idle(browser)?;
    Ok(record([NewEvent::new(id, begun).with_body(body)]))
}

pub(super) fn end(
    views: &Views,
    id: BrowserId,
    acted: Acted,
    body: ActedBody,
    artifacts: Vec<(String, ArtifactBody)>,
) -> Result<Decision, Rejection> {
    let browser = known(views, id)?;
    if browser.under_way() != Some(acted.begun) {
        let why = format!("does nothing that began at position {}", acted.begun);
        return Err(Rejection::state("browser session", &browser.name, &why));
    }
    check_count("artifacts", artifacts.len(), MAX_FILES)?;
    let length = body.text.as_deref().map_or(0, str::len) + body.result.as_deref().map_or(0, str::len);
    check_length("what it gave", length, MAX_TEXT_BYTES)?;
    let kept = artifacts.into_iter().map(|(media_type, artifact)| kept(id, acted.begun, artifact, media_type));
    let mut events = kept.collect::<Result<Vec<_>, _>>()?;
    events.push(NewEvent::new(id, acted).with_body(&body));
    Ok(record(events))
}

fn kept(id: BrowserId, begun: Position, artifact: ArtifactBody, media_type: String) -> Result<NewEvent, Rejection> {
    check_name("the name of an artifact", &artifact.name)?;
    check_name("what an artifact is", &media_type)?;
    check_length("an artifact", artifact.bytes.len(), MAX_FILE_BYTES)?;
    let size = u32::try_from(artifact.bytes.len()).expect("it is below the limit, which is below 4 GiB");
    Ok(NewEvent::new(id, ArtifactKept { begun, media_type, size }).with_body(&artifact))
}

pub(super) fn close(views: &Views, id: BrowserId) -> Result<Decision, Rejection> {
    let browser = known(views, id)?;
    if !browser.open {
        return Ok(Decision::already(id, browser.closed));
    }
    check_idle(browser)?;
    Ok(record([NewEvent::new(id, Closed {})]))
}

pub(super) fn remove(views: &Views, id: BrowserId) -> Result<Decision, Rejection> {
    check_idle(known(views, id)?)?;
    Ok(record([NewEvent::new(id, Removed {})]))
}

#[cfg(test)]
mod tests;

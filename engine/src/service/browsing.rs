//! Requests about browser sessions.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use zo_browser::Act;
use zo_projections::decide::browser::check_session_name;
use zo_projections::event::Event;
use zo_projections::event::browser::{ActBody, Acted, ActedBody, ArtifactBody, Opened};
use zo_projections::views::browsers::{ActPlace, Browser};
use zo_projections::{Actor, BrowserId, Command, Position, Submission};
use zo_vault::parcel::ParcelError;

use super::{Each, acknowledge, body_of};
use crate::browsing::{self, Wish};
use crate::engine::Engine;
use crate::protocol::{
    Acknowledged, Answer, BrowseInput, Browsed, BrowsedArtifact, BrowserActLine, BrowserLine, Failure, FailureKind,
    Response, SecretText,
};
use crate::tools::rules::Rule;

/// Between two looks whether somebody still waits.
const LOOK: Duration = Duration::from_millis(100);

/// Does something in a session; broken off when nobody waits for it any more.
pub(super) fn browse(engine: &Engine, input: &BrowseInput, each: Each<'_>) -> Result<Browsed, Failure> {
    let rules = rules(engine)?;
    let left = AtomicBool::new(false);
    // What changes something is not cut off because this process is to end: it has its own deadline.
    let changes = Act::parse_json(&input.act).is_ok_and(|act| act.changes());
    let stop = || left.load(Ordering::Relaxed) || (engine.is_stopping() && !changes);
    let wish = Wish { input, run: None, rules: &rules, stop: &stop };
    let (tx, rx) = channel();
    thread::scope(|scope| {
        scope.spawn(|| {
            // Who waits is there until it comes.
            let _ = tx.send(browsing::act(engine, &wish));
        });
        loop {
            match rx.recv_timeout(LOOK) {
                Ok(Err(_)) if engine.is_stopping() && !changes && !left.load(Ordering::Relaxed) => {
                    // It only looks: the next holder is asked.
                    return Err(browsing::acting::not_begun(engine));
                }
                Ok(result) => return result,
                Err(RecvTimeoutError::Timeout) => {
                    let waiting = Response::Progress { what: "browsing".to_owned(), done: 0, total: 1 };
                    if each(waiting).is_break() {
                        left.store(true, Ordering::Relaxed);
                    }
                }
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(Failure::new(FailureKind::Io, "what was done in the browser ended in a panic"));
                }
            }
        }
    })
}

/// The rules of the home.
fn rules(engine: &Engine) -> Result<Vec<Rule>, Failure> {
    let rules =
        engine.writer.read(|views| views.rules.rules().iter().filter_map(|(rule, _)| rule.parse().ok()).collect())?;
    Ok(rules)
}

fn find(engine: &Engine, session: &str) -> Result<(BrowserId, Browser), Failure> {
    let id = BrowserId(engine.names.browser(session));
    let (found, names) = engine.writer.read(|views| {
        let names: Vec<String> = views.browsers.iter().map(|(_, browser)| browser.name.clone()).collect();
        (views.browsers.get(id).cloned(), names)
    })?;
    found.map(|browser| (id, browser)).ok_or_else(|| {
        let failure = Failure::new(FailureKind::NotFound, format!("there is no browser session {session}"));
        match zo_models::did_you_mean(session, names.iter().map(String::as_str)) {
            Some(near) => failure.hint(near),
            None => failure.hint("`zo browse list` shows those there are"),
        }
    })
}

pub(super) fn close(engine: &Engine, session: &str) -> Result<Acknowledged, Failure> {
    let (id, browser) = find(engine, session)?;
    end_browser(engine, id, &browser.name)?;
    let command = Command::CloseBrowser { browser: id };
    acknowledge(browser.name, engine.writer.submit_one(Submission::new(Actor::User, command)))
}

/// Ends the browser of a session and writes its profile, encrypted, into a file that is not there yet; whole or not at all.
pub(super) fn export(
    engine: &Engine,
    session: &str,
    file: &str,
    passphrase: &SecretText,
) -> Result<Acknowledged, Failure> {
    let (id, browser) = find(engine, session)?;
    let path = Path::new(file);
    if path.symlink_metadata().is_ok() {
        let failure = Failure::new(FailureKind::Conflict, format!("{file} is there already"));
        return Err(failure.hint("name another file, or remove that one"));
    }
    let cannot = |error: &dyn std::fmt::Display| Failure::new(FailureKind::Io, format!("cannot write {file}: {error}"));
    let (profile, _) = browsing::live::folders(&engine.home.browsers(), &browser.name);
    if !profile.is_dir() {
        return Err(Failure::new(FailureKind::NotFound, format!("browser session {session} has no profile yet")));
    }
    end_browser(engine, id, &browser.name)?;
    // Nobody begins anything in it until the file is there.
    let _turn = turn(engine, id, &browser.name)?;
    let folder = path.parent().unwrap_or(Path::new("/"));
    let mut sealed = tempfile::NamedTempFile::new_in(folder).map_err(|error| cannot(&error))?;
    let key = zo_vault::Secret::new(passphrase.0.clone());
    zo_vault::parcel::seal(sealed.as_file_mut(), &key, |out| zo_browser::archive::pack(&profile, out))
        .map_err(|error| cannot(&error))?;
    sealed.as_file().sync_all().map_err(|error| cannot(&error))?;
    sealed.persist_noclobber(path).map_err(|error| cannot(&error.error))?;
    let command = Command::CloseBrowser { browser: id };
    acknowledge(browser.name.clone(), engine.writer.submit_one(Submission::new(Actor::User, command)))
}

/// Makes a session with a profile that was exported; one that has a profile is left alone.
pub(super) fn import(
    engine: &Engine,
    session: &str,
    file: &str,
    passphrase: &SecretText,
) -> Result<Acknowledged, Failure> {
    check_session_name(session)?;
    let cannot = |kind: FailureKind, error: &dyn std::fmt::Display| Failure::new(kind, format!("{file}: {error}"));
    let sealed = std::fs::File::open(file).map_err(|error| match error.kind() {
        ErrorKind::NotFound => cannot(FailureKind::NotFound, &"there is no such file"),
        _ => cannot(FailureKind::Io, &error),
    })?;
    let id = BrowserId(engine.names.browser(session));
    let _turn = turn(engine, id, session)?;
    let (profile, _) = browsing::live::folders(&engine.home.browsers(), session);
    let key = zo_vault::Secret::new(passphrase.0.clone());
    let tar = zo_vault::parcel::open(std::io::BufReader::new(sealed), &key).map_err(|error| match error {
        ParcelError::WrongPassphrase => cannot(FailureKind::Refused, &error),
        ParcelError::Damaged => cannot(FailureKind::Invalid, &error),
        ParcelError::Io(_) => cannot(FailureKind::Io, &error),
    })?;
    zo_browser::archive::unpack(tar, &profile).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => {
            let message = format!("browser session {session} has a profile already");
            Failure::new(FailureKind::Conflict, message)
                .hint(format!("name another one with --session, or `zo browse remove --session {session}` first"))
        }
        ErrorKind::InvalidData | ErrorKind::UnexpectedEof => cannot(FailureKind::Invalid, &error),
        _ => cannot(FailureKind::Io, &error),
    })?;
    let known = engine.writer.read(|views| views.browsers.get(id).cloned())?;
    let opened = Opened {
        name: session.to_owned(),
        guarded: known.as_ref().is_some_and(|known| known.guarded),
        only_hosts: known.as_ref().map(|known| known.only_hosts.clone()).unwrap_or_default(),
        deny_hosts: known.map(|known| known.deny_hosts).unwrap_or_default(),
    };
    let command = Command::OpenBrowser { browser: id, opened };
    acknowledge(session.to_owned(), engine.writer.submit_one(Submission::new(Actor::User, command)))
}

pub(super) fn remove(engine: &Engine, session: &str) -> Result<Acknowledged, Failure> {
    let (id, browser) = find(engine, session)?;
    forget(engine, id, &browser, Actor::User)
}

/// Forgets a session, its profile and what it has downloaded.
pub(crate) fn forget(engine: &Engine, id: BrowserId, browser: &Browser, actor: Actor) -> Result<Acknowledged, Failure> {
    end_browser(engine, id, &browser.name)?;
    let command = Command::RemoveBrowser { browser: id };
    let removed = acknowledge(browser.name.clone(), engine.writer.submit_one(Submission::new(actor, command)))?;
    let folder = engine.home.browsers().join(&browser.name);
    match std::fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Failure::new(FailureKind::Io, format!("{}: {error}", folder.display())))
        }
        _ => Ok(removed),
    }
}

/// Ends the browser of a session, if nothing is done in it; its profile is written then.
fn end_browser(engine: &Engine, id: BrowserId, session: &str) -> Result<(), Failure> {
    let turn = turn(engine, id, session)?;
    browsing::acting::close_what_was_interrupted(engine, id)?;
    drop(turn);
    engine.browsers.end(id);
    Ok(())
}

/// The turn in a session, if nothing is done in it.
fn turn(engine: &Engine, id: BrowserId, session: &str) -> Result<browsing::live::Turn, Failure> {
    engine.browsers.take(id, &|| true).ok_or_else(|| {
        let message = format!("something is done in browser session {session} just now");
        Failure::new(FailureKind::Refused, message).hint("try again when it has ended")
    })
}

pub(super) fn list(engine: &Engine) -> Result<Answer, Failure> {
    let browsers: Vec<(BrowserId, Browser)> =
        engine.writer.read(|views| views.browsers.iter().map(|(id, browser)| (id, browser.clone())).collect())?;
    let mut lines = browsers.iter().map(|(id, browser)| line(engine, *id, browser)).collect::<Result<Vec<_>, _>>()?;
    lines.sort_by(|one, other| one.session.cmp(&other.session));
    Ok(Answer::Browsers(lines))
}

fn line(engine: &Engine, id: BrowserId, browser: &Browser) -> Result<BrowserLine, Failure> {
    let running = engine.browsers.is_running(id);
    let state = match (running, browser.open) {
        (true, _) => "running",
        (false, true) => "open",
        (false, false) => "closed",
    };
    let url = match browser.pages {
        Some(position) => body_of::<ActedBody>(&engine.reader.event(position)?)?.map(|body| body.url),
        None => None,
    };
    let process = engine.browsers.state(id);
    Ok(BrowserLine {
        session: browser.name.clone(),
        state: state.to_owned(),
        guarded: browser.guarded,
        only_hosts: browser.only_hosts.clone(),
        deny_hosts: browser.deny_hosts.clone(),
        url,
        acts: browser.acts.len() as u64,
        at: browser.at,
        resident_bytes: process.as_ref().map(|process| process.resident_bytes),
        pids: process.map(|process| process.pids).unwrap_or_default(),
    })
}

/// What was done in a session, newest first.
pub(super) fn acts(engine: &Engine, session: &str, before: Option<Position>, limit: usize) -> Result<Answer, Failure> {
    let (_, browser) = find(engine, session)?;
    let wanted = browser.acts.iter().rev().filter(|act| before.is_none_or(|before| act.begun < before)).take(limit);
    let lines = wanted.map(|act| act_line(engine, *act, false)).collect::<Result<_, _>>()?;
    Ok(Answer::BrowserActs(lines))
}

/// One thing that was done, with all that is known of it. `position` is that of its beginning or its end.
pub(super) fn act(engine: &Engine, position: Position) -> Result<Answer, Failure> {
    let none = || {
        let message = format!("nothing was done in a browser at position {position}");
        Failure::new(FailureKind::NotFound, message).hint("`zo browse history` shows what was, with its positions")
    };
    if position.0 == 0 || position > engine.writer.position() {
        return Err(none());
    }
    let begun = match engine.reader.event(position)?.recorded.event {
        Event::BrowserActBegun(_) => position,
        Event::BrowserActed(Acted { begun, .. }) => begun,
        Event::BrowserArtifactKept(ref kept) => kept.begun,
        _ => return Err(none()),
    };
    let header = engine.reader.header(begun)?;
    let known = engine.writer.read(|views| {
        let browser = views.browsers.get(BrowserId(header.stream.id))?;
        browser.acts.iter().find(|act| act.begun == begun).copied()
    })?;
    let place = known.unwrap_or(ActPlace { begun, ended: None });
    Ok(Answer::BrowserActs(vec![act_line(engine, place, true)?]))
}

fn act_line(engine: &Engine, place: ActPlace, whole: bool) -> Result<BrowserActLine, Failure> {
    let begun = engine.reader.event(place.begun)?;
    let run = match &begun.recorded.event {
        Event::BrowserActBegun(begun) => begun.run.map(|run| run.to_string()),
        _ => None,
    };
    let mut line = BrowserActLine {
        position: place.begun,
        at: begun.recorded.header.at,
        act: body_of::<ActBody>(&begun)?.map(|body| body.act).unwrap_or_default(),
        run,
        outcome: place.ended.map(|(_, outcome)| outcome),
        took_ms: None,
        url: None,
        title: None,
        reason: None,
        notes: Vec::new(),
        value: None,
        text: None,
        artifacts: Vec::new(),
    };
    let Some((ended, _)) = place.ended else { return Ok(line) };
    let event = engine.reader.event(ended)?;
    if let Event::BrowserActed(acted) = &event.recorded.event {
        line.took_ms = Some(acted.took_ms);
    }
    let body: ActedBody = body_of(&event)?.unwrap_or_default();
    (line.url, line.title) = (Some(body.url), Some(body.title));
    (line.reason, line.notes) = (body.reason, body.notes);
    if whole {
        (line.value, line.text) = (body.result, body.text);
    }
    line.artifacts = artifacts(engine, place.begun, ended)?;
    Ok(line)
}

/// What was kept of an act: it stands in front of its end, in the same commit.
fn artifacts(engine: &Engine, begun: Position, ended: Position) -> Result<Vec<BrowsedArtifact>, Failure> {
    let mut artifacts = Vec::new();
    for position in (begun.0 + 1..ended.0).rev().map(Position) {
        let event = engine.reader.event(position)?;
        let Event::BrowserArtifactKept(kept) = &event.recorded.event else { break };
        if kept.begun != begun {
            break;
        }
        let (media_type, size) = (kept.media_type.clone(), kept.size);
        let name = body_of::<ArtifactBody>(&event)?.map(|body| body.name).unwrap_or_default();
        artifacts.push(BrowsedArtifact { name, media_type, position, size, bytes: Vec::new() });
    }
    artifacts.reverse();
    Ok(artifacts)
}

/// A picture or document with its content.
pub(super) fn artifact(engine: &Engine, position: Position) -> Result<Answer, Failure> {
    let none = || Failure::new(FailureKind::NotFound, format!("nothing was kept at position {position}"));
    if position.0 == 0 || position > engine.writer.position() {
        return Err(none());
    }
    let event = engine.reader.event(position)?;
    let Event::BrowserArtifactKept(kept) = &event.recorded.event else { return Err(none()) };
    let gone =
        || Failure::new(FailureKind::NotFound, format!("what was kept at position {position} cannot be read any more"));
    let ArtifactBody { name, bytes } = body_of(&event)?.ok_or_else(gone)?;
    let (media_type, size) = (kept.media_type.clone(), kept.size);
    Ok(Answer::BrowserArtifact(Box::new(BrowsedArtifact { name, media_type, position, size, bytes })))
}

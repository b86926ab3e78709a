//! One act in a session, from its intent to its record.

use std::time::{Duration, Instant};

use zo_browser::act::{Act, TabsOp};
use zo_browser::{ActError, ActErrorKind, Done, address};
use zo_egress::Refusal;
use zo_projections::event::browser::{ActBegun, ActBody, ActOutcome, Acted, ActedBody, Opened};
use zo_projections::views::browsers::Browser;
use zo_projections::{Actor, BrowserId, Command, Position, RunId, Submission};

use super::ending::{Ended, end, failure_of};
use super::live::Turn;
use super::policy::policy;
use super::recorded;
use super::starting::{Pages, running};
use crate::engine::Engine;
use crate::protocol::{BrowseInput, Browsed, Failure, FailureKind};
use crate::tools::rules::Rule;

/// How long an act may take if nobody says.
const USUAL_DEADLINE: Duration = Duration::from_secs(30);
/// How long it may take at the most.
const LONGEST_DEADLINE: Duration = Duration::from_secs(3600);

/// Who wants something done, and what.
pub(crate) struct Wish<'a> {
    pub(crate) input: &'a BrowseInput,
    /// The agent that wants it; none: a person.
    pub(crate) run: Option<RunId>,
    /// The rules that hold for who wants it.
    pub(crate) rules: &'a [Rule],
    /// Whether it is to be broken off.
    pub(crate) stop: &'a (dyn Fn() -> bool + Sync),
}

/// Does something in a session, after what is done there already. That it begins is durable before it does, and how it came out before
/// this returns; so what was under way when a process ended shows as such.
///
/// # Errors
/// What was wrong with the wish, or why it could not be done; the log says so too, if it was begun.
pub(crate) fn act(engine: &Engine, wish: &Wish<'_>) -> Result<Browsed, Failure> {
    let act = read(engine, wish.input)?;
    let id = BrowserId(engine.names.browser(&wish.input.session));
    let Some(mut turn) = engine.browsers.take(id, &|| (wish.stop)() || engine.is_stopping()) else {
        return Err(not_begun(engine));
    };
    close_what_was_interrupted(engine, id)?;
    let browser = opened(engine, id, &act, wish)?;
    let deadline = wish.input.deadline_ms.map_or(USUAL_DEADLINE, Duration::from_millis).min(LONGEST_DEADLINE);
    let concealed = wish.input.secret.is_none() && conceals(engine, &mut turn, &browser, &act, wish);
    let begun = begin(engine, id, recorded::act(&act, concealed || wish.input.secret.is_some()), &act, wish)?;
    let started = Instant::now();
    let result = carry_out(engine, &mut turn, &browser, &act, deadline, wish);
    let took = started.elapsed();
    let mut pages = Pages::of(&turn);
    if pages.urls.is_empty() {
        // The browser is gone, or never was: what it had is what it had.
        pages = Pages::recorded(engine, &browser)?;
    }
    let ended = Ended { id, begun, act: &act, concealed, session: &wish.input.session, took, pages };
    end(engine, ended, result)
}

/// Why something was given up that had not begun. Who asked through the holder of the home puts it to the next one.
pub(crate) fn not_begun(engine: &Engine) -> Failure {
    match engine.is_stopping() {
        true => Failure::new(FailureKind::Disconnected, "the process that held the home is leaving"),
        false => Failure::new(FailureKind::Refused, "it was broken off before it began"),
    }
}

/// Whether the act writes into a field for a password: then what it writes is a secret though nobody has said so. The browser is started
/// for that if none runs; one that cannot be is told about when the act is carried out.
fn conceals(engine: &Engine, turn: &mut Turn, browser: &Browser, act: &Act, wish: &Wish<'_>) -> bool {
    let text = match act {
        Act::Fill(fill) => &fill.text,
        Act::Type(typed) => &typed.text,
        _ => return false,
    };
    let conceals = running(engine, turn, browser, wish).is_ok_and(|running| running.session.conceals(act));
    if conceals {
        engine.browsers.learn(text);
    }
    conceals
}

/// Reads the act, and puts the secret into its place.
fn read(engine: &Engine, input: &BrowseInput) -> Result<Act, Failure> {
    let mut act = Act::parse_json(&input.act).map_err(|error| failure_of(&error))?;
    let typed = match &mut act {
        Act::Open(open) => Some(&mut open.url),
        Act::Download(download) => download.url.as_mut(),
        Act::Tabs(tabs) => tabs.url.as_mut(),
        _ => None,
    };
    if let Some(typed) = typed {
        *typed = address::parse(typed).map_err(|error| failure_of(&error))?.into();
    }
    if let Some(secret) = &input.secret {
        engine.writer.redactor().learn(&secret.0);
        engine.browsers.learn(&secret.0);
        match &mut act {
            Act::Fill(fill) => fill.text.clone_from(&secret.0),
            Act::Type(typed) => typed.text.clone_from(&secret.0),
            other => {
                let message = format!("act `{}` takes no secret; `fill` and `type` do", other.name());
                return Err(Failure::new(FailureKind::Invalid, message));
            }
        }
    }
    Ok(act)
}

/// Whether an act goes somewhere, so that there may be no session yet.
fn goes_somewhere(act: &Act) -> bool {
    match act {
        Act::Open(_) | Act::Cookies(_) => true,
        Act::Tabs(tabs) => tabs.op == TabsOp::Open,
        Act::Download(download) => download.url.is_some(),
        _ => false,
    }
}

/// What was begun in a session by a process that is no more, and never ended, is closed.
pub(crate) fn close_what_was_interrupted(engine: &Engine, id: BrowserId) -> Result<(), Failure> {
    let under_way = engine.writer.read(|views| {
        let browser = views.browsers.get(id)?;
        Some((browser.under_way()?, browser.pages))
    })?;
    let Some((begun, pages)) = under_way else { return Ok(()) };
    let took_ms = engine.reader.header(begun).map(|header| engine.world.now().0.saturating_sub(header.at.0))?;
    let acted = Acted {
        begun,
        outcome: ActOutcome::Interrupted,
        took_ms: u32::try_from(took_ms).unwrap_or_default(),
        pages: u32::from(pages.is_some()),
    };
    let reason = Some("interrupted: the process that did it ended; whether it was done is not known".to_owned());
    let body = Box::new(ActedBody { reason, ..ActedBody::default() });
    let command = Command::EndAct { browser: id, acted, body, artifacts: Vec::new() };
    engine.writer.submit_one(Submission::new(Actor::Engine, command))?;
    Ok(())
}

/// The session, opened if that is what the act is for.
fn opened(engine: &Engine, id: BrowserId, act: &Act, wish: &Wish<'_>) -> Result<Browser, Failure> {
    let BrowseInput { session, only_hosts, deny_hosts, guarded, .. } = wish.input;
    let known = engine.writer.read(|views| views.browsers.get(id).cloned())?;
    let is_open = known.as_ref().is_some_and(|browser| browser.open);
    if !is_open && !goes_somewhere(act) {
        let (what, kind) = match known {
            Some(_) => (format!("browser session {session} is closed"), FailureKind::Refused),
            None => (format!("there is no browser session {session}"), FailureKind::NotFound),
        };
        let hint = format!("`zo browse open URL --session {session}` opens it, `zo browse list` shows those there are");
        return Err(Failure::new(kind, what).hint(hint));
    }
    if wish.run.is_some() && known.as_ref().is_some_and(|browser| !browser.guarded) {
        let message = format!("browser session {session} is not for agents");
        let hint = "name another one; `zo browse open --guarded` makes one that people and agents share";
        return Err(Failure::new(FailureKind::Refused, message).hint(hint));
    }
    let hosts = |said: &Option<Vec<String>>, known: Option<&Vec<String>>| {
        said.clone().or_else(|| known.cloned()).unwrap_or_default()
    };
    let wanted = Opened {
        name: session.clone(),
        guarded: known.as_ref().map_or(*guarded || wish.run.is_some(), |browser| browser.guarded),
        only_hosts: hosts(only_hosts, known.as_ref().map(|browser| &browser.only_hosts)),
        deny_hosts: hosts(deny_hosts, known.as_ref().map(|browser| &browser.deny_hosts)),
    };
    for host in wanted.only_hosts.iter().chain(&wanted.deny_hosts) {
        zo_egress::HostPattern::parse(host).map_err(|error| Failure::new(FailureKind::Invalid, error.to_string()))?;
    }
    if *guarded && !wanted.guarded {
        let message = format!("browser session {session} is not for agents, and stays so");
        return Err(Failure::new(FailureKind::Refused, message).hint("name another one"));
    }
    let command = Command::OpenBrowser { browser: id, opened: wanted };
    engine.writer.submit_one(Submission::new(actor(wish), command))?;
    let known = engine.writer.read(|views| views.browsers.get(id).cloned())?;
    known.ok_or_else(|| Failure::new(FailureKind::Refused, format!("browser session {session} was removed meanwhile")))
}

fn actor(wish: &Wish<'_>) -> Actor {
    if wish.run.is_some() { Actor::Engine } else { Actor::User }
}

/// Records that it begins.
fn begin(engine: &Engine, id: BrowserId, recorded: String, act: &Act, wish: &Wish<'_>) -> Result<Position, Failure> {
    let begun = ActBegun { act: act.name().to_owned(), changes: act.changes(), run: wish.run };
    let command = Command::BeginAct { browser: id, begun, body: ActBody { act: recorded } };
    let submission = Submission::new(actor(wish), command);
    let submission = match wish.input.id.filter(|_| act.changes()) {
        Some(key) => submission.keyed(key),
        None => submission,
    };
    let receipt = engine.writer.submit_one(submission)?;
    if receipt.events == 0 {
        let message = format!(
            "act `{}` was interrupted: the process that did it ended, and whether it was done is not known",
            act.name()
        );
        return Err(Failure::new(FailureKind::Io, message).hint("look at the page before it is done again"));
    }
    Ok(receipt.position)
}

/// Does it, in a browser that is started if none runs.
fn carry_out(
    engine: &Engine,
    turn: &mut Turn,
    browser: &Browser,
    act: &Act,
    deadline: Duration,
    wish: &Wish<'_>,
) -> Result<Done, ActError> {
    let refused = |error: &dyn std::fmt::Display| failed(ActErrorKind::Refused, error.to_string());
    if let Act::Open(open) = act {
        // Told at once, without asking the proxy; where redirects lead is the proxy's business.
        let policy = policy(browser, wish.rules).map_err(|error| refused(&error))?;
        policy.check_url(&open.url).map_err(|error| {
            let origin = url::Url::parse(&open.url).map(|url| url.origin().ascii_serialization()).unwrap_or_default();
            let hint = format!("a rule of yours permits it: zo permission allow \"browse_open({origin}/*)\"");
            ActError { hint: browser.guarded.then_some(hint), ..refused(&error) }
        })?;
    }
    let started = Instant::now();
    let running = running(engine, turn, browser, wish)?;
    let left = deadline.saturating_sub(started.elapsed());
    let done = running.session.act(act, left, wish.stop);
    let not_reached = running.proxy.refusals().list;
    let mut done = done.map_err(|error| with_the_proxys_reason(error, &not_reached));
    // What could not be reached for another reason is the page's to tell, if it matters to it.
    let refusals = not_reached.into_iter().filter(is_of_the_page).map(blocked);
    match &mut done {
        Ok(done) => done.notes.extend(refusals),
        Err(error) => error.notes.extend(refusals),
    }
    done
}

/// What a browser says of a page that could not be loaded is less than what its proxy knows.
fn with_the_proxys_reason(mut error: ActError, not_reached: &[Refusal]) -> ActError {
    if error.kind != ActErrorKind::Navigation {
        return error;
    }
    let of_the_page = |refusal: &&Refusal| error.message.contains(&refusal.host) || is_of_the_page(refusal);
    if let Some(refusal) = not_reached.iter().rev().find(of_the_page) {
        if refusal.is_refused() {
            error.kind = ActErrorKind::Refused;
        }
        if !error.message.contains(&refusal.why) {
            error.message = format!("{}: {}", error.message, refusal.why);
        }
        error.hint = refusal.hint.clone().or(error.hint);
    }
    error
}

/// Hosts of its maker that a browser calls by itself when it starts.
const OWN_CALLS: [&str; 3] = ["accounts.google.com", "clients2.google.com", "update.googleapis.com"];

/// Whether something was refused that a page wanted, as far as can be told.
fn is_of_the_page(refusal: &Refusal) -> bool {
    refusal.is_refused() && !OWN_CALLS.contains(&refusal.host.as_str())
}

/// What its proxy did not let through.
fn blocked(refusal: Refusal) -> zo_browser::Note {
    let url = format!("{}:{}", refusal.host, refusal.port);
    zo_browser::Note::Blocked { url, reason: refusal.why }
}

pub(super) fn failed(kind: ActErrorKind, message: String) -> ActError {
    ActError { kind, message, hint: None, notes: Vec::new() }
}

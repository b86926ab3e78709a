//! The browser of a session: started if none runs, with the pages that were open and a proxy of its own.

use zo_browser::{ActError, ActErrorKind, OpenError, Session, SessionOptions};
use zo_egress::{Access, Egress};
use zo_projections::event::browser::ActedBody;
use zo_projections::views::browsers::Browser;

use super::acting::{Wish, failed};
use super::live::{self, Running, Turn};
use super::policy::policy;
use crate::engine::Engine;
use crate::protocol::Failure;
use crate::service::body_of;

/// Bytes of memory that a browser may use with all its processes.
const MEMORY_LIMIT: u64 = 2 << 30;
/// Bytes that one download may have.
const DOWNLOAD_LIMIT: u64 = 512 << 20;

/// The browser of a session, started if none runs, or none that can be seen as is wanted; its proxy has the policy of now.
pub(super) fn running<'t>(
    engine: &Engine,
    turn: &'t mut Turn,
    browser: &Browser,
    wish: &Wish<'_>,
) -> Result<&'t mut Running, ActError> {
    let refused = |error: &dyn std::fmt::Display| failed(ActErrorKind::Refused, error.to_string());
    let policy = policy(browser, wish.rules).map_err(|error| refused(&error))?;
    if turn.running.as_ref().is_some_and(|running| wish.input.visible && !running.visible)
        && let Some(running) = turn.running.take()
    {
        live::end(running);
    }
    let running = match &mut turn.running {
        Some(running) => running,
        none => none.insert(start(engine, browser, &policy, wish.input.visible)?),
    };
    if running.policy != policy {
        running.proxy.set_policy(policy.clone()).map_err(|error| refused(&error))?;
        running.policy = policy;
    }
    Ok(running)
}

/// Starts the browser of a session, with its pages.
fn start(engine: &Engine, browser: &Browser, policy: &zo_egress::Policy, visible: bool) -> Result<Running, ActError> {
    let io = |error: &dyn std::fmt::Display| failed(ActErrorKind::Io, error.to_string());
    if !engine.browsers.make_room() {
        let message = format!("{} browsers run already, and something is done in each", live::MOST_BROWSERS);
        return Err(failed(ActErrorKind::Refused, message));
    }
    let program = zo_browser::find::program(engine.browser_program().as_deref())
        .map_err(|error| ActError { hint: Some(error.hint()), ..io(&error) })?;
    let proxy = Egress::new(policy.clone())
        .and_then(|egress| egress.proxy_on_loopback(Access::Anyone))
        .map_err(|error| io(&error))?;
    let (profile, downloads) = live::folders(&engine.home.browsers(), &browser.name);
    let mut options = SessionOptions::new(program, profile, downloads);
    options.proxy = Some(proxy.address());
    options.visible = visible;
    options.memory_limit = Some(MEMORY_LIMIT);
    options.download_limit = DOWNLOAD_LIMIT;
    options.restore = Pages::recorded(engine, browser).map_err(|error| io(&error))?.in_order();
    let session = Session::open(options).map_err(|error| not_started(&error))?;
    Ok(Running::new(session, proxy, policy.clone(), visible))
}

fn not_started(error: &OpenError) -> ActError {
    ActError { hint: error.hint(), ..failed(ActErrorKind::Io, error.to_string()) }
}

/// The pages of a session.
#[derive(Default)]
pub(super) struct Pages {
    pub(super) urls: Vec<String>,
    pub(super) front: usize,
}

impl Pages {
    /// Those that are open now; none if the browser does not run.
    pub(super) fn of(turn: &Turn) -> Self {
        let Some(running) = &turn.running else { return Self::default() };
        let tabs = running.session.tabs();
        let front = tabs.iter().position(|tab| tab.active).unwrap_or_default();
        Self { urls: tabs.into_iter().map(|tab| tab.url).collect(), front }
    }

    /// Those that the log says were open last.
    pub(super) fn recorded(engine: &Engine, browser: &Browser) -> Result<Self, Failure> {
        let Some(position) = browser.pages else { return Ok(Self::default()) };
        let body: ActedBody = body_of(&engine.reader.event(position)?)?.unwrap_or_default();
        Ok(Self { urls: body.pages, front: body.front as usize })
    }

    /// Those that can be opened again, the one in front last.
    fn in_order(mut self) -> Vec<String> {
        if self.front < self.urls.len() {
            let front = self.urls.remove(self.front);
            self.urls.push(front);
        }
        self.urls.retain(|url| url.starts_with("http://") || url.starts_with("https://"));
        self.urls
    }
}

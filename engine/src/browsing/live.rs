//! Browsers that run, and whose turn it is.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use zeroize::Zeroizing;
use zo_browser::{Session, SessionState};
use zo_egress::{LoopbackProxy, Policy};
use zo_projections::BrowserId;

/// The most browsers that run at once: each takes some hundred megabytes.
pub(crate) const MOST_BROWSERS: usize = 8;
/// A browser in which nothing was done for so long is ended; what is done next starts it again, with its pages.
const IDLE: Duration = Duration::from_secs(10 * 60);
/// A secret of fewer characters stands in too many texts that are none.
const SHORTEST_SECRET: usize = 4;
/// Between two looks whether who waits for a turn still wants it.
const WAITING: Duration = Duration::from_millis(50);

/// The browsers of this process.
#[derive(Default)]
pub(crate) struct Browsers {
    live: Mutex<BTreeMap<BrowserId, Arc<Live>>>,
    /// Texts that were given as secret while this process lives: pages may say them again.
    secrets: Mutex<Vec<Zeroizing<String>>>,
}

/// A session's place here.
#[derive(Default)]
struct Live {
    state: Mutex<State>,
    given_back: Condvar,
}

#[derive(Default)]
struct State {
    /// Whether something is done in it.
    busy: bool,
    /// The browser, unless it does not run or who has the turn has taken it.
    running: Option<Running>,
}

/// A browser that runs.
pub(crate) struct Running {
    pub(crate) session: Session,
    pub(crate) proxy: LoopbackProxy,
    /// What its proxy lets through.
    pub(crate) policy: Policy,
    pub(crate) visible: bool,
    last: Instant,
}

impl Running {
    pub(crate) fn new(session: Session, proxy: LoopbackProxy, policy: Policy, visible: bool) -> Self {
        Self { session, proxy, policy, visible, last: Instant::now() }
    }
}

/// The right to do something in a session; nobody else has it meanwhile.
pub(crate) struct Turn {
    live: Arc<Live>,
    /// The browser, if it runs.
    pub(crate) running: Option<Running>,
}

impl Live {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The browser, if it runs and nothing is done in it.
    fn take_idle(&self, at_least: Duration) -> Option<Running> {
        let mut state = self.lock();
        let is_idle = !state.busy && state.running.as_ref().is_some_and(|running| running.last.elapsed() >= at_least);
        is_idle.then(|| state.running.take()).flatten()
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let running = self.running.take().map(|running| Running { last: Instant::now(), ..running });
        let mut state = self.live.lock();
        (state.busy, state.running) = (false, running);
        drop(state);
        self.live.given_back.notify_one();
    }
}

impl Browsers {
    /// Takes note of a text that is not to be written down, whatever page says it again.
    pub(crate) fn learn(&self, secret: &str) {
        let mut secrets = self.secrets.lock().unwrap_or_else(PoisonError::into_inner);
        if secret.chars().count() >= SHORTEST_SECRET && !secrets.iter().any(|known| known.as_str() == secret) {
            secrets.push(Zeroizing::new(secret.to_owned()));
        }
    }

    /// A text without the secrets that are known.
    pub(crate) fn without_secrets(&self, text: String) -> String {
        let secrets = self.secrets.lock().unwrap_or_else(PoisonError::into_inner);
        secrets
            .iter()
            .filter(|secret| text.contains(secret.as_str()))
            .fold(text.clone(), |text, secret| text.replace(secret.as_str(), super::recorded::LEFT_OUT))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<BrowserId, Arc<Live>>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the turn in a session; none if who waits is to `stop`.
    pub(crate) fn take(&self, id: BrowserId, stop: &(dyn Fn() -> bool + Sync)) -> Option<Turn> {
        let live = self.lock().entry(id).or_default().clone();
        loop {
            let waited = live.given_back.wait_timeout_while(live.lock(), WAITING, |state| state.busy);
            let mut state = waited.unwrap_or_else(PoisonError::into_inner).0;
            if !state.busy {
                state.busy = true;
                let running = state.running.take();
                drop(state);
                return Some(Turn { live, running });
            }
            drop(state);
            if stop() {
                return None;
            }
        }
    }

    /// Makes room for one more browser, at the cost of the one in which nothing was done for longest. False if something is done in all.
    pub(crate) fn make_room(&self) -> bool {
        let all: Vec<Arc<Live>> = self.lock().values().cloned().collect();
        let mut running: Vec<(Instant, &Arc<Live>)> = Vec::new();
        let mut count = 0;
        for live in &all {
            let state = live.lock();
            count += usize::from(state.busy || state.running.is_some());
            running.extend(state.running.as_ref().map(|running| (running.last, live)));
        }
        // Who asks has a turn already, and counts.
        if count <= MOST_BROWSERS {
            return true;
        }
        running.sort_unstable_by_key(|(last, _)| *last);
        let ended = running.into_iter().find_map(|(_, live)| live.take_idle(Duration::ZERO));
        ended.map(end).is_some()
    }

    /// Ends the browser of a session, if it runs and nothing is done in it.
    pub(crate) fn end(&self, id: BrowserId) {
        let live = self.lock().get(&id).cloned();
        if let Some(running) = live.and_then(|live| live.take_idle(Duration::ZERO)) {
            end(running);
        }
    }

    /// Ends browsers in which nothing was done for long.
    pub(crate) fn end_idle(&self) {
        let all: Vec<Arc<Live>> = self.lock().values().cloned().collect();
        all.iter().filter_map(|live| live.take_idle(IDLE)).for_each(end);
    }

    /// Ends them all. What is done in one of them is broken off by who does it, before.
    pub(crate) fn end_all(&self) {
        let all = std::mem::take(&mut *self.lock());
        all.values().filter_map(|live| live.take_idle(Duration::ZERO)).for_each(end);
    }

    /// Whether something is done in one of them.
    pub(crate) fn is_busy(&self) -> bool {
        let all: Vec<Arc<Live>> = self.lock().values().cloned().collect();
        all.iter().any(|live| live.lock().busy)
    }

    /// How the browser of a session is, if one runs and nothing is done in it just now.
    pub(crate) fn state(&self, id: BrowserId) -> Option<SessionState> {
        let live = self.lock().get(&id).cloned()?;
        let state = live.lock();
        state.running.as_ref().map(|running| running.session.state())
    }

    /// Whether a browser of a session runs, or something is done in it.
    pub(crate) fn is_running(&self, id: BrowserId) -> bool {
        let live = self.lock().get(&id).cloned();
        live.is_some_and(|live| {
            let state = live.lock();
            state.busy || state.running.is_some()
        })
    }
}

/// Ends a browser so that its profile is written.
pub(crate) fn end(running: Running) {
    let Running { session, proxy, .. } = running;
    session.close();
    drop(proxy);
}

/// The folders of a session: its profile, and what it downloads.
pub(crate) fn folders(browsers: &Path, name: &str) -> (std::path::PathBuf, std::path::PathBuf) {
    let folder = browsers.join(name);
    (folder.join("profile"), folder.join("downloads"))
}

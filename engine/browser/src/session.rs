//! The blocking outside of a browser.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};

use crate::act::Act;
use crate::done::{Done, SessionState, Tab};
use crate::driver::{Broken, Driver, Known, guarded};
use crate::error::{ActError, ActErrorKind, OpenError};
use crate::options::SessionOptions;
use crate::wire::locked;

/// Threads of the runtime: they move messages; an act is driven on the thread that asks for it.
const WORKERS: usize = 1;

/// How long a page may take to say what kind of field something is.
const ASKS: Duration = Duration::from_secs(2);

/// A browser, driven by one act after another. It is started when the session is opened, started again when it has ended, and ended with
/// all its processes when this is closed or dropped, or the process that has it is killed.
///
/// Every method blocks, may be called from many threads at once, and must not be called from asynchronous code.
pub struct Session {
    /// Acts wait here, first come, first served.
    driver: tokio::sync::Mutex<Option<Driver>>,
    known: Arc<Mutex<Known>>,
    runtime: Option<Runtime>,
}

impl Session {
    /// Starts the browser, and opens the tabs that are to be restored.
    ///
    /// # Errors
    /// What [`OpenError`] lists. That a tab cannot be loaded is none.
    pub fn open(options: SessionOptions) -> Result<Session, OpenError> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(WORKERS)
            .thread_name("zo-browser")
            .enable_all()
            .build()
            .map_err(OpenError::Threads)?;
        let known = Arc::new(Mutex::new(Known::default()));
        let driver = runtime.block_on(Driver::open(options, Arc::clone(&known)));
        match driver {
            Ok(driver) => Ok(Session { driver: tokio::sync::Mutex::new(Some(driver)), known, runtime: Some(runtime) }),
            Err(error) => {
                runtime.shutdown_background();
                Err(error)
            }
        }
    }

    /// Does one act, after those that were asked for before it; it may take so long from now on. `stop` is asked at least every 50 ms, and
    /// breaks it off with true.
    ///
    /// # Errors
    /// What [`ActErrorKind`] lists; at the deadline what was in the way, or [`ActErrorKind::Timeout`].
    pub fn act(&self, act: &Act, deadline: Duration, stop: &(dyn Fn() -> bool + Sync)) -> Result<Done, ActError> {
        act.check()?;
        let started = Instant::now();
        let Some(runtime) = &self.runtime else { return Err(closed()) };
        runtime.block_on(async {
            let turn = guarded(started + deadline, stop, self.driver.lock()).await;
            let mut driver = turn.map_err(|broken| no_turn(act, broken, started))?;
            let driver = driver.as_mut().ok_or_else(closed)?;
            driver.act(act, deadline.saturating_sub(started.elapsed()), stop).await
        })
    }

    /// Whether what an act writes goes into a field that does not show it, for a password, so that it is nothing to be kept either. False
    /// if that cannot be told within two seconds.
    #[must_use]
    pub fn conceals(&self, act: &Act) -> bool {
        let Some(runtime) = &self.runtime else { return false };
        let asked = async { self.driver.lock().await.as_ref()?.conceals(act).await.then_some(()) };
        runtime.block_on(async { tokio::time::timeout(ASKS, asked).await }).is_ok_and(|conceals| conceals.is_some())
    }

    /// The tabs, in the order that they were opened; after the browser has ended, those that it had.
    #[must_use]
    pub fn tabs(&self) -> Vec<Tab> {
        locked(&self.known).tabs()
    }

    /// How the browser is.
    #[must_use]
    pub fn state(&self) -> SessionState {
        locked(&self.known).state()
    }

    /// Ends the browser; what it keeps in its profile is written first.
    pub fn close(mut self) {
        if let Some(runtime) = &self.runtime
            && let Some(driver) = self.driver.get_mut().take()
        {
            runtime.block_on(driver.close());
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let Some(runtime) = self.runtime.take() else { return };
        // Within the runtime, since tasks are ended with it; this kills the browser and waits for its end.
        let entered = runtime.enter();
        drop(self.driver.get_mut().take());
        *locked(&self.known) = Known::default();
        drop(entered);
        runtime.shutdown_background();
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("known", &self.known).finish_non_exhaustive()
    }
}

fn closed() -> ActError {
    ActError::new(ActErrorKind::Crashed, "the session is closed")
}

/// The act's turn did not come.
fn no_turn(act: &Act, broken: Broken, started: Instant) -> ActError {
    let (name, seconds) = (act.name(), started.elapsed().as_secs_f64());
    match broken {
        Broken::Stopped => {
            ActError::new(ActErrorKind::Stopped, format!("act `{name}` was stopped after {seconds:.1} s"))
        }
        Broken::Deadline => ActError::new(
            ActErrorKind::Timeout,
            format!("act `{name}` had not begun after {seconds:.1} s: another one is under way"),
        )
        .hint("acts of one session are done one after the other"),
    }
}

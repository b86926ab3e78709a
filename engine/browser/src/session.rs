//! A browser that is driven: one process group, one profile, its tabs.

use std::time::Duration;

use crate::act::Act;
use crate::done::{Done, SessionState, Tab};
use crate::error::{ActError, ActErrorKind, OpenError};
use crate::options::SessionOptions;

/// A browser, driven by one act after another. It is started when the session is opened, started again when it has ended, and ended with
/// all its processes when this is closed or dropped, or the process that has it is killed.
///
/// Every method blocks, may be called from many threads at once, and must not be called from asynchronous code.
#[derive(Debug)]
pub struct Session {
    options: SessionOptions,
}

impl Session {
    /// Starts the browser, and opens the tabs that are to be restored.
    ///
    /// # Errors
    /// What [`OpenError`] lists. That a tab cannot be loaded is none.
    pub fn open(options: SessionOptions) -> Result<Session, OpenError> {
        let session = Session { options };
        Err(OpenError::Drive(format!("{} cannot be driven yet", session.options.program.display())))
    }

    /// Does one act, after those that were asked for before it. `stop` is asked at least every 50 ms, and breaks it off with true.
    ///
    /// # Errors
    /// What [`ActErrorKind`] lists; [`ActErrorKind::Timeout`] at the deadline.
    pub fn act(&self, act: &Act, _deadline: Duration, _stop: &(dyn Fn() -> bool + Sync)) -> Result<Done, ActError> {
        Err(ActError::new(ActErrorKind::Io, format!("act `{}` cannot be done yet", act.name())))
    }

    /// The tabs, in the order that they were opened.
    #[must_use]
    pub fn tabs(&self) -> Vec<Tab> {
        Vec::new()
    }

    /// How the browser is.
    #[must_use]
    pub fn state(&self) -> SessionState {
        SessionState::default()
    }

    /// Ends the browser; what it keeps in its profile is written first.
    pub fn close(self) {}
}

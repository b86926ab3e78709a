//! Where a response waits for the test.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A gate in the way of a response, closed until the test opens it; clones are the same gate.
///
/// It never closes again, and may stand in the way of several responses.
#[derive(Clone, Default)]
pub struct Gate(Arc<Inner>);

#[derive(Default)]
struct Inner {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    open: bool,
    reached: bool,
}

impl Gate {
    /// A closed gate that nothing has reached.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets every response through that waits here or will come here.
    pub fn open(&self) {
        self.state().open = true;
        self.0.changed.notify_all();
    }

    /// Waits until a response has come to the gate, for at most `patience`; whether one has. What stands before the
    /// gate in that response has been handed to the system by then.
    pub fn wait_until_reached(&self, patience: Duration) -> bool {
        let waited = self.0.changed.wait_timeout_while(self.state(), patience, |state| !state.reached);
        waited.unwrap_or_else(PoisonError::into_inner).0.reached
    }

    /// A response has come here.
    pub(crate) fn reach(&self) {
        self.state().reached = true;
        self.0.changed.notify_all();
    }

    /// Waits until the gate is open, but not beyond `until`; whether it is open.
    pub(crate) fn wait_until_open(&self, until: Instant) -> bool {
        let patience = until.saturating_duration_since(Instant::now());
        let waited = self.0.changed.wait_timeout_while(self.state(), patience, |state| !state.open);
        waited.unwrap_or_else(PoisonError::into_inner).0.open
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

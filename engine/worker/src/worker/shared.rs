//! What the threads of a worker share.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::backoff::Backoff;
use super::{Notice, TICK};
use crate::hub::messages::{Attempt, Running};
use crate::hub::{Hub, HubError};

/// Why an attempt is to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// Somebody cancelled the job.
    Cancelled,
    /// Another has the lease.
    Lost,
    /// This node stops.
    Shutdown,
}

/// What the threads of a worker share. Whatever changes is told to all who wait; each looks for itself whether it matters.
pub(super) struct Shared {
    pub(super) hub: Arc<dyn Hub>,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    node: String,
    running: BTreeMap<Attempt, Entry>,
    /// It takes no more, and says so.
    draining: bool,
    /// The hub wants it to take no more.
    drained_by_hub: bool,
    /// Nobody waits for the hub any longer.
    given_up: bool,
    /// No more heartbeats.
    closed: bool,
    /// The hub has forgotten it.
    join_again: bool,
    /// Whether it is known, and was told, that the hub does not answer.
    unreached: bool,
    /// How often it came back.
    returns: u64,
    fatal: Option<HubError>,
}

#[derive(Default)]
struct Entry {
    stop: Option<Stop>,
    percent: Option<f32>,
    message: Option<String>,
}

impl Shared {
    pub(super) fn new(hub: Arc<dyn Hub>, node: String) -> Self {
        let state = State {
            node,
            running: BTreeMap::new(),
            draining: false,
            drained_by_hub: false,
            given_up: false,
            closed: false,
            join_again: false,
            unreached: false,
            returns: 0,
            fatal: None,
        };
        Self { hub, state: Mutex::new(state), changed: Condvar::new() }
    }

    // The lock is never held while the hub is spoken to.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let changed = change(&mut self.state());
        self.changed.notify_all();
        changed
    }

    pub(super) fn node(&self) -> String {
        self.state().node.clone()
    }

    pub(super) fn set_node(&self, node: String) {
        self.change(|state| state.node = node);
    }

    /// Counts an attempt in; not if it runs already, as an answer may come twice.
    pub(super) fn begin(&self, attempt: &Attempt) -> bool {
        self.change(|state| {
            let fresh = !state.running.contains_key(attempt);
            state.running.entry(attempt.clone()).or_default();
            fresh
        })
    }

    /// Counts an attempt out.
    pub(super) fn end(&self, attempt: &Attempt) {
        self.change(|state| state.running.remove(attempt));
    }

    /// How many there are, those included that are not delivered yet.
    pub(super) fn running(&self) -> usize {
        self.state().running.len()
    }

    /// Stops an attempt. That its lease is lost outweighs all.
    pub(super) fn stop(&self, attempt: &Attempt, why: Stop) {
        self.change(|state| {
            if let Some(entry) = state.running.get_mut(attempt)
                && (entry.stop.is_none() || why == Stop::Lost)
            {
                entry.stop = Some(why);
            }
        });
    }

    pub(super) fn stop_all(&self, why: Stop) {
        self.change(|state| {
            for entry in state.running.values_mut() {
                entry.stop.get_or_insert(why);
            }
        });
    }

    /// Why an attempt is to stop, if it is.
    pub(super) fn stopped(&self, attempt: &Attempt) -> Option<Stop> {
        self.state().running.get(attempt).and_then(|entry| entry.stop)
    }

    /// Notes how far an attempt is; the next heartbeat tells it.
    pub(super) fn progress(&self, attempt: &Attempt, percent: f32, message: Option<String>) {
        if let Some(entry) = self.state().running.get_mut(attempt) {
            entry.percent = Some(percent);
            entry.message = message;
        }
    }

    /// What a heartbeat says.
    pub(super) fn report(&self) -> (Vec<Running>, bool) {
        let state = self.state();
        let running = state.running.iter().map(|(attempt, entry)| Running {
            attempt: attempt.clone(),
            percent: entry.percent,
            message: entry.message.clone(),
        });
        (running.collect(), state.draining)
    }

    pub(super) fn drain(&self) {
        self.change(|state| state.draining = true);
    }

    pub(super) fn set_drained_by_hub(&self, drained: bool) {
        self.change(|state| state.drained_by_hub = drained);
    }

    pub(super) fn is_drained_by_hub(&self) -> bool {
        self.state().drained_by_hub
    }

    /// The hub has forgotten this node: the next heartbeat joins again, and comes at once.
    pub(super) fn ask_to_join(&self) {
        self.change(|state| state.join_again = true);
    }

    pub(super) fn takes_join_request(&self) -> bool {
        std::mem::take(&mut self.state().join_again)
    }

    /// The hub does not answer; whoever is the first to notice tells it.
    pub(super) fn is_not_reached(&self, why: String, notice: &(dyn Fn(Notice) + Sync)) {
        if !std::mem::replace(&mut self.state().unreached, true) {
            notice(Notice::Unreachable { why });
        }
    }

    /// The hub answers. Whoever waits to try again does so now.
    pub(super) fn is_reached(&self, notice: &(dyn Fn(Notice) + Sync)) {
        let is_back = self.change(|state| {
            let is_back = std::mem::take(&mut state.unreached);
            state.returns += u64::from(is_back);
            is_back
        });
        if is_back {
            notice(Notice::Reached);
        }
    }

    /// Waits until it is time to try again: longer each time, but no longer than until somebody else has reached the hub.
    pub(super) fn wait_to_try_again(&self, backoff: &mut Backoff, over: &dyn Fn() -> bool) {
        let until = Instant::now() + backoff.next();
        let returns = self.state().returns;
        while !over() && Instant::now() < until {
            let state = self.state();
            if state.returns != returns {
                return backoff.reset();
            }
            let left = until.saturating_duration_since(Instant::now());
            drop(self.changed.wait_timeout(state, left.min(TICK)));
        }
    }

    /// From now on nobody waits for a hub that does not answer.
    pub(super) fn give_up(&self) {
        self.change(|state| state.given_up = true);
    }

    /// Whether nobody waits for the hub on behalf of an attempt any longer.
    pub(super) fn has_given_up(&self, attempt: &Attempt) -> bool {
        self.has_given_up_all() || self.stopped(attempt) == Some(Stop::Lost)
    }

    fn has_given_up_all(&self) -> bool {
        let state = self.state();
        state.given_up || state.fatal.is_some()
    }

    pub(super) fn close(&self) {
        self.change(|state| state.closed = true);
    }

    /// Something that trying again does not mend. The first is the cause of the others.
    pub(super) fn fail(&self, error: HubError) {
        self.change(|state| {
            state.fatal.get_or_insert(error);
        });
    }

    pub(super) fn is_fatal(&self) -> bool {
        self.state().fatal.is_some()
    }

    pub(super) fn fatal(&self) -> Option<HubError> {
        self.state().fatal.clone()
    }

    /// Waits, at most so long, until something changes.
    pub(super) fn pause(&self, most: Duration) {
        let state = self.state();
        drop(self.changed.wait_timeout(state, most));
    }

    /// Waits until the next heartbeat is due. `false`: there is none.
    pub(super) fn until_next_beat(&self, interval: Duration) -> bool {
        let state = self.state();
        let waited = self.changed.wait_timeout_while(state, interval, |state| !state.closed && !state.join_again);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        !state.closed
    }

    /// Waits until nothing runs; whether that was so in time.
    pub(super) fn wait_for_all(&self, until: Instant) -> bool {
        let state = self.state();
        let left = until.saturating_duration_since(Instant::now());
        let waited = self.changed.wait_timeout_while(state, left, |state| !state.running.is_empty());
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.running.is_empty()
    }
}

//! The connection to a browser: calls and their answers, events into the [`Tracker`].
//!
//! One task owns chromiumoxide's connection. It is polled until the browser ends, and goes on after a message that it does not understand.
//! Calls and events are JSON, not chromiumoxide's types of them: a browser that is newer than those still has to be understood.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chromiumoxide::Connection;
use chromiumoxide::error::CdpError;
use chromiumoxide::types::{CallId, EventMessage, Message, Method, Response};
use futures_util::StreamExt;
use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;
use tokio::sync::{mpsc, oneshot, watch};

use crate::tracker::{Command, Reaction, Tracker};

/// Calls that wait to be sent; an act makes a few at a time.
const CALLS: usize = 64;

/// Why a call has no answer.
#[derive(Clone, Debug, Error)]
pub(crate) enum WireError {
    /// The browser refused it.
    #[error("{method}: {message}")]
    Refused {
        /// What was called.
        method: Cow<'static, str>,
        /// Why.
        message: String,
    },
    /// The page is no longer there: closed, crashed, or moved to another process.
    #[error("the page is gone")]
    Detached,
    /// The browser is no longer there.
    #[error("the browser is gone")]
    Gone,
}

/// A way to call the browser. Cheap to clone; the connection ends with the last of them.
#[derive(Clone, Debug)]
pub(crate) struct Wire {
    calls: mpsc::Sender<Call>,
    tracker: Arc<Mutex<Tracker>>,
    changes: watch::Receiver<u64>,
}

/// A call on its way to the connection.
#[derive(Debug)]
struct Call {
    command: Command,
    answer: oneshot::Sender<Result<Value, WireError>>,
}

/// An event as it comes.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Event {
    /// What happened: `Page.frameNavigated`.
    pub(crate) method: String,
    /// The session that it happened in; none: the browser's own.
    #[serde(rename = "sessionId", default)]
    pub(crate) session: Option<String>,
    /// What is said about it.
    #[serde(default)]
    pub(crate) params: Value,
}

impl Method for Event {
    fn identifier(&self) -> Cow<'static, str> {
        Cow::Owned(self.method.clone())
    }
}

impl EventMessage for Event {
    fn session_id(&self) -> Option<&str> {
        self.session.as_deref()
    }
}

impl Wire {
    /// Connects to a browser that listens there, and begins to follow its events. To be called within a runtime.
    pub(crate) async fn connect(address: &str, tracker: Arc<Mutex<Tracker>>) -> Result<Wire, CdpError> {
        let connection = Connection::connect(address).await?;
        let (calls, waiting) = mpsc::channel(CALLS);
        let (changed, changes) = watch::channel(0);
        let pump =
            Pump { connection, pending: HashMap::new(), tracker: Arc::clone(&tracker), changed: Arc::new(changed) };
        // Ends by itself: with the connection, or with the last handle.
        tokio::spawn(pump.run(waiting));
        Ok(Wire { calls, tracker, changes })
    }

    /// Calls a method in a session, or that of the browser itself, and waits for the answer. Whoever calls has a deadline.
    pub(crate) async fn call(
        &self,
        session: Option<&str>,
        method: &'static str,
        params: Value,
    ) -> Result<Value, WireError> {
        self.begin(session, method, params).await?.answer().await
    }

    /// Sends a call; its answer can be waited for later, or not at all.
    pub(crate) async fn begin(
        &self,
        session: Option<&str>,
        method: &'static str,
        params: Value,
    ) -> Result<Begun, WireError> {
        let (answer, begun) = oneshot::channel();
        let command = Command { session: session.map(str::to_owned), method, params };
        self.calls.send(Call { command, answer }).await.map_err(|_| WireError::Gone)?;
        Ok(Begun(begun))
    }

    /// What is known of the browser. Never held across an await.
    pub(crate) fn tracker(&self) -> MutexGuard<'_, Tracker> {
        locked(&self.tracker)
    }

    /// Waits until something is known of the browser.
    pub(crate) async fn until<T>(&self, mut known: impl FnMut(&mut Tracker) -> Option<T>) -> Result<T, WireError> {
        let mut changes = self.changes.clone();
        loop {
            changes.mark_unchanged();
            if let Some(found) = known(&mut self.tracker()) {
                return Ok(found);
            }
            changes.changed().await.map_err(|_| WireError::Gone)?;
        }
    }

    /// Whether the browser is still there.
    pub(crate) fn alive(&self) -> bool {
        !self.calls.is_closed()
    }
}

/// A call that was sent.
#[derive(Debug)]
pub(crate) struct Begun(oneshot::Receiver<Result<Value, WireError>>);

impl Begun {
    /// Its answer.
    pub(crate) async fn answer(self) -> Result<Value, WireError> {
        self.0.await.unwrap_or(Err(WireError::Gone))
    }
}

/// A panic elsewhere leaves nothing half-written here that matters.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What owns the connection.
struct Pump {
    connection: Connection<Event>,
    pending: HashMap<CallId, Pending>,
    tracker: Arc<Mutex<Tracker>>,
    changed: Arc<watch::Sender<u64>>,
}

/// A call that was sent.
struct Pending {
    session: Option<String>,
    method: &'static str,
    answer: oneshot::Sender<Result<Value, WireError>>,
}

impl Pump {
    async fn run(mut self, mut waiting: mpsc::Receiver<Call>) {
        loop {
            tokio::select! {
                call = waiting.recv() => match call {
                    Some(call) => self.send(call.command, Some(call.answer)),
                    None => break,
                },
                message = self.connection.next() => match message {
                    Some(Ok(Message::Response(response))) => self.answered(response),
                    Some(Ok(Message::Event(event))) => self.happened(&event),
                    Some(Err(CdpError::InvalidMessage(_, error))) => {
                        tracing::debug!(%error, "a message of the browser is not understood");
                    }
                    Some(Err(error)) => {
                        tracing::debug!(%error, "the connection to the browser broke");
                        break;
                    }
                    None => break,
                },
            }
        }
        // Dropping what is pending answers it: the browser is gone. `waiting` ends with it, by which `alive` knows.
    }

    fn send(&mut self, command: Command, answer: Option<oneshot::Sender<Result<Value, WireError>>>) {
        let Command { session, method, params } = command;
        let id = self.connection.submit_command(method.into(), session.clone().map(Into::into), params);
        // Serialising a JSON value does not fail; if it did, dropping the sender would answer.
        if let (Ok(id), Some(answer)) = (id, answer) {
            self.pending.insert(id, Pending { session, method, answer });
        }
    }

    fn answered(&mut self, response: Response) {
        let Some(pending) = self.pending.remove(&response.id) else { return };
        let answer = match (response.result, response.error) {
            (_, Some(error)) => {
                let lost = error.message.contains("Session with given id not found");
                Err(if lost {
                    WireError::Detached
                } else {
                    WireError::Refused { method: pending.method.into(), message: error.message }
                })
            }
            (result, None) => Ok(result.unwrap_or(Value::Null)),
        };
        // Nobody waits any more for an act that was broken off.
        let _ = pending.answer.send(answer);
    }

    fn happened(&mut self, event: &Event) {
        let reactions = locked(&self.tracker).apply(event);
        for reaction in reactions {
            match reaction {
                Reaction::Send(command) => self.send(command, None),
                Reaction::Lost(session) => self.lost(&session),
                Reaction::Keep(download) => self.keep(download),
            }
        }
        self.changed.send_modify(|count| *count += 1);
    }

    /// What was called in a session that is gone has no answer any more.
    fn lost(&mut self, session: &str) {
        let gone: Vec<CallId> = self
            .pending
            .iter()
            .filter(|(_, call)| call.session.as_deref() == Some(session))
            .map(|(id, _)| *id)
            .collect();
        for id in gone {
            if let Some(pending) = self.pending.remove(&id) {
                let _ = pending.answer.send(Err(WireError::Detached));
            }
        }
    }

    /// Moves a finished download to where it belongs; on another thread, since that may be another disk.
    fn keep(&self, download: crate::downloads::Finished) {
        let tracker = Arc::clone(&self.tracker);
        let changed = Arc::clone(&self.changed);
        tokio::task::spawn_blocking(move || {
            let guid = download.guid.clone();
            let kept = crate::downloads::keep(&download);
            locked(&tracker).kept(&guid, kept);
            changed.send_modify(|count| *count += 1);
        });
    }
}

//! The caller's ear: deltas go to it, and while nothing comes it is asked now and then whether to go on.

use std::future::Future;
use std::ops::ControlFlow;
use std::pin::pin;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use crate::reply::Delta;

/// How often a caller hears that nothing came; half of what is promised, so that a busy machine keeps the promise.
const TICK: Duration = Duration::from_millis(50);

/// Whom the deltas of one call go to.
pub(crate) struct Listener<'a> {
    each: &'a mut dyn FnMut(Delta<'_>) -> ControlFlow<()>,
    heard: Instant,
    text_delivered: bool,
}

/// Why something that was waited for did not come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interrupted {
    /// The caller said so.
    Cancelled,
    /// The deadline passed.
    TimedOut,
}

/// The caller broke it off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cancelled;

impl<'a> Listener<'a> {
    pub(crate) fn new(each: &'a mut dyn FnMut(Delta<'_>) -> ControlFlow<()>) -> Self {
        Listener { each, heard: Instant::now(), text_delivered: false }
    }

    /// Passes a delta on.
    pub(crate) fn tell(&mut self, delta: Delta<'_>) -> Result<(), Cancelled> {
        self.text_delivered |= matches!(delta, Delta::Text(_));
        let flow = (self.each)(delta);
        self.heard = Instant::now();
        if flow.is_break() { Err(Cancelled) } else { Ok(()) }
    }

    /// Whether a piece of the answer was delivered, after which nothing can be tried again.
    pub(crate) fn text_delivered(&self) -> bool {
        self.text_delivered
    }

    /// Waits for `future` until `deadline`, asking the caller on the way whether to go on.
    ///
    /// A future that is always ready at once (a stream of nothing but comments) does not keep the caller from being asked.
    pub(crate) async fn wait<F: Future>(&mut self, deadline: Instant, future: F) -> Result<F::Output, Interrupted> {
        let mut future = pin!(future);
        loop {
            let wake = deadline.min(self.heard + TICK);
            if let Ok(output) = timeout_at(wake, &mut future).await {
                if self.heard.elapsed() >= TICK {
                    self.ask()?;
                }
                return Ok(output);
            }
            if Instant::now() >= deadline {
                return Err(Interrupted::TimedOut);
            }
            self.ask()?;
        }
    }

    /// Waits for a while; an error is that the caller broke it off.
    pub(crate) async fn pause(&mut self, wait: Duration) -> Result<(), Cancelled> {
        match self.wait(Instant::now() + wait, std::future::pending::<()>()).await {
            Ok(()) | Err(Interrupted::TimedOut) => Ok(()),
            Err(Interrupted::Cancelled) => Err(Cancelled),
        }
    }

    fn ask(&mut self) -> Result<(), Interrupted> {
        self.tell(Delta::Waiting).map_err(|Cancelled| Interrupted::Cancelled)
    }
}

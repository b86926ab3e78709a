//! The caller's ear: while something is waited for, the caller is asked now and then whether to go on.

use std::future::Future;
use std::ops::ControlFlow;
use std::pin::pin;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use crate::error::{EgressError, ErrorKind};

/// How often a caller is asked at the least.
const TICK: Duration = Duration::from_millis(50);

/// The longest that a request may take: what is longer is a download, and the clock must not overflow.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// Who waits for one request, and until when.
pub(crate) struct Listener<'a> {
    each: &'a mut dyn FnMut() -> ControlFlow<()>,
    asked: Instant,
    deadline: Instant,
    patience: Duration,
}

impl<'a> Listener<'a> {
    pub(crate) fn new(patience: Duration, each: &'a mut dyn FnMut() -> ControlFlow<()>) -> Self {
        let patience = patience.min(LONGEST);
        let now = Instant::now();
        Listener { each, asked: now, deadline: now + patience, patience }
    }

    /// Waits for `future`, asking the caller on the way whether to go on, also if the future is always ready.
    ///
    /// # Errors
    /// [`ErrorKind::Cancelled`], or [`ErrorKind::Timeout`] which says that `what` took too long: `the answer did not begin`.
    pub(crate) async fn wait<F: Future>(&mut self, what: &str, future: F) -> Result<F::Output, EgressError> {
        let mut future = pin!(future);
        loop {
            let wake = self.deadline.min(self.asked + TICK);
            let output = timeout_at(wake, &mut future).await;
            if self.asked.elapsed() >= TICK {
                self.ask()?;
            }
            match output {
                // A body that never pauses must end as well.
                Ok(_) if Instant::now() >= self.deadline => return Err(self.late(what)),
                Ok(output) => return Ok(output),
                Err(_) if Instant::now() >= self.deadline => return Err(self.late(what)),
                Err(_) => {}
            }
        }
    }

    /// Asks the caller whether to go on.
    pub(crate) fn ask(&mut self) -> Result<(), EgressError> {
        let flow = (self.each)();
        self.asked = Instant::now();
        if flow.is_break() { Err(EgressError::cancelled()) } else { Ok(()) }
    }

    fn late(&self, what: &str) -> EgressError {
        EgressError::new(ErrorKind::Timeout, format!("{what} within {} s", self.patience.as_secs_f32()))
            .hint("try again, or give it more time")
    }
}

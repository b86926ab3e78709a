//! A body read to its end, or for as long as there is patience.

use std::time::Duration;

use reqwest::Response;
use tokio::time::{Instant, timeout};

use super::{first_byte_timeout, idle_timeout};
use crate::draft::Draft;
use crate::fault::Fault;
use crate::http::last_cause;
use crate::intake::Intake;
use crate::listener::{Cancelled, Interrupted, Listener};
use crate::options::Timeouts;

/// How long the rest of a stream is waited for once the reply is complete: usage may follow, but some servers forget to close.
const AFTER_FINISH: Duration = Duration::from_secs(5);

/// How long the end of a body is waited for behind its last event, so that the connection can be used again.
const AFTER_LAST_EVENT: Duration = Duration::from_millis(10);

/// Reads a chat's answer into `draft`; the first event must have come at `deadline`.
pub(super) async fn read(
    mut response: Response,
    mut intake: Intake,
    deadline: Instant,
    timeouts: &Timeouts,
    draft: &mut Draft,
    listener: &mut Listener<'_>,
) -> Result<(), Fault> {
    let result = pump(&mut response, &mut intake, deadline, timeouts, draft, listener).await;
    intake.close(draft);
    match result {
        Ok(()) if draft.finish.is_some() => Ok(()),
        Ok(()) => Err(Fault::cut_off("the answer ended without saying that it is complete")),
        Err(fault) => Err(fault),
    }
}

async fn pump(
    response: &mut Response,
    intake: &mut Intake,
    first: Instant,
    timeouts: &Timeouts,
    draft: &mut Draft,
    listener: &mut Listener<'_>,
) -> Result<(), Fault> {
    let mut last_byte = Instant::now();
    let mut last_field = None;
    let mut finished = None;
    loop {
        if draft.finish.is_some() {
            finished.get_or_insert_with(Instant::now);
        }
        // Comments keep a stream alive, but only for as long as a first event may take.
        let patience = timeouts.first_byte.max(timeouts.idle);
        let deadline = last_field.map_or(first, |field: Instant| (last_byte + timeouts.idle).min(field + patience));
        let deadline = finished.map_or(deadline, |finished: Instant| deadline.min(finished + AFTER_FINISH));
        match listener.wait(deadline, response.chunk()).await {
            Ok(Ok(Some(bytes))) => {
                if intake.take(&bytes, draft, listener)? {
                    // The end of the body lies in the same packet as a rule; read, the connection can be used again.
                    let _ = timeout(AFTER_LAST_EVENT, response.chunk()).await;
                    return Ok(());
                }
                // After the caller has heard of it: its own time is not the provider's silence.
                last_byte = Instant::now();
                if intake.take_heard() {
                    last_field = Some(last_byte);
                }
            }
            Ok(Ok(None)) => return intake.end(draft, listener),
            Ok(Err(_)) | Err(Interrupted::TimedOut) if draft.finish.is_some() => return Ok(()),
            Ok(Err(error)) => return Err(Fault::cut_off(format!("the answer broke off: {}", last_cause(&error)))),
            Err(Interrupted::TimedOut) if last_field.is_none() => return Err(first_byte_timeout(timeouts.first_byte)),
            Err(Interrupted::TimedOut) => return Err(idle_timeout(deadline.duration_since(last_byte))),
            Err(Interrupted::Cancelled) => return Err(Cancelled.into()),
        }
    }
}

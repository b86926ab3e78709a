//! Embedding what can be found by its words only, until everything can be found by its meaning, the time is over, or
//! Ctrl-C. Whatever is left then is carried on by whoever opens the home next.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use zo_engine::client::Client;
use zo_engine::protocol::{Answer, Embedded, IndexStatus, Query, Request, Response};

use crate::context::{query, show_progress, stream};
use crate::error::CliError;
use crate::interrupt::Interrupt;
use crate::output::text::{count, counted};
use crate::output::{Output, Total};

/// What embedding for a while came to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Work {
    /// How much is embedded now.
    pub(crate) now: Embedded,
    /// Passages that were embedded meanwhile.
    pub(crate) done: u64,
    /// How long it took.
    pub(crate) took: Duration,
    /// Whether Ctrl-C ended it.
    pub(crate) interrupted: bool,
}

impl Work {
    /// Passages that are not embedded.
    pub(crate) fn left(&self) -> u64 {
        self.now.of.saturating_sub(self.now.passages)
    }

    /// `1,234 passages in 12.3 s (100/s)`.
    pub(crate) fn in_words(&self) -> String {
        let seconds = self.took.as_secs_f64();
        let rate = (self.done as f64 / seconds.max(1e-9)).round() as u64;
        format!("{} in {seconds:.1} s ({}/s)", counted(self.done, "passage"), count(rate))
    }
}

/// How far the memory index is.
///
/// # Errors
/// If it cannot be told.
pub(crate) fn index_status(client: &mut Client) -> Result<IndexStatus, CliError> {
    query(client, Query::Index, None, |answer| match answer {
        Answer::Index(status) => Some(status),
        _ => None,
    })
}

/// How much is embedded with the model that was chosen last: the next one while there is one, else the one in use.
pub(crate) fn backlog(status: &IndexStatus) -> Embedded {
    status.next_model.as_ref().map_or(status.passages, |model| model.passages)
}

/// Embeds what is not embedded yet, with a bar on a terminal.
///
/// # Errors
/// What it failed with: [`FailureKind::Refused`](zo_engine::protocol::FailureKind) where no model can be run.
pub(crate) fn embed(
    client: &mut Client,
    output: &mut Output,
    interrupt: &Interrupt,
    budget: Option<Duration>,
) -> Result<Work, CliError> {
    let begun = Instant::now();
    let before = backlog(&index_status(client)?);
    let progress = output.progress("embedding", Total::Later);
    let request = Request::Embed { budget_ms: budget.map(|budget| budget.as_millis().try_into().unwrap_or(u64::MAX)) };
    let mut interrupted = false;
    let result = stream(client, &request, |response| {
        show_progress(&progress, &response);
        // What ends it by itself needs no breaking off.
        interrupted = interrupt.is_set() && matches!(response, Response::Progress { .. });
        Ok(if interrupted { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    });
    drop(progress);
    if !interrupted {
        result?;
    }
    let now = backlog(&index_status(client)?);
    let done = now.passages.saturating_sub(before.passages);
    Ok(Work { now, done, took: begun.elapsed(), interrupted })
}

/// After things were acknowledged, `new` ones among them: says that they can be found, and embeds them. Nothing that happens here makes the
/// command fail, since what it was asked for is done.
pub(crate) fn embed_behind(client: &mut Client, output: &mut Output, interrupt: &Interrupt, new: u64, what: &str) {
    match new {
        0 => {}
        1 => output.note(format!("{} can be found by its words now", counted(new, what))),
        _ => output.note(format!("{} can be found by their words now", counted(new, what))),
    }
    match embed(client, output, interrupt, None) {
        Ok(work) => {
            if work.done > 0 {
                output.note(format!("embedded {}", work.in_words()));
            }
            if work.left() > 0 {
                output.note(format!("{}: the next command carries on", left(work.left())));
            }
        }
        Err(error) if error.kind.exit_code() == 1 => {
            output.note(format!("note: by their words only: {}", error.message))
        }
        Err(error) => output.warn(&error),
    }
}

/// `1 passage is left`, `2 passages are left`.
pub(crate) fn left(passages: u64) -> String {
    let verb = if passages == 1 { "is" } else { "are" };
    format!("{} {verb} left", counted(passages, "passage"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_told_with_its_rate() {
        let now = Embedded { passages: 1234, of: 1235 };
        let work = Work { now, done: 1234, took: Duration::from_millis(12_340), interrupted: false };
        assert_eq!(work.in_words(), "1,234 passages in 12.3 s (100/s)");
        assert_eq!(left(work.left()), "1 passage is left");
        assert_eq!(left(2000), "2,000 passages are left");
    }
}

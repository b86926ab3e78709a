//! How far long work is: a bar on stderr, if a person is there to see it.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::Output;

/// How often a bar is drawn, in times a second.
const DRAWS_PER_SECOND: u8 = 10;

/// How much there is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Total {
    /// So many things.
    Items(u64),
    /// So many bytes.
    Bytes(u64),
    /// Nobody knows.
    Unknown,
    /// The first progress will tell; until then nothing is shown.
    Later,
}

/// A bar; taken away when dropped.
pub(crate) struct Progress {
    bar: ProgressBar,
    begun: Instant,
}

impl Output {
    /// Shows how far `what` is (`importing`), until the answer is dropped; invisible unless stderr is a terminal.
    pub(crate) fn progress(&mut self, what: &str, total: Total) -> Progress {
        let visible = self.err.cursor && !self.json && !self.quiet;
        let bar = if visible { drawn(what, total) } else { ProgressBar::hidden() };
        self.bar = visible.then(|| bar.clone());
        Progress { bar, begun: Instant::now() }
    }
}

fn drawn(what: &str, total: Total) -> ProgressBar {
    const ITEMS: &str = "{prefix} [{bar:24}] {human_pos} of {human_len}, {eta} left  {wide_msg}";
    let (length, template) = match total {
        Total::Items(items) => (Some(items), ITEMS),
        Total::Later => (None, ITEMS),
        Total::Bytes(bytes) => (Some(bytes), "{prefix} [{bar:24}] {bytes} of {total_bytes}, {eta} left  {wide_msg}"),
        Total::Unknown => (None, "{spinner} {prefix}  {wide_msg}"),
    };
    let target = ProgressDrawTarget::stderr_with_hz(DRAWS_PER_SECOND);
    let bar = ProgressBar::with_draw_target(length, target).with_prefix(what.to_owned());
    let style = ProgressStyle::with_template(template).expect("the templates above are well-formed");
    bar.set_style(style.progress_chars("=> "));
    // A tick draws the bar, and what is yet to be told has nothing to draw.
    if total != Total::Later {
        bar.enable_steady_tick(Duration::from_millis(200));
    }
    bar
}

impl Progress {
    /// So much is done now.
    pub(crate) fn set(&self, done: u64) {
        self.bar.set_position(done);
    }

    /// Says something behind the bar.
    pub(crate) fn say(&self, message: String) {
        self.bar.set_message(message);
    }

    /// What `done` things are in a second, since the bar was made.
    pub(crate) fn per_second(&self, done: u64) -> u64 {
        (done as f64 / self.begun.elapsed().as_secs_f64().max(1e-9)) as u64
    }

    /// Shows how far something is: what is being done, how much is done, how much there is.
    pub(crate) fn show(&self, what: &str, done: u64, total: u64) {
        if total > 0 {
            // The first of these draws the bar, if nothing has before.
            let first = self.bar.length().is_none();
            self.bar.set_length(total);
            self.bar.set_position(done);
            self.bar.set_prefix(what.to_owned());
            if first {
                // What others had done before says nothing about how fast it goes.
                self.bar.reset_eta();
            }
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

//! What an attempt printed, on its way to the hub.
//!
//! It is written to a file without a name first, so that a hub that is away neither holds the job up nor costs memory; from there it is
//! sent in pieces, from wherever the hub says it has it to.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::backoff::Backoff;
use super::shared::{Shared, Stop};
use crate::hub::HubError;
use crate::hub::messages::{AppendLog, Attempt};

/// Bytes of a piece.
const PIECE_BYTES: u64 = 64 << 10;
/// How long a piece waits for more.
const GATHERING: Duration = Duration::from_millis(200);

/// The log of an attempt.
pub(super) struct Log {
    file: Option<File>,
    state: Mutex<Written>,
    changed: Condvar,
}

#[derive(Default)]
struct Written {
    bytes: u64,
    closed: bool,
    /// The beginnings of letters whose ends are yet to come, of stdout and stderr.
    cut: [Vec<u8>; 2],
}

/// Which stream something came on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stream {
    Stdout,
    Stderr,
}

impl Log {
    /// A log in a file in this folder. If there can be none, what is printed is lost, and the job is not.
    pub(super) fn new(folder: &Path) -> Self {
        let file = std::fs::create_dir_all(folder).and_then(|()| tempfile::tempfile_in(folder));
        let file = file.inspect_err(|error| tracing::warn!("no file for a job's log: {error}")).ok();
        Self { file, state: Mutex::default(), changed: Condvar::new() }
    }

    fn written(&self) -> MutexGuard<'_, Written> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds what was printed, as text.
    pub(super) fn add(&self, stream: Stream, bytes: &[u8]) {
        let mut written = self.written();
        let cut = &mut written.cut[usize::from(stream == Stream::Stderr)];
        let text = whole_letters(cut, bytes);
        self.write(&mut written, &text);
    }

    /// Nothing more comes.
    pub(super) fn close(&self) {
        let mut written = self.written();
        for cut in std::mem::take(&mut written.cut) {
            self.write(&mut written, &String::from_utf8_lossy(&cut));
        }
        written.closed = true;
        self.changed.notify_all();
    }

    fn write(&self, written: &mut Written, text: &str) {
        let Some(file) = self.file.as_ref().filter(|_| !text.is_empty()) else { return };
        match file.write_all_at(text.as_bytes(), written.bytes) {
            Ok(()) => {
                written.bytes += text.len() as u64;
                self.changed.notify_all();
            }
            Err(error) => tracing::warn!("a piece of a job's log is lost: {error}"),
        }
    }

    /// Waits for something after `offset`, and a little for more. `None`: nothing comes any more.
    fn wait(&self, offset: u64) -> Option<u64> {
        let unchanged = |written: &mut Written| written.bytes <= offset && !written.closed;
        let written = self.changed.wait_while(self.written(), unchanged).unwrap_or_else(PoisonError::into_inner);
        let few = |written: &mut Written| written.bytes < offset + PIECE_BYTES && !written.closed;
        let waited = self.changed.wait_timeout_while(written, GATHERING, few);
        let (written, _) = waited.unwrap_or_else(PoisonError::into_inner);
        (written.bytes > offset).then_some(written.bytes)
    }

    /// The text from `offset` on, at most a piece of it, whole letters.
    fn read(&self, offset: u64, bytes: u64) -> io::Result<String> {
        let Some(file) = &self.file else { return Ok(String::new()) };
        let length = usize::try_from(bytes.saturating_sub(offset).min(PIECE_BYTES)).unwrap_or(0);
        let mut piece = vec![0; length];
        file.read_exact_at(&mut piece, offset)?;
        Ok(whole_letters(&mut Vec::new(), &piece))
    }

    /// Sends it as it grows, until it is closed and the hub has all of it, or wants no more of it.
    pub(super) fn ship(&self, shared: &Shared, attempt: &Attempt) {
        let mut backoff = Backoff::new();
        let mut offset = 0;
        let over = || shared.has_given_up(attempt);
        while let Some(bytes) = self.wait(offset) {
            let text = match self.read(offset, bytes) {
                Ok(text) => text,
                Err(error) => return tracing::warn!("the rest of a job's log is lost: {error}"),
            };
            let piece = AppendLog { node: shared.node(), attempt: attempt.clone(), offset, text };
            match shared.hub.append_log(&piece) {
                Ok(appended) if appended.next != offset => {
                    backoff.reset();
                    // A hub that lost its last words wants them again.
                    offset = appended.next.min(bytes);
                }
                Err(HubError::Refused(_)) => return shared.stop(attempt, Stop::Lost),
                Err(error @ HubError::Misunderstood(_)) => {
                    return tracing::warn!("the hub does not take the log of {}: {error}", attempt.job);
                }
                Err(error @ (HubError::Denied(_) | HubError::Untrusted(_))) => return shared.fail(error),
                Err(HubError::UnknownNode(_)) => {
                    shared.ask_to_join();
                    shared.wait_to_try_again(&mut backoff, &over);
                }
                // Nobody there, or it took nothing.
                Ok(_) | Err(HubError::Unreachable(_)) => shared.wait_to_try_again(&mut backoff, &over),
            }
            if over() {
                return;
            }
        }
    }
}

/// The text of what came so far; the beginning of a letter at its end stays in `rest`.
fn whole_letters(rest: &mut Vec<u8>, bytes: &[u8]) -> String {
    rest.extend_from_slice(bytes);
    let mut cut = rest.len();
    // A letter has at most four bytes, so that what lacks its end lies among the last three.
    for back in 1..=3.min(rest.len()) {
        let from = rest.len() - back;
        if let Err(error) = std::str::from_utf8(&rest[from..])
            && error.valid_up_to() == 0
            && error.error_len().is_none()
        {
            cut = from;
        }
    }
    let kept = rest.split_off(cut);
    let text = String::from_utf8_lossy(rest).into_owned();
    *rest = kept;
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letters(pieces: &[&[u8]]) -> String {
        let mut rest = Vec::new();
        let text: String = pieces.iter().map(|piece| whole_letters(&mut rest, piece)).collect();
        text + &String::from_utf8_lossy(&rest)
    }

    #[test]
    fn letters_that_are_cut_come_whole() {
        let text = "aä€😀z";
        for cut in 0..=text.len() {
            assert_eq!(letters(&[&text.as_bytes()[..cut], &text.as_bytes()[cut..]]), text, "{cut}");
        }
        let bytes: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
        assert_eq!(letters(&bytes), text);
    }

    #[test]
    fn what_is_no_letter_is_replaced_and_holds_nothing_back() {
        assert_eq!(letters(&[b"a\xff", b"b"]), "a\u{fffd}b");
        assert_eq!(letters(&[b"a\xe2\x82"]), "a\u{fffd}");
        let mut rest = Vec::new();
        assert_eq!(whole_letters(&mut rest, b"\x80\x80x"), "\u{fffd}\u{fffd}x");
    }

    #[test]
    fn a_log_is_read_in_pieces_from_anywhere() {
        let folder = tempfile::tempdir().unwrap();
        let log = Log::new(folder.path());
        log.add(Stream::Stdout, b"one \xc3");
        log.add(Stream::Stderr, b"two ");
        log.add(Stream::Stdout, b"\xa4 three");
        log.close();
        assert_eq!(log.wait(0), Some(16));
        assert_eq!(log.read(0, 16).unwrap(), "one two ä three");
        assert_eq!(log.read(4, 16).unwrap(), "two ä three");
        assert_eq!(log.wait(16), None);
    }
}

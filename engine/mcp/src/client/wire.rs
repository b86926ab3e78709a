//! The stdout of a server, watched: messages of a bounded size, a line each, and nothing else.
//!
//! The protocol's library drops lines that are too long or no message, and goes on; whoever waits for an answer would wait for ever and never
//! be told why. So the lines are looked at as they pass.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, ReadBuf};

/// The most bytes of a message.
pub(super) const MAX_MESSAGE_BYTES: usize = 8 << 20;
/// The most lines that are no messages.
const MAX_RUBBISH: u32 = 1000;
/// Bytes of such a line that are told.
const TOLD_BYTES: usize = 120;

/// What was seen, shared with who tells.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen(Arc<Mutex<Notes>>);

#[derive(Debug, Default)]
struct Notes {
    /// Why it was read no further.
    ended: Option<String>,
    rubbish: u32,
    first_rubbish: Option<String>,
}

impl Seen {
    /// What was wrong with what it printed, if something was.
    pub(super) fn wrong(&self) -> Option<String> {
        let notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let rubbish =
            notes.first_rubbish.as_ref().map(|line| format!("it printed on stdout what is no message: {line:?}"));
        notes.ended.clone().or(rubbish)
    }

    fn end(&self, why: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).ended = Some(why);
    }
}

/// A reader that looks at the lines which pass.
#[derive(Debug)]
pub(super) struct Watched<R> {
    from: R,
    seen: Seen,
    /// Bytes of the line so far.
    length: usize,
    /// How it begins.
    begin: Vec<u8>,
}

impl<R> Watched<R> {
    pub(super) fn new(from: R, seen: Seen) -> Self {
        Self { from, seen, length: 0, begin: Vec::new() }
    }

    /// Looks at bytes; says why there is to be no more, if so.
    fn look(&mut self, bytes: &[u8]) -> Result<(), String> {
        for piece in bytes.split_inclusive(|&byte| byte == b'\n') {
            let room = TOLD_BYTES.saturating_sub(self.begin.len());
            self.begin.extend_from_slice(&piece[..piece.len().min(room)]);
            self.length += piece.len();
            if self.length > MAX_MESSAGE_BYTES {
                return Err(format!("it sent a message of more than {} MiB", MAX_MESSAGE_BYTES >> 20));
            }
            if piece.ends_with(b"\n") {
                self.end_line()?;
            }
        }
        Ok(())
    }

    fn end_line(&mut self) -> Result<(), String> {
        let begin = std::mem::take(&mut self.begin);
        self.length = 0;
        let text = String::from_utf8_lossy(&begin);
        let text = text.trim();
        if text.is_empty() || text.starts_with(['{', '[']) {
            return Ok(());
        }
        let mut notes = self.seen.0.lock().unwrap_or_else(PoisonError::into_inner);
        notes.rubbish += 1;
        let first = notes.first_rubbish.get_or_insert_with(|| text.to_owned()).clone();
        if notes.rubbish > MAX_RUBBISH {
            return Err(format!("it printed {MAX_RUBBISH} lines on stdout that are no messages, the first: {first:?}"));
        }
        Ok(())
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for Watched<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.from).poll_read(context, buffer);
        if let Poll::Ready(Ok(())) = polled {
            let read = buffer.filled()[before..].to_vec();
            if let Err(why) = self.look(&read) {
                self.seen.end(why.clone());
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, why)));
            }
        }
        polled
    }
}

#[cfg(test)]
mod tests;

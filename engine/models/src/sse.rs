//! Server-sent events (WHATWG HTML, section 9.2.6) out of bytes, however they are cut.
//!
//! A decoder of our own: it sees bytes and not text, so a character that is split over packets never matters, time is
//! linear in the bytes, comments are told from silence, and sizes are limited. Beyond the standard, an event whose
//! last empty line is missing at the end of the stream counts: some servers forget it.

use std::str;

use crate::error::ErrorKind;
use crate::fault::Fault;

/// The largest event that is taken: far above any provider's (a whole reply of a million tokens is some 4 MiB), small enough
/// that a runaway line cannot exhaust memory.
pub(crate) const LARGEST_EVENT: usize = 16 << 20;

/// One event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Event {
    /// Its `event:` field; empty if it had none.
    pub(crate) name: String,
    /// Its `data:` lines, joined by line ends.
    pub(crate) data: String,
}

/// Bytes in, events out.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    /// The line that is not complete yet.
    line: Vec<u8>,
    event: Event,
    has_data: bool,
    /// The last byte was a carriage return: a line feed right behind it belongs to it.
    after_return: bool,
    started: bool,
    recognised: bool,
    heard_field: bool,
}

impl Decoder {
    /// Takes the next bytes and appends the events they complete.
    ///
    /// # Errors
    /// A line that is not UTF-8, or an event above [`LARGEST_EVENT`].
    pub(crate) fn push(&mut self, mut bytes: &[u8], events: &mut Vec<Event>) -> Result<(), Fault> {
        while let Some(first) = bytes.first() {
            if self.after_return {
                self.after_return = false;
                if *first == b'\n' {
                    bytes = &bytes[1..];
                    continue;
                }
            }
            let Some(end) = bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r')) else {
                self.check_size(bytes.len())?;
                self.line.extend_from_slice(bytes);
                self.heard_field |= self.line.first() != Some(&b':');
                return Ok(());
            };
            self.check_size(end)?;
            self.after_return = bytes[end] == b'\r';
            if self.line.is_empty() {
                self.take_line(&bytes[..end], events)?;
            } else {
                let mut line = std::mem::take(&mut self.line);
                line.extend_from_slice(&bytes[..end]);
                self.take_line(&line, events)?;
                line.clear();
                self.line = line;
            }
            bytes = &bytes[end + 1..];
        }
        Ok(())
    }

    /// What is left when the stream has ended: an event whose last line ends are missing. One that stops within a character
    /// is none.
    pub(crate) fn finish(&mut self) -> Option<Event> {
        let line = std::mem::take(&mut self.line);
        if str::from_utf8(&line).is_err() {
            return None;
        }
        let mut events = Vec::new();
        self.take_line(&line, &mut events).ok()?;
        self.dispatch(&mut events);
        events.pop()
    }

    /// Whether anything was a field or comment of an event stream; if not, the body is something else.
    pub(crate) fn recognised(&self) -> bool {
        self.recognised
    }

    /// Whether anything but comments and empty lines has come since the last time this was asked.
    pub(crate) fn take_heard_field(&mut self) -> bool {
        std::mem::take(&mut self.heard_field)
    }

    fn check_size(&self, more: usize) -> Result<(), Fault> {
        let size = self.line.len() + self.event.data.len() + more;
        if size <= LARGEST_EVENT {
            return Ok(());
        }
        Err(Fault::new(ErrorKind::Protocol, format!("an event of more than {LARGEST_EVENT} bytes")).sent())
    }

    fn take_line(&mut self, line: &[u8], events: &mut Vec<Event>) -> Result<(), Fault> {
        let line = if self.started { line } else { line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line) };
        self.started = true;
        let text = str::from_utf8(line).map_err(|error| {
            Fault::new(ErrorKind::Protocol, format!("an event is not UTF-8 after {} bytes", error.valid_up_to())).sent()
        })?;
        if text.is_empty() {
            self.dispatch(events);
            return Ok(());
        }
        let (field, value) = text.split_once(':').unwrap_or((text, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        self.recognised |= matches!(field, "" | "data" | "event" | "id" | "retry");
        self.heard_field |= !field.is_empty();
        match field {
            "data" => {
                if self.has_data {
                    self.event.data.push('\n');
                }
                self.event.data.push_str(value);
                self.has_data = true;
            }
            "event" => self.event.name = value.to_string(),
            _ => {} // comments, `id`, `retry` and what is yet to be invented
        }
        Ok(())
    }

    fn dispatch(&mut self, events: &mut Vec<Event>) {
        let event = std::mem::take(&mut self.event);
        if std::mem::take(&mut self.has_data) && !event.data.trim().is_empty() {
            events.push(event);
        }
    }
}

#[cfg(test)]
mod tests;

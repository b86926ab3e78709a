//! Lines of UTF-8 with a bound on their length.

use std::io::{BufRead, Read};

use crate::error::{ImportError, Place};

/// A buffer that has held a giant line is given back when it is larger than this, in bytes.
const KEPT_CAPACITY: usize = 1 << 20;

/// Reads a stream line by line; blank lines are counted but not returned.
pub(super) struct Lines<R> {
    reader: R,
    name: String,
    limit: usize,
    number: u64,
    bytes_read: u64,
    buffer: Vec<u8>,
    finished: bool,
}

/// One line, without its end.
pub(super) struct Line<'a> {
    pub(super) text: &'a str,
    file: &'a str,
    number: u64,
    /// How many bytes of the line come before `text` (a byte order mark).
    byte_offset: usize,
}

impl Line<'_> {
    pub(super) fn place(&self) -> Place {
        Place::line(self.file, self.number)
    }

    /// The place of the byte at `index` of `text`.
    pub(super) fn place_of(&self, index: usize) -> Place {
        Place::column(self.file, self.number, (self.byte_offset + index + 1) as u64)
    }
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(reader: R, name: String, limit: usize) -> Lines<R> {
        Lines { reader, name, limit, number: 0, bytes_read: 0, buffer: Vec::new(), finished: false }
    }

    pub(super) fn number(&self) -> u64 {
        self.number
    }

    pub(super) fn bytes_read(&self) -> u64 {
        self.bytes_read
    }

    /// The next line that is not blank; `None` at the end, and after the first error of the stream itself.
    pub(super) fn next_line(&mut self) -> Option<Result<Line<'_>, ImportError>> {
        loop {
            match self.fill() {
                Ok(false) => return None,
                Ok(true) if self.buffer.iter().all(u8::is_ascii_whitespace) => continue,
                Ok(true) => break,
                Err(error) => return Some(Err(error)),
            }
        }
        Some(self.line())
    }

    /// Reads a line into the buffer; `false` at the end of the stream.
    fn fill(&mut self) -> Result<bool, ImportError> {
        if self.finished {
            return Ok(false);
        }
        if self.buffer.capacity() > KEPT_CAPACITY {
            self.buffer = Vec::new();
        }
        self.buffer.clear();
        self.number += 1;
        // One more than allowed, for the line feed; a CR counts as part of the line.
        let taken = self.take(self.limit as u64 + 1)?;
        if taken == 0 {
            self.number -= 1;
            self.finished = true;
            return Ok(false);
        }
        if self.buffer.last() == Some(&b'\n') {
            self.buffer.pop();
            if self.buffer.last() == Some(&b'\r') {
                self.buffer.pop();
            }
        } else if self.buffer.len() > self.limit {
            self.skip_rest_of_line()?;
            let place = Place::line(&self.name, self.number);
            return Err(ImportError::TooLong { place, limit: self.limit as u64 });
        }
        Ok(true)
    }

    fn skip_rest_of_line(&mut self) -> Result<(), ImportError> {
        loop {
            self.buffer.clear();
            let taken = self.take(KEPT_CAPACITY as u64)?;
            if taken == 0 || self.buffer.last() == Some(&b'\n') {
                return Ok(());
            }
        }
    }

    fn take(&mut self, most: u64) -> Result<usize, ImportError> {
        match (&mut self.reader).take(most).read_until(b'\n', &mut self.buffer) {
            Ok(taken) => {
                self.bytes_read += taken as u64;
                Ok(taken)
            }
            Err(cause) => {
                self.finished = true;
                Err(ImportError::Read { place: Place::line(&self.name, self.number), cause })
            }
        }
    }

    fn line(&self) -> Result<Line<'_>, ImportError> {
        const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();
        let mut bytes = self.buffer.as_slice();
        let mut byte_offset = 0;
        if self.number == 1
            && let Some(rest) = bytes.strip_prefix(BYTE_ORDER_MARK)
        {
            bytes = rest;
            byte_offset = BYTE_ORDER_MARK.len();
        }
        let column = |index: usize| Place::column(&self.name, self.number, (byte_offset + index + 1) as u64);
        let text = match str::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => {
                let index = error.valid_up_to();
                return Err(ImportError::NotUtf8 { place: column(index), byte: bytes[index] });
            }
        };
        if let Some(index) = text.bytes().position(|byte| byte == 0) {
            return Err(ImportError::Nul { place: column(index) });
        }
        Ok(Line { text, file: &self.name, number: self.number, byte_offset })
    }
}

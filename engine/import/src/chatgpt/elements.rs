//! The elements of a JSON array, one after the other, without parsing them.
//!
//! Only strings and brackets are followed, so that an element that no parser likes has an end all the same and the next
//! one can be read.

use std::io::BufRead;

use crate::error::{ImportError, Place};

/// A buffer that has held a giant element is given back when it is larger than this, in bytes.
const KEPT_CAPACITY: usize = 4 << 20;

pub(super) struct Elements<R> {
    reader: R,
    name: String,
    limit: usize,
    state: State,
    bytes_read: u64,
    /// Where the next byte is, both counted from 1.
    line: u64,
    column: u64,
}

/// An element as it is written.
pub(super) struct Element {
    pub(super) bytes: Vec<u8>,
    /// Where it begins, both counted from 1.
    pub(super) line: u64,
    pub(super) column: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    BeforeArray,
    /// After `[`: an element or the end.
    First,
    /// After an element: a comma or the end.
    AfterElement,
    /// After the end: nothing.
    AfterArray,
    Finished,
}

impl<R: BufRead> Elements<R> {
    pub(super) fn new(reader: R, name: String, limit: usize) -> Elements<R> {
        Elements { reader, name, limit, state: State::BeforeArray, bytes_read: 0, line: 1, column: 1 }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn bytes_read(&self) -> u64 {
        self.bytes_read
    }

    /// The next element; `None` at the end, and after an error that leaves no way to go on.
    pub(super) fn next_element(&mut self) -> Option<Result<Element, ImportError>> {
        let next = self.step();
        if next
            .as_ref()
            .is_none_or(|item| item.as_ref().is_err_and(|error| !matches!(error, ImportError::TooLong { .. })))
        {
            self.state = State::Finished;
        }
        next
    }

    fn step(&mut self) -> Option<Result<Element, ImportError>> {
        loop {
            if self.state == State::Finished {
                return None;
            }
            let byte = match self.peek_past_blanks() {
                Ok(byte) => byte,
                Err(error) => return Some(Err(error)),
            };
            match (self.state, byte) {
                (State::BeforeArray, Some(b'[')) => {
                    self.consume(1, false);
                    self.state = State::First;
                }
                // A single conversation, as other programs save it.
                (State::BeforeArray, Some(b'{')) => {
                    self.state = State::AfterArray;
                    return Some(self.element());
                }
                (State::First | State::AfterElement, Some(b']')) => {
                    self.consume(1, false);
                    self.state = State::AfterArray;
                }
                (State::First, Some(byte)) if byte != b',' => {
                    self.state = State::AfterElement;
                    return Some(self.element());
                }
                (State::AfterElement, Some(b',')) => {
                    self.consume(1, false);
                    self.state = State::First;
                }
                (State::AfterArray, None) => return None,
                (State::BeforeArray, found) => {
                    return Some(Err(self.unexpected("a JSON array of conversations", found)));
                }
                (State::First, found) => return Some(Err(self.unexpected("a conversation or ]", found))),
                (State::AfterElement, found) => return Some(Err(self.unexpected(", or ]", found))),
                (_, found) => return Some(Err(self.unexpected("the end of the file", found))),
            }
        }
    }

    fn unexpected(&mut self, expected: &str, found: Option<u8>) -> ImportError {
        let zipped = self.bytes_read == 0 && self.reader.fill_buf().is_ok_and(|bytes| bytes.starts_with(b"PK\x03\x04"));
        let found = match found {
            _ if zipped => "a zip archive; unpack it first".to_string(),
            None => "the end of the file".to_string(),
            Some(byte) if byte.is_ascii_graphic() => char::from(byte).to_string(),
            Some(byte) => format!("byte 0x{byte:02x}"),
        };
        ImportError::unexpected(Place::column(&self.name, self.line, self.column), expected, found)
    }

    /// The next byte that is not blank, left where it is; a byte order mark counts as blank at the very start.
    fn peek_past_blanks(&mut self) -> Result<Option<u8>, ImportError> {
        loop {
            let at_start = self.bytes_read == 0;
            let bytes = fill(&mut self.reader, &self.name, self.line)?;
            if bytes.is_empty() {
                return Ok(None);
            }
            let mark = if at_start && bytes.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
            let blanks = mark + bytes[mark..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            let next = bytes.get(blanks).copied();
            self.consume(blanks, true);
            if next.is_some() {
                return Ok(next);
            }
        }
    }

    /// Takes bytes of the reader's buffer; only where there may be line ends in them they are looked for.
    fn consume(&mut self, count: usize, may_hold_lines: bool) {
        if may_hold_lines && let Ok(bytes) = self.reader.fill_buf() {
            for byte in &bytes[..count.min(bytes.len())] {
                (self.line, self.column) =
                    if *byte == b'\n' { (self.line + 1, 1) } else { (self.line, self.column + 1) };
            }
        } else {
            self.column += count as u64;
        }
        self.reader.consume(count);
        self.bytes_read += count as u64;
    }

    /// Reads the element that begins at the next byte.
    fn element(&mut self) -> Result<Element, ImportError> {
        let (line, column) = (self.line, self.column);
        let mut element = Element { bytes: Vec::new(), line, column };
        let mut scanner = Scanner::default();
        let mut length = 0;
        loop {
            let bytes = fill(&mut self.reader, &self.name, self.line)?;
            if bytes.is_empty() {
                if scanner.is_scalar() && length > 0 {
                    break;
                }
                let place = Place::line(&self.name, line);
                return Err(ImportError::unexpected(place, "the end of what begins here", "the end of the file"));
            }
            let (taken, ended) = scanner.take(bytes);
            length += taken;
            if length <= self.limit {
                element.bytes.extend_from_slice(&bytes[..taken]);
            } else if element.bytes.capacity() > KEPT_CAPACITY {
                element.bytes = Vec::new();
            }
            self.consume(taken, true);
            if ended {
                break;
            }
        }
        if length > self.limit {
            return Err(ImportError::TooLong { place: Place::line(&self.name, line), limit: self.limit as u64 });
        }
        Ok(element)
    }
}

fn fill<'a, R: BufRead>(reader: &'a mut R, name: &str, line: u64) -> Result<&'a [u8], ImportError> {
    reader.fill_buf().map_err(|cause| ImportError::Read { place: Place::line(name, line), cause })
}

/// Follows strings and brackets until what began has ended.
#[derive(Default)]
struct Scanner {
    depth: usize,
    in_string: bool,
    escaped: bool,
    started: bool,
}

impl Scanner {
    /// How many of `bytes` belong to the element, and whether it ends with them.
    fn take(&mut self, bytes: &[u8]) -> (usize, bool) {
        for (index, byte) in bytes.iter().enumerate() {
            if self.in_string {
                match byte {
                    _ if self.escaped => self.escaped = false,
                    b'\\' => self.escaped = true,
                    b'"' => {
                        self.in_string = false;
                        if self.depth == 0 {
                            return (index + 1, true);
                        }
                    }
                    _ => {}
                }
                continue;
            }
            match byte {
                b'"' => self.in_string = true,
                b'{' | b'[' => self.depth += 1,
                // A scalar ends before what cannot be part of it.
                b',' | b']' | b'}' if self.depth == 0 && self.started => return (index, true),
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth == 0 {
                        return (index + 1, true);
                    }
                }
                _ if self.depth == 0 && byte.is_ascii_whitespace() => return (index, true),
                _ => {}
            }
            self.started = true;
        }
        (bytes.len(), false)
    }

    /// Whether neither a bracket nor a string is open.
    fn is_scalar(&self) -> bool {
        self.depth == 0 && !self.in_string
    }
}

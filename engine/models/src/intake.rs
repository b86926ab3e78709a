//! Bytes of a chat's answer into a draft, whatever they turn out to be: a stream of events, one JSON object, a web page.
//!
//! How the bytes are cut makes no difference; the content type is not asked, for it is often wrong.

use serde_json::Value;

use crate::anthropic;
use crate::draft::{Draft, LARGEST_REPLY};
use crate::error::ErrorKind;
use crate::fault::Fault;
use crate::listener::Listener;
use crate::openai;
use crate::provider::Dialect;
use crate::sse::{Decoder, Event};

/// How much is kept of the beginning of a body, to be shown if it is no reply.
const KEPT_START: usize = 64 << 10;

/// An answer that is being taken in.
#[derive(Debug)]
pub(crate) struct Intake {
    stream: Stream,
    body: Body,
    status: u16,
    /// What came before it was known what the body is; all of it if it is one document.
    start: Vec<u8>,
}

/// The stream of either dialect.
#[derive(Debug)]
enum Stream {
    OpenAi(openai::Stream),
    Anthropic(anthropic::Stream),
}

/// What a body turned out to be.
#[derive(Debug)]
enum Body {
    Unknown,
    Events(Decoder),
    Document,
}

impl Intake {
    /// An answer in that dialect. `by_tool`: the answer to be is the input of a tool (Anthropic).
    pub(crate) fn new(dialect: Dialect, by_tool: bool, status: u16) -> Self {
        let stream = match dialect {
            Dialect::OpenAi => Stream::OpenAi(openai::Stream::default()),
            Dialect::Anthropic => Stream::Anthropic(anthropic::Stream::new(by_tool)),
        };
        Intake { stream, body: Body::Unknown, status, start: Vec::new() }
    }

    /// Completes the draft once nothing more comes.
    pub(crate) fn close(&mut self, draft: &mut Draft) {
        match &mut self.stream {
            Stream::OpenAi(stream) => stream.close(draft),
            Stream::Anthropic(stream) => stream.close(draft),
        }
    }

    /// Takes the next bytes; true if the last event was in them.
    pub(crate) fn take(&mut self, bytes: &[u8], draft: &mut Draft, listener: &mut Listener<'_>) -> Result<bool, Fault> {
        let mut events = Vec::new();
        match &mut self.body {
            Body::Events(decoder) => decoder.push(bytes, &mut events)?,
            Body::Document => {
                self.start.extend_from_slice(bytes);
                if self.start.len() > LARGEST_REPLY {
                    return Err(Fault::protocol(format!("a reply of more than {LARGEST_REPLY} bytes")));
                }
            }
            Body::Unknown => {
                self.start.extend_from_slice(bytes);
                if self.start.len() > KEPT_START && self.start.iter().all(u8::is_ascii_whitespace) {
                    return Err(Fault::protocol(format!("{} bytes of nothing but white space", self.start.len())));
                }
                let bare = self.start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&self.start);
                match bare.iter().find(|byte| !byte.is_ascii_whitespace()) {
                    None => {}
                    Some(0xef) if bare.len() < 3 => {}
                    Some(b'{' | b'[' | b'<' | b'"') => self.body = Body::Document,
                    Some(_) => {
                        let mut decoder = Decoder::default();
                        decoder.push(&self.start, &mut events)?;
                        self.start.truncate(KEPT_START);
                        self.body = Body::Events(decoder);
                    }
                }
            }
        }
        for event in &events {
            if self.event(event, draft, listener)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn event(&mut self, event: &Event, draft: &mut Draft, listener: &mut Listener<'_>) -> Result<bool, Fault> {
        match &mut self.stream {
            Stream::OpenAi(stream) => stream.event(event, draft, listener),
            Stream::Anthropic(stream) => stream.event(event, draft, listener),
        }
    }

    /// Whether something but comments came since the last time this was asked.
    pub(crate) fn take_heard(&mut self) -> bool {
        match &mut self.body {
            Body::Events(decoder) => decoder.take_heard_field(),
            Body::Document => true,
            Body::Unknown => false,
        }
    }

    /// The body has ended.
    pub(crate) fn end(&mut self, draft: &mut Draft, listener: &mut Listener<'_>) -> Result<(), Fault> {
        let status = self.status;
        match &mut self.body {
            Body::Events(decoder) => {
                let recognised = decoder.recognised();
                if let Some(event) = decoder.finish() {
                    // It may be cut in the middle of its JSON, which is no fault of the dialect.
                    match self.event(&event, draft, listener) {
                        Err(fault) if fault.kind == ErrorKind::Protocol => {}
                        other => drop(other?),
                    }
                } else if !recognised && !begins_a_field(&self.start) {
                    return Err(Fault::not_json(status, &String::from_utf8_lossy(&self.start)));
                }
                Ok(())
            }
            Body::Unknown => Ok(()), // nothing came
            Body::Document => {
                let text = String::from_utf8_lossy(&self.start);
                match serde_json::from_str::<Value>(text.trim_start_matches('\u{feff}')) {
                    Ok(value) => match &mut self.stream {
                        Stream::OpenAi(stream) => stream.document(&value, draft, listener),
                        Stream::Anthropic(stream) => stream.document(&value, draft, listener),
                    },
                    Err(error) if error.is_eof() => {
                        Err(Fault::cut_off(format!("the answer broke off after {} bytes", self.start.len())))
                    }
                    Err(_) => Err(Fault::not_json(status, &text)),
                }
            }
        }
    }
}

/// Whether a body that broke off within its first bytes may have been a stream of events.
fn begins_a_field(start: &[u8]) -> bool {
    let bare = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start);
    let fields = ["data:", "event:", "retry:", "id:", ":"];
    fields.iter().map(|field| field.as_bytes()).any(|field| field.starts_with(bare) || bare.starts_with(field))
}

#[cfg(test)]
mod tests;

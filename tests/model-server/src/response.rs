//! What is answered, step by step, and how it is written.

use std::io;
use std::time::Duration;

use serde_json::Value;

use crate::connection::Connection;
use crate::gate::Gate;

/// An answer: head, and the steps in which the rest of it happens, in the order in which they were added.
#[derive(Clone)]
pub struct Response {
    framing: Framing,
    headers: Vec<(String, String)>,
    delay: Duration,
    steps: Vec<Step>,
}

/// How the client learns where the body ends.
#[derive(Clone, Copy)]
enum Framing {
    /// `content-length`: that of all that is sent, also after a cut.
    Length { status: u16 },
    /// A chunk for every `send`, and the last chunk at the end.
    Chunks { status: u16 },
    /// The connection's end is the body's.
    UntilClosed { status: u16 },
    /// No head at all: what is sent is all that is written, then the connection is closed.
    Raw,
}

#[derive(Clone)]
enum Step {
    Send(Vec<u8>),
    Pause(Duration),
    Gate(Gate),
    Cut,
    Hang,
}

impl Response {
    /// An answer whose `content-length` is that of everything that is sent.
    pub fn new(status: u16) -> Self {
        Self::framed(Framing::Length { status })
    }

    /// A stream of server-sent events, in chunks.
    pub fn sse(status: u16) -> Self {
        Self::chunked(status).header("content-type", "text/event-stream").header("cache-control", "no-cache")
    }

    /// An answer in chunks, one for every [`Self::send`].
    pub fn chunked(status: u16) -> Self {
        Self::framed(Framing::Chunks { status })
    }

    /// An answer that ends where the connection ends.
    pub fn until_closed(status: u16) -> Self {
        Self::framed(Framing::UntilClosed { status })
    }

    /// An answer without a head: only what is sent is written, whether it is HTTP or not, and the connection is closed
    /// after it. `raw().cut()` closes without an answer, `raw().hang()` never answers.
    pub fn raw() -> Self {
        Self::framed(Framing::Raw)
    }

    fn framed(framing: Framing) -> Self {
        Self { framing, headers: Vec::new(), delay: Duration::ZERO, steps: Vec::new() }
    }

    /// Adds a header. A `content-length` or `transfer-encoding` of the script's takes the place of the server's.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sends `value`, and names the type.
    pub fn json(self, value: &Value) -> Self {
        self.header("content-type", "application/json").body(value.to_string())
    }

    /// Sends `bytes`: another word for [`Self::send`] where the body is one piece.
    pub fn body(self, bytes: impl Into<Vec<u8>>) -> Self {
        self.send(bytes)
    }

    /// Sends `bytes` in one write, and as one chunk if the answer is chunked. Nothing if there are none.
    pub fn send(self, bytes: impl Into<Vec<u8>>) -> Self {
        self.step(Step::Send(bytes.into()))
    }

    /// Waits before what follows; ends early if the client has gone or the server stops.
    pub fn pause(self, duration: Duration) -> Self {
        self.step(Step::Pause(duration))
    }

    /// Waits until the test opens the gate; ends early if the client has gone or the server stops.
    pub fn gate(self, gate: &Gate) -> Self {
        self.step(Step::Gate(gate.clone()))
    }

    /// Closes the connection here: without the last chunk, and what would follow is not sent.
    pub fn cut(self) -> Self {
        self.step(Step::Cut)
    }

    /// Sends nothing more and keeps the connection open until the client goes or the server stops.
    pub fn hang(self) -> Self {
        self.step(Step::Hang)
    }

    /// Lets the head, and so the first byte, wait.
    pub fn delay_head(mut self, duration: Duration) -> Self {
        self.delay = duration;
        self
    }

    fn step(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    /// Writes the answer; whether the connection may be used again. The head is a write of its own.
    ///
    /// # Errors
    /// Of the connection: the client has gone, or the server stops.
    pub(crate) fn write(&self, connection: &mut Connection) -> io::Result<bool> {
        connection.pause(self.delay)?;
        if let Some(head) = self.head() {
            connection.write(head.as_bytes())?;
        }
        let in_chunks = matches!(self.framing, Framing::Chunks { .. }) && !self.has("transfer-encoding");
        for step in &self.steps {
            match step {
                Step::Send(bytes) if bytes.is_empty() => {}
                Step::Send(bytes) if in_chunks => connection.write(&chunk(bytes))?,
                Step::Send(bytes) => connection.write(bytes)?,
                Step::Pause(duration) => connection.pause(*duration)?,
                Step::Gate(gate) => connection.wait_at(gate)?,
                Step::Cut => return Ok(false),
                Step::Hang => connection.hang()?,
            }
        }
        if in_chunks {
            connection.write(b"0\r\n\r\n")?;
        }
        let closes =
            self.headers.iter().any(|(name, value)| name.eq_ignore_ascii_case("connection") && value == "close");
        Ok(!closes && matches!(self.framing, Framing::Length { .. } | Framing::Chunks { .. }))
    }

    fn head(&self) -> Option<String> {
        let (status, framing) = match self.framing {
            Framing::Raw => return None,
            Framing::Length { status } => (status, format!("content-length: {}\r\n", self.length())),
            Framing::Chunks { status } => (status, "transfer-encoding: chunked\r\n".to_owned()),
            Framing::UntilClosed { status } => (status, "connection: close\r\n".to_owned()),
        };
        let mut head = format!("HTTP/1.1 {status} {}\r\n", reason(status));
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        // RFC 9110, section 8.6: an answer with these has no body, and says no length.
        let bodyless = matches!(status, 100..200 | 204 | 304);
        if !bodyless && !self.has("content-length") && !self.has("transfer-encoding") {
            head += &framing;
        }
        Some(head + "\r\n")
    }

    fn length(&self) -> usize {
        self.steps.iter().map(|step| if let Step::Send(bytes) = step { bytes.len() } else { 0 }).sum()
    }

    fn has(&self, name: &str) -> bool {
        self.headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name))
    }
}

fn chunk(bytes: &[u8]) -> Vec<u8> {
    let mut chunk = format!("{:x}\r\n", bytes.len()).into_bytes();
    chunk.extend_from_slice(bytes);
    chunk.extend_from_slice(b"\r\n");
    chunk
}

/// What providers write behind the number; clients do not read it.
fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        413 => "Content Too Large",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        529 => "Overloaded",
        _ => "Status",
    }
}

//! Bodies that come piece by piece: one JSON value a line, or server-sent events.
//!
//! The events of a stream are those of the [HTML standard](https://html.spec.whatwg.org/multipage/server-sent-events.html).
//! A stream that was not broken off has a last line or event that says so.

use std::convert::Infallible;
use std::fmt::Write;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response as HttpResponse;
use hyper::body::Frame;
use serde::Serialize;
use zo_engine::protocol::{Failure, Response};

use crate::calls::{Call, Item};

/// After so long a silence a word is sent: proxies and clients give up what says nothing.
const SILENCE: Duration = Duration::from_secs(10);

/// How what comes of a request is written.
pub(crate) trait Format: Send + 'static {
    /// The type of the body.
    fn media_type(&self) -> &'static str;
    /// A response; nothing, if it is not for this client.
    fn response(&mut self, response: Response) -> String;
    /// A word that means nothing.
    fn silence(&mut self) -> &'static str;
    /// The end.
    fn end(&mut self, result: Result<(), Failure>) -> String;
}

/// One value a line.
pub(crate) struct Lines;

impl Format for Lines {
    fn media_type(&self) -> &'static str {
        "application/x-ndjson"
    }

    fn response(&mut self, response: Response) -> String {
        line(&response)
    }

    fn silence(&mut self) -> &'static str {
        // An empty line, which readers of such streams skip.
        "\n"
    }

    fn end(&mut self, result: Result<(), Failure>) -> String {
        line(&last(result))
    }
}

/// Events that are named after the responses.
pub(crate) struct Events;

impl Format for Events {
    fn media_type(&self) -> &'static str {
        EVENT_STREAM
    }

    fn response(&mut self, response: Response) -> String {
        let id = match &response {
            Response::Event(line) => Some(line.position.to_string()),
            _ => None,
        };
        // Serialised, a response is an object with its name as the only field, or the name alone.
        match serde_json::to_value(&response) {
            Ok(serde_json::Value::Object(fields)) => match fields.into_iter().next() {
                Some((name, value)) => event(Some(&name), id.as_deref(), &value),
                None => String::new(),
            },
            Ok(name) => event(name.as_str(), None, &serde_json::Value::Null),
            Err(error) => unwritable(&error),
        }
    }

    fn silence(&mut self) -> &'static str {
        ":\n\n"
    }

    fn end(&mut self, result: Result<(), Failure>) -> String {
        self.response(last(result))
    }
}

/// The log as `EventSource` reads it: unnamed events with their positions as ids.
pub(crate) struct Log;

impl Format for Log {
    fn media_type(&self) -> &'static str {
        EVENT_STREAM
    }

    fn response(&mut self, response: Response) -> String {
        match response {
            Response::Event(line) => event(None, Some(&line.position.to_string()), &line),
            _ => String::new(),
        }
    }

    fn silence(&mut self) -> &'static str {
        ":\n\n"
    }

    fn end(&mut self, result: Result<(), Failure>) -> String {
        Events.end(result)
    }
}

/// The media type of server-sent events.
pub(crate) const EVENT_STREAM: &str = "text/event-stream";

/// What a stream ends with.
fn last(result: Result<(), Failure>) -> Response {
    match result {
        Ok(()) => Response::Done,
        Err(failure) => Response::Failed(failure),
    }
}

fn line(value: &impl Serialize) -> String {
    match serde_json::to_string(value) {
        Ok(line) => line + "\n",
        Err(error) => unwritable(&error),
    }
}

/// One event. JSON has no line breaks, so the data is one line.
pub(crate) fn event(name: Option<&str>, id: Option<&str>, data: &impl Serialize) -> String {
    let mut text = String::new();
    if let Some(name) = name {
        let _ = writeln!(text, "event: {name}");
    }
    if let Some(id) = id {
        let _ = writeln!(text, "id: {id}");
    }
    match serde_json::to_string(data) {
        Ok(json) => {
            let _ = write!(text, "data: {json}\n\n");
            text
        }
        Err(error) => unwritable(&error),
    }
}

fn unwritable(error: &serde_json::Error) -> String {
    tracing::warn!("a response has no form as JSON: {error}");
    String::new()
}

/// Whether a client wants server-sent events.
pub(crate) fn wants_events(headers: &HeaderMap) -> bool {
    let mut accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted.any(|value| value.split(',').any(|one| one.trim().starts_with(EVENT_STREAM)))
}

/// A response whose body is what comes of a request, its first item included.
pub(crate) fn respond(first: Item, call: Call, format: impl Format) -> HttpResponse {
    let media_type = HeaderValue::from_static(format.media_type());
    let body = Stream { first: Some(first), call, format: Box::new(format), written_at: Instant::now(), ended: false };
    let mut response = HttpResponse::new(Body::new(body));
    response.headers_mut().insert(header::CONTENT_TYPE, media_type);
    // Nginx holds back what it is not told to pass on at once.
    response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

struct Stream {
    first: Option<Item>,
    call: Call,
    format: Box<dyn Format>,
    written_at: Instant,
    ended: bool,
}

impl hyper::body::Body for Stream {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        while !self.ended {
            let item = match self.first.take() {
                Some(item) => item,
                None => ready!(self.call.poll_next(context)),
            };
            let text = match item {
                Item::Response(response) => self.format.response(*response),
                Item::Idle if self.written_at.elapsed() >= SILENCE => self.format.silence().to_owned(),
                Item::Idle => String::new(),
                Item::End(result) => {
                    self.ended = true;
                    self.format.end(result)
                }
            };
            if !text.is_empty() {
                self.written_at = Instant::now();
                return Poll::Ready(Some(Ok(Frame::data(text.into()))));
            }
        }
        Poll::Ready(None)
    }
}

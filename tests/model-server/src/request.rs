//! Reading a request: head, headers, body by length or in chunks.

use std::io;
use std::time::Instant;

use serde_json::Value;

use crate::connection::Connection;

/// The longest line and the most header lines that are read; more is not a model's client.
const MAX_LINE_BYTES: usize = 64 << 10;
const MAX_HEADERS: usize = 200;
/// The largest body that is read: several images in base64 fit.
const MAX_BODY_BYTES: usize = 256 << 20;

/// A request whose head and body have come.
#[derive(Clone, Debug)]
pub struct Request {
    /// As sent: `GET`, `POST`, …
    pub method: String,
    /// As sent, with the query; a whole address if the client takes the server for a proxy.
    pub path: String,
    /// Names in lower case, values without the blanks around them, in the order in which they came.
    pub headers: Vec<(String, String)>,
    /// The body; without the chunks' lengths if it came in chunks.
    pub body: Vec<u8>,
    /// 0, 1, … over the server's life.
    pub number: usize,
    /// When the last byte of it had been read.
    pub at: Instant,
}

impl Request {
    /// The first header with that name, which may be written in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The body as JSON, null if it is not.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The text of the last message whose role is `user`, in any dialect: its parts of the type `text`, a line each;
    /// empty if there is none.
    pub fn last_user_text(&self) -> String {
        let body = self.json();
        let messages = body["messages"].as_array().map(Vec::as_slice).unwrap_or_default();
        let Some(message) = messages.iter().rev().find(|message| message["role"] == "user") else {
            return String::new();
        };
        match &message["content"] {
            Value::String(text) => text.clone(),
            Value::Array(parts) => {
                let texts = parts.iter().filter(|part| part["type"] == "text").filter_map(|part| part["text"].as_str());
                texts.collect::<Vec<_>>().join("\n")
            }
            _ => String::new(),
        }
    }

    /// The path without the query.
    pub fn route(&self) -> &str {
        self.path.split('?').next().unwrap_or_default()
    }

    /// Whether the client wants to close the connection after the answer.
    pub(crate) fn wants_close(&self) -> bool {
        self.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }
}

/// Reads the next request of the connection; `None` when the client has closed it between two. Its number is 0 still.
///
/// # Errors
/// Of the connection; `InvalidData` with what is wrong if it is not HTTP/1.
pub(crate) fn read_request(connection: &mut Connection) -> io::Result<Option<Request>> {
    let Some(first) = read_line(connection)? else { return Ok(None) };
    let mut words = first.split(' ');
    let (Some(method), Some(path), Some("HTTP/1.1" | "HTTP/1.0"), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(invalid(format!("not a request line: {first:?}")));
    };
    let mut request = Request {
        method: method.to_owned(),
        path: path.to_owned(),
        headers: read_headers(connection)?,
        body: Vec::new(),
        number: 0,
        at: Instant::now(),
    };
    if request.header("expect").is_some_and(|value| value.eq_ignore_ascii_case("100-continue")) {
        connection.write(b"HTTP/1.1 100 Continue\r\n\r\n")?;
    }
    request.body = read_body(connection, &request)?;
    request.at = Instant::now();
    Ok(Some(request))
}

fn read_headers(connection: &mut Connection) -> io::Result<Vec<(String, String)>> {
    let mut headers = Vec::new();
    loop {
        let line = expect_line(connection)?;
        if line.is_empty() {
            return Ok(headers);
        }
        if headers.len() == MAX_HEADERS {
            return Err(invalid(format!("more than {MAX_HEADERS} headers")));
        }
        let (name, value) = line.split_once(':').ok_or_else(|| invalid(format!("not a header: {line:?}")))?;
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
}

fn read_body(connection: &mut Connection, request: &Request) -> io::Result<Vec<u8>> {
    if request.header("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked")) {
        return read_chunks(connection);
    }
    let Some(length) = request.header("content-length") else { return Ok(Vec::new()) };
    let length = length.parse().map_err(|_| invalid(format!("not a length: {length:?}")))?;
    read_bytes(connection, length)
}

fn read_chunks(connection: &mut Connection) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = expect_line(connection)?;
        let length = line.split(';').next().unwrap_or_default().trim();
        let length =
            usize::from_str_radix(length, 16).map_err(|_| invalid(format!("not a chunk's length: {line:?}")))?;
        if length == 0 {
            // What follows the last chunk has the form of headers.
            read_headers(connection)?;
            return Ok(body);
        }
        if body.len().saturating_add(length) > MAX_BODY_BYTES {
            return Err(invalid(format!("a body of more than {MAX_BODY_BYTES} bytes")));
        }
        body.extend(read_bytes(connection, length)?);
        expect_line(connection)?;
    }
}

fn read_bytes(connection: &mut Connection, length: usize) -> io::Result<Vec<u8>> {
    if length > MAX_BODY_BYTES {
        return Err(invalid(format!("a body of {length} bytes, more than {MAX_BODY_BYTES}")));
    }
    while connection.pending.len() < length {
        if !connection.fill()? {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(connection.pending.drain(..length).collect())
}

/// The next line without its end; `None` if the connection ends before the line begins.
fn read_line(connection: &mut Connection) -> io::Result<Option<String>> {
    let mut searched = 0;
    loop {
        if let Some(offset) = connection.pending[searched..].iter().position(|byte| *byte == b'\n') {
            let mut line: Vec<u8> = connection.pending.drain(..=searched + offset).collect();
            line.pop();
            if line.last() == Some(&b'\r') {
                line.pop();
            }
            let line = String::from_utf8(line).map_err(|_| invalid("a line that is not UTF-8".to_owned()))?;
            return Ok(Some(line));
        }
        searched = connection.pending.len();
        if searched > MAX_LINE_BYTES {
            return Err(invalid(format!("a line of more than {MAX_LINE_BYTES} bytes")));
        }
        if !connection.fill()? {
            return if searched == 0 { Ok(None) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
        }
    }
}

fn expect_line(connection: &mut Connection) -> io::Result<String> {
    read_line(connection)?.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
}

fn invalid(why: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

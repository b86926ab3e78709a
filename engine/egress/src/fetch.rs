//! One request with its redirects.

pub(crate) mod client;
mod hop;

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use reqwest::Response;
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::dial::resolve;
use crate::error::{EgressError, ErrorKind};
use crate::listener::Listener;
use crate::policy::Target;
use crate::runtime::Inner;
use client::Route;
use hop::Hop;

/// How many redirects are followed.
const MOST_REDIRECTS: usize = 10;

/// How to ask.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// Asks for what is there.
    #[default]
    Get,
    /// Asks for the head alone.
    Head,
    /// Sends something to be worked upon.
    Post,
    /// Puts something in a place.
    Put,
    /// Removes what is there.
    Delete,
    /// Changes what is there.
    Patch,
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchRequest {
    /// How to ask.
    pub method: Method,
    /// Where; of http or https. A user name and a password in it are sent as basic authorization to that host alone.
    pub url: String,
    /// Names and values. `accept-encoding`, `connection` and `content-length` are ignored, for they are seen to; `host` and others that
    /// could lead a request elsewhere than was checked are refused.
    pub headers: Vec<(String, String)>,
    /// What is sent, empty if nothing.
    pub body: Vec<u8>,
    /// How long all of it may take, redirects and body included; at most a day.
    pub timeout: Duration,
    /// How much of the body is read, in bytes after decompression.
    pub max_bytes: usize,
}

/// An answer, of any status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// The HTTP status.
    pub status: u16,
    /// Where it came from in the end, without a user name and password.
    pub url: String,
    /// Its headers, names in lower case, bytes that are no UTF-8 replaced.
    pub headers: Vec<(String, String)>,
    /// The `content-type` with its parameters, as [`text_of`](crate::text_of) takes it; empty if the server named none.
    pub media_type: String,
    /// The body, decompressed; its first `max_bytes` bytes if it is longer.
    pub body: Vec<u8>,
    /// Whether the body is longer than what is here.
    pub truncated: bool,
}

impl FetchRequest {
    /// A `GET` with nothing special: 30 s, 2 MiB.
    pub fn get(url: impl Into<String>) -> Self {
        FetchRequest {
            method: Method::Get,
            url: url.into(),
            headers: Vec::new(),
            body: Vec::new(),
            timeout: Duration::from_secs(30),
            max_bytes: 2 << 20,
        }
    }
}

/// Asks, and follows where that leads.
pub(crate) async fn fetch(
    inner: &Inner,
    request: &FetchRequest,
    listener: &mut Listener<'_>,
) -> Result<Fetched, EgressError> {
    listener.ask()?;
    let mut hop = Hop::first(request)?;
    for _ in 0..=MOST_REDIRECTS {
        let place = format!("{} {}", hop.method, shown(&hop.url));
        let response = exchange(inner, &hop, listener).await.map_err(|error| error.at(&place))?;
        match hop.follow(&response).map_err(|error| error.at(&place))? {
            Some(next) => hop = next,
            None => return read(response, &hop, request.max_bytes, listener).await.map_err(|error| error.at(&place)),
        }
    }
    let message =
        format!("{}: more than {MOST_REDIRECTS} redirects, the last one to {}", request.method, shown(&hop.url));
    Err(EgressError::new(ErrorKind::Redirects, message).hint("the server sends in circles; ask for the last address"))
}

/// One request to a host that is checked here; its head has come when this returns.
async fn exchange(inner: &Inner, hop: &Hop, listener: &mut Listener<'_>) -> Result<Response, EgressError> {
    let admitted = inner.policy.admit(Target::of(&hop.url)?)?;
    let route = match inner.clients.proxy_for(&hop.url, &admitted.target)? {
        Some(proxy) => Route::Through(Box::new(proxy)),
        None => {
            let addresses = resolve(&inner.policy, &inner.names, &admitted);
            Route::Direct(listener.wait("the name was not resolved", addresses).await??)
        }
    };
    // Unpacking takes the headers away that an answer to HEAD consists of.
    let client = inner.clients.build(&hop.url, &route, hop.method != reqwest::Method::HEAD)?;
    let sent = listener.wait("the answer did not begin", hop.request(&client).send()).await?;
    sent.map_err(|error| client::no_answer(&error, &admitted.target, &route))
}

/// Reads a body, but no more than `most` bytes of it.
async fn read(
    mut response: Response,
    hop: &Hop,
    most: usize,
    listener: &mut Listener<'_>,
) -> Result<Fetched, EgressError> {
    let headers = listed(response.headers());
    let media_type = response.headers().get(CONTENT_TYPE).map(|value| String::from_utf8_lossy(value.as_bytes()));
    let media_type = media_type.unwrap_or_default().trim().to_string();
    let status = response.status().as_u16();
    let (mut body, mut truncated) = (Vec::new(), false);
    // The answer to HEAD describes a body that does not come.
    let mut more = hop.method != reqwest::Method::HEAD;
    while more {
        let chunk = listener.wait("the answer did not end", response.chunk()).await?;
        let Some(bytes) = chunk.map_err(|error| client::broken(&error, body.len()))? else { break };
        let room = most - body.len();
        body.extend_from_slice(&bytes[..bytes.len().min(room)]);
        truncated = bytes.len() > room;
        more = !truncated;
    }
    Ok(Fetched { status, url: without_user(&hop.url), headers, media_type, body, truncated })
}

fn listed(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    headers.iter().map(|(name, value)| (name.as_str().to_string(), text(value.as_bytes()))).collect()
}

fn without_user(url: &Url) -> String {
    let mut url = url.clone();
    // Only URLs without a host refuse that, and there are none here.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.to_string()
}

/// A URL as errors show it: without a user, a password, a query (it may be a secret), and not for ever.
pub(crate) fn shown(url: &Url) -> String {
    const LONGEST: usize = 200;
    let mut url = url.clone();
    let query = url.query().is_some();
    url.set_query(None);
    url.set_fragment(None);
    let mut text = without_user(&url);
    if let Some((end, _)) = text.char_indices().nth(LONGEST) {
        text.truncate(end);
        text.push('…');
    } else if query {
        text.push_str("?…");
    }
    text
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Method {
    /// As it is sent.
    pub fn as_str(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Head => "HEAD",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Delete => "DELETE",
            Method::Patch => "PATCH",
        }
    }

    /// Whether asking twice does what asking once does (RFC 9110, section 9.2.2).
    pub fn is_idempotent(self) -> bool {
        !matches!(self, Method::Post | Method::Patch)
    }
}

impl FromStr for Method {
    type Err = EgressError;

    fn from_str(text: &str) -> Result<Self, EgressError> {
        let all = [Method::Get, Method::Head, Method::Post, Method::Put, Method::Delete, Method::Patch];
        all.into_iter().find(|method| method.as_str().eq_ignore_ascii_case(text.trim())).ok_or_else(|| {
            EgressError::new(ErrorKind::Request, format!("no method {text:?}"))
                .hint("expected GET, HEAD, POST, PUT, DELETE or PATCH")
        })
    }
}

#[cfg(test)]
mod tests;

//! One request of a chain of redirects, and which one comes after it.

use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, ACCEPT_LANGUAGE, CONNECTION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH,
    CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION, RANGE, USER_AGENT,
};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use url::Url;

use super::{FetchRequest, shown};
use crate::error::{EgressError, ErrorKind};
use crate::policy::{parse_url, refused};

/// Seen to by the client; what a caller says is ignored.
const SEEN_TO: [HeaderName; 3] = [ACCEPT_ENCODING, CONNECTION, CONTENT_LENGTH];

/// They would make of a request another one than was checked, or several.
const FORBIDDEN: [&str; 8] =
    ["host", "transfer-encoding", "te", "trailer", "upgrade", "expect", "keep-alive", "proxy-authorization"];

/// What another host may be told too: nothing that says who asks.
const TOLD_TO_ALL: [HeaderName; 7] =
    [ACCEPT, ACCEPT_LANGUAGE, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_TYPE, RANGE, USER_AGENT];

/// One request.
pub(crate) struct Hop {
    pub(crate) method: Method,
    pub(crate) url: Url,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Hop {
    /// What a caller asks for.
    pub(crate) fn first(request: &FetchRequest) -> Result<Hop, EgressError> {
        let method = Method::from_bytes(request.method.as_str().as_bytes()).expect("all of ours are methods");
        let url = parse_url(&request.url)?;
        Ok(Hop { method, url, headers: headers(&request.headers)?, body: request.body.clone() })
    }

    /// As the client takes it, which makes basic authorization of a user in the URL.
    pub(crate) fn request(&self, client: &Client) -> RequestBuilder {
        let request = client.request(self.method.clone(), self.url.clone()).headers(self.headers.clone());
        if self.body.is_empty() { request } else { request.body(self.body.clone()) }
    }

    /// The request that an answer leads to, if it is a redirect (RFC 9110, section 15.4).
    pub(crate) fn follow(&self, response: &Response) -> Result<Option<Hop>, EgressError> {
        let status = response.status();
        if !matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) {
            return Ok(None);
        }
        let Some(location) = response.headers().get(LOCATION) else { return Ok(None) };
        self.next(status, location).map(Some)
    }

    fn next(&self, status: StatusCode, location: &HeaderValue) -> Result<Hop, EgressError> {
        let location = String::from_utf8_lossy(location.as_bytes());
        let mut url = self.url.join(location.trim()).map_err(|error| {
            EgressError::new(ErrorKind::Redirects, format!("status {status} leads to what is no URL: {error}"))
        })?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(refused(format!("the redirect to a URL of {} is not followed", url.scheme())));
        }
        if self.url.scheme() == "https" && url.scheme() == "http" {
            let message =
                format!("the redirect from https to {} is not followed: it would go on in clear", shown(&url));
            return Err(refused(message).hint("if that is acceptable, ask for that address itself"));
        }
        // A server does not choose the credentials that another one is shown; those of the first go on where it sends to itself.
        let same_origin = self.url.origin() == url.origin();
        let (user, password) = if same_origin { (self.url.username(), self.url.password()) } else { ("", None) };
        // Only URLs without a host refuse that.
        let _ = url.set_username(user);
        let _ = url.set_password(password);
        let method = self.method_after(status);
        let mut next = Hop { headers: self.headers.clone(), body: self.body.clone(), method, url };
        if next.method != self.method {
            next.body.clear();
            for name in [CONTENT_TYPE, CONTENT_ENCODING, CONTENT_LANGUAGE] {
                next.headers.remove(name);
            }
        }
        if !same_origin {
            let told = next.headers.iter().filter(|(name, _)| TOLD_TO_ALL.contains(name));
            next.headers = told.map(|(name, value)| (name.clone(), value.clone())).collect();
        }
        Ok(next)
    }

    fn method_after(&self, status: StatusCode) -> Method {
        match status.as_u16() {
            303 if self.method != Method::HEAD => Method::GET,
            301 | 302 if self.method == Method::POST => Method::GET,
            _ => self.method.clone(),
        }
    }
}

fn headers(list: &[(String, String)]) -> Result<HeaderMap, EgressError> {
    let mut headers = HeaderMap::new();
    for (name, value) in list {
        let bad = |why: &str| EgressError::new(ErrorKind::Request, format!("header {name:?}: {why}"));
        let name = HeaderName::from_bytes(name.trim().as_bytes()).map_err(|_| bad("no name of a header"))?;
        if FORBIDDEN.contains(&name.as_str()) {
            return Err(bad("cannot be set by hand").hint("leave it out: it follows from the URL and the body"));
        }
        if SEEN_TO.contains(&name) {
            continue;
        }
        let value = HeaderValue::from_bytes(value.trim().as_bytes())
            .map_err(|_| bad("its value has characters that no header can carry, such as line ends"))?;
        if headers.try_append(name.clone(), value).is_err() {
            return Err(bad("too many headers"));
        }
    }
    Ok(headers)
}

#[cfg(test)]
mod tests;

//! What requests and answers become on their way through a proxy; pure.

use http_body_util::{Either, Empty, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{
    CACHE_CONTROL, CONNECTION, CONTENT_TYPE, EXPECT, HOST, HeaderMap, HeaderName, HeaderValue, PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE, X_CONTENT_TYPE_OPTIONS,
};
use hyper::http::uri::PathAndQuery;
use hyper::upgrade::OnUpgrade;
use hyper::{Request, Response, StatusCode, Uri, Version};
use url::Host;

use super::client::Body;
use crate::error::{EgressError, ErrorKind};
use crate::policy::Target;

/// The header of an answer that is the proxy's own word: its value is an [`ErrorKind`], such as `refused`, or `credentials`. No server's
/// answer has it.
pub const OWN_ANSWER: &str = "zo-egress";

/// Meant for the next hop alone (RFC 9110, section 7.6.1), or ours to write.
const BETWEEN_HOPS: [HeaderName; 9] =
    [CONNECTION, EXPECT, HOST, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE];

/// The same, of those that have no names in the library.
const BETWEEN_HOPS_BY_NAME: [&str; 4] = ["keep-alive", "proxy-connection", "http2-settings", OWN_ANSWER];

/// A request of plain HTTP that wants to become something else.
pub(super) struct Upgrade {
    pub(super) protocol: HeaderValue,
    /// The client's side, once it has heard of it.
    pub(super) client: OnUpgrade,
}

impl Upgrade {
    /// What a request asks for, if that is a WebSocket (RFC 6455, section 4.1): nothing else is passed on.
    pub(super) fn asked_by(request: &mut Request<Incoming>) -> Option<Self> {
        let protocol =
            request.headers().get(UPGRADE).filter(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"));
        let protocol = protocol?.clone();
        Some(Upgrade { protocol, client: hyper::upgrade::on(request) })
    }
}

/// The answer of a server that has become something else, as its client needs it.
pub(super) fn upgraded_to(protocol: &HeaderValue, response: Response<Incoming>) -> Response<Body> {
    let mut response = response.map(|_| Either::Right(Either::Right(Empty::new())));
    keep_upgrade(response.headers_mut(), protocol);
    response
}

fn keep_upgrade(headers: &mut HeaderMap, protocol: &HeaderValue) {
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, protocol.clone());
}

fn bad(message: &str) -> EgressError {
    EgressError::new(ErrorKind::Request, message)
}

/// Where `CONNECT` leads.
pub(super) fn tunnel_target(uri: &Uri) -> Result<Target, EgressError> {
    let authority = uri.authority().ok_or_else(|| bad("CONNECT takes HOST:PORT"))?;
    let port =
        authority.port_u16().filter(|port| *port != 0).ok_or_else(|| bad("CONNECT takes HOST:PORT with a port"))?;
    target(uri, port)
}

/// Where a plain request leads.
pub(super) fn plain_target(uri: &Uri) -> Result<Target, EgressError> {
    match uri.scheme_str() {
        Some("http") => {}
        Some("https") => return Err(bad("https is asked for by CONNECT HOST:PORT")),
        Some(_) => return Err(bad("only http and https are passed on")),
        None => return Err(bad("this is a proxy: ask for a whole URL, such as http://example.org/, or by CONNECT")),
    }
    let authority = uri.authority().ok_or_else(|| bad("the URL has no host"))?;
    match (authority.port(), authority.port_u16()) {
        (None, _) => target(uri, 80),
        (Some(_), Some(port)) if port != 0 => target(uri, port),
        _ => Err(bad("the URL has a port that is none")),
    }
}

/// The host as the rest of the crate reads hosts, so that 0x7f.1 is the address that it is.
fn target(uri: &Uri, port: u16) -> Result<Target, EgressError> {
    let authority = uri.authority().ok_or_else(|| bad("no host"))?;
    if authority.as_str().contains('@') {
        return Err(bad("a user in front of the host is not passed on"));
    }
    let host = Host::parse(authority.host()).map_err(|error| bad(&format!("no host: {error}")))?;
    Ok(Target { host, port })
}

/// The request as a server takes it: its path, and the host that was checked.
pub(super) fn passed_on(
    request: Request<Incoming>,
    target: &Target,
    upgrade: Option<&Upgrade>,
) -> Result<Request<Incoming>, EgressError> {
    let (mut head, body) = request.into_parts();
    let path = head.uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
    let host = if target.port == 80 { target.host.to_string() } else { target.to_string() };
    head.uri = Uri::from(path);
    head.version = Version::HTTP_11;
    remove_between_hops(&mut head.headers);
    let host = HeaderValue::from_str(&host).map_err(|_| bad("the host cannot be sent"))?;
    head.headers.insert(HOST, host);
    if let Some(upgrade) = upgrade {
        keep_upgrade(&mut head.headers, &upgrade.protocol);
    }
    head.extensions.clear();
    Ok(Request::from_parts(head, body))
}

pub(super) fn remove_between_hops(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named.iter().chain(&BETWEEN_HOPS) {
        headers.remove(name);
    }
    for name in BETWEEN_HOPS_BY_NAME {
        headers.remove(name);
    }
}

/// An error as an answer.
pub(super) fn told(error: &EgressError) -> Response<Body> {
    let status = match error.kind {
        ErrorKind::Url | ErrorKind::Request => StatusCode::BAD_REQUEST,
        ErrorKind::Refused | ErrorKind::Policy => StatusCode::FORBIDDEN,
        ErrorKind::Timeout => StatusCode::GATEWAY_TIMEOUT,
        _ => StatusCode::BAD_GATEWAY,
    };
    let mut text = format!("zo: {error}\n");
    if let Some(hint) = &error.hint {
        text.push_str(&format!("hint: {hint}\n"));
    }
    own_answer(status, &error.kind.to_string(), text)
}

/// A word of the proxy's own, which is not to be taken for a page of the server's.
pub(super) fn own_answer(status: StatusCode, what: &str, text: String) -> Response<Body> {
    let mut response = Response::new(Either::Right(Either::Left(Full::new(Bytes::from(text)))));
    *response.status_mut() = status;
    let what = HeaderValue::from_str(what).unwrap_or(HeaderValue::from_static("error"));
    let headers = response.headers_mut();
    headers.insert(OWN_ANSWER, what);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

//! One client of the proxy: its requests, checked and passed on.

use std::net::SocketAddr;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};

use http_body_util::{Either, Empty, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{
    CONNECTION, CONTENT_TYPE, EXPECT, HOST, HeaderMap, HeaderName, HeaderValue, PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use hyper::http::uri::PathAndQuery;
use hyper::{Method, Request, Response, StatusCode, Uri, Version};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use url::Host;

use crate::dial::{connect, resolve};
use crate::error::{EgressError, ErrorKind};
use crate::policy::{Admitted, Target};
use crate::runtime::Inner;

/// What the proxy answers with: what came from a server, or a word of its own.
type Body = Either<Incoming, Either<Full<Bytes>, Empty<Bytes>>>;

/// Meant for the next hop alone (RFC 9110, section 7.6.1), or ours to write.
const BETWEEN_HOPS: [HeaderName; 9] =
    [CONNECTION, EXPECT, HOST, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE];

/// The same, of those that have no names in the library.
const BETWEEN_HOPS_BY_NAME: [&str; 3] = ["keep-alive", "proxy-connection", "http2-settings"];

/// Somebody who is connected to the proxy.
pub(super) struct Client {
    inner: Arc<Inner>,
    /// What goes on beside the requests: tunnels, and the connections that bodies come from. All end with the client.
    tasks: Mutex<JoinSet<()>>,
    /// Dropped when all of it has ended.
    alive: Sender<()>,
}

impl Client {
    pub(super) fn new(inner: Arc<Inner>, alive: Sender<()>) -> Self {
        Client { inner, tasks: Mutex::default(), alive }
    }

    /// The answer to one request.
    pub(super) async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        let connect = request.method() == Method::CONNECT;
        let target = if connect { tunnel_target(request.uri()) } else { plain_target(request.uri()) };
        let answered = match target {
            Ok(target) if connect => self.tunnel(request, target).await,
            Ok(target) => self.forward(request, target).await,
            Err(error) => Err(error),
        };
        answered.unwrap_or_else(|error| {
            tracing::debug!(kind = %error.kind, %error, "the proxy refuses");
            told(&error)
        })
    }

    /// Waits for the tunnels.
    pub(super) async fn finish(self) {
        let mut tasks = self.tasks.into_inner().unwrap_or_else(PoisonError::into_inner);
        while tasks.join_next().await.is_some() {}
    }

    /// Connects, and passes bytes both ways once the client has heard of it.
    async fn tunnel(&self, request: Request<Incoming>, target: Target) -> Result<Response<Body>, EgressError> {
        let (_, mut server) = self.dial(target).await?;
        self.beside(async move {
            if let Ok(upgraded) = hyper::upgrade::on(request).await {
                // Either side may break it off at any time.
                let _ = tokio::io::copy_bidirectional(&mut TokioIo::new(upgraded), &mut server).await;
            }
        });
        Ok(Response::new(Either::Right(Either::Right(Empty::new()))))
    }

    /// Passes a request on, and its answer back.
    async fn forward(&self, request: Request<Incoming>, target: Target) -> Result<Response<Body>, EgressError> {
        let (admitted, server) = self.dial(target).await?;
        let request = passed_on(request, &admitted.target)?;
        let broken = |error: hyper::Error| {
            let message = format!("{} broke the connection before an answer: {error}", admitted.target);
            EgressError::new(ErrorKind::Broken, message)
        };
        let (mut sender, connection) = http1::handshake(TokioIo::new(server)).await.map_err(broken)?;
        self.beside(async move {
            // Who waits for the answer or its body hears of the error.
            let _ = connection.await;
        });
        let mut response = sender.send_request(request).await.map_err(broken)?;
        remove_between_hops(response.headers_mut());
        Ok(response.map(Either::Left))
    }

    async fn dial(&self, target: Target) -> Result<(Admitted, TcpStream), EgressError> {
        let admitted = self.inner.policy.admit(target)?;
        let addresses: Vec<SocketAddr> = resolve(&self.inner.policy, &self.inner.names, &admitted).await?;
        let stream = connect(&admitted, &addresses).await?;
        Ok((admitted, stream))
    }

    fn beside(&self, task: impl Future<Output = ()> + Send + 'static) {
        let alive = self.alive.clone();
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(async move {
            task.await;
            drop(alive);
        });
    }
}

fn bad(message: &str) -> EgressError {
    EgressError::new(ErrorKind::Request, message)
}

/// Where `CONNECT` leads.
fn tunnel_target(uri: &Uri) -> Result<Target, EgressError> {
    let authority = uri.authority().ok_or_else(|| bad("CONNECT takes HOST:PORT"))?;
    let port =
        authority.port_u16().filter(|port| *port != 0).ok_or_else(|| bad("CONNECT takes HOST:PORT with a port"))?;
    target(uri, port)
}

/// Where a plain request leads.
fn plain_target(uri: &Uri) -> Result<Target, EgressError> {
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
fn passed_on(request: Request<Incoming>, target: &Target) -> Result<Request<Incoming>, EgressError> {
    let (mut head, body) = request.into_parts();
    let path = head.uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
    let host = if target.port == 80 { target.host.to_string() } else { target.to_string() };
    head.uri = Uri::from(path);
    head.version = Version::HTTP_11;
    remove_between_hops(&mut head.headers);
    let host = HeaderValue::from_str(&host).map_err(|_| bad("the host cannot be sent"))?;
    head.headers.insert(HOST, host);
    head.extensions.clear();
    Ok(Request::from_parts(head, body))
}

fn remove_between_hops(headers: &mut HeaderMap) {
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
fn told(error: &EgressError) -> Response<Body> {
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
    let mut response = Response::new(Either::Right(Either::Left(Full::new(Bytes::from(text)))));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

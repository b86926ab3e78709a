//! Hosted files, for whoever has a link: `GET /s/ID-SECRET/PATH`, on a port of their own.
//!
//! Another port is another origin: what is hosted has none of the interface's rights in a browser. Nothing here sets or reads
//! cookies or tokens: the secret in the address is all there is, so addresses are not passed on to other sites
//! (`Referrer-Policy`). Contents are anybody's, so pages run in a sandbox, and no browser may guess what something is.
//!
//! A path is looked up among the names of files and nowhere else: there is no folder that it could lead out of.

mod range;

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use hyper::body::Frame;
use tokio::sync::mpsc;
use zo_engine::protocol::FailureKind;
use zo_engine::service::files::{content, shared_file};
use zo_projections::views::files::Version;

use crate::app::App;
use crate::calls::hand_over;
use crate::error::HttpError;
use crate::hosts::Hosts;
use crate::problem::{self, Problem};
use range::{Part, part};

/// Pieces that lie between the disk and the client.
const AHEAD: usize = 4;
/// Under what requests are counted.
const ROUTE: &str = "/s";
/// What pages may do: run, and nothing that needs an origin.
const SANDBOX: &str = "sandbox allow-scripts allow-forms allow-popups allow-downloads allow-modals";

/// What the port of hosted files shares.
struct Files {
    app: Arc<App>,
    hosts: Hosts,
}

/// The paths of this port.
pub(crate) fn router(app: &Arc<App>, bound: SocketAddr) -> Result<Router, HttpError> {
    let hosts = Hosts::new(bound, &app.options.allowed_hosts, &[])?;
    let files = Arc::new(Files { app: app.clone(), hosts });
    Ok(Router::new()
        .route("/s/{link}", get(without_slash))
        .route("/s/{link}/", get(whole))
        .route("/s/{link}/{*path}", get(within))
        .fallback(async || nothing())
        .method_not_allowed_fallback(crate::gate::not_so)
        .layer(middleware::from_fn_with_state(files.clone(), gate))
        .with_state(files))
}

/// What every request passes, and every response gets.
async fn gate(State(files): State<Arc<Files>>, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let method = request.method().clone();
    let address = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
    let mut response = match files.hosts.check_host(request.uri(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    };
    // Who looks for links by trying is made to wait.
    if response.status() == StatusCode::NOT_FOUND
        && let Some(Err(wait)) = address.map(|address| files.app.rates.failure(address))
    {
        let seconds = wait.as_secs() + 1;
        let problem =
            Problem::later(StatusCode::TOO_MANY_REQUESTS, "rate_limited", "too many links that are none", seconds);
        response = problem.into_response();
    }
    let mut response = problem::dress("", response);
    let headers = response.headers_mut();
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONTENT_SECURITY_POLICY, SANDBOX),
        (header::REFERRER_POLICY, "no-referrer"),
        // Pages in a sandbox have no origin, and could not load their own modules and fonts otherwise. Who has the
        // address may read it anyhow.
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    files.app.metrics.answered(method.as_str(), ROUTE, response.status().as_u16(), begun.elapsed());
    response
}

fn nothing() -> Problem {
    Problem::not_found("there is nothing here")
}

/// `/s/LINK`: links within a page are relative to a folder.
async fn without_slash(Path(link): Path<String>) -> Result<Response, Problem> {
    redirect(&format!("/s/{link}/"))
}

/// `/s/LINK/`: the file that is shared, or the index of the folder.
async fn whole(
    State(files): State<Arc<Files>>,
    Path(link): Path<String>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    serve(&files.app, &link, "", &method, &headers).await
}

/// `/s/LINK/PATH`.
async fn within(
    State(files): State<Arc<Files>>,
    Path((link, path)): Path<(String, String)>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    serve(&files.app, &link, &path, &method, &headers).await
}

async fn serve(
    app: &Arc<App>,
    link: &str,
    path: &str,
    method: &Method,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let (id, secret) = link.split_once('-').ok_or_else(nothing)?;
    if !is_plain(path) {
        return Err(nothing());
    }
    let (for_lookup, id, secret, wanted) = (app.clone(), id.to_owned(), secret.to_owned(), path.to_owned());
    let looked = move || shared_file(&for_lookup.engine, &id, &secret, &wanted);
    let found = tokio::task::spawn_blocking(looked).await.map_err(|_| Problem::internal())?;
    let (name, version) = found.map_err(|failure| match failure.kind {
        FailureKind::NotFound => nothing(),
        _ => failure.into(),
    })?;
    // The index of a folder, asked for without the slash behind it.
    let is_index = name.ends_with("/index.html") && !path.ends_with("index.html");
    if is_index && !path.is_empty() && !path.ends_with('/') {
        let last = path.rsplit('/').next().unwrap_or(path);
        return redirect(&format!("{}/", encoded(last)));
    }
    answer(app, &version, method, headers).await
}

/// Whether each step of a path is a name: nothing that leads elsewhere, on any system.
fn is_plain(path: &str) -> bool {
    let path = path.strip_suffix('/').unwrap_or(path);
    path.is_empty()
        || path.split('/').all(|step| {
            !matches!(step, "" | "." | "..") && !step.contains(['\\', '\0']) && !step.chars().any(char::is_control)
        })
}

fn redirect(to: &str) -> Result<Response, Problem> {
    let location = HeaderValue::from_str(to).map_err(|_| nothing())?;
    Ok((StatusCode::PERMANENT_REDIRECT, [(header::LOCATION, location)]).into_response())
}

/// A step of a path as it stands in an address.
fn encoded(step: &str) -> String {
    let mut text = String::new();
    for byte in step.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

/// A version of a file: whole, in part, or that it is as the client has it.
async fn answer(app: &Arc<App>, version: &Version, method: &Method, headers: &HeaderMap) -> Result<Response, Problem> {
    let size = version.put.size;
    let tag = format!("\"{:032x}\"", version.put.digest.0);
    let mut response = Response::new(Body::empty());
    let out = response.headers_mut();
    let text = |text: &str| HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static("application/octet-stream"));
    out.insert(header::ETAG, text(&tag));
    out.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    // It may change at any time, and is asked for anew with its tag.
    out.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    if matches_tag(headers, &tag) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return Ok(response);
    }
    out.insert(header::CONTENT_TYPE, text(&media_type(&version.put.media_type)));
    let range = headers.get(header::RANGE).and_then(|range| range.to_str().ok());
    let is_same = headers.get(header::IF_RANGE).is_none_or(|given| given.as_bytes() == tag.as_bytes());
    let (first, length) = match part(range.filter(|_| is_same), size) {
        Part::Whole => (0, size),
        Part::Some { first, last } => {
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            let range = format!("bytes {first}-{last}/{size}");
            response.headers_mut().insert(header::CONTENT_RANGE, text(&range));
            (first, last - first + 1)
        }
        Part::None => {
            let problem = Problem::new(StatusCode::RANGE_NOT_SATISFIABLE, "range", format!("there are {size} bytes"));
            return Err(problem.header(header::CONTENT_RANGE, text(&format!("bytes */{size}"))));
        }
    };
    response.headers_mut().insert(header::CONTENT_LENGTH, length.into());
    if method != Method::HEAD && length > 0 {
        *response.body_mut() = Body::new(Pieces::begin(app, version.clone(), first, length).await?);
    }
    Ok(response)
}

/// Whether the client has this content already.
fn matches_tag(headers: &HeaderMap, tag: &str) -> bool {
    let given = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let mut given = given.flat_map(|value| value.split(','));
    given.any(|one| matches!(one.trim().trim_start_matches("W/"), one if one == "*" || one == tag))
}

/// Texts are UTF-8 unless they say otherwise.
fn media_type(kept: &str) -> String {
    let is_text = kept.starts_with("text/") || matches!(kept, "application/json" | "application/javascript");
    if is_text && !kept.contains("charset") { format!("{kept}; charset=utf-8") } else { kept.to_owned() }
}

/// A content on its way. A piece that cannot be read breaks the connection off: the client sees that something is missing.
struct Pieces {
    first: Option<Bytes>,
    rest: mpsc::Receiver<Result<Bytes, io::Error>>,
}

impl Pieces {
    /// Reads on a thread of its own; the first piece is waited for, so that a content that is gone is told as such.
    async fn begin(app: &Arc<App>, version: Version, offset: u64, length: u64) -> Result<Self, Problem> {
        let permit = app.turns.clone().acquire_owned().await.map_err(|_| Problem::internal())?;
        let (tx, mut rest) = mpsc::channel(AHEAD);
        let app = app.clone();
        tokio::task::spawn_blocking(move || {
            let send = |piece| hand_over(&tx, piece, app.options.limits.write_timeout);
            let read = content(&app.engine, &version, offset, Some(length), &mut |piece| send(Ok(piece.into())));
            if let Err(failure) = read {
                tracing::warn!("a hosted file cannot be read: {failure}");
                let _ = send(Err(io::Error::other(failure)));
            }
            drop(permit);
        });
        match rest.recv().await {
            Some(Ok(first)) => Ok(Self { first: Some(first), rest }),
            Some(Err(_)) | None => {
                Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "damaged", "the file cannot be read"))
            }
        }
    }
}

impl hyper::body::Body for Pieces {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match self.first.take() {
            Some(first) => Poll::Ready(Some(Ok(Frame::data(first)))),
            None => self.rest.poll_recv(context).map(|piece| piece.map(|piece| piece.map(Frame::data))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_leads_nowhere_else() {
        for path in ["", "a", "a/b.txt", "a/", "ä/ö"] {
            assert!(is_plain(path), "{path:?}");
        }
        for path in ["..", "../a", "a/../b", "a/..", ".", "a//b", "/a", "a\\..\\b", "a\0", "a\n"] {
            assert!(!is_plain(path), "{path:?}");
        }
    }

    #[test]
    fn a_client_that_has_it_is_not_sent_it_again() {
        let check = |given: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::IF_NONE_MATCH, HeaderValue::from_static(given));
            matches_tag(&headers, "\"aa\"")
        };
        assert!(check("\"aa\"") && check("\"x\", W/\"aa\"") && check("*"));
        assert!(!check("\"x\"") && !check("aa"));
    }
}

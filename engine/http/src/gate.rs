//! What every request passes before anything is done for it: is it meant for this machine, may the page that sends it,
//! who sends it, and not too often. And what every response passes: it is counted, and errors get their shape.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::app::App;
use crate::auth::{self, Caller};
use crate::problem::{self, Problem};

/// The one path that needs no token.
pub(crate) const HEALTH: &str = "/healthz";
/// What is not counted under a name of its own.
const OTHER: &str = "other";

/// Lets a request pass, or answers it here.
pub(crate) async fn gate(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let (method, path, route) = (request.method().clone(), request.uri().path().to_owned(), route(&app, &request));
    let outcome = app.hosts.check(request.uri(), request.headers());
    let (response, origin) = match outcome {
        Ok(Some(origin)) if method == Method::OPTIONS => (preflight(), Some(origin)),
        Ok(origin) => (admitted(&app, request, next).await, origin),
        Err(problem) => (problem.into_response(), None),
    };
    let mut response = problem::dress(&path, response);
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if let Some(origin) = origin {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::VARY, HeaderValue::from_static("origin"));
    }
    app.metrics.answered(method.as_str(), &route, response.status().as_u16(), begun.elapsed());
    response
}

/// What a browser is told that asks for a page of a permitted origin.
fn preflight() -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, HEAD, POST"));
    let allowed = HeaderValue::from_static("authorization, content-type, last-event-id");
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, allowed);
    response
}

/// Hands a request on if it has a good token, or needs none.
async fn admitted(app: &App, mut request: Request, next: Next) -> Response {
    if request.uri().path() != HEALTH {
        match authenticated(app, &request) {
            Ok(token) => request.extensions_mut().insert(Arc::new(token)),
            Err(problem) => return problem.into_response(),
        };
    }
    next.run(request).await
}

fn authenticated(app: &App, request: &Request) -> Result<Caller, Problem> {
    let denied = match auth::presented(request.headers()) {
        Some(token) => match app.engine.authenticate(token) {
            Ok(token) => {
                let wait = app.rates.request(token.id);
                return wait.map(|()| Caller(token)).map_err(|wait| too_often("requests of this token", wait));
            }
            Err(denied) => Some(denied),
        },
        None => None,
    };
    app.metrics.denied();
    let address = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
    match address.map(|address| app.rates.failure(address)) {
        Some(Err(wait)) => Err(too_often("failed authentications", wait)),
        _ => Err(auth::refusal(denied)),
    }
}

fn too_often(what: &str, wait: Duration) -> Problem {
    let seconds = wait.as_secs() + 1;
    let message = format!("too many {what}: wait {seconds} s");
    Problem::later(StatusCode::TOO_MANY_REQUESTS, "rate_limited", message, seconds)
}

/// Under which name a request is counted: as many as there are routes.
fn route(app: &App, request: &Request) -> String {
    let path = request.uri().path();
    if let Some(name) = path.strip_prefix("/api/v1/query/") {
        return app.table.query(name).map_or(OTHER, |_| path).to_owned();
    }
    if let Some(name) = path.strip_prefix("/api/v1/") {
        return app.table.request(name).map_or(OTHER, |_| path).to_owned();
    }
    request.extensions().get::<MatchedPath>().map_or(OTHER, MatchedPath::as_str).to_owned()
}

/// What is answered where nothing is.
pub(crate) async fn nothing(request: Request) -> Problem {
    Problem::not_found(format!("there is nothing at {}", request.uri().path())).hint("/openapi.json says what there is")
}

/// What is answered where something is, but not for this method.
pub(crate) async fn not_so(request: Request) -> Problem {
    let message = format!("{} is not for {}", request.uri().path(), request.method());
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message)
}

/// What is answered where something panicked.
pub(crate) fn panicked(_: Box<dyn std::any::Any + Send + 'static>) -> Response<Body> {
    Problem::internal().into_response()
}

//! Redirects: short, long, endless, and to where nobody is to go.

use axum::Router;
use axum::extract::{Path, RawQuery, State};
use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::http::{HeaderName, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{any, get};

use super::{App, field, fields};

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/redirect/chain/{left}", any(chain))
        .route("/redirect/loop", any(|| async { to("/redirect/loop") }))
        .route("/redirect/file", any(|| async { to("file:///etc/passwd") }))
        .route("/redirect/data", any(|| async { to("data:text/html,<h1>data</h1>") }))
        .route("/redirect/script", any(|| async { to("javascript:alert(1)") }))
        .route("/redirect/chrome", any(|| async { to("chrome://version/") }))
        .route("/redirect/forbidden", any(forbidden))
        .route("/redirect/tls", any(tls))
        .route("/redirect/other", any(other))
        .route("/redirect/nowhere", any(|| async { StatusCode::FOUND }))
        .route("/redirect/to", any(wherever))
        .route("/refresh/header", get(refresh))
}

fn to(location: &str) -> Response {
    (StatusCode::FOUND, [(LOCATION, location)]).into_response()
}

/// So many redirects, and then a page.
async fn chain(Path(left): Path<usize>) -> Response {
    match left.checked_sub(1) {
        Some(left) => to(&format!("/redirect/chain/{left}")),
        None => Html("<!doctype html><title>Arrived</title><h1>At the end of the chain</h1>").into_response(),
    }
}

async fn forbidden(State(app): State<App>) -> Response {
    to(&format!("{}/secret", app.shared.urls.forbidden))
}

async fn tls(State(app): State<App>) -> Response {
    to(&format!("{}/secret", app.shared.urls.tls))
}

async fn other(State(app): State<App>) -> Response {
    to(&format!("{}/article", app.shared.urls.other))
}

/// To what `url` of the query says.
async fn wherever(RawQuery(query): RawQuery) -> Response {
    let fields = fields(query.unwrap_or_default().as_bytes());
    let location = axum::http::HeaderValue::from_str(field(&fields, "url"));
    match location {
        Ok(location) => (StatusCode::FOUND, [(LOCATION, location)]).into_response(),
        Err(_) => (StatusCode::BAD_REQUEST, "?url= is no header's value").into_response(),
    }
}

/// A page whose header says that it is replaced at once by a file.
async fn refresh() -> Response {
    let refresh = HeaderName::from_static("refresh");
    let headers = [(refresh, "0;url=file:///etc/passwd"), (CONTENT_TYPE, "text/html; charset=utf-8")];
    (headers, "<!doctype html><title>Refresh</title><h1>Still here</h1>").into_response()
}

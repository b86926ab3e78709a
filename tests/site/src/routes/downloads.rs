//! Files with names that lead elsewhere, without names, and without ends.

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, RawQuery};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures_util::stream::{iter, unfold};
use tokio::time::sleep;

use super::{App, number};

/// A piece of a large file.
const PIECE: usize = 64 << 10;

/// What names are sent with: the path's last part, and the header.
const NAMES: [(&str, &str); 17] = [
    ("plain", "attachment; filename=\"report.txt\""),
    ("traversal", "attachment; filename=\"../../etc/x\""),
    ("absolute", "attachment; filename=\"/etc/cron.d/x\""),
    ("backslash", "attachment; filename=\"..\\\\..\\\\windows\\\\x.txt\""),
    ("encoded", "attachment; filename*=UTF-8''..%2F..%2Fetc%2Fx"),
    ("null", "attachment; filename*=UTF-8''a%00b.txt"),
    ("newline", "attachment; filename*=UTF-8''a%0Ab%1B%5B31m.txt"),
    ("dots", "attachment; filename=\"..\""),
    ("hidden", "attachment; filename=\".bashrc\""),
    ("device", "attachment; filename=\"CON.txt\""),
    ("spaces", "attachment; filename=\"  .  \""),
    ("tilde", "attachment; filename=\"~/.ssh/authorized_keys\""),
    ("desktop", "attachment; filename=\"run.desktop\""),
    ("unicode", "attachment; filename*=UTF-8''%E2%82%AC%20r%C3%A9sum%C3%A9%20%F0%9F%98%80.txt"),
    ("reversed", "attachment; filename*=UTF-8''invoice%E2%80%AEfdp.exe"),
    ("unnamed", "attachment"),
    ("empty", "attachment; filename=\"\""),
];

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/download/{name}", get(named))
        .route("/download/long", get(long))
        .route("/download/large", get(large))
        .route("/download/endless", get(endless))
        .route("/download/stalled", get(stalled))
}

fn attached(disposition: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    if let Ok(value) = HeaderValue::from_str(disposition) {
        headers.insert(CONTENT_DISPOSITION, value);
    }
    headers
}

/// A small file whose content is the path's name, with a name that is trouble.
async fn named(Path(name): Path<String>) -> Response {
    match NAMES.iter().find(|(known, _)| *known == name) {
        Some((_, disposition)) => (attached(disposition), format!("content of {name}\n")).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// A name longer than any file system takes.
async fn long() -> Response {
    let name = format!("attachment; filename=\"{}.txt\"", "n".repeat(3000));
    (attached(&name), "content of long\n").into_response()
}

fn zeros(length: usize) -> Bytes {
    static ZEROS: [u8; PIECE] = [0; PIECE];
    Bytes::from_static(&ZEROS[..length.min(PIECE)])
}

/// So many `bytes`, with their number said beforehand.
async fn large(RawQuery(query): RawQuery) -> Response {
    let bytes = number(query.as_deref(), "bytes", 10 << 20);
    let mut headers = attached("attachment; filename=\"large.bin\"");
    headers.insert(CONTENT_LENGTH, HeaderValue::from(bytes));
    let pieces = (0..bytes.div_ceil(PIECE)).map(move |index| Ok::<_, Infallible>(zeros(bytes - index * PIECE)));
    (headers, Body::from_stream(iter(pieces))).into_response()
}

/// Bytes for ever, some megabytes a second.
async fn endless() -> Response {
    let body = unfold((), |()| async {
        sleep(Duration::from_millis(10)).await;
        Some((Ok::<_, Infallible>(zeros(PIECE)), ()))
    });
    (attached("attachment; filename=\"endless.bin\""), Body::from_stream(body)).into_response()
}

/// A beginning, and then nothing.
async fn stalled() -> Response {
    let body = unfold(true, |first| async move {
        if !first {
            std::future::pending::<()>().await;
        }
        Some((Ok::<_, Infallible>(zeros(PIECE)), false))
    });
    (attached("attachment; filename=\"stalled.bin\""), Body::from_stream(body)).into_response()
}

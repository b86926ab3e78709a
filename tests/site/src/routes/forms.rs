//! What forms send, shown as it came.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::RawQuery;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use multer::{Multipart, parse_boundary};

use super::{App, fields};
use crate::pages::{escaped, named};

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/echo", get(echo_query).post(echo_body))
        .route("/upload", get(upload_form).post(upload))
        .route("/raw", post(raw))
}

async fn echo_query(RawQuery(query): RawQuery) -> Html<String> {
    echo(query.unwrap_or_default().as_bytes())
}

async fn echo_body(body: Bytes) -> Html<String> {
    echo(&body)
}

/// The fields, a line each, and their code points, so that nothing can be lost on the way unseen.
fn echo(encoded: &[u8]) -> Html<String> {
    let fields = fields(encoded);
    let lines: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let points: Vec<String> = fields.iter().map(|(name, value)| format!("{name}:{}", code_points(value))).collect();
    Html(format!(
        "<!doctype html><meta charset=utf-8><title>Echo</title><pre id=echo>{}</pre><pre id=points>{}</pre>",
        escaped(&lines.join("\n")),
        escaped(&points.join("\n"))
    ))
}

fn code_points(text: &str) -> String {
    text.chars().map(|c| format!(" {:x}", u32::from(c))).collect()
}

async fn upload_form(axum::extract::State(app): axum::extract::State<App>) -> Response {
    named(&app, "upload").unwrap_or_else(|| StatusCode::NOT_FOUND.into_response())
}

/// Name, size and hash (blake3) of each file, a line each.
async fn upload(headers: HeaderMap, body: Body) -> Response {
    match received(&headers, body).await {
        Ok(lines) => Html(format!(
            "<!doctype html><meta charset=utf-8><title>Uploaded</title><pre id=files>{}</pre>",
            escaped(&lines.join("\n"))
        ))
        .into_response(),
        Err(error) => (StatusCode::BAD_REQUEST, format!("no upload: {error}")).into_response(),
    }
}

async fn received(headers: &HeaderMap, body: Body) -> Result<Vec<String>, multer::Error> {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut parts = Multipart::new(body.into_data_stream(), parse_boundary(kind)?);
    let mut lines = Vec::new();
    while let Some(mut part) = parts.next_field().await? {
        let (name, file) = (part.name().unwrap_or_default().to_owned(), part.file_name().map(str::to_owned));
        let (mut size, mut hash) = (0, blake3::Hasher::new());
        while let Some(bytes) = part.chunk().await? {
            size += bytes.len();
            hash.update(&bytes);
        }
        let file = file.unwrap_or_else(|| "(no file)".to_owned());
        lines.push(format!("{name} {file} {size} {}", hash.finalize().to_hex()));
    }
    Ok(lines)
}

/// How many bytes came.
async fn raw(body: Bytes) -> String {
    body.len().to_string()
}

//! How the server is, what it has done, and what can be asked of it.

use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;

use zo_projections::event::vault::Scope;

use crate::app::App;
use crate::auth::Caller;
use crate::metrics;
use crate::problem::Problem;

/// `GET /healthz`: whether requests can be answered and written down.
pub(crate) async fn health(State(app): State<Arc<App>>) -> Result<impl IntoResponse, Problem> {
    match app.engine.writer().poisoned() {
        None => Ok("ok\n"),
        Some(why) => {
            tracing::warn!("not well: {why}");
            Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "poisoned", "the log cannot be written"))
        }
    }
}

/// `GET /metrics`.
pub(crate) async fn metrics(
    State(app): State<Arc<App>>,
    Extension(token): Extension<Arc<Caller>>,
) -> Result<impl IntoResponse, Problem> {
    token.needs(&[Scope::Read])?;
    Ok(([(header::CONTENT_TYPE, metrics::MEDIA_TYPE)], app.metrics.text(&app.engine)))
}

/// `GET /openapi.json`.
pub(crate) async fn openapi(
    State(app): State<Arc<App>>,
    Extension(token): Extension<Arc<Caller>>,
) -> Result<impl IntoResponse, Problem> {
    token.needs(&[Scope::Read])?;
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    Ok((headers, app.openapi.clone()))
}

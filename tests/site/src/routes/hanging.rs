//! Answers that never come, or come slowly. All end with their client or the site.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{RawQuery, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::any;
use futures_util::stream::unfold;
use tokio::time::sleep;

use super::{App, Shared, number};

/// How often a slow answer says a little.
const DRIP_EVERY: Duration = Duration::from_millis(100);

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/hang", any(hang))
        .route("/hang/body", any(hang_body))
        .route("/drip", any(drip))
        .route("/slow", any(slow))
}

/// Counts an answer that hangs, as long as somebody waits for it.
struct Hanging(Arc<Shared>);

impl Hanging {
    fn new(app: &App) -> Self {
        app.shared.hanging.fetch_add(1, Ordering::SeqCst);
        Hanging(app.shared.clone())
    }
}

impl Drop for Hanging {
    fn drop(&mut self) {
        self.0.hanging.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Says nothing at all.
async fn hang(State(app): State<App>) {
    let _hanging = Hanging::new(&app);
    pending().await
}

/// Says a head and the beginning of a page, and nothing more.
async fn hang_body(State(app): State<App>) -> Response {
    let began = Bytes::from_static(b"<!doctype html><title>Half a page</title><h1>It began</h1>");
    let body = unfold(Some((Hanging::new(&app), began)), |state| async {
        let (hanging, bytes) = state?;
        if bytes.is_empty() {
            pending::<()>().await;
        }
        Some((Ok::<_, std::convert::Infallible>(bytes), Some((hanging, Bytes::new()))))
    });
    ([(CONTENT_TYPE, "text/html; charset=utf-8")], Body::from_stream(body)).into_response()
}

/// Says a little again and again, for ever: who waits for silence waits long.
async fn drip(State(app): State<App>) -> Response {
    let body = unfold((Hanging::new(&app), 0), |(hanging, count)| async move {
        sleep(DRIP_EVERY).await;
        let line = format!("<p>drop {count}</p>\n");
        Some((Ok::<_, std::convert::Infallible>(line), (hanging, count + 1)))
    });
    ([(CONTENT_TYPE, "text/html; charset=utf-8")], Body::from_stream(body)).into_response()
}

/// A page that takes `ms` milliseconds.
async fn slow(RawQuery(query): RawQuery) -> Html<String> {
    let ms = number(query.as_deref(), "ms", 300);
    sleep(Duration::from_millis(ms as u64)).await;
    Html(format!("<!doctype html><title>Slow</title><h1>It took {ms} ms</h1>"))
}

//! Pages and data of any size, and answers of any status.

use std::fmt::Write;
use std::time::Duration;

use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CONTENT_TYPE};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::{App, number};
use crate::pages::named;

/// Items on a page of the endless list, and its pages.
const ITEMS: usize = 20;
const LAST_PAGE: usize = 50;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/large", get(large))
        .route("/deep", get(deep))
        .route("/api/items", get(items))
        .route("/api/item/{number}", get(item))
        .route("/status/{code}", get(status))
        .route("/empty", get(|| async { StatusCode::NO_CONTENT }))
        .route("/plain", get(|| async { "plain text\n" }))
        .route("/json", get(|| async { Json(json!({"answer": 42, "text": "\u{fc}ber"})) }))
        .route("/binary", get(|| async { ([(CONTENT_TYPE, "application/octet-stream")], [0_u8, 1, 2, 255]) }))
        .route("/secret", get(|| async { ([(ACCESS_CONTROL_ALLOW_ORIGIN, "*")], "the secret is out\n") }))
        .route("/app", get(app))
        .route("/app/{*view}", get(app))
}

/// A page whose accessibility tree has at least so many `nodes`: list items with a link
/// each, whose text is two nodes, under headings.
async fn large(RawQuery(query): RawQuery) -> Html<String> {
    let nodes = number(query.as_deref(), "nodes", 20_000);
    let mut page = String::from(
        "<!doctype html><html lang=en><title>Large</title><style>ul { list-style: none }</style><h1>A large page</h1>",
    );
    for index in 0..nodes.div_ceil(4) {
        if index % 100 == 0 {
            let end = if index == 0 { "" } else { "</ul>" };
            let _ = write!(page, "{end}<h2>Part {}</h2><ul>", index / 100);
        }
        let _ = write!(page, "<li><a href=#i{index} id=i{index}>Item {index}</a></li>");
    }
    page.push_str("</ul><button id=last onclick=\"this.textContent='Clicked'\">The last one</button>");
    Html(page)
}

/// So many elements, each in the one before.
async fn deep(RawQuery(query): RawQuery) -> Html<String> {
    let levels = number(query.as_deref(), "levels", 300);
    let (open, close) = ("<div role=group>".repeat(levels), "</div>".repeat(levels));
    Html(format!("<!doctype html><title>Deep</title>{open}<button>At the bottom</button>{close}"))
}

/// A page of the endless list, which does have an end, after `delay` milliseconds.
async fn items(RawQuery(query): RawQuery) -> Json<Value> {
    let page = number(query.as_deref(), "page", 0);
    sleep(Duration::from_millis(number(query.as_deref(), "delay", 0) as u64)).await;
    let first = page * ITEMS;
    let items: Vec<Value> = (first..first + ITEMS).map(named_item).collect();
    Json(json!({"items": items, "last": page >= LAST_PAGE}))
}

async fn item(Path(number): Path<usize>) -> Json<Value> {
    Json(named_item(number))
}

fn named_item(number: usize) -> Value {
    json!({"number": number, "name": format!("Item {number}")})
}

async fn status(Path(code): Path<u16>) -> Response {
    let code = StatusCode::from_u16(code).unwrap_or(StatusCode::IM_A_TEAPOT);
    let text = format!("<!doctype html><title>{}</title><h1>Status {}</h1>", code.as_u16(), code.as_u16());
    (code, Html(text)).into_response()
}

/// All views of the single-page app are the same page.
async fn app(State(app): State<App>) -> Response {
    named(&app, "app").unwrap_or_else(|| StatusCode::NOT_FOUND.into_response())
}

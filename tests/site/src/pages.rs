//! The static pages, with the site's addresses filled in.

use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use include_dir::{Dir, include_dir};

use crate::routes::App;

static PAGES: Dir = include_dir!("$CARGO_MANIFEST_DIR/../../fixtures/site");

/// Where the site is, as pages name it: `{{site}}`, `{{other}}`, `{{forbidden}}`, `{{tls}}`; without slashes at their ends.
pub(crate) struct Urls {
    pub(crate) site: String,
    pub(crate) other: String,
    pub(crate) forbidden: String,
    pub(crate) tls: String,
}

impl Urls {
    fn fill(&self, text: &str) -> String {
        // Hosts without their scheme are for WebSockets and STUN.
        let host = |url: &str| url.split_once("://").map(|(_, host)| host.to_owned()).unwrap_or_default();
        text.replace("{{site}}", &self.site)
            .replace("{{other}}", &self.other)
            .replace("{{forbidden}}", &self.forbidden)
            .replace("{{forbidden-host}}", &host(&self.forbidden))
            .replace("{{tls}}", &self.tls)
    }
}

/// The page of a path: `/form` is `form.html`, `/worker.js` itself, `/` is `index.html`; nothing else is there.
pub(crate) async fn page(State(app): State<App>, request: Request) -> Response {
    let path = request.uri().path().trim_matches('/');
    let path = if path.is_empty() { "index" } else { path };
    named(&app, path).unwrap_or_else(|| {
        let text = format!("<!doctype html><title>Not found</title><h1>There is no {}</h1>", escaped(path));
        (StatusCode::NOT_FOUND, Html(text)).into_response()
    })
}

/// A page by its name, with or without its ending.
pub(crate) fn named(app: &App, name: &str) -> Option<Response> {
    let file = PAGES.get_file(name).or_else(|| PAGES.get_file(format!("{name}.html")))?;
    let kind = match file.path().extension().and_then(|extension| extension.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    };
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(HeaderName::from_static("service-worker-allowed"), HeaderValue::from_static("/"));
    match file.contents_utf8() {
        Some(text) => Some((headers, app.shared.urls.fill(text)).into_response()),
        None => Some((headers, file.contents()).into_response()),
    }
}

/// Text as it stands in a page.
pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

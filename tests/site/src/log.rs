//! What was asked of the site, for assertions.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::middleware::Next;
use axum::response::Response;

use crate::routes::App;

/// Which of its addresses a request came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// The site itself.
    Site,
    /// The other origin.
    Other,
    /// The host that nobody is to reach.
    Forbidden,
    /// The one with the certificate that nobody trusts.
    Tls,
}

/// One request, as it came.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Where it came to.
    pub place: Place,
    /// `GET`, `POST`, …
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// The query without its question mark; empty if there is none.
    pub query: String,
    headers: HeaderMap,
}

impl Seen {
    /// The first header of that name, which may be written in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// The requests so far.
#[derive(Default)]
pub(crate) struct Log {
    seen: Mutex<Vec<Seen>>,
    changed: Condvar,
}

impl Log {
    pub(crate) fn all(&self) -> Vec<Seen> {
        self.lock().clone()
    }

    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    pub(crate) fn wait_for(&self, patience: Duration, wanted: impl Fn(&Seen) -> bool) -> bool {
        let missing = |seen: &mut Vec<Seen>| !seen.iter().any(&wanted);
        let waited = self.changed.wait_timeout_while(self.lock(), patience, missing);
        waited.unwrap_or_else(PoisonError::into_inner).0.iter().any(wanted)
    }

    fn note(&self, seen: Seen) {
        self.lock().push(seen);
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Seen>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Notes each request before it is answered.
pub(crate) async fn noted(State(app): State<App>, request: Request, next: Next) -> Response {
    app.shared.log.note(Seen {
        place: app.place,
        method: request.method().to_string(),
        path: request.uri().path().to_string(),
        query: request.uri().query().unwrap_or_default().to_string(),
        headers: request.headers().clone(),
    });
    next.run(request).await
}

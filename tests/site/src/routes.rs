//! What has to be computed: one file for each kind of difficulty.

mod accounts;
mod content;
mod downloads;
mod forms;
mod hanging;
mod redirects;
mod sockets;
mod wizard;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::HeaderMap;
use axum::http::header::COOKIE;
use axum::middleware::from_fn_with_state;

use crate::log::{Log, Place, noted};
use crate::outside::Arrivals;
use crate::pages::{Urls, page};
use accounts::Accounts;
use wizard::Wizards;

/// One of the site's places, and what all have in common.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) place: Place,
    pub(crate) shared: Arc<Shared>,
}

/// What the places share.
pub(crate) struct Shared {
    pub(crate) urls: Urls,
    pub(crate) log: Log,
    pub(crate) arrivals: Arrivals,
    hanging: AtomicUsize,
    accounts: Mutex<Accounts>,
    wizards: Mutex<Wizards>,
}

impl Shared {
    pub(crate) fn new(urls: Urls) -> Self {
        Shared {
            urls,
            log: Log::default(),
            arrivals: Arrivals::default(),
            hanging: AtomicUsize::new(0),
            accounts: Mutex::default(),
            wizards: Mutex::default(),
        }
    }

    pub(crate) fn hanging(&self) -> usize {
        self.hanging.load(Ordering::SeqCst)
    }
}

/// All pages of the site, at one of its places.
pub(crate) fn router(app: App) -> Router {
    Router::new()
        .merge(accounts::routes())
        .merge(content::routes())
        .merge(downloads::routes())
        .merge(forms::routes())
        .merge(hanging::routes())
        .merge(redirects::routes())
        .merge(sockets::routes())
        .merge(wizard::routes())
        .fallback(page)
        // Uploads are as large as a test wants them.
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn_with_state(app.clone(), noted))
        .with_state(app)
}

/// A mutex whose holder may have panicked: a failed assertion is told by whoever made it.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The cookies of a request, in the order in which they came.
fn cookies(headers: &HeaderMap) -> Vec<(String, String)> {
    let all = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    all.flat_map(|value| value.split(';'))
        .filter_map(|cookie| cookie.trim().split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    cookies(headers).into_iter().find(|(known, _)| known == name).map(|(_, value)| value)
}

/// What a query or the body of a form says.
fn fields(encoded: &[u8]) -> Vec<(String, String)> {
    url::form_urlencoded::parse(encoded).into_owned().collect()
}

fn field<'a>(fields: &'a [(String, String)], name: &str) -> &'a str {
    fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str()).unwrap_or_default()
}

/// A number from a query, or what it is without one.
fn number(query: Option<&str>, name: &str, without: usize) -> usize {
    let fields = fields(query.unwrap_or_default().as_bytes());
    field(&fields, name).parse().unwrap_or(without)
}

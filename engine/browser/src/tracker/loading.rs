//! How far a tab has loaded: navigation of its frames, and the requests of its page.

use std::collections::{HashMap, HashSet};
use std::time::Instant;

use serde_json::Value;

use super::tabs::TabState;
use super::text;

/// The header of an answer that is the proxy's own word, and no site's: its value says what was wrong, such as `refused`. What is asked
/// for by a tunnel is told by the browser itself.
const PROXYS_WORD: &str = "zo-egress";

/// How far a tab has loaded.
#[derive(Clone, Debug, Default)]
pub(crate) struct Loading {
    /// What the main frame's document has reached, by the browser's names: `DOMContentLoaded`, `load`.
    reached: HashMap<String, HashSet<String>>,
    /// Whether its main frame is on its way to another document.
    pub(crate) under_way: bool,
    /// Where to, as far as it is known.
    pub(crate) destination: Option<String>,
    /// Counts the navigations within one document.
    pub(crate) within: u64,
    /// Counts the navigations that began.
    pub(crate) begun: u64,
    /// The status of the answer that the document came with, by document.
    status: HashMap<String, u16>,
    /// What the proxy said in place of a site, by document.
    proxys_word: HashMap<String, String>,
    /// What the browser said about a document that could not be loaded, and its URL.
    failure: Option<String>,
    unreachable: Option<String>,
    /// Requests that have no answer yet, with their URLs.
    waiting: HashMap<String, String>,
    /// When a request began or ended last.
    last_traffic: Option<Instant>,
}

impl Loading {
    /// Whether a document has loaded so far.
    pub(crate) fn has(&self, document: &str, state: &str) -> bool {
        self.reached.get(document).is_some_and(|states| states.contains(state))
    }

    /// Whether another document is on its way, so that what the present one has reached is of no interest.
    pub(crate) fn under_way_elsewhere(&self) -> bool {
        self.under_way && self.destination.is_some()
    }

    /// The status of the answer that a document came with.
    pub(crate) fn status(&self, document: &str) -> Option<u16> {
        self.status.get(document).copied()
    }

    /// A request that has no answer yet.
    pub(crate) fn waits_for(&self) -> Option<&str> {
        self.waiting.values().map(String::as_str).min()
    }

    /// Since when nothing was requested or received; none while something is.
    pub(crate) fn idle_since(&self) -> Option<Instant> {
        if self.waiting.is_empty() { self.last_traffic } else { None }
    }
}

/// Whether a page may be shown. Frames inside pages may be made by the page itself.
pub(crate) fn may_be_shown(url: &str) -> bool {
    let scheme = url.split(':').next().unwrap_or_default().to_ascii_lowercase();
    match scheme.as_str() {
        "" | "http" | "https" | "about" | "chrome-error" => true,
        // Made by a page of http or https, with no more rights than that has.
        "blob" => url[5..].starts_with("http://") || url[5..].starts_with("https://"),
        _ => false,
    }
}

impl TabState {
    /// Takes in an event of the `Page` domain. Returns where the tab went if it may not be there.
    pub(super) fn page_event(&mut self, session: &str, event: &str, params: &Value) -> Option<String> {
        match event {
            "frameAttached" => {
                let id = text(params, "frameId");
                let frame = self.frame(&id);
                session.clone_into(&mut frame.session);
                frame.parent = params["parentFrameId"].as_str().map(str::to_owned);
            }
            // A frame that moves to another process is attached to there.
            "frameDetached" if params["reason"] == "swap" => {}
            "frameDetached" => self.remove_frame(&text(params, "frameId")),
            "frameNavigated" => {
                let restored = params["type"] == "BackForwardCacheRestore";
                return self.navigated(session, &params["frame"], restored);
            }
            "navigatedWithinDocument" => {
                let url = text(params, "url");
                self.loading.within += u64::from(self.is_main(params));
                self.frame(&text(params, "frameId")).url = url;
            }
            "frameRequestedNavigation" if self.is_main(params) && params["disposition"] != "newTab" => {
                self.loading.begins(params["url"].as_str());
            }
            "frameStartedNavigating" if self.is_main(params) && !same_document(params) => {
                self.loading.begins(params["url"].as_str());
            }
            "frameStartedLoading" if self.is_main(params) => self.loading.begins(None),
            "frameStoppedLoading" if self.is_main(params) => {
                self.loading.under_way = false;
                self.loading.destination = None;
            }
            "lifecycleEvent" if self.is_main(params) => {
                let states = self.loading.reached.entry(text(params, "loaderId")).or_default();
                states.insert(text(params, "name"));
            }
            _ => {}
        }
        None
    }

    /// The URL and what was wrong, if what is shown is only the browser's word that a page could not be loaded.
    pub(crate) fn failed(&self) -> Option<(String, String)> {
        let url = self.loading.unreachable.clone()?;
        Some((url, self.loading.failure.clone().unwrap_or_else(|| "ERR_FAILED".to_owned())))
    }

    /// The URL and what was wrong, if what is shown is only the proxy's word that it does not lead there.
    pub(crate) fn refused_by_proxy(&self) -> Option<(String, String)> {
        let word = self.loading.proxys_word.get(self.document())?;
        Some((self.url(), word.clone()))
    }

    fn is_main(&self, params: &Value) -> bool {
        params["frameId"] == self.target.as_str()
    }

    fn navigated(&mut self, session: &str, frame: &Value, restored: bool) -> Option<String> {
        let id = text(frame, "id");
        let main = id == self.target;
        let url = text(frame, "url") + frame["urlFragment"].as_str().unwrap_or_default();
        let loader = text(frame, "loaderId");
        if main {
            let target = self.target.clone();
            self.frames.retain(|id, _| *id == target);
            self.loading.committed(&loader);
            self.loading.unreachable = frame["unreachableUrl"].as_str().map(str::to_owned);
            if restored {
                // It was kept as it was, and says nothing of its loading again.
                let states = ["DOMContentLoaded", "load"].map(str::to_owned);
                self.loading.reached.entry(loader.clone()).or_default().extend(states);
            }
        }
        let known = self.frame(&id);
        session.clone_into(&mut known.session);
        known.parent = frame["parentId"].as_str().map(str::to_owned);
        known.loader = loader;
        known.url.clone_from(&url);
        (main && !may_be_shown(&url)).then_some(url)
    }

    /// Takes in an event of the `Network` domain.
    pub(super) fn network_event(&mut self, event: &str, params: &Value) {
        let request = || text(params, "requestId");
        match event {
            // What stays open by its nature is not waited for.
            "requestWillBeSent" if matches!(params["type"].as_str(), Some("EventSource" | "WebSocket" | "Ping")) => {}
            "requestWillBeSent" => {
                self.loading.waiting.insert(request(), text(&params["request"], "url"));
            }
            "responseReceived" => {
                if params["type"] == "Document" && params["frameId"] == self.target.as_str() {
                    let status = params["response"]["status"].as_u64().and_then(|status| u16::try_from(status).ok());
                    self.loading.status.extend(status.map(|status| (text(params, "loaderId"), status)));
                    let word = header(&params["response"]["headers"], PROXYS_WORD);
                    self.loading.proxys_word.extend(word.map(|word| (text(params, "loaderId"), word)));
                }
                if params["type"] == "EventSource" {
                    self.loading.waiting.remove(&request());
                }
            }
            "loadingFailed" if params["type"] == "Document" => {
                self.loading.failure = params["errorText"].as_str().map(str::to_owned);
                self.loading.waiting.remove(&request());
            }
            "loadingFinished" | "loadingFailed" => {
                self.loading.waiting.remove(&request());
            }
            _ => return,
        }
        self.loading.last_traffic = Some(Instant::now());
    }
}

impl Loading {
    fn begins(&mut self, url: Option<&str>) {
        if !self.under_way {
            self.begun += 1;
        }
        self.under_way = true;
        if let Some(url) = url {
            self.destination = Some(url.to_owned());
        }
    }

    /// Another document is there: what is known of those before it is of no use.
    fn committed(&mut self, document: &str) {
        self.reached.retain(|known, _| known == document);
        self.status.retain(|known, _| known == document);
        self.proxys_word.retain(|known, _| known == document);
        self.waiting.clear();
        self.destination = None;
        self.last_traffic = Some(Instant::now());
    }
}

/// A header of an answer, by its name in lower case.
fn header(headers: &Value, name: &str) -> Option<String> {
    let found = headers.as_object()?.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    found.and_then(|(_, value)| value.as_str()).map(str::to_owned)
}

fn same_document(params: &Value) -> bool {
    matches!(params["navigationType"].as_str(), Some("sameDocument" | "historySameDocument"))
}

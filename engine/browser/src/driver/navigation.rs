//! Going somewhere, and waiting until it is there.

use std::sync::Mutex;
use std::time::Duration;

use serde_json::json;

use super::Driver;
use crate::act::{LoadState, Open};
use crate::acting::Came;
use crate::address;
use crate::error::{ActError, ActErrorKind};
use crate::tracker::TabState;

/// How long a page may take until it does what it has put off; one that is busy does it later.
const TURN: Duration = Duration::from_millis(200);

impl Driver {
    pub(super) async fn open_url(&mut self, act: &Open, waits: &Mutex<Option<ActError>>) -> Result<Came, ActError> {
        let url = address::parse(&act.url)?;
        if act.new_tab {
            self.new_tab(None).await?;
        }
        self.go(url.as_str(), act.until, waits).await
    }

    /// Goes to a URL in the active tab, and waits until it has loaded. A page that cannot be loaded is replaced by an empty one.
    pub(super) async fn go(
        &mut self,
        url: &str,
        until: LoadState,
        waits: &Mutex<Option<ActError>>,
    ) -> Result<Came, ActError> {
        let page = self.page()?;
        let number = page.number;
        let (before, within) = page.look(|tab| (tab.document().to_owned(), tab.loading.within))?;
        let downloads = self.downloads_begun();
        let hint = "the site may be slow or hang: try again with more time";
        Self::waits_for(waits, ActErrorKind::Timeout, format!("{url} has not answered"), hint);
        let answer = page.call("Page.navigate", json!({ "url": url })).await?;
        if let Some(error) = answer["errorText"].as_str().filter(|error| !error.is_empty()) {
            if error == "net::ERR_ABORTED" {
                return self.no_page(url, downloads, waits).await;
            }
            self.replace(number).await?;
            return Err(self.not_loaded(url, error));
        }
        if answer["loaderId"].is_null() {
            // Only the fragment differs: the page is there already, and says so in a moment.
            let said = self.until(number, |tab| (tab.loading.within > within).then_some(()));
            let _ = tokio::time::timeout(TURN, said).await;
            return self.arrived(number);
        }
        self.wait_until_loaded(number, url, &before, until, waits).await?;
        self.arrived(number)
    }

    async fn wait_until_loaded(
        &mut self,
        number: u32,
        url: &str,
        before: &str,
        state: LoadState,
        waits: &Mutex<Option<ActError>>,
    ) -> Result<(), ActError> {
        self.until(number, |tab| (tab.document() != before).then_some(())).await?;
        let reached = match state {
            LoadState::Dom => "DOMContentLoaded",
            LoadState::Load | LoadState::Idle => "load",
        };
        self.until(number, |tab| {
            if tab.loading.has(tab.document(), reached) {
                return Some(());
            }
            let missing = tab.loading.waits_for().map(|url| format!(", which waits for {url}")).unwrap_or_default();
            let hint = "`until: dom` does not wait for pictures, styles and frames";
            Self::waits_for(waits, ActErrorKind::Timeout, format!("{url} has not loaded{missing}"), hint);
            None
        })
        .await?;
        while state == LoadState::Idle && !self.page()?.look(|tab| crate::acting::loaded(tab, LoadState::Idle))? {
            Self::waits_for(
                waits,
                ActErrorKind::Timeout,
                format!("{url} is not idle"),
                "`until: load` does not wait for that",
            );
            tokio::time::sleep(Duration::from_millis(40)).await;
        }
        self.is_shown(number).await
    }

    /// An error if what is there is only the browser's word that nothing is.
    async fn is_shown(&mut self, number: u32) -> Result<(), ActError> {
        if let Some((url, word)) = self.page()?.look(TabState::refused_by_proxy)? {
            let error = self.proxys_word(&url, &word).await;
            self.replace(number).await?;
            return Err(error);
        }
        let failed = self.page()?.look(|tab| tab.failed())?;
        let Some((url, error)) = failed else { return Ok(()) };
        self.replace(number).await?;
        Err(self.not_loaded(&url, &error))
    }

    /// What the proxy says about a page that it does not lead to: the reason is what is shown.
    async fn proxys_word(&mut self, url: &str, word: &str) -> ActError {
        let kind = if word == "refused" { ActErrorKind::Refused } else { ActErrorKind::Navigation };
        let said = async {
            let page = self.page().ok()?;
            let (id, frame) = page.frames().ok()?.into_iter().next()?;
            let said = page.evaluate(&id, &frame, "document.body.innerText.slice(0, 1000)").await.ok()?;
            said.as_str().map(str::to_owned)
        };
        let said = said.await.unwrap_or_default();
        let mut lines = said.lines();
        let reason = lines.next().unwrap_or_default().trim_start_matches("zo: ").to_owned();
        if let Some(number) = self.active() {
            self.emptied.insert(number, format!("{url} could not be loaded"));
        }
        let error = ActError::new(kind, format!("{url} could not be loaded: {reason}"));
        match lines.next().and_then(|line| line.strip_prefix("hint: ")) {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }

    fn arrived(&self, number: u32) -> Result<Came, ActError> {
        let Some(browser) = &self.browser else { return Ok(Came::default()) };
        let tracker = browser.wire.tracker();
        let tab = tracker.tabs.get(&number).ok_or_else(|| crate::page::gone(number))?;
        Ok(Came::to(json!({ "tab": number, "status": tab.loading.status(tab.document()) })))
    }

    /// The server answered, but with no page: a file, or nothing.
    async fn no_page(
        &mut self,
        url: &str,
        downloads: usize,
        waits: &Mutex<Option<ActError>>,
    ) -> Result<Came, ActError> {
        if self.arriving_since(downloads).await {
            return self.wait_for_download(downloads, waits).await;
        }
        Err(ActError::new(ActErrorKind::Navigation, format!("{url} is no page: the server sent nothing to show"))
            .hint("the page that was there is still shown"))
    }

    pub(super) fn not_loaded(&mut self, url: &str, error: &str) -> ActError {
        if let Some(number) = self.active() {
            self.emptied.insert(number, format!("{url} could not be loaded"));
        }
        let name = error.trim_start_matches("net::");
        let proxy = self.options.proxy.is_some();
        let (kind, hint) = match name {
            "ERR_TUNNEL_CONNECTION_FAILED" if proxy => {
                (ActErrorKind::Navigation, "the proxy does not lead to that host: it is not permitted, or not there")
            }
            "ERR_PROXY_CONNECTION_FAILED" => (ActErrorKind::Navigation, "the proxy cannot be reached"),
            "ERR_UNSAFE_REDIRECT" | "ERR_BLOCKED_BY_CLIENT" | "ERR_BLOCKED_BY_ADMINISTRATOR" | "ERR_UNSAFE_PORT" => {
                (ActErrorKind::Refused, "it leads to where pages may not go")
            }
            "ERR_NAME_NOT_RESOLVED" => (ActErrorKind::Navigation, "there is no host of that name"),
            "ERR_CONNECTION_REFUSED" => (ActErrorKind::Navigation, "nobody listens there"),
            "ERR_INTERNET_DISCONNECTED" => (ActErrorKind::Navigation, "there is no network"),
            "ERR_SSL_PROTOCOL_ERROR" => (ActErrorKind::Navigation, "no TLS is spoken there: is it http://?"),
            name if name.starts_with("ERR_CERT") || name.starts_with("ERR_SSL") => {
                (ActErrorKind::Navigation, "its certificate is not trusted, which is respected")
            }
            _ => (ActErrorKind::Navigation, "try again, or look whether the URL is right"),
        };
        ActError::new(kind, format!("{url} could not be loaded: {name}")).hint(hint)
    }

    pub(super) async fn reload(&mut self, waits: &Mutex<Option<ActError>>) -> Result<Came, ActError> {
        let page = self.page()?;
        let number = page.number;
        let (url, before) = page.look(|tab| (tab.url(), tab.document().to_owned()))?;
        Self::waits_for(
            waits,
            ActErrorKind::Timeout,
            format!("{url} has not answered"),
            "the site may be slow or hang: try again with more time",
        );
        page.call("Page.reload", json!({})).await?;
        self.wait_until_loaded(number, &url, &before, LoadState::Load, waits).await?;
        self.arrived(number)
    }

    /// Goes so many steps forward in the tab's history.
    pub(super) async fn history(&mut self, steps: i64, waits: &Mutex<Option<ActError>>) -> Result<Came, ActError> {
        let page = self.page()?;
        let number = page.number;
        let history = page.call("Page.getNavigationHistory", json!({})).await?;
        let current = history["currentIndex"].as_i64().unwrap_or(0);
        let entry = usize::try_from(current + steps).ok().and_then(|index| history["entries"].get(index));
        let Some(entry) = entry else {
            let way = if steps < 0 { "back" } else { "forward" };
            return Err(ActError::new(ActErrorKind::NotFound, format!("tab {number} has nothing to go {way} to")));
        };
        let url = entry["url"].as_str().unwrap_or_default().to_owned();
        let (before, within) = page.look(|tab| (tab.document().to_owned(), tab.loading.within))?;
        let hint = "the site may be slow or hang: try again with more time";
        Self::waits_for(waits, ActErrorKind::Timeout, format!("{url} has not answered"), hint);
        page.call("Page.navigateToHistoryEntry", json!({ "entryId": entry["id"] })).await?;
        // Another document, or another place in the same one.
        self.until(number, |tab| {
            let elsewhere = tab.document() != before && tab.loading.has(tab.document(), "load");
            (elsewhere || tab.loading.within > within || tab.failed().is_some()).then_some(())
        })
        .await?;
        self.is_shown(number).await?;
        self.arrived(number)
    }

    /// Whether the page is on its way to another document since then.
    pub(super) fn leads_elsewhere(&self, before: &(u64, String)) -> bool {
        let moved = |tab: &TabState| tab.loading.begun > before.0 || tab.document() != before.1;
        self.page().and_then(|page| page.look(moved)).unwrap_or(false)
    }

    /// After an act: if it led to another page, waits until the document of that is there.
    pub(super) async fn settle(
        &mut self,
        before: &(u64, String),
        waits: &Mutex<Option<ActError>>,
    ) -> Result<(), ActError> {
        // A form is sent, and a script goes elsewhere, only after what was done is done.
        if let Ok(page) = self.page() {
            let turn = json!({ "expression": "new Promise(done => setTimeout(done))", "awaitPromise": true });
            let _ = tokio::time::timeout(TURN, page.call("Runtime.evaluate", turn)).await;
        }
        if !self.leads_elsewhere(before) {
            return Ok(());
        }
        let Some(number) = self.active() else { return Ok(()) };
        self.until(number, |tab| {
            let there = tab.document() != before.1 && tab.loading.has(tab.document(), "DOMContentLoaded");
            if there || !tab.loading.under_way {
                return Some(());
            }
            let url = tab.loading.destination.clone().unwrap_or_else(|| tab.url());
            let hint = "it was done, and the page that it leads to does not come: stopped loading";
            Self::waits_for(waits, ActErrorKind::Timeout, format!("{url} has not answered"), hint);
            None
        })
        .await?;
        self.is_shown(number).await
    }

    /// Closes a tab's page, and opens an empty one in its place, with its number.
    pub(super) async fn replace(&mut self, number: u32) -> Result<(), ActError> {
        let Some(browser) = &self.browser else { return Ok(()) };
        let (old, active) = {
            let mut tracker = browser.wire.tracker();
            let active = tracker.active;
            (tracker.forget(number), active)
        };
        self.new_tab(Some(number)).await?;
        let Some(browser) = &self.browser else { return Ok(()) };
        if active != Some(number) {
            browser.wire.tracker().active = active;
        }
        if let Some(old) = old {
            // It may hang; nobody waits for its end.
            let _ = browser.wire.begin(None, "Target.closeTarget", json!({ "targetId": old.target })).await;
        }
        Ok(())
    }

    /// Opens an empty tab, which is then the active one, and returns its number.
    pub(super) async fn new_tab(&mut self, number: Option<u32>) -> Result<u32, ActError> {
        let Some(browser) = &self.browser else { return Err(crate::page::explain(&crate::wire::WireError::Gone)) };
        browser.wire.tracker().expect_tab(number);
        let made = browser.wire.call(None, "Target.createTarget", json!({ "url": "about:blank" })).await;
        let made = made.map_err(|error| {
            browser.wire.tracker().expect_none();
            crate::page::explain(&error)
        })?;
        let target = made["targetId"].as_str().unwrap_or_default().to_owned();
        let number = browser.wire.until(|tracker| tracker.number_of(&target)).await;
        let number = number.map_err(|error| crate::page::explain(&error))?;
        super::browser::prepare(&browser.wire, number).await.map_err(|error| crate::page::explain(&error))?;
        browser.wire.tracker().active = Some(number);
        Ok(number)
    }
}

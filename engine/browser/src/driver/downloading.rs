//! The act `download`: begins one and waits until it is in its place.

use std::sync::Mutex;
use std::time::Duration;

use serde_json::{Value, json};

use super::Driver;
use crate::act::{Act, Click, Download, MouseButton};
use crate::acting::{Acting, Came};
use crate::address;
use crate::error::{ActError, ActErrorKind};
use crate::page;
use crate::tracker::Forced;
use crate::wire::WireError;

/// How long the browser may take to say that what it did not show is a file.
const BEGINS: Duration = Duration::from_millis(500);

impl Driver {
    pub(super) async fn download(&mut self, act: &Download, waits: &Mutex<Option<ActError>>) -> Result<Came, ActError> {
        if let Some(target) = &act.target {
            let begun = self.downloads_begun();
            let page = self.page()?;
            let before = page.look(|tab| (tab.loading.begun, tab.document().to_owned()))?;
            let click = Click { target: target.clone(), button: MouseButton::Left, count: 1, modifiers: Vec::new() };
            Acting { page, references: &self.references, waits }.perform(&Act::Click(click)).await?;
            let hint = "it may lead to a page instead: `click` and `read`";
            Self::waits_for(waits, ActErrorKind::Timeout, format!("{target} was clicked, and no download began"), hint);
            if self.first_download(begun, Duration::from_secs(2)).await.is_err() && self.leads_elsewhere(&before) {
                self.settle(&before, waits).await?;
            }
            return self.wait_for_download(begun, waits).await;
        }
        let url = address::parse(act.url.as_deref().unwrap_or_default())?;
        let came = self.download_url(url.as_str(), waits).await;
        self.close_spare().await;
        came
    }

    /// Asks for the URL in a tab of its own, whose answer is stored whatever it is.
    async fn download_url(&mut self, url: &str, waits: &Mutex<Option<ActError>>) -> Result<Came, ActError> {
        let begun = self.downloads_begun();
        let active = self.active();
        let spare = self.new_tab(None).await?;
        self.spare = Some((spare, active));
        let page = self.page()?;
        let session = page.session()?;
        page.wire.tracker().forced.insert(session.clone(), Forced::default());
        let documents = json!({ "urlPattern": "*", "resourceType": "Document", "requestStage": "Response" });
        page.call("Fetch.enable", json!({ "patterns": [documents] })).await?;
        let hint = "the site may be slow or hang: try again with more time";
        Self::waits_for(waits, ActErrorKind::Timeout, format!("{url} has not answered"), hint);
        let answer = page.call("Page.navigate", json!({ "url": url })).await?;
        let failed = page.wire.tracker().forced.remove(&session).and_then(|forced| forced.failed);
        if let Some(failed) = failed {
            return Err(ActError::new(ActErrorKind::Navigation, format!("{url} could not be downloaded: {failed}")));
        }
        match answer["errorText"].as_str() {
            Some("net::ERR_ABORTED") => self.wait_for_download(begun, waits).await,
            Some(error) if !error.is_empty() => Err(self.not_loaded(url, error)),
            _ => Err(ActError::new(ActErrorKind::Navigation, format!("{url} was shown instead of stored"))),
        }
    }

    /// Closes the tab that a download was asked for in.
    pub(super) async fn close_spare(&mut self) {
        let Some((spare, active)) = self.spare.take() else { return };
        let Some(browser) = &self.browser else { return };
        let target = {
            let mut tracker = browser.wire.tracker();
            let tab = tracker.forget(spare);
            tracker.active = active.filter(|active| tracker.tabs.contains_key(active)).or(tracker.active);
            tab.map(|tab| tab.target)
        };
        if let Some(target) = target {
            // It has nothing to show; nobody waits for its end.
            let _ = browser.wire.begin(None, "Target.closeTarget", json!({ "targetId": target })).await;
        }
    }

    /// Whether what was to be opened is a file that comes.
    pub(super) async fn arriving_since(&self, begun: usize) -> bool {
        self.first_download(begun, BEGINS).await.is_ok()
    }

    /// How many downloads have begun.
    pub(super) fn downloads_begun(&self) -> usize {
        self.browser.as_ref().map_or(0, |browser| browser.wire.tracker().begun.len())
    }

    async fn first_download(&self, begun: usize, within: Duration) -> Result<String, ActError> {
        let wire = &self.browser.as_ref().ok_or_else(|| page::explain(&WireError::Gone))?.wire;
        let first = wire.until(|tracker| tracker.begun.get(begun).cloned());
        match tokio::time::timeout(within, first).await {
            Ok(first) => first.map_err(|error| page::explain(&error)),
            Err(_) => Err(ActError::new(ActErrorKind::Timeout, "no download began")),
        }
    }

    /// Waits until the first download since then is in its place, or not.
    pub(super) async fn wait_for_download(
        &self,
        begun: usize,
        waits: &Mutex<Option<ActError>>,
    ) -> Result<Came, ActError> {
        let wire = &self.browser.as_ref().ok_or_else(|| page::explain(&WireError::Gone))?.wire;
        let guid =
            wire.until(|tracker| tracker.begun.get(begun).cloned()).await.map_err(|error| page::explain(&error))?;
        let url = wire.tracker().arriving.get(&guid).map(|arriving| arriving.url.clone());
        if let Some(url) = url {
            let hint = "it goes on: the next act tells when it is there";
            Self::waits_for(waits, ActErrorKind::Timeout, format!("the download of {url} is not complete"), hint);
        }
        let ended = wire.until(|tracker| tracker.ended_downloads.get(&guid).cloned()).await;
        match ended.map_err(|error| page::explain(&error))? {
            Ok(file) => Ok(Came::to(serde_json::to_value(file).unwrap_or(Value::Null))),
            Err((kind, reason)) => Err(ActError::new(kind, format!("the download was not kept: {reason}"))),
        }
    }
}

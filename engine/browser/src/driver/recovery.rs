//! After a crash: the page is opened again, or the browser started again, with what it had.

use std::time::Duration;

use serde_json::json;

use super::Driver;
use super::browser::Browser;
use crate::act::Act;
use crate::done::{Note, Tab};
use crate::error::{ActError, ActErrorKind, OpenError};
use crate::wire::locked;

/// How long a page that is opened again is waited for.
const LOADS: Duration = Duration::from_secs(4);

impl Driver {
    /// Starts a browser, with these tabs under their numbers.
    pub(super) async fn start(&mut self, tabs: Vec<Tab>) -> Result<(), OpenError> {
        let first = tabs.first().map_or(1, |tab| tab.tab);
        let last = tabs.iter().map(|tab| tab.tab).max().unwrap_or(first);
        let browser = Browser::start(&self.options, &self.profile, self.dialogs.clone(), first, last).await?;
        locked(&self.worlds).clear();
        *locked(&self.references) = crate::references::References::default();
        self.restore_cookies(&browser.wire).await;
        self.browser = Some(browser);
        self.publish(false);
        let failed = |error: ActError| OpenError::Drive(error.message);
        for tab in &tabs {
            if tab.tab != first {
                self.new_tab(Some(tab.tab)).await.map_err(failed)?;
            }
            self.begin_loading(tab.tab, &tab.url).await;
        }
        let active = tabs.iter().find(|tab| tab.active).or(tabs.last()).map_or(first, |tab| tab.tab);
        if let Some(browser) = &self.browser {
            browser.wire.tracker().active = Some(active);
        }
        if let Some(tab) = tabs.iter().find(|tab| tab.tab == active) {
            self.wait_for_page(tab.tab, &tab.url).await;
        }
        Ok(())
    }

    /// Starts the browser again after it has ended, and says so.
    pub(super) async fn start_again(&mut self) -> Result<Note, ActError> {
        let why = self.browser.as_mut().map_or_else(|| "it had not started".to_owned(), Browser::ending);
        if let Some(browser) = &self.browser {
            locked(&self.known).tabs = browser.wire.tracker().list();
        }
        let tabs = locked(&self.known).tabs.clone();
        self.forget_browser();
        if let Some(browser) = self.browser.take() {
            // Ends what is left of it, which may take a moment.
            let _ = tokio::task::spawn_blocking(move || drop(browser)).await;
        }
        let count = tabs.len();
        self.start(tabs).await.map_err(|error| {
            let hint = error.hint();
            let error = ActError::new(
                ActErrorKind::Crashed,
                format!("the browser ended ({why}) and cannot be started again: {error}"),
            );
            match hint {
                Some(hint) => error.hint(hint),
                None => error,
            }
        })?;
        self.publish(true);
        let tabs = if count == 1 { "its tab".to_owned() } else { format!("its {count} tabs") };
        Ok(Note::Recovered {
            what: format!("the browser was started again with its profile, its cookies and {tabs}: {why}"),
        })
    }

    /// What an act is told that the browser ended under.
    pub(super) fn browser_ended(&mut self, act: &Act, error: Option<ActError>) -> ActError {
        let Some(browser) = &mut self.browser else {
            return error.unwrap_or_else(|| ActError::new(ActErrorKind::Crashed, "the browser does not run"));
        };
        let why = browser.ending();
        ActError::new(ActErrorKind::Crashed, format!("the browser ended during act `{}`: {why}", act.name()))
            .hint("the next act starts it again with its profile, its cookies and its tabs")
    }

    /// How the page of a tab crashed, if it has.
    pub(super) fn crashed(&self, number: u32) -> Option<String> {
        let browser = self.browser.as_ref()?;
        browser.wire.tracker().tabs.get(&number)?.crashed.clone()
    }

    /// Closes a page that has crashed and opens it again; an empty one if that is wanted, or if it has crashed twice. Says what was done.
    pub(super) async fn open_again(&mut self, number: u32, how: &str, blank: bool) -> Result<String, ActError> {
        let url = self.page()?.look(|tab| tab.url())?;
        let twice = self.crashes.insert(number, url.clone()).as_deref() == Some(&url);
        self.replace(number).await?;
        if let Some(browser) = &self.browser {
            browser.wire.tracker().active = Some(number);
        }
        if blank || twice {
            self.crashes.remove(&number);
            let why = if twice { " since it crashed twice" } else { "" };
            return Ok(format!("tab {number} is empty now{why}: {url} crashed ({how})"));
        }
        self.begin_loading(number, &url).await;
        self.wait_for_page(number, &url).await;
        Ok(format!("tab {number} was opened again at {url}, which had crashed ({how})"))
    }

    /// Sends a tab somewhere without waiting until it is there.
    async fn begin_loading(&self, number: u32, url: &str) {
        if crate::address::parse(url).is_err() || url == "about:blank" {
            return;
        }
        let Some(browser) = &self.browser else { return };
        let session = browser.wire.tracker().tabs.get(&number).map(|tab| tab.session.clone());
        if let Some(session) = session {
            // Whether it could be sent is seen by where it is.
            let _ = browser.wire.begin(Some(&session), "Page.navigate", json!({ "url": url })).await;
        }
    }

    /// Waits a while until a page that was sent for is there.
    async fn wait_for_page(&self, number: u32, url: &str) {
        if url == "about:blank" {
            return;
        }
        let there = self.until(number, |tab| {
            let somewhere = !tab.document().is_empty() && tab.url() != "about:blank";
            (somewhere && tab.loading.has(tab.document(), "load")).then_some(())
        });
        if !matches!(tokio::time::timeout(LOADS, there).await, Ok(Ok(()))) {
            tracing::debug!(number, "a page that was opened again has not loaded yet");
        }
    }
}

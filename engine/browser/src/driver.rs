//! One browser over its whole life: started, driven, ended, started again. All of it is asynchronous; [`crate::session`] is the blocking
//! outside.
//!
//! - [`browser`]: one run of the browser. - [`acts`]: one act from its beginning to its outcome, also when it is broken off.
//! - [`navigation`]: going somewhere. - [`tabs`], [`downloading`]: those acts. - [`recovery`]: what is done after a crash.

mod acts;
mod browser;
mod cookies;
mod downloading;
mod navigation;
mod recovery;
mod tabs;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use crate::done::{SessionState, Tab};
use crate::error::OpenError;
use crate::launch::Profile;
use crate::options::{DialogPolicy, SessionOptions};
use crate::page::Worlds;
use crate::process;
use crate::references::References;
use crate::wire::{Wire, locked};
pub(crate) use acts::{Broken, guarded};
use browser::Browser;

/// What can be known of a session while it acts.
#[derive(Debug, Default)]
pub(crate) struct Known {
    wire: Option<Wire>,
    leader: Option<u32>,
    restarts: u32,
    /// The tabs that there were when the browser ended.
    tabs: Vec<Tab>,
}

/// A session's browser, and what outlives one run of it.
#[derive(Debug)]
pub(crate) struct Driver {
    options: SessionOptions,
    profile: Arc<Profile>,
    browser: Option<Browser>,
    known: Arc<Mutex<Known>>,
    references: Arc<Mutex<References>>,
    worlds: Arc<Worlds>,
    dialogs: DialogPolicy,
    /// What the page of a tab was when it crashed last, so that it is not opened again and again.
    crashes: HashMap<u32, String>,
    /// Tabs whose page was lost, and how: until they show another one, what is about a page says so at once.
    emptied: HashMap<u32, String>,
    /// The cookies that were written down last.
    cookies: Mutex<String>,
    /// A tab that a download is asked for in, and the one that was active before.
    spare: Option<(u32, Option<u32>)>,
}

impl Driver {
    /// Starts a browser, and opens the tabs that are to be restored.
    pub(crate) async fn open(options: SessionOptions, known: Arc<Mutex<Known>>) -> Result<Driver, OpenError> {
        let profile = Arc::new(Profile::take(&options.profile)?);
        let dialogs = options.dialogs.clone();
        let mut driver = Driver {
            options,
            profile,
            browser: None,
            known,
            references: Arc::default(),
            worlds: Arc::default(),
            dialogs,
            crashes: HashMap::new(),
            emptied: HashMap::new(),
            cookies: Mutex::default(),
            spare: None,
        };
        let urls = driver.options.restore.clone();
        let tabs = (1..).zip(urls).map(|(tab, url)| Tab { tab, url, title: String::new(), active: false });
        driver.start(tabs.collect()).await?;
        Ok(driver)
    }

    /// The browser that runs.
    fn running(&self) -> Option<&Browser> {
        self.browser.as_ref().filter(|browser| browser.wire.alive())
    }

    /// Tells those who ask while it acts.
    fn publish(&self, restarted: bool) {
        let mut known = locked(&self.known);
        known.wire = self.browser.as_ref().map(|browser| browser.wire.clone());
        known.leader = self.browser.as_ref().map(Browser::leader);
        known.restarts += u32::from(restarted);
    }

    /// Ends the browser, which may write its profile first.
    pub(crate) async fn close(mut self) {
        if let Some(browser) = self.browser.take() {
            self.save_cookies(&browser.wire).await;
            self.forget_browser();
            browser.close().await;
        }
    }

    fn forget_browser(&self) {
        let mut known = locked(&self.known);
        if let Some(wire) = known.wire.take() {
            known.tabs = wire.tracker().list();
        }
        known.leader = None;
    }
}

impl Known {
    /// The tabs that there are, or were when the browser ended.
    pub(crate) fn tabs(&self) -> Vec<Tab> {
        match &self.wire {
            Some(wire) => wire.tracker().list(),
            None => self.tabs.clone(),
        }
    }

    /// How the browser is.
    pub(crate) fn state(&self) -> SessionState {
        let alive = self.wire.as_ref().is_some_and(Wire::alive);
        let pids = self.leader.map(process::members).unwrap_or_default();
        SessionState {
            alive,
            resident_bytes: process::memory(&pids),
            pids,
            restarts: self.restarts,
            tabs: u32::try_from(self.tabs().len()).unwrap_or(u32::MAX),
        }
    }
}

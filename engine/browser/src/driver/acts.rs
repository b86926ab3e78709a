//! One act from its beginning to its outcome.

use std::future::Future;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::Driver;
use crate::act::{Act, TabsOp};
use crate::acting::{Acting, Came};
use crate::done::{Done, Note};
use crate::error::{ActError, ActErrorKind};
use crate::page::{self, Page};
use crate::tracker::TabState;
use crate::wire::locked;

/// How often `stop` is asked.
const LOOK: Duration = Duration::from_millis(25);

/// How long what has to be done after an act, or after it was broken off, may take.
const AFTER: Duration = Duration::from_secs(5);

/// How long a page may take to say what it is called; what was known before is told else.
const TITLE: Duration = Duration::from_secs(1);

/// Why an act was broken off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    Deadline,
    Stopped,
}

/// Whether an act is about what a page shows, and comes to nothing on an empty one.
fn needs_a_page(act: &Act) -> bool {
    match act {
        Act::Read(_) | Act::Snapshot(_) => true,
        Act::Wait(wait) => wait.script.is_none() && wait.url.is_none(),
        act => act.target().is_some(),
    }
}

/// Whether a tab shows nothing, and nothing is on its way there.
async fn is_empty(page: &Page<'_>) -> Result<bool, ActError> {
    if page.look(|tab| tab.loading.under_way || tab.url() != "about:blank")? {
        return Ok(false);
    }
    // A script of the user's may have written something there.
    let asked = json!({ "expression": "!document.body || !document.body.hasChildNodes()", "returnByValue": true });
    Ok(page.call("Runtime.evaluate", asked).await?["result"]["value"] == true)
}

/// What became of the page that an act was broken off at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Repaired {
    Kept,
    /// It did not answer any more.
    Closed {
        tab: u32,
    },
}

/// Carries something on until it is done, the deadline comes, or it is stopped.
pub(crate) async fn guarded<T>(
    until: Instant,
    stop: &(dyn Fn() -> bool + Sync),
    work: impl Future<Output = T>,
) -> Result<T, Broken> {
    let stopped = async {
        while !stop() {
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::select! {
        // What is done is done, also at the last moment.
        biased;
        done = work => Ok(done),
        () = stopped => Err(Broken::Stopped),
        () = tokio::time::sleep_until(until.into()) => Err(Broken::Deadline),
    }
}

impl Driver {
    /// Does one act.
    pub(crate) async fn act(
        &mut self,
        act: &Act,
        deadline: Duration,
        stop: &(dyn Fn() -> bool + Sync),
    ) -> Result<Done, ActError> {
        let started = Instant::now();
        let until = started + deadline;
        let mut notes = Vec::new();
        let waits = Mutex::new(None);
        let done = match guarded(until, stop, self.ready(act, &mut notes)).await {
            Ok(Ok(())) => match guarded(until, stop, self.carry_out(act, &waits)).await {
                Ok(done) => done,
                Err(broken) => Err(self.broken_off(act, broken, started, waits.into_inner().ok().flatten()).await),
            },
            Ok(Err(error)) => Err(error),
            Err(broken) => Err(self.broken_off(act, broken, started, None).await),
        };
        // What is found out about a crash, and what is saved, has a deadline of its own.
        let done = match tokio::time::timeout(AFTER, self.after(act, done)).await {
            Ok(done) => done,
            Err(_) => Err(ActError::new(ActErrorKind::Io, "the browser does not answer after the act")),
        };
        let (more, downloads) = match &self.browser {
            Some(browser) => {
                let mut tracker = browser.wire.tracker();
                (tracker.take_notes(), tracker.take_downloads())
            }
            None => (Vec::new(), Vec::new()),
        };
        notes.extend(more);
        match done {
            Ok(came) => {
                if let Some(number) = self.active() {
                    self.crashes.remove(&number);
                }
                let (url, title) = self.place_now().await;
                let Came { value, text, artifacts } = came;
                Ok(Done { value, text, url, title, artifacts, downloads, notes, took: started.elapsed() })
            }
            Err(mut error) => {
                self.keep_downloads(downloads);
                error.notes = notes;
                Err(error)
            }
        }
    }

    /// Whether what an act writes goes where it is not shown, as far as can be told now.
    pub(crate) async fn conceals(&self, act: &Act) -> bool {
        let target = match act {
            Act::Fill(fill) => Some(&fill.target),
            Act::Type(typed) => typed.target.as_ref(),
            _ => return false,
        };
        let Ok(page) = self.page() else { return false };
        let acting = Acting { page, references: &self.references, waits: &Mutex::default() };
        acting.conceals(target).await.unwrap_or(false)
    }

    /// Sees to it that there is a browser, and a page that lives.
    async fn ready(&mut self, act: &Act, notes: &mut Vec<Note>) -> Result<(), ActError> {
        if self.running().is_none() || self.browser.as_mut().is_some_and(|browser| browser.has_ended()) {
            notes.push(self.start_again().await?);
        }
        let crashed = self.active().and_then(|number| self.crashed(number).map(|how| (number, how)));
        if let Some((number, how)) = crashed {
            let blank = matches!(act, Act::Open(open) if !open.new_tab);
            let what = self.open_again(number, &how, blank).await?;
            notes.push(Note::Recovered { what });
        }
        if self.active().is_none() {
            self.new_tab(None).await?;
        }
        Ok(())
    }

    async fn carry_out(&mut self, act: &Act, waits: &Mutex<Option<ActError>>) -> Result<Came, ActError> {
        match act {
            Act::Open(act) => self.open_url(act, waits).await,
            Act::Back {} => self.history(-1, waits).await,
            Act::Forward {} => self.history(1, waits).await,
            Act::Reload {} => self.reload(waits).await,
            Act::Download(act) => self.download(act, waits).await,
            Act::Tabs(act) => self.tabs(act, waits).await,
            Act::Dialog(act) => {
                self.dialogs = act.policy.clone();
                if let Some(browser) = &self.browser {
                    browser.wire.tracker().dialogs = act.policy.clone();
                }
                Ok(Came::default())
            }
            act => self.on_page(act, waits).await,
        }
    }

    /// An act that is about the active tab's page. If that leads elsewhere, it waits until that is there.
    async fn on_page(&mut self, act: &Act, waits: &Mutex<Option<ActError>>) -> Result<Came, ActError> {
        let page = self.page()?;
        let before = page.look(|tab| (tab.loading.begun, tab.document().to_owned()))?;
        if needs_a_page(act) && is_empty(&page).await? {
            let why = self.emptied.get(&page.number).map_or("no page is open in it", String::as_str);
            return Err(ActError::new(ActErrorKind::NotFound, format!("tab {} is empty: {why}", page.number))
                .hint("open a page first"));
        }
        let acting = Acting { page, references: &self.references, waits };
        let came = acting.perform(act).await;
        if act.changes() && !matches!(act, Act::Cookies(_) | Act::Storage(_) | Act::Hover(_) | Act::Wait(_)) {
            let came = match came {
                // A script that goes elsewhere has no value any more; that is no failure.
                Err(error)
                    if error.kind == ActErrorKind::Detached
                        && matches!(act, Act::Eval(_))
                        && self.leads_elsewhere(&before) =>
                {
                    Ok(Came::to(Value::Null))
                }
                came => came,
            }?;
            self.settle(&before, waits).await?;
            return Ok(came);
        }
        came
    }

    /// The active tab's page.
    pub(super) fn page(&self) -> Result<Page<'_>, ActError> {
        let browser = self.browser.as_ref().ok_or_else(|| page::explain(&crate::wire::WireError::Gone))?;
        let number = self.active().ok_or_else(|| ActError::new(ActErrorKind::NotFound, "there is no tab"))?;
        Ok(Page::new(&browser.wire, number, &self.worlds))
    }

    pub(super) fn active(&self) -> Option<u32> {
        self.browser.as_ref().and_then(|browser| browser.wire.tracker().active)
    }

    /// Where the active tab is, and what its page calls itself now: the list of tabs learns of that late.
    async fn place_now(&self) -> (String, String) {
        let (url, listed) = self.place();
        let Ok(page) = self.page() else { return (url, listed) };
        let asked = page.call("Runtime.evaluate", json!({ "expression": "document.title" }));
        let title = match tokio::time::timeout(TITLE, asked).await {
            Ok(Ok(answer)) => answer["result"]["value"].as_str().map(str::to_owned),
            _ => None,
        };
        (url, title.unwrap_or(listed))
    }

    /// Where the active tab is.
    fn place(&self) -> (String, String) {
        let place = |tab: &TabState| (tab.url(), tab.title.clone());
        self.page().and_then(|page| page.look(place)).unwrap_or_default()
    }

    /// Leaves the browser in a state from which the next act can go on, and says what the act waited for.
    async fn broken_off(&mut self, act: &Act, broken: Broken, started: Instant, waited: Option<ActError>) -> ActError {
        let seconds = started.elapsed().as_secs_f64();
        let navigates = matches!(act, Act::Open(_) | Act::Back {} | Act::Forward {} | Act::Reload {})
            || matches!(act, Act::Tabs(tabs) if tabs.op == TabsOp::Open);
        let url = self.place().0;
        let repaired = tokio::time::timeout(AFTER, self.repair(navigates)).await;
        if let Some(number) = self.active() {
            self.emptied.insert(number, format!("act `{}` was broken off at {url}", act.name()));
        }
        let lost = match repaired {
            Ok(Ok(Repaired::Closed { tab })) => {
                format!("; the page did not answer any more and was closed: tab {tab} is empty now")
            }
            Ok(Ok(Repaired::Kept)) => String::new(),
            Ok(Err(_)) | Err(_) => {
                tracing::debug!("the page could not be repaired after an act was broken off");
                String::new()
            }
        };
        if broken == Broken::Stopped {
            return ActError::new(
                ActErrorKind::Stopped,
                format!("act `{}` was stopped after {seconds:.1} s{lost}", act.name()),
            );
        }
        let kind = match &waited {
            Some(obstacle) if obstacle.kind != ActErrorKind::Detached => obstacle.kind,
            _ => ActErrorKind::Timeout,
        };
        let (message, hint) = match waited {
            Some(obstacle) => (format!("{}, {seconds:.1} s long, at {url}{lost}", obstacle.message), obstacle.hint),
            None => {
                let hint = "the page may be busy: give it more time, or open it again";
                (
                    format!("act `{}` was not done after {seconds:.1} s, at {url}{lost}", act.name()),
                    Some(hint.to_owned()),
                )
            }
        };
        let error = ActError::new(kind, message);
        match hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }

    /// After an act was broken off: a page that was on its way is replaced by a fresh one, a script that runs on is ended, and a page
    /// that does not even answer then is opened again.
    async fn repair(&mut self, navigates: bool) -> Result<Repaired, ActError> {
        self.close_spare().await;
        let Some(number) = self.active() else { return Ok(Repaired::Kept) };
        if self.running().is_none() || self.crashed(number).is_some() {
            return Ok(Repaired::Kept);
        }
        if navigates {
            // That the page is another one is what was wanted.
            return self.replace(number).await.map(|()| Repaired::Kept);
        }
        let page = self.page()?;
        if page.look(|tab| tab.loading.under_way)? {
            page.call("Page.stopLoading", json!({})).await?;
        }
        if self.answers(Duration::from_millis(500)).await {
            return Ok(Repaired::Kept);
        }
        let _ = tokio::time::timeout(
            Duration::from_millis(500),
            self.page()?.call("Runtime.terminateExecution", json!({})),
        )
        .await;
        if self.answers(Duration::from_secs(1)).await {
            return Ok(Repaired::Kept);
        }
        self.replace(number).await.map(|()| Repaired::Closed { tab: number })
    }

    /// Whether the active page answers within this time.
    async fn answers(&self, within: Duration) -> bool {
        let Ok(page) = self.page() else { return false };
        let asked = page.call("Runtime.evaluate", json!({ "expression": "0" }));
        matches!(tokio::time::timeout(within, asked).await, Ok(Ok(_)))
    }

    /// What follows an act, however it went: a crash is found out and mended, cookies are kept.
    async fn after(&mut self, act: &Act, done: Result<Came, ActError>) -> Result<Came, ActError> {
        if self.running().is_none() {
            return Err(self.browser_ended(act, done.err()));
        }
        if let Some(number) = self.active()
            && let Some(how) = self.crashed(number)
        {
            let url = self.place().0;
            let what = self.open_again(number, &how, false).await?;
            let message = format!("the page {url} crashed during act `{}`: {how}; {what}", act.name());
            return Err(ActError::new(ActErrorKind::Crashed, message).hint("look at what is there now before going on"));
        }
        if act.changes()
            && let Some(browser) = &self.browser
        {
            self.save_cookies(&browser.wire).await;
        }
        done
    }

    /// Downloads of an act that failed are told with the next one.
    fn keep_downloads(&self, downloads: Vec<crate::done::Downloaded>) {
        if let Some(browser) = &self.browser {
            browser.wire.tracker().give_back(downloads);
        }
    }

    /// Waits until something is known of the active page, or it crashes, or goes.
    pub(super) async fn until<T>(
        &self,
        number: u32,
        mut known: impl FnMut(&TabState) -> Option<T>,
    ) -> Result<T, ActError> {
        let Some(browser) = &self.browser else { return Err(page::explain(&crate::wire::WireError::Gone)) };
        let found = browser.wire.until(|tracker| match tracker.tabs.get(&number) {
            None => Some(Err(page::gone(number))),
            Some(tab) if tab.crashed.is_some() => Some(Err(ActError::new(ActErrorKind::Crashed, "the page crashed"))),
            Some(tab) => known(tab).map(Ok),
        });
        found.await.map_err(|error| page::explain(&error))?
    }

    /// Remembers what an act waits for.
    pub(super) fn waits_for(waits: &Mutex<Option<ActError>>, kind: ActErrorKind, message: String, hint: &str) {
        *locked(waits) = Some(ActError::new(kind, message).hint(hint));
    }
}

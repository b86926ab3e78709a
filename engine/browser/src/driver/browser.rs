//! One run of a browser: started, connected, watched.

use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use serde_json::json;
use tokio::task::JoinHandle;

use crate::error::OpenError;
use crate::launch::{Profile, Running};
use crate::options::{DialogPolicy, SessionOptions};
use crate::process;
use crate::tracker::Tracker;
use crate::wire::{Wire, WireError, locked};

/// How long a browser that is ready may take to show its first tab.
const FIRST_TAB: Duration = Duration::from_secs(15);

/// How often the memory of a browser is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// How long a browser that is to end may take to answer.
const ANSWER: Duration = Duration::from_secs(2);

/// A browser that runs, and can be driven.
#[derive(Debug)]
pub(crate) struct Browser {
    pub(crate) wire: Wire,
    running: Option<Running>,
    watch: Option<JoinHandle<()>>,
    leader: u32,
}

impl Browser {
    /// Starts one and waits for its first tab, which gets this number.
    pub(super) async fn start(
        options: &SessionOptions,
        profile: &Arc<Profile>,
        dialogs: DialogPolicy,
        first_tab: u32,
        last_tab: u32,
    ) -> Result<Browser, OpenError> {
        let (started_options, started_profile) = (options.clone(), Arc::clone(profile));
        let starting = tokio::task::spawn_blocking(move || Running::start(&started_options, &started_profile));
        let running = starting.await.map_err(|error| OpenError::Drive(error.to_string()))??;
        let mut tracker = Tracker::new(options, running.incoming.clone(), dialogs, last_tab);
        tracker.expect_tab(Some(first_tab));
        let tracker = Arc::new(Mutex::new(tracker));
        let connected = tokio::time::timeout(FIRST_TAB, Wire::connect(&running.address, Arc::clone(&tracker)));
        let wire = match connected.await {
            Ok(connected) => connected.map_err(|error| OpenError::Drive(error.to_string()))?,
            Err(_) => return Err(OpenError::Drive("it does not answer".to_owned())),
        };
        let leader = running.leader();
        let watch = options.memory_limit.map(|limit| tokio::spawn(watch(leader, limit, Arc::downgrade(&tracker))));
        let browser = Browser { wire, running: Some(running), watch, leader };
        match tokio::time::timeout(FIRST_TAB, browser.set_up(first_tab)).await {
            Ok(Ok(())) => Ok(browser),
            Ok(Err(error)) => Err(OpenError::Drive(error.to_string())),
            Err(_) => Err(OpenError::Drive(format!("it shows no tab after {} s", FIRST_TAB.as_secs()))),
        }
    }

    async fn set_up(&self, first_tab: u32) -> Result<(), WireError> {
        let incoming = self.running.as_ref().map(|running| running.incoming.clone()).unwrap_or_default();
        let downloads = json!({ "behavior": "allowAndName", "downloadPath": incoming, "eventsEnabled": true });
        let pages = json!([{ "type": "page", "exclude": false }, { "exclude": true }]);
        let attach = json!({ "autoAttach": true, "waitForDebuggerOnStart": true, "flatten": true, "filter": pages });
        let downloads = self.wire.begin(None, "Browser.setDownloadBehavior", downloads).await?;
        let discover = self.wire.begin(None, "Target.setDiscoverTargets", json!({ "discover": true })).await?;
        let attach = self.wire.begin(None, "Target.setAutoAttach", attach).await?;
        downloads.answer().await?;
        discover.answer().await?;
        attach.answer().await?;
        self.wire.until(|tracker| tracker.tabs.contains_key(&first_tab).then_some(())).await?;
        prepare(&self.wire, first_tab).await
    }

    pub(crate) fn leader(&self) -> u32 {
        self.leader
    }

    /// Whether its process has ended; its connection may not know yet.
    pub(super) fn has_ended(&mut self) -> bool {
        self.running.as_mut().is_none_or(Running::has_ended)
    }

    /// How it ended, if it has; with why, if it was ended from here.
    pub(super) fn ending(&mut self) -> String {
        if let Some(why) = self.wire.tracker().ended.clone() {
            return why;
        }
        let running = self.running.as_mut();
        // Its connection may end a moment before it does.
        let status = running.and_then(|running| running.status_soon());
        format!("it ended: {}", status.unwrap_or_else(|| "its connection broke".to_owned()))
    }

    /// Asks it to end, which lets it write its profile, and waits.
    pub(super) async fn close(mut self) {
        let _ = tokio::time::timeout(ANSWER, self.wire.call(None, "Browser.close", json!({}))).await;
        if let Some(running) = self.running.take() {
            let _ = tokio::task::spawn_blocking(move || running.finish()).await;
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Before the process is waited for: until then nobody else has its number.
        if let Some(watch) = self.watch.take() {
            watch.abort();
        }
    }
}

/// Waits until a new tab's page tells what happens in it: what happens before it has answered may be told by nobody.
pub(super) async fn prepare(wire: &Wire, number: u32) -> Result<(), WireError> {
    let session = wire.tracker().tabs.get(&number).map(|tab| tab.session.clone());
    let Some(session) = session else { return Ok(()) };
    let tree = wire.call(Some(&session), "Page.getFrameTree", json!({})).await?;
    if let Some(tab) = wire.tracker().tabs.get_mut(&number) {
        tab.begins_with(&session, &tree["frameTree"]["frame"]);
    }
    Ok(())
}

/// Ends the browser when it uses more memory than it may.
async fn watch(leader: u32, limit: u64, tracker: Weak<Mutex<Tracker>>) {
    loop {
        tokio::time::sleep(LOOK).await;
        let used = tokio::task::spawn_blocking(move || process::uses_more(&process::members(leader), limit)).await;
        let Some(tracker) = tracker.upgrade() else { return };
        if let Ok(Some(used)) = used {
            let why = format!("it used {} MB of memory, may use {} MB, and was ended", used >> 20, limit >> 20);
            locked(&tracker).ended = Some(why);
            process::kill_group(leader);
            return;
        }
    }
}

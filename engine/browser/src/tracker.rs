//! What is known of a browser: its tabs, their frames, how far they have loaded, dialogs, downloads. Pure: events go in, what has to be
//! said to the browser comes out.
//!
//! - [`tabs`]: tabs and frames come, go, crash. - [`loading`]: navigation, requests. - [`downloads`]: files.
//!
//! A page is attached to before its first script runs, and goes on once it is set up; so nothing of it is missed.

mod downloads;
mod loading;
mod tabs;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::done::{Downloaded, Note, Tab};
use crate::downloads::Finished;
use crate::error::ActErrorKind;
use crate::options::{DialogPolicy, SessionOptions};
use crate::wire::Event;
pub(crate) use downloads::{Arriving, Forced};
pub(crate) use tabs::{Frame, TabState};

/// Notes that are kept until the next act tells them; a page can open dialogs without end.
const NOTES: usize = 50;

/// A call to the browser.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Command {
    pub(crate) session: Option<String>,
    pub(crate) method: &'static str,
    pub(crate) params: Value,
}

/// What an event brings about.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Reaction {
    /// Something is said to the browser; nobody waits for the answer.
    Send(Command),
    /// A session is gone; what was called in it has no answer.
    Lost(String),
    /// A download is there and is moved to its place.
    Keep(Finished),
}

/// A field that files are asked for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Chooser {
    pub(crate) session: String,
    /// The browser's own number of it.
    pub(crate) node: Value,
    /// Whether it takes several.
    pub(crate) many: bool,
}

/// What is known of a browser.
#[derive(Debug, Default)]
pub(crate) struct Tracker {
    /// The tabs by number.
    pub(crate) tabs: BTreeMap<u32, TabState>,
    /// The one that acts are about.
    pub(crate) active: Option<u32>,
    /// The number of the next one.
    next_tab: u32,
    /// Tabs that this session asked for and that are not there yet, each with the number that it is to have.
    expected: Vec<Option<u32>>,
    /// Whose tab a session is about.
    sessions: HashMap<String, u32>,
    /// How dialogs are answered.
    pub(crate) dialogs: DialogPolicy,
    notes: Vec<Note>,
    /// Downloads on their way, by the browser's own id.
    pub(crate) arriving: HashMap<String, Arriving>,
    /// Pages whose answer is to be stored instead of shown, by session.
    pub(crate) forced: HashMap<String, Forced>,
    /// All downloads that have begun, in order.
    pub(crate) begun: Vec<String>,
    /// How downloads ended, by the browser's own id.
    pub(crate) ended_downloads: HashMap<String, Result<Downloaded, (ActErrorKind, String)>>,
    downloaded: Vec<Downloaded>,
    /// The field that files are asked for, if a page asks. No window opens for that.
    pub(crate) chooser: Option<Chooser>,
    incoming: PathBuf,
    download_folder: PathBuf,
    download_limit: u64,
    /// The size of pages; none: as large as the window.
    viewport: Option<(u32, u32)>,
    /// Why the browser was ended by this session, if it was.
    pub(crate) ended: Option<String>,
}

impl Tracker {
    /// Nothing is known yet.
    pub(crate) fn new(options: &SessionOptions, incoming: PathBuf, dialogs: DialogPolicy, next_tab: u32) -> Self {
        Tracker {
            next_tab,
            dialogs,
            incoming,
            download_folder: options.downloads.clone(),
            download_limit: options.download_limit,
            viewport: (!options.visible).then_some(options.window),
            ..Tracker::default()
        }
    }

    /// Takes in an event.
    pub(crate) fn apply(&mut self, event: &Event) -> Vec<Reaction> {
        let params = &event.params;
        let session = event.session.as_deref();
        match event.method.as_str() {
            "Target.attachedToTarget" => self.attached(session, params),
            "Target.detachedFromTarget" => self.detached(params),
            "Target.targetInfoChanged" => self.info_changed(&params["targetInfo"]),
            "Target.targetCrashed" => self.crashed(params),
            "Browser.downloadWillBegin" => self.download_begins(params),
            "Browser.downloadProgress" => self.download_progress(params),
            "Page.javascriptDialogOpening" => self.dialog(session, params),
            "Page.fileChooserOpened" => {
                let many = params["mode"] == "selectMultiple";
                let node = params["backendNodeId"].clone();
                self.chooser = session.map(|session| Chooser { session: session.to_owned(), node, many });
                Vec::new()
            }
            "Fetch.requestPaused" => self.paused(session, params),
            method => {
                let Some(session) = session else { return Vec::new() };
                self.page_event(session, method, params)
            }
        }
    }

    /// What happens in one page.
    fn page_event(&mut self, session: &str, method: &str, params: &Value) -> Vec<Reaction> {
        let Some(number) = self.sessions.get(session).copied() else { return Vec::new() };
        let Some(tab) = self.tabs.get_mut(&number) else { return Vec::new() };
        let blocked = match method.split_once('.') {
            Some(("Page", event)) => tab.page_event(session, event, params),
            Some(("Network", event)) => {
                tab.network_event(event, params);
                None
            }
            _ => None,
        };
        let Some(url) = blocked else { return Vec::new() };
        let main = tab.session.clone();
        self.note(Note::Blocked { url, reason: "only pages of http and https are shown".to_owned() });
        vec![send(Some(&main), "Page.navigate", json!({ "url": "about:blank" }))]
    }

    /// Answers a dialog at once, since its page stands still until then.
    fn dialog(&mut self, session: Option<&str>, params: &Value) -> Vec<Reaction> {
        let kind = text(params, "type");
        let (accepted, written) = match &self.dialogs {
            _ if kind == "beforeunload" => (true, None),
            DialogPolicy::Dismiss {} => (false, None),
            DialogPolicy::Accept { text: written } if kind == "prompt" => {
                (true, Some(written.clone().unwrap_or_else(|| text(params, "defaultPrompt"))))
            }
            DialogPolicy::Accept { .. } => (true, None),
        };
        let answer = match &written {
            Some(written) => json!({ "accept": accepted, "promptText": written }),
            None => json!({ "accept": accepted }),
        };
        let message = text(params, "message").chars().take(1000).collect();
        self.note(Note::Dialog { kind, message, accepted, text: written });
        vec![send(session, "Page.handleJavaScriptDialog", answer)]
    }

    /// Keeps a note for the act that is under way, or the next one.
    pub(crate) fn note(&mut self, note: Note) {
        if self.notes.len() < NOTES {
            self.notes.push(note);
        }
    }

    /// The notes since this was asked last. A pop-up has its URL only some time after it has opened.
    pub(crate) fn take_notes(&mut self) -> Vec<Note> {
        let mut notes = std::mem::take(&mut self.notes);
        for note in &mut notes {
            if let Note::PopUp { tab, url } = note
                && let Some(state) = self.tabs.get(tab)
                && !state.url().is_empty()
            {
                *url = state.url();
            }
        }
        notes
    }

    /// The downloads since this was asked last.
    pub(crate) fn take_downloads(&mut self) -> Vec<Downloaded> {
        std::mem::take(&mut self.downloaded)
    }

    /// Downloads that could not be told yet are told next time.
    pub(crate) fn give_back(&mut self, downloads: Vec<Downloaded>) {
        self.downloaded.splice(0..0, downloads);
    }

    /// All tabs, by number.
    pub(crate) fn list(&self) -> Vec<Tab> {
        let tab = |(number, tab): (&u32, &TabState)| Tab {
            tab: *number,
            url: tab.url(),
            title: tab.title.clone(),
            active: self.active == Some(*number),
        };
        self.tabs.iter().map(tab).collect()
    }
}

fn send(session: Option<&str>, method: &'static str, params: Value) -> Reaction {
    Reaction::Send(Command { session: session.map(str::to_owned), method, params })
}

/// A text of an event; empty if it is not said.
fn text(params: &Value, name: &str) -> String {
    params[name].as_str().unwrap_or_default().to_owned()
}

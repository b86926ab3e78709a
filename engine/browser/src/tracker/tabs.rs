//! Tabs and frames: they come, go, move to another process, crash.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::loading::Loading;
use super::{Reaction, Tracker, send, text};
use crate::done::Note;

/// A tab.
#[derive(Clone, Debug, Default)]
pub(crate) struct TabState {
    /// The browser's own id of it, which is also that of its main frame.
    pub(crate) target: String,
    /// The session of its main frame.
    pub(crate) session: String,
    pub(crate) title: String,
    /// Where it is as far as the list of targets says; its main frame knows better.
    listed_url: String,
    /// Its frames by id, those of other processes too.
    pub(crate) frames: HashMap<String, Frame>,
    /// How far it has loaded.
    pub(crate) loading: Loading,
    /// How its page ended, if it has.
    pub(crate) crashed: Option<String>,
    /// Frames come in the order of this number.
    next_frame: u64,
}

/// A frame.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) parent: Option<String>,
    /// The session that it is reached by.
    pub(crate) session: String,
    /// The document that is in it.
    pub(crate) loader: String,
    pub(crate) url: String,
    /// When it was attached, among the frames of its tab.
    order: u64,
}

impl TabState {
    /// The document that a new tab begins with, unless another one is there already.
    pub(crate) fn begins_with(&mut self, session: &str, frame: &Value) {
        let main = self.target.clone();
        let known = self.frame(&main);
        if known.loader.is_empty() {
            session.clone_into(&mut known.session);
            known.loader = text(frame, "loaderId");
            known.url = text(frame, "url");
        }
    }

    /// Where it is.
    pub(crate) fn url(&self) -> String {
        match self.frames.get(&self.target) {
            Some(frame) if !frame.url.is_empty() => frame.url.clone(),
            _ => self.listed_url.clone(),
        }
    }

    /// The document that its main frame shows.
    pub(crate) fn document(&self) -> &str {
        self.frames.get(&self.target).map_or("", |frame| &frame.loader)
    }

    /// All frames with their ids, the main one first, each followed by those inside it.
    pub(crate) fn frames_in_order(&self) -> Vec<(String, Frame)> {
        let mut found = Vec::with_capacity(self.frames.len());
        let mut waiting = vec![self.target.clone()];
        while let Some(id) = waiting.pop() {
            let Some(frame) = self.frames.get(&id) else { continue };
            let mut inside: Vec<(u64, &String)> = self
                .frames
                .iter()
                .filter(|(_, inner)| inner.parent.as_deref() == Some(&id))
                .map(|(inner, frame)| (frame.order, inner))
                .collect();
            inside.sort_unstable_by(|a, b| b.cmp(a));
            waiting.extend(inside.into_iter().map(|(_, inner)| inner.clone()));
            found.push((id, frame.clone()));
        }
        found
    }

    /// A frame, made if it is not known.
    pub(super) fn frame(&mut self, id: &str) -> &mut Frame {
        self.next_frame += 1;
        let order = self.next_frame;
        self.frames.entry(id.to_owned()).or_insert_with(|| Frame { order, ..Frame::default() })
    }

    /// Forgets a frame and all inside it.
    pub(super) fn remove_frame(&mut self, id: &str) {
        let mut waiting = vec![id.to_owned()];
        while let Some(id) = waiting.pop() {
            self.frames.remove(&id);
            waiting
                .extend(self.frames.iter().filter(|(_, f)| f.parent.as_deref() == Some(&id)).map(|(i, _)| i.clone()));
        }
    }
}

impl Tracker {
    /// The next tab that comes was asked for, and is to have this number, or the next free one.
    pub(crate) fn expect_tab(&mut self, number: Option<u32>) {
        self.expected.push(number);
    }

    /// What was expected does not come.
    pub(crate) fn expect_none(&mut self) {
        self.expected.clear();
    }

    /// The number of the tab that shows a target.
    pub(crate) fn number_of(&self, target: &str) -> Option<u32> {
        self.tabs.iter().find(|(_, tab)| tab.target == target).map(|(number, _)| *number)
    }

    /// Forgets a tab that is about to be closed, so that its end is no news.
    pub(crate) fn forget(&mut self, number: u32) -> Option<TabState> {
        let tab = self.tabs.remove(&number);
        self.sessions.retain(|_, of| *of != number);
        if self.active == Some(number) {
            self.active = self.tabs.keys().next_back().copied();
        }
        tab
    }

    /// A target was attached to, in the session that it belongs to, or that of the browser.
    pub(super) fn attached(&mut self, by: Option<&str>, params: &Value) -> Vec<Reaction> {
        let session = text(params, "sessionId");
        let info = &params["targetInfo"];
        match info["type"].as_str() {
            Some("page") => self.page_attached(&session, info),
            Some("iframe") => self.frame_attached(&session, info),
            // A worker stands still until somebody attaches to it and lets it go on, whether it is wanted or not.
            _ => vec![
                send(Some(&session), "Runtime.runIfWaitingForDebugger", json!({})),
                send(by, "Target.detachFromTarget", json!({ "sessionId": session })),
            ],
        }
    }

    fn page_attached(&mut self, session: &str, info: &Value) -> Vec<Reaction> {
        let target = text(info, "targetId");
        let pop_up = info["openerId"].is_string() || self.expected.is_empty();
        let wanted = if pop_up { None } else { self.expected.remove(0) };
        let number = wanted.unwrap_or_else(|| {
            self.next_tab += 1;
            self.next_tab
        });
        let mut tab = TabState {
            target: target.clone(),
            session: session.to_owned(),
            title: text(info, "title"),
            listed_url: text(info, "url"),
            ..TabState::default()
        };
        *tab.frame(&target) = Frame { session: session.to_owned(), ..Frame::default() };
        self.tabs.insert(number, tab);
        self.sessions.insert(session.to_owned(), number);
        if pop_up {
            self.note(Note::PopUp { tab: number, url: text(info, "url") });
        } else {
            self.active = Some(number);
        }
        let mut setup = set_up(session);
        if let Some((width, height)) = self.viewport {
            let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
            setup.push(send(Some(session), "Emulation.setDeviceMetricsOverride", size));
        }
        setup.push(send(Some(session), "Runtime.runIfWaitingForDebugger", json!({})));
        setup
    }

    /// A frame of another site, which has a process of its own.
    fn frame_attached(&mut self, session: &str, info: &Value) -> Vec<Reaction> {
        let id = text(info, "targetId");
        let parent = info["parentFrameId"].as_str().map(str::to_owned);
        let number = self.tabs.iter().find(|(_, tab)| {
            tab.frames.contains_key(&id) || parent.as_ref().is_some_and(|parent| tab.frames.contains_key(parent))
        });
        let number = number.map(|(number, _)| *number);
        if let Some(number) = number
            && let Some(tab) = self.tabs.get_mut(&number)
        {
            let frame = tab.frame(&id);
            session.clone_into(&mut frame.session);
            if parent.is_some() {
                frame.parent = parent;
            }
            frame.url = text(info, "url");
            self.sessions.insert(session.to_owned(), number);
        }
        let mut setup = set_up(session);
        setup.push(send(Some(session), "Runtime.runIfWaitingForDebugger", json!({})));
        setup
    }

    pub(super) fn detached(&mut self, params: &Value) -> Vec<Reaction> {
        let session = text(params, "sessionId");
        let lost = vec![Reaction::Lost(session.clone())];
        let Some(number) = self.sessions.remove(&session) else { return lost };
        let Some(tab) = self.tabs.get_mut(&number) else { return lost };
        if tab.session == session {
            let url = tab.url();
            self.forget(number);
            self.note(Note::TabClosed { tab: number, url });
        } else {
            let gone: Vec<String> =
                tab.frames.iter().filter(|(_, frame)| frame.session == session).map(|(id, _)| id.clone()).collect();
            for id in gone {
                tab.remove_frame(&id);
            }
        }
        lost
    }

    pub(super) fn info_changed(&mut self, info: &Value) -> Vec<Reaction> {
        let target = text(info, "targetId");
        if let Some(number) = self.number_of(&target)
            && let Some(tab) = self.tabs.get_mut(&number)
        {
            tab.title = text(info, "title");
            tab.listed_url = text(info, "url");
        }
        Vec::new()
    }

    pub(super) fn crashed(&mut self, params: &Value) -> Vec<Reaction> {
        let target = text(params, "targetId");
        let how = format!("{} (code {})", text(params, "status"), params["errorCode"]);
        let Some(number) = self.number_of(&target) else {
            return self.frame_crashed(&target);
        };
        let Some(tab) = self.tabs.get_mut(&number) else { return Vec::new() };
        tab.crashed = Some(how);
        vec![Reaction::Lost(tab.session.clone())]
    }
}

impl Tracker {
    /// A frame of another site ended: its page lives on without it.
    fn frame_crashed(&mut self, id: &str) -> Vec<Reaction> {
        let Some(tab) = self.tabs.values_mut().find(|tab| tab.frames.contains_key(id)) else { return Vec::new() };
        let session = tab.frames.get(id).map(|frame| frame.session.clone()).unwrap_or_default();
        tab.remove_frame(id);
        vec![Reaction::Lost(session)]
    }
}

/// What every page and frame is asked to tell, before its first script runs.
fn set_up(session: &str) -> Vec<Reaction> {
    // Frames of other sites are attached to as well. So are a page's own workers, which are let go at once: left out, they would stand
    // still. Service workers are the browser's.
    let frames = json!({
        "autoAttach": true, "waitForDebuggerOnStart": true, "flatten": true,
        "filter": [{ "type": "iframe" }, { "type": "worker" }, { "type": "worklet" }, { "exclude": true }],
    });
    // Bodies of answers are kept nowhere: 1 byte is as little as can be said.
    let network = json!({ "maxTotalBufferSize": 1, "maxResourceBufferSize": 1 });
    vec![
        send(Some(session), "Page.enable", json!({})),
        send(Some(session), "Page.setLifecycleEventsEnabled", json!({ "enabled": true })),
        send(Some(session), "Page.setInterceptFileChooserDialog", json!({ "enabled": true })),
        send(Some(session), "Network.enable", network),
        send(Some(session), "Target.setAutoAttach", frames),
    ]
}

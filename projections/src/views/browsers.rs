//! Browser sessions: which there are, and what was done in them.

use std::collections::BTreeMap;

use bincode::{Decode, Encode};

use crate::event::Event;
use crate::event::browser::{ActOutcome, Opened};
use crate::ids::{BrowserId, Position};
use crate::projection::{Anomaly, NotASnapshot, Projection, load_value, save_value};
use crate::record::Recorded;
use crate::time::Timestamp;

/// Every session that was not removed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Browsers {
    browsers: BTreeMap<BrowserId, Browser>,
}

/// A session.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Browser {
    /// Its name.
    pub name: String,
    /// Whether agents use it, who may reach less.
    pub guarded: bool,
    /// The only hosts it may reach, as patterns; all, if there are none.
    pub only_hosts: Vec<String>,
    /// Hosts it may not reach, as patterns.
    pub deny_hosts: Vec<String>,
    /// Whether it is open. Its browser may not be running for all that: it is started when something is done.
    pub open: bool,
    /// The event that opened it last.
    pub opened: Position,
    /// The event that closed it last; none of them: 0.
    pub closed: Position,
    /// What was done since it is known by this name, in order.
    pub acts: Vec<ActPlace>,
    /// The last event that says which pages are open; none since it was opened: there are none.
    pub pages: Option<Position>,
    /// When something happened in it last.
    pub at: Timestamp,
}

/// Where in the log something stands that was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ActPlace {
    /// That it begins.
    pub begun: Position,
    /// How it came out; none: it is under way, or was when its process ended.
    pub ended: Option<(Position, ActOutcome)>,
}

impl Browser {
    /// The event that says that something begins which has not ended.
    pub fn under_way(&self) -> Option<Position> {
        self.acts.last().filter(|act| act.ended.is_none()).map(|act| act.begun)
    }
}

impl Browsers {
    /// A session.
    pub fn get(&self, id: BrowserId) -> Option<&Browser> {
        self.browsers.get(&id)
    }

    /// All of them, by id.
    pub fn iter(&self) -> impl Iterator<Item = (BrowserId, &Browser)> {
        self.browsers.iter().map(|(id, browser)| (*id, browser))
    }

    fn open(&mut self, id: BrowserId, recorded: &Recorded, event: &Opened) {
        let (opened, at) = (recorded.header.position, recorded.header.at);
        let fresh = || Browser {
            name: event.name.clone(),
            guarded: event.guarded,
            only_hosts: Vec::new(),
            deny_hosts: Vec::new(),
            open: true,
            opened,
            closed: Position(0),
            acts: Vec::new(),
            pages: None,
            at,
        };
        let browser = self.browsers.entry(id).or_insert_with(fresh);
        (browser.open, browser.opened, browser.at) = (true, opened, at);
        browser.only_hosts.clone_from(&event.only_hosts);
        browser.deny_hosts.clone_from(&event.deny_hosts);
    }
}

impl Projection for Browsers {
    const NAME: &'static str = "browsers";
    const SCHEMA: u16 = 1;

    fn apply(&mut self, recorded: &Recorded) -> Result<(), Anomaly> {
        let header = &recorded.header;
        let id = BrowserId(header.stream.id);
        if let Event::BrowserOpened(event) = &recorded.event {
            self.open(id, recorded, event);
            return Ok(());
        }
        let is_ours = matches!(
            recorded.event,
            Event::BrowserActBegun(_)
                | Event::BrowserActed(_)
                | Event::BrowserArtifactKept(_)
                | Event::BrowserClosed(_)
                | Event::BrowserRemoved(_)
        );
        if !is_ours {
            return Ok(());
        }
        let Some(browser) = self.browsers.get_mut(&id) else {
            return Err(Anomaly::new(recorded, format!("there is no browser session {id}")));
        };
        match &recorded.event {
            Event::BrowserActBegun(_) => browser.acts.push(ActPlace { begun: header.position, ended: None }),
            Event::BrowserActed(event) => {
                let under_way = browser.acts.last_mut().filter(|act| act.ended.is_none() && act.begun == event.begun);
                let Some(act) = under_way else {
                    let why = format!("it does nothing that began at position {}", event.begun);
                    return Err(Anomaly::new(recorded, why));
                };
                act.ended = Some((header.position, event.outcome));
                // Of one that was interrupted nobody knows: what was open before it is the best that is known.
                if event.outcome != ActOutcome::Interrupted {
                    browser.pages = Some(header.position);
                }
            }
            Event::BrowserClosed(_) => (browser.open, browser.closed, browser.pages) = (false, header.position, None),
            Event::BrowserRemoved(_) => {
                self.browsers.remove(&id);
                return Ok(());
            }
            _ => {}
        }
        browser.at = header.at;
        Ok(())
    }

    fn save(&self, out: &mut Vec<u8>) {
        save_value(self, out);
    }

    fn load(bytes: &[u8]) -> Result<Self, NotASnapshot> {
        load_value(bytes)
    }
}

#[cfg(test)]
mod tests;

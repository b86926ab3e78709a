//! Browser sessions: opened, acted in, closed.
//!
//! A session is known by its name, and its stream is that of the name. What it had open, its cookies and its storage outlive the
//! process of the browser: they are its profile's, outside the log.

use bincode::{Decode, Encode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Payload;
use crate::ids::{Position, RunId};

/// A session was opened, for the first time or again after it was closed, or may reach other hosts from now on. Its browser is started
/// when something is done in it.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode, Serialize)]
pub struct Opened {
    /// Its name.
    pub name: String,
    /// Whether agents use it: it reaches what agents may reach, and nothing else. Never changes.
    pub guarded: bool,
    /// The only hosts it may reach, as patterns; all, if there are none.
    pub only_hosts: Vec<String>,
    /// Hosts it may not reach, as patterns.
    pub deny_hosts: Vec<String>,
}

impl Payload for Opened {
    const KIND: u16 = 0x0B01;
    const NAME: &'static str = "browser.opened";
}

/// Something is about to be done in a session. Recorded before it is; one that has no [`Acted`] was under way when its process ended.
/// The body is an [`ActBody`].
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode, Serialize)]
pub struct ActBegun {
    /// What, in a word: `click`.
    pub act: String,
    /// Whether it may change something, there or elsewhere.
    pub changes: bool,
    /// The agent that does it.
    pub run: Option<RunId>,
}

impl Payload for ActBegun {
    const KIND: u16 = 0x0B02;
    const NAME: &'static str = "browser.act_begun";
}

/// What is done, sealed.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode, Serialize)]
pub struct ActBody {
    /// All of it, as JSON, secrets left out.
    pub act: String,
}

/// How something that was done in a session came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ActOutcome {
    /// It was done.
    Done,
    /// It was not, or not wholly.
    Failed,
    /// Its process ended meanwhile; nobody knows.
    Interrupted,
}

/// Something was done in a session, or could not be. The body is an [`ActedBody`].
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize)]
pub struct Acted {
    /// The event that said it begins.
    pub begun: Position,
    /// How it came out.
    pub outcome: ActOutcome,
    /// How long it took, in milliseconds.
    pub took_ms: u32,
    /// How many pages were open after it; what follows a crash is opened from them.
    pub pages: u32,
}

impl Payload for Acted {
    const KIND: u16 = 0x0B03;
    const NAME: &'static str = "browser.acted";
}

/// What came of it, sealed.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode, Serialize)]
pub struct ActedBody {
    /// Where the page was after it.
    pub url: String,
    /// What the page calls itself.
    pub title: String,
    /// What it gave, as JSON.
    pub result: Option<String>,
    /// The text it gave.
    pub text: Option<String>,
    /// Why it failed: the kind, a colon, the message.
    pub reason: Option<String>,
    /// What happened besides: dialogs that were answered, pop-ups, downloads.
    pub notes: Vec<String>,
    /// The addresses of the pages that were open after it.
    pub pages: Vec<String>,
    /// Which of them is in front, counted from 0.
    pub front: u32,
}

/// A picture or document that something done in a session gave. In one commit with its [`Acted`]. The body is an [`ArtifactBody`].
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode, Serialize)]
pub struct ArtifactKept {
    /// The event that said that it begins.
    pub begun: Position,
    /// What it is: `image/png`, `application/pdf`.
    pub media_type: String,
    /// Its length, in bytes.
    pub size: u32,
}

impl Payload for ArtifactKept {
    const KIND: u16 = 0x0B04;
    const NAME: &'static str = "browser.artifact_kept";
}

/// A picture or document, sealed.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode, Serialize)]
pub struct ArtifactBody {
    /// Its name, without a folder.
    pub name: String,
    /// What is in it.
    #[serde(skip)]
    pub bytes: Vec<u8>,
}

/// A session was closed: its pages are gone, its profile is kept.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize)]
pub struct Closed {}

impl Payload for Closed {
    const KIND: u16 = 0x0B05;
    const NAME: &'static str = "browser.closed";
}

/// A session was removed with its profile: its name is free. What was done in it stays in the log.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize)]
pub struct Removed {}

impl Payload for Removed {
    const KIND: u16 = 0x0B06;
    const NAME: &'static str = "browser.removed";
}

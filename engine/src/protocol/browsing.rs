//! Browser sessions: what is done in them, and what was.

use bincode::{Decode, Encode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zo_projections::event::browser::ActOutcome;
use zo_projections::{Position, Timestamp};

use super::asking::SecretText;
use super::json;

/// Something to be done in a browser session.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BrowseInput {
    /// The session, by its name. It is opened if there is none of that name and the act goes somewhere.
    #[serde(default = "usual_session")]
    pub session: String,
    /// What is to be done: an object such as `{"act": "click", "target": "@e12"}`, as text.
    #[serde(with = "json::whole_text")]
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    pub act: String,
    /// By which the same wish is known when it is told once more, to the next holder of the home: what changes something is begun once.
    /// A client of this crate fills it in.
    #[serde(skip)]
    pub id: Option<u128>,
    /// The text of a `fill` or `type` that is in no event.
    #[serde(skip)]
    pub secret: Option<SecretText>,
    /// How long it may take, in milliseconds; 30 s if not said.
    #[serde(default)]
    pub deadline_ms: Option<u64>,
    /// Whether a window is to be seen. The browser is started anew for it if it runs without one.
    #[serde(default)]
    pub visible: bool,
    /// Whether the session, if it is made, is one for agents: it reaches nothing that they may not reach.
    #[serde(default)]
    pub guarded: bool,
    /// The only hosts that it may reach from now on: `example.org`, `*.example.org`, `127.0.0.1:8080`. An empty list: all. As it
    /// was if not said.
    #[serde(default)]
    pub only_hosts: Option<Vec<String>>,
    /// Hosts that it may not reach from now on. As it was if not said.
    #[serde(default)]
    pub deny_hosts: Option<Vec<String>>,
}

/// The session that is meant where none is named.
pub const USUAL_SESSION: &str = "main";

fn usual_session() -> String {
    USUAL_SESSION.to_owned()
}

/// What came of something that was done in a browser session.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
pub struct Browsed {
    /// The session.
    pub session: String,
    /// What was done, in a word.
    pub act: String,
    /// The event that says how it came out.
    pub position: Position,
    /// Where the page is.
    pub url: String,
    /// What the page calls itself.
    pub title: String,
    /// What it gave.
    #[serde(with = "json::text", default)]
    #[schemars(with = "Option<serde_json::Value>")]
    pub value: Option<String>,
    /// The text that it gave; written by the page.
    pub text: Option<String>,
    /// Pictures and documents.
    pub artifacts: Vec<BrowsedArtifact>,
    /// Files that were downloaded.
    pub downloads: Vec<BrowsedDownload>,
    /// What happened besides: dialogs that were answered, pages that opened.
    pub notes: Vec<String>,
    /// How long it took, in milliseconds.
    pub took_ms: u32,
}

/// A picture or document.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
pub struct BrowsedArtifact {
    /// What it can be called: `screenshot.png`.
    pub name: String,
    /// What it is: `image/png`.
    pub media_type: String,
    /// The event that has it.
    pub position: Position,
    /// Its length, in bytes.
    pub size: u32,
    /// Its content; left out where only what there is is told.
    #[serde(with = "json::bytes", default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Option<json::Base64>")]
    pub bytes: Vec<u8>,
}

/// A file that was downloaded.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
pub struct BrowsedDownload {
    /// Where it lies.
    pub path: String,
    /// What it is called there.
    pub name: String,
    /// Where it came from.
    pub url: String,
    /// Its length, in bytes.
    pub size: u64,
}

/// A browser session in a list.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
pub struct BrowserLine {
    /// Its name.
    pub session: String,
    /// `running`; `open` if its browser is started when something is done in it; `closed`.
    pub state: String,
    /// Whether it is for agents.
    pub guarded: bool,
    /// The only hosts that it may reach; all, if there are none.
    pub only_hosts: Vec<String>,
    /// Hosts that it may not reach.
    pub deny_hosts: Vec<String>,
    /// Where its page was last.
    pub url: Option<String>,
    /// How much was done in it.
    pub acts: u64,
    /// When something happened in it last.
    pub at: Timestamp,
    /// Bytes of memory that its browser uses.
    pub resident_bytes: Option<u64>,
    /// Process ids of its browser, the first its own.
    pub pids: Vec<u32>,
}

/// Something that was done in a browser session.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
pub struct BrowserActLine {
    /// The event that says that it begins.
    pub position: Position,
    /// When it began.
    pub at: Timestamp,
    /// What was done.
    #[serde(with = "json::whole_text")]
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    pub act: String,
    /// The agent that did it.
    pub run: Option<String>,
    /// How it came out; none: it is under way.
    pub outcome: Option<ActOutcome>,
    /// How long it took, in milliseconds.
    pub took_ms: Option<u32>,
    /// Where the page was after it.
    pub url: Option<String>,
    /// What the page called itself.
    pub title: Option<String>,
    /// Why it failed.
    pub reason: Option<String>,
    /// What happened besides.
    pub notes: Vec<String>,
    /// What it gave.
    #[serde(with = "json::text", default)]
    #[schemars(with = "Option<serde_json::Value>")]
    pub value: Option<String>,
    /// The text that it gave; only where one act is asked for.
    pub text: Option<String>,
    /// Pictures and documents, without their content.
    pub artifacts: Vec<BrowsedArtifact>,
}

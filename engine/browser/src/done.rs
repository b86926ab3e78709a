//! What came of an act.

use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// An act that was done.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Done {
    /// What it came to, as JSON; null if it is about nothing but being done.
    pub value: Value,
    /// The same to be read: the page, the snapshot, the list of tabs.
    pub text: Option<String>,
    /// Where the active tab is after it.
    pub url: String,
    /// What the active tab is called after it.
    pub title: String,
    /// Pictures and documents that were made.
    pub artifacts: Vec<Artifact>,
    /// Files that were downloaded since the act before it ended.
    pub downloads: Vec<Downloaded>,
    /// What else happened since the act before it ended.
    pub notes: Vec<Note>,
    /// How long it took, with everything that was waited for.
    pub took: Duration,
}

/// A picture or document that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    /// What it can be called: `screenshot.png`.
    pub name: String,
    /// What it is: `image/png`.
    pub media_type: String,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// A file that was downloaded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Downloaded {
    /// Where it lies, below the session's folder of downloads.
    pub path: PathBuf,
    /// What it is called there: a name without folders and control characters, which no other file there has.
    pub name: String,
    /// What the site called it; not to be trusted.
    pub suggested_name: String,
    /// Where it came from.
    pub url: String,
    /// Its bytes.
    pub size: u64,
}

/// Something that happened beside the act.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "note", rename_all = "snake_case")]
pub enum Note {
    /// A page asked something, and was answered.
    Dialog {
        /// What kind: `alert`, `confirm`, `prompt`, `beforeunload`.
        kind: String,
        /// What it said; written by the page.
        message: String,
        /// Whether it was answered with yes.
        accepted: bool,
        /// What was written into it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<String>,
    },
    /// A page opened another one.
    PopUp {
        /// The number of its tab.
        tab: u32,
        /// Where it leads.
        url: String,
    },
    /// A download was refused or broke off.
    DownloadFailed {
        /// What the site called it.
        suggested_name: String,
        /// Where it came from.
        url: String,
        /// Why.
        reason: String,
    },
    /// A page wanted to go where it may not.
    Blocked {
        /// Where.
        url: String,
        /// Why not.
        reason: String,
    },
    /// A tab was closed by its page.
    TabClosed {
        /// Its number.
        tab: u32,
        /// Where it was.
        url: String,
    },
    /// Something ended and was begun again.
    Recovered {
        /// What ended, why, and what is there again.
        what: String,
    },
}

/// A tab.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tab {
    /// Its number, which no other tab of the session gets while the browser runs.
    pub tab: u32,
    /// Where it is.
    pub url: String,
    /// What it is called.
    pub title: String,
    /// Whether acts are about this one.
    pub active: bool,
}

/// How a session is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SessionState {
    /// Whether the browser runs. If not, the next act starts it again.
    pub alive: bool,
    /// Its processes; the first is the browser's own.
    pub pids: Vec<u32>,
    /// Bytes of memory that they use, what they share counted once as far as the system tells.
    pub resident_bytes: u64,
    /// How often it had to be started again.
    pub restarts: u32,
    /// How many tabs there are.
    pub tabs: u32,
}

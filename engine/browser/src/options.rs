//! How a session is opened.

use std::net::SocketAddr;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a session is opened, and opened again when its browser has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionOptions {
    /// The browser; see [`crate::find::program`].
    pub program: PathBuf,
    /// The folder of its profile: cookies, logins, storage. It is made, for the owner alone, if it is not there, and belongs to one
    /// session at a time.
    pub profile: PathBuf,
    /// The folder that downloads go to; it is made by the first of them.
    pub downloads: PathBuf,
    /// The HTTP proxy that everything goes through, loopback too; none: straight to the network.
    pub proxy: Option<SocketAddr>,
    /// Whether there is a window to be seen; it needs a display.
    pub visible: bool,
    /// The size of the window, in CSS pixels.
    pub window: (u32, u32),
    /// How dialogs are answered at first.
    pub dialogs: DialogPolicy,
    /// Bytes of memory that all its processes may use together; without a limit if not said.
    pub memory_limit: Option<u64>,
    /// Bytes that one download may have.
    pub download_limit: u64,
    /// The tabs that are opened at first, by URL, the last of them the active one; an empty one if there are none.
    pub restore: Vec<String>,
}

impl SessionOptions {
    /// No proxy, no window, 1280 × 800, dialogs dismissed, no limit of memory, downloads of up to 100 MiB, one empty tab.
    #[must_use]
    pub fn new(program: impl Into<PathBuf>, profile: impl Into<PathBuf>, downloads: impl Into<PathBuf>) -> Self {
        SessionOptions {
            program: program.into(),
            profile: profile.into(),
            downloads: downloads.into(),
            proxy: None,
            visible: false,
            window: (1280, 800),
            dialogs: DialogPolicy::default(),
            memory_limit: None,
            download_limit: 100 << 20,
            restore: Vec::new(),
        }
    }
}

/// How the dialogs of pages are answered. That a page asks whether it may be left is always answered with yes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "answer", rename_all = "snake_case", deny_unknown_fields)]
pub enum DialogPolicy {
    /// With no.
    Dismiss {},
    /// With yes.
    Accept {
        /// What is written where a text is asked for; what the page suggests, if not said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<String>,
    },
}

impl Default for DialogPolicy {
    fn default() -> Self {
        DialogPolicy::Dismiss {}
    }
}

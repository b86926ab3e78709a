//! What a browser can be told to do, as JSON: `{"act": "click", "target": "role=button[name=Send]"}`.
//!
//! | acts | what they do |
//! |---|---|
//! | `open` `back` `forward` `reload` `wait` | go somewhere, or wait until the page is as it should be |
//! | `read` `snapshot` `get` `is` `screenshot` `pdf` | look |
//! | `click` `fill` `type` `press` `hover` `select` `check` `scroll` `upload` `download` | do what a person would do |
//! | `eval` | run a script in the page |
//! | `tabs` `cookies` `storage` `dialog` | manage what surrounds the page |
//!
//! A misspelt act or field is refused, not ignored. What is not said is left out when it is written, so that one act has one text.
//! How an act is carried out is no part of it: see [`crate::Session`].

mod parts;
#[cfg(test)]
mod tests;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{ActError, ActErrorKind};
use crate::target::Target;
pub use parts::*;

/// One thing that a browser is told to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "act", rename_all = "snake_case", deny_unknown_fields)]
pub enum Act {
    /// Goes to a URL and waits until the page has loaded.
    Open(Open),
    /// Goes back in the tab's history.
    Back {},
    /// Goes forward in the tab's history.
    Forward {},
    /// Loads the page again.
    Reload {},
    /// Reads the page, or a part of it, as text.
    Read(Read),
    /// Lists what is on the page, with references to act upon.
    Snapshot(Snapshot),
    /// Clicks an element.
    Click(Click),
    /// Puts text into a field in place of what is there.
    Fill(Fill),
    /// Types text at the end of what is there, key by key where a key has it.
    Type(Type),
    /// Presses keys.
    Press(Press),
    /// Moves the mouse over an element.
    Hover(Hover),
    /// Chooses options of a list.
    Select(Select),
    /// Checks or unchecks a box.
    Check(Check),
    /// Scrolls the page or an element.
    Scroll(Scroll),
    /// Gives files to a file field.
    Upload(Upload),
    /// Downloads what a link leads to, or a URL.
    Download(Download),
    /// Takes a picture.
    Screenshot(Screenshot),
    /// Prints the page into a PDF.
    Pdf(Pdf),
    /// Runs a script in the page and returns its value.
    Eval(Eval),
    /// Gets one thing about the page or an element.
    Get(Get),
    /// Asks whether an element is in a state.
    Is(Is),
    /// Waits until something is so.
    Wait(Wait),
    /// Lists, opens, switches or closes tabs.
    Tabs(Tabs),
    /// Lists, sets or clears cookies.
    Cookies(Cookies),
    /// Lists, gets, sets or clears what the page stores.
    Storage(Storage),
    /// Says how the next dialogs are answered.
    Dialog(Dialog),
}

/// The names of all acts, in the order of [`Act`].
pub const NAMES: [&str; 26] = [
    "open",
    "back",
    "forward",
    "reload",
    "read",
    "snapshot",
    "click",
    "fill",
    "type",
    "press",
    "hover",
    "select",
    "check",
    "scroll",
    "upload",
    "download",
    "screenshot",
    "pdf",
    "eval",
    "get",
    "is",
    "wait",
    "tabs",
    "cookies",
    "storage",
    "dialog",
];

impl Act {
    /// What it is called, as in JSON.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Act::Open(_) => "open",
            Act::Back {} => "back",
            Act::Forward {} => "forward",
            Act::Reload {} => "reload",
            Act::Read(_) => "read",
            Act::Snapshot(_) => "snapshot",
            Act::Click(_) => "click",
            Act::Fill(_) => "fill",
            Act::Type(_) => "type",
            Act::Press(_) => "press",
            Act::Hover(_) => "hover",
            Act::Select(_) => "select",
            Act::Check(_) => "check",
            Act::Scroll(_) => "scroll",
            Act::Upload(_) => "upload",
            Act::Download(_) => "download",
            Act::Screenshot(_) => "screenshot",
            Act::Pdf(_) => "pdf",
            Act::Eval(_) => "eval",
            Act::Get(_) => "get",
            Act::Is(_) => "is",
            Act::Wait(_) => "wait",
            Act::Tabs(_) => "tabs",
            Act::Cookies(_) => "cookies",
            Act::Storage(_) => "storage",
            Act::Dialog(_) => "dialog",
        }
    }

    /// Whether it may do something to the page, to the browser, or to the world behind the page. Reading, looking and waiting do not;
    /// a script may, and so may a condition that is a script.
    #[must_use]
    pub fn changes(&self) -> bool {
        match self {
            Act::Read(_) | Act::Snapshot(_) | Act::Screenshot(_) | Act::Pdf(_) | Act::Get(_) | Act::Is(_) => false,
            Act::Wait(wait) => wait.script.is_some(),
            Act::Tabs(tabs) => tabs.op != TabsOp::List,
            Act::Cookies(cookies) => cookies.op != CookiesOp::List,
            Act::Storage(storage) => !matches!(storage.op, StorageOp::List | StorageOp::Get),
            _ => true,
        }
    }

    /// The element it is about, if it is about one.
    #[must_use]
    pub fn target(&self) -> Option<&Target> {
        match self {
            Act::Read(act) => act.target.as_ref(),
            Act::Snapshot(act) => act.target.as_ref(),
            Act::Click(act) => Some(&act.target),
            Act::Fill(act) => Some(&act.target),
            Act::Type(act) => act.target.as_ref(),
            Act::Hover(act) => Some(&act.target),
            Act::Select(act) => Some(&act.target),
            Act::Check(act) => Some(&act.target),
            Act::Scroll(act) => act.target.as_ref(),
            Act::Upload(act) => Some(&act.target),
            Act::Download(act) => act.target.as_ref(),
            Act::Screenshot(act) => act.target.as_ref(),
            Act::Eval(act) => act.target.as_ref(),
            Act::Get(act) => act.target.as_ref(),
            Act::Is(act) => Some(&act.target),
            _ => None,
        }
    }

    /// Reads an act from JSON text.
    ///
    /// # Errors
    /// [`ActErrorKind::Invalid`], with what is wrong where, if it is no JSON, no act, or contradicts itself.
    pub fn parse_json(text: &str) -> Result<Act, ActError> {
        let value: Value = serde_json::from_str(text).map_err(|error| {
            ActError::new(ActErrorKind::Invalid, format!("an act has to be JSON: {error}"))
                .hint(r#"such as {"act": "open", "url": "https://example.org"}"#)
        })?;
        Act::from_value(value)
    }

    /// Reads an act from a JSON value; as [`parse_json`](Self::parse_json).
    ///
    /// # Errors
    /// As [`parse_json`](Self::parse_json).
    pub fn from_value(value: Value) -> Result<Act, ActError> {
        let Some(name) = value.get("act").and_then(Value::as_str).map(str::to_owned) else {
            let message = "an act has to be an object with its name in `act`";
            return Err(ActError::new(ActErrorKind::Invalid, message)
                .hint(r#"such as {"act": "open", "url": "https://example.org"}"#));
        };
        if !NAMES.contains(&name.as_str()) {
            let error = ActError::new(ActErrorKind::Invalid, format!("there is no act `{name}`"));
            let nearest =
                NAMES.iter().max_by(|a, b| strsim::jaro_winkler(&name, a).total_cmp(&strsim::jaro_winkler(&name, b)));
            return Err(match nearest {
                Some(near) if strsim::jaro_winkler(&name, near) > 0.75 => error.hint(format!("did you mean `{near}`?")),
                _ => error.hint(format!("one of {}", NAMES.join(", "))),
            });
        }
        let act: Act = serde_json::from_value(value)
            .map_err(|error| ActError::new(ActErrorKind::Invalid, format!("act `{name}`: {error}")))?;
        act.check()?;
        Ok(act)
    }

    /// Whether its parts fit together: what is needed is there, and nothing that excludes each other.
    ///
    /// # Errors
    /// [`ActErrorKind::Invalid`], with what is missing or too much.
    pub fn check(&self) -> Result<(), ActError> {
        parts::check(self).map_err(|(message, hint)| {
            ActError::new(ActErrorKind::Invalid, format!("act `{}`: {message}", self.name())).hint(hint)
        })
    }
}

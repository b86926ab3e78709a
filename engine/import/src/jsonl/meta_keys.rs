//! Under which names `meta` tells the conversation, the session, the speaker and the time.

use std::str::FromStr;

use serde_json::{Map, Value};
use thiserror::Error;

use crate::time::instant_of_json;

/// The names under which `meta` is searched; of several the first that is there counts.
///
/// Parsed from overrides such as `conversation=thread,time=ts|when`; what is not named keeps its default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetaKeys {
    /// The conversation a memory belongs to; default `conv`, `conversation`.
    pub conversation: Vec<String>,
    /// The session within the conversation; default `session`.
    pub session: Vec<String>,
    /// Who said it; default `speaker`, `role`.
    pub speaker: Vec<String>,
    /// When it happened; default `date`, `at`.
    pub time: Vec<String>,
}

/// Why overrides of [`MetaKeys`] were not understood.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum MetaKeysError {
    /// Not of the form `what=name`.
    #[error("expected what=name, found {0:?}")]
    NoEquals(String),
    /// There is nothing of that name to override.
    #[error("expected conversation, session, speaker or time before the =, found {0:?}")]
    UnknownRole(String),
    /// Nothing after the `=`.
    #[error("expected a name after {0}=")]
    NoName(String),
}

impl Default for MetaKeys {
    fn default() -> MetaKeys {
        let names = |names: &[&str]| names.iter().map(ToString::to_string).collect();
        MetaKeys {
            conversation: names(&["conv", "conversation"]),
            session: names(&["session"]),
            speaker: names(&["speaker", "role"]),
            time: names(&["date", "at"]),
        }
    }
}

impl FromStr for MetaKeys {
    type Err = MetaKeysError;

    fn from_str(overrides: &str) -> Result<MetaKeys, MetaKeysError> {
        let mut keys = MetaKeys::default();
        for part in overrides.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (what, names) = part.split_once('=').ok_or_else(|| MetaKeysError::NoEquals(part.to_string()))?;
            let what = what.trim();
            let names: Vec<String> =
                names.split('|').map(str::trim).filter(|name| !name.is_empty()).map(str::to_string).collect();
            if names.is_empty() {
                return Err(MetaKeysError::NoName(what.to_string()));
            }
            *match what {
                "conversation" | "conv" => &mut keys.conversation,
                "session" => &mut keys.session,
                "speaker" => &mut keys.speaker,
                "time" => &mut keys.time,
                _ => return Err(MetaKeysError::UnknownRole(what.to_string())),
            } = names;
        }
        Ok(keys)
    }
}

impl MetaKeys {
    /// The conversation that `meta` names.
    pub fn conversation_of(&self, meta: &Map<String, Value>) -> Option<String> {
        text_under(&self.conversation, meta)
    }

    /// The session that `meta` names.
    pub fn session_of(&self, meta: &Map<String, Value>) -> Option<String> {
        text_under(&self.session, meta)
    }

    /// The speaker that `meta` names.
    pub fn speaker_of(&self, meta: &Map<String, Value>) -> Option<String> {
        text_under(&self.speaker, meta)
    }

    /// The time that `meta` names, in ms since 1970 UTC; `None` also for a time in nobody's form.
    pub fn time_of(&self, meta: &Map<String, Value>) -> Option<i64> {
        self.time.iter().filter_map(|name| meta.get(name)).find_map(instant_of_json)
    }
}

/// The first non-blank string or number under one of `names`, as text.
fn text_under(names: &[String], meta: &Map<String, Value>) -> Option<String> {
    names.iter().filter_map(|name| meta.get(name)).find_map(|value| match value {
        Value::String(text) if !text.trim().is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    })
}

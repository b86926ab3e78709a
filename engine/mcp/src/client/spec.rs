//! What a server is: a program that is spoken to through its stdin and stdout, or a URL.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use url::Url;

/// The most bytes that a program's arguments, a variable or a header may have.
const MAX_TEXT_BYTES: usize = 64 << 10;
/// The most arguments, variables or headers.
const MAX_ENTRIES: usize = 256;
/// Headers that belong to the protocol.
const OWN_HEADERS: [&str; 6] =
    ["accept", "content-type", "host", "last-event-id", "mcp-protocol-version", "mcp-session-id"];

/// A server of the Model Context Protocol. Of secrets it has the names alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ServerSpec {
    /// What it is called.
    pub name: String,
    /// How it is reached.
    #[serde(flatten)]
    pub kind: ServerKind,
    /// Variables, or headers, whose values are kept elsewhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<String>,
    /// Whether what it says of its tools is believed: that they only read, or may be called twice.
    #[serde(default)]
    pub trust_hints: bool,
}

/// How a server is reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ServerKind {
    /// Through stdin and stdout of a program.
    Stdio {
        /// The program and its arguments; no shell is in between.
        argv: Vec<String>,
        /// The folder it starts in, absolute; `/` if not said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        folder: Option<String>,
        /// Its whole environment.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        env: BTreeMap<String, String>,
    },
    /// By streamable HTTP.
    Http {
        /// Where, `http` or `https`.
        url: String,
        /// Headers of every request.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        headers: BTreeMap<String, String>,
    },
}

/// The values of secrets, by their names. Never shown.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SecretValues(pub BTreeMap<String, String>);

impl fmt::Debug for SecretValues {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.0.keys()).finish()
    }
}

/// Why something cannot be a server.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{what}: {why}")]
pub struct SpecError {
    /// What of it.
    pub what: String,
    /// Why not.
    pub why: String,
}

impl SpecError {
    fn new(what: impl Into<String>, why: impl Into<String>) -> Self {
        Self { what: what.into(), why: why.into() }
    }
}

impl ServerSpec {
    /// Whether it can be one.
    ///
    /// # Errors
    /// What of it cannot be, and why.
    pub fn check(&self) -> Result<(), SpecError> {
        match &self.kind {
            ServerKind::Stdio { argv, folder, env } => {
                if argv.first().is_none_or(String::is_empty) {
                    return Err(SpecError::new("the command", "there is none"));
                }
                check_count("the arguments", argv.len())?;
                argv.iter().try_for_each(|word| check_text("an argument", word))?;
                if let Some(folder) = folder {
                    check_text("the folder", folder)?;
                    if !folder.starts_with('/') {
                        return Err(SpecError::new(format!("the folder {folder:?}"), "it is not absolute"));
                    }
                }
                check_count("the variables", env.len() + self.secrets.len())?;
                for (name, value) in env {
                    check_variable(name)?;
                    check_text(&format!("the variable {name}"), value)?;
                }
                self.secrets.iter().try_for_each(|name| check_variable(name))
            }
            ServerKind::Http { url, headers } => {
                check_url(url)?;
                check_count("the headers", headers.len() + self.secrets.len())?;
                for (name, value) in headers {
                    check_header(name)?;
                    check_header_value(name, value)?;
                }
                self.secrets.iter().try_for_each(|name| check_header(name))
            }
        }
    }

    /// How it is reached, in a line, without what variables and headers say.
    #[must_use]
    pub fn summary(&self) -> String {
        match &self.kind {
            ServerKind::Stdio { argv, .. } => argv.join(" "),
            ServerKind::Http { url, .. } => url.clone(),
        }
    }
}

fn check_count(what: &str, count: usize) -> Result<(), SpecError> {
    let why = || format!("{count} are more than the {MAX_ENTRIES} that there may be");
    if count <= MAX_ENTRIES { Ok(()) } else { Err(SpecError::new(what, why())) }
}

fn check_text(what: &str, text: &str) -> Result<(), SpecError> {
    if text.len() > MAX_TEXT_BYTES {
        let why = format!("{} bytes are more than the {MAX_TEXT_BYTES} that one may have", text.len());
        return Err(SpecError::new(what, why));
    }
    if text.contains('\0') {
        return Err(SpecError::new(what, "it has a null character in it"));
    }
    Ok(())
}

fn check_variable(name: &str) -> Result<(), SpecError> {
    let simple = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if !name.is_empty() && name.bytes().all(simple) && !name.starts_with(|first: char| first.is_ascii_digit()) {
        return Ok(());
    }
    Err(SpecError::new(format!("the variable {name:?}"), "letters, digits and _ are expected"))
}

fn check_header(name: &str) -> Result<(), SpecError> {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.is_empty() || !name.bytes().all(token) {
        return Err(SpecError::new(format!("the header {name:?}"), "letters, digits and - are expected"));
    }
    if OWN_HEADERS.contains(&name.to_ascii_lowercase().as_str()) {
        return Err(SpecError::new(format!("the header {name:?}"), "it is set by the protocol itself"));
    }
    Ok(())
}

/// Checks what a header says (RFC 9110, section 5.5): it may be a secret, and is not shown.
pub(super) fn check_header_value(name: &str, value: &str) -> Result<(), SpecError> {
    check_text(&format!("the header {name}"), value)?;
    match value.char_indices().find(|(_, letter)| !(' '..='~').contains(letter)) {
        Some((offset, _)) => {
            let why = format!("it has a character at byte {offset} that no header may have");
            Err(SpecError::new(format!("the header {name}"), why))
        }
        None => Ok(()),
    }
}

fn check_url(text: &str) -> Result<(), SpecError> {
    let what = || format!("the URL {text:?}");
    let url = Url::parse(text).map_err(|error| SpecError::new(what(), error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(SpecError::new(what(), "http or https is expected"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        // It is not shown: it has a password in it.
        return Err(SpecError::new("the URL", "it has a user name or a password in it; give a header instead"));
    }
    Ok(())
}

#[cfg(test)]
mod tests;

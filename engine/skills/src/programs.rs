//! Programs by their names, and what of the surroundings matters to skills.

use std::collections::BTreeSet;
use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

/// Where programs are looked for, and which variables there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// As `PATH` has it.
    pub path: OsString,
    /// The names of the variables that are set and not empty.
    pub variables: BTreeSet<String>,
}

impl Surroundings {
    /// Those of this process.
    pub fn of_process() -> Self {
        let set = env::vars_os().filter(|(_, value)| !value.is_empty());
        let variables = set.filter_map(|(name, _)| name.into_string().ok()).collect();
        Self { path: env::var_os("PATH").unwrap_or_default(), variables }
    }

    /// The file that is run by this name. Only absolute folders of the path count: what a relative one means depends on
    /// where somebody stands, and could be a skill's own. Launchers of version managers (`~/.pyenv/shims`) come last:
    /// they look through the whole home for what they start, which nothing that is confined can do.
    pub(crate) fn program(&self, name: &str) -> Option<PathBuf> {
        let folders = env::split_paths(&self.path).filter(|folder| folder.is_absolute());
        let (launchers, plain): (Vec<_>, Vec<_>) = folders.partition(|folder| folder.ends_with("shims"));
        plain.into_iter().chain(launchers).map(|folder| folder.join(name)).find(|file| is_program(file))
    }
}

#[cfg(unix)]
fn is_program(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(file).is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_program(file: &Path) -> bool {
    fs::metadata(file).is_ok_and(|metadata| metadata.is_file())
}

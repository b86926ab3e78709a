//! Which folders an interpreter needs that lives in a home: pyenv, virtual environments, nvm, rustup and the like.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use crate::lookup::{SYSTEM_FOLDERS, USUAL_PATH};

/// How many links and launchers are followed at most.
const MAX_STEPS: usize = 16;

/// The files and folders that must be readable so that a program can be executed: none for one of the system's. For a program
/// `PREFIX/bin/NAME` it is `PREFIX`, for each link on the way and, for a virtual environment, for the interpreter behind it.
/// A launcher of pyenv stands for the program it would start, which [`interpreter`] tells.
#[must_use]
pub fn interpreter_roots(program: &Path) -> Vec<PathBuf> {
    let mut roots = BTreeSet::new();
    let mut waiting: Vec<PathBuf> = find(program).into_iter().collect();
    for _ in 0..MAX_STEPS {
        let Some(path) = waiting.pop() else { break };
        if let Ok(target) = fs::read_link(&path) {
            waiting.push(path.parent().unwrap_or(Path::new("/")).join(target));
        }
        let Some(prefix) = prefix_of(&path) else { continue };
        if let Some(base) = base_of_virtual_environment(&prefix) {
            waiting.push(base);
        }
        if !is_system(&prefix) && prefix != Path::new("/") {
            roots.insert(prefix);
        }
    }
    roots.into_iter().collect()
}

/// The interpreter that a name or a path stands for: found in `PATH`, and behind the launchers of pyenv, which cannot
/// run confined because they look through the whole home.
#[must_use]
pub fn interpreter(program: &Path) -> Option<PathBuf> {
    find(program)
}

fn find(program: &Path) -> Option<PathBuf> {
    let found = if program.components().count() > 1 {
        program.to_owned()
    } else {
        let path = env::var_os("PATH").unwrap_or_else(|| USUAL_PATH.into());
        env::split_paths(&path).map(|folder| folder.join(program)).find(|candidate| candidate.is_file())?
    };
    let found = std::path::absolute(found).ok()?;
    if !found.exists() {
        return None;
    }
    Some(behind_pyenv(&found).unwrap_or(found))
}

/// `ROOT/shims/NAME` is a script that starts `ROOT/versions/VERSION/bin/NAME` for the version that `ROOT/version` names, or
/// `PYENV_VERSION`.
fn behind_pyenv(found: &Path) -> Option<PathBuf> {
    let shims = found.parent()?;
    let root = shims.parent()?;
    if shims.file_name()? != "shims" || !root.join("versions").is_dir() {
        return None;
    }
    let named = env::var("PYENV_VERSION").ok().or_else(|| fs::read_to_string(root.join("version")).ok())?;
    let versions = named.split([':', '\n', ' ']).filter(|version| !version.is_empty());
    versions
        .map(|version| root.join("versions").join(version).join("bin").join(found.file_name().unwrap_or_default()))
        .find(|candidate| candidate.exists())
}

/// `PREFIX` of `PREFIX/bin/NAME`, resolved, if something is installed there and not everything of a person; else the
/// program alone.
fn prefix_of(path: &Path) -> Option<PathBuf> {
    let folder = fs::canonicalize(path.parent()?).ok()?;
    let is_bin = folder.file_name().is_some_and(|name| name == "bin" || name == "sbin" || name == "Scripts");
    let prefix = folder.parent().filter(|prefix| is_bin && is_installation(prefix));
    prefix.map(Path::to_owned).or_else(|| Some(folder.join(path.file_name()?)))
}

/// Whether a folder holds one installation. `~/.local` and what contains the home hold other things too.
fn is_installation(prefix: &Path) -> bool {
    let home = env::var_os("HOME").and_then(|home| fs::canonicalize(home).ok());
    let is_personal = home.is_some_and(|home| home.starts_with(prefix) || prefix == home.join(".local"));
    !is_personal && (prefix.join("lib").is_dir() || prefix.join("pyvenv.cfg").is_file())
}

/// The interpreter that a virtual environment stands on: `home` of its `pyvenv.cfg` (PEP 405).
fn base_of_virtual_environment(prefix: &Path) -> Option<PathBuf> {
    let text = fs::read_to_string(prefix.join("pyvenv.cfg")).ok()?;
    let value = text.lines().filter_map(|line| line.split_once('=')).find(|(key, _)| key.trim() == "home")?.1;
    Some(Path::new(value.trim()).join("python3"))
}

fn is_system(prefix: &Path) -> bool {
    SYSTEM_FOLDERS.iter().any(|system| prefix.starts_with(system))
}

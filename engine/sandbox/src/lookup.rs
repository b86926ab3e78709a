//! Paths and programs within a policy: what of it exists, where it really lies, and what a command can see of it.

#[cfg(test)]
mod tests;

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::error::SandboxError;
use crate::policy::Command;

/// Folders of the system that every command can read.
pub(crate) const SYSTEM_FOLDERS: [&str; 9] =
    ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store", "/gnu/store"];

/// What programs need of `/etc`, and no more: no passwords, no keys, nothing about the network.
pub(crate) const SYSTEM_FILES: [&str; 30] = [
    "/etc/alternatives",
    "/etc/bash.bashrc",
    "/etc/ca-certificates",
    "/etc/debian_version",
    "/etc/fonts",
    "/etc/group",
    "/etc/host.conf",
    "/etc/hosts",
    "/etc/inputrc",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/locale.alias",
    "/etc/locale.conf",
    "/etc/localtime",
    "/etc/magic",
    "/etc/mime.types",
    "/etc/nsswitch.conf",
    "/etc/os-release",
    "/etc/passwd",
    "/etc/perl",
    "/etc/pki/ca-trust/extracted",
    "/etc/pki/tls/certs",
    "/etc/profile",
    "/etc/protocols",
    "/etc/services",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/etc/terminfo",
    "/etc/timezone",
];

/// Devices that give nothing away.
pub(crate) const SYSTEM_DEVICES: [&str; 5] = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"];

/// Folders of which nothing can be allowed: they are the kernel's, or the command has its own.
const KERNEL_FOLDERS: [&str; 3] = ["/proc", "/sys", "/dev"];

/// Where programs are looked for, unless the environment says otherwise.
pub(crate) const USUAL_PATH: &str = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin";

/// What a command can see, without links.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Places {
    pub(crate) read: Vec<PathBuf>,
    pub(crate) write: Vec<PathBuf>,
}

impl Places {
    /// Resolves the paths of a policy. Sorted, parents first; a path that is within another of its kind is left out.
    ///
    /// # Errors
    /// If a path does not exist, is the root, or is the kernel's.
    pub(crate) fn new(read: &[PathBuf], write: &[PathBuf]) -> Result<Self, SandboxError> {
        let write = without_nested(resolve_all(write)?);
        let read = resolve_all(read)?.into_iter().filter(|path| !write.contains(path) && !is_system(path)).collect();
        Ok(Self { read: without_nested(read), write })
    }

    /// Whether a resolved path can be seen.
    pub(crate) fn contains(&self, path: &Path) -> bool {
        is_system(path) || self.read.iter().chain(&self.write).any(|allowed| path.starts_with(allowed))
    }

    /// The first path to be read only that lies within one that can be written.
    pub(crate) fn read_only_within_writable(&self) -> Option<&Path> {
        let inside = |path: &&PathBuf| self.write.iter().any(|writable| path.starts_with(writable));
        self.read.iter().find(inside).map(PathBuf::as_path)
    }
}

/// The paths that somebody named for a command, resolved: as they are now, so that a link that is changed afterwards leads nowhere else.
///
/// # Errors
/// If one does not exist, or overlaps one of `kept_out`: a home with its log, keys and socket.
pub fn resolve_apart(paths: &[PathBuf], kept_out: &[PathBuf]) -> Result<Vec<PathBuf>, SandboxError> {
    let kept_out: Vec<PathBuf> =
        kept_out.iter().map(|path| fs::canonicalize(path).unwrap_or_else(|_| path.clone())).collect();
    let resolve = |path: &PathBuf| {
        let bad = |reason: String| SandboxError::BadPath { path: path.clone(), reason };
        let real = fs::canonicalize(path).map_err(|error| bad(error.to_string()))?;
        match kept_out.iter().find(|kept| kept.starts_with(&real) || real.starts_with(kept)) {
            Some(kept) => Err(bad(format!("it overlaps {}, which no command may see", kept.display()))),
            None => Ok(real),
        }
    };
    paths.iter().map(resolve).collect()
}

/// Whether a resolved path is one of the system's that every command can see.
fn is_system(path: &Path) -> bool {
    SYSTEM_FOLDERS.iter().chain(&SYSTEM_FILES).any(|system| path.starts_with(system))
}

/// Resolves paths.
fn resolve_all(paths: &[PathBuf]) -> Result<Vec<PathBuf>, SandboxError> {
    let mut resolved = Vec::with_capacity(paths.len());
    for path in paths {
        let bad = |reason: String| SandboxError::BadPath { path: path.clone(), reason };
        let real = fs::canonicalize(path).map_err(|error| bad(error.to_string()))?;
        if real == Path::new("/") {
            return Err(bad("that is everything; name the folders that are needed".to_owned()));
        }
        if let Some(kernel) = KERNEL_FOLDERS.iter().find(|kernel| real.starts_with(kernel)) {
            return Err(bad(format!("nothing of {kernel} can be allowed")));
        }
        resolved.push(real);
    }
    resolved.sort();
    resolved.dedup();
    Ok(resolved)
}

/// Leaves out what lies within another; `paths` is sorted.
fn without_nested(paths: Vec<PathBuf>) -> Vec<PathBuf> {
    let mut kept: Vec<PathBuf> = Vec::with_capacity(paths.len());
    for path in paths {
        if !kept.iter().any(|parent| path.starts_with(parent)) {
            kept.push(path);
        }
    }
    kept
}

/// The folder to start in, resolved; `own` is the command's own folder.
///
/// # Errors
/// If it is no folder, or not one that can be seen.
pub(crate) fn folder(command: &Command, places: &Places, own: Option<&Path>) -> Result<PathBuf, SandboxError> {
    let bad = |reason: String| SandboxError::BadFolder { folder: command.folder.clone(), reason };
    let real = fs::canonicalize(&command.folder).map_err(|error| bad(error.to_string()))?;
    if !real.is_dir() {
        return Err(bad("it is no folder".to_owned()));
    }
    if !places.contains(&real) && Some(real.as_path()) != own {
        return Err(bad("it is not among the folders that are allowed".to_owned()));
    }
    Ok(real)
}

/// The program to execute: its folder resolved, its name as it was found.
///
/// # Errors
/// If there is none that can be seen and executed.
pub(crate) fn program(name: &OsStr, path: &OsStr, folder: &Path, places: &Places) -> Result<PathBuf, SandboxError> {
    let candidates: Vec<PathBuf> = if name.as_encoded_bytes().contains(&b'/') {
        vec![folder.join(name)]
    } else {
        std::env::split_paths(path).filter(|folder| folder.is_absolute()).map(|folder| folder.join(name)).collect()
    };
    candidates
        .iter()
        .find_map(|candidate| visible(candidate, places))
        .ok_or_else(|| SandboxError::NotFound(name.to_owned()))
}

/// Where a program can be executed from, if it can be seen there and itself.
fn visible(candidate: &Path, places: &Places) -> Option<PathBuf> {
    let real = fs::canonicalize(candidate).ok()?;
    let seen = fs::canonicalize(candidate.parent()?).ok()?.join(candidate.file_name()?);
    let metadata = fs::metadata(&real).ok()?;
    let executable = metadata.is_file() && metadata.permissions().mode() & 0o111 != 0;
    if !executable || !places.contains(&real) {
        return None;
    }
    // A link that cannot be seen stands for what it points to.
    Some(if places.contains(&seen) { seen } else { real })
}

/// The value of a variable in an environment; the last one counts.
pub(crate) fn variable<'a>(environment: &'a [(OsString, OsString)], name: &str) -> Option<&'a OsStr> {
    environment.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.as_os_str())
}

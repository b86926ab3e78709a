//! `bwrap`, where it may make namespaces and this program may not (as with AppArmor's profile for it on Ubuntu).
//!
//! It builds what [`mounts`](super::mounts) would; within it the keeper and the last stage do what they always do. Not
//! tested: the arguments are, the program is not on the machines this was made on.

#[cfg(test)]
mod tests;

use std::env;
use std::ffi::OsString;
use std::fs;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::descriptors;
use super::supervise::Handed;
use crate::STAGE_ARGUMENT;
use crate::job::{Failure, Job, RawPath};
use crate::lookup::{SYSTEM_FILES, SYSTEM_FOLDERS, USUAL_PATH};
use crate::report::Mechanism;

/// Where this program is, inside.
const PROGRAM: &str = "/.zo-sandbox";

/// Starts `bwrap` with the keeper in it, and waits for it.
pub(super) fn start(job: &Job, handed: &Handed, control: &UnixStream) -> Result<(), Failure> {
    let program = find().ok_or_else(|| Failure::unavailable("find bwrap", "it is not installed"))?;
    let failed = |error: std::io::Error| Failure::unavailable("start bwrap", error);
    descriptors::keep_over_exec(&handed.job).map_err(failed)?;
    descriptors::keep_over_exec(&handed.stdin).map_err(failed)?;
    let this = env::current_exe().map_err(failed)?;
    let mut command = Command::new(program);
    command.args(arguments(job, &this)).args(["--", PROGRAM, STAGE_ARGUMENT, "keep"]);
    command.args([handed.job.as_raw_fd().to_string(), handed.stdin.as_raw_fd().to_string()]);
    let control: std::os::fd::OwnedFd = control.try_clone().map_err(failed)?.into();
    let status = command.env_clear().stdin(control).status().map_err(failed)?;
    // What went wrong within, the keeper has told.
    if status.success() { Ok(()) } else { Err(Failure::unavailable("make namespaces with bwrap", status)) }
}

/// The arguments that build what may be seen.
fn arguments(job: &Job, this: &Path) -> Vec<OsString> {
    let mut arguments: Vec<OsString> =
        ["--unshare-all", "--die-with-parent", "--new-session", "--clearenv"].map(OsString::from).to_vec();
    let mut mount = |how: &str, path: &Path| {
        arguments.extend([OsString::from(how), path.into(), path.into()]);
    };
    for path in SYSTEM_FOLDERS.iter().chain(&SYSTEM_FILES).map(Path::new) {
        match fs::read_link(path) {
            Ok(_) => {}
            Err(_) => mount("--ro-bind-try", path),
        }
    }
    for path in SYSTEM_FOLDERS.iter().chain(&SYSTEM_FILES).map(Path::new) {
        if let Ok(target) = fs::read_link(path) {
            arguments.extend([OsString::from("--symlink"), target.into(), path.into()]);
        }
    }
    let size = job.limits.temporary_bytes.to_string();
    for words in [vec!["--proc", "/proc"], vec!["--dev", "/dev"], vec!["--size", &size, "--tmpfs", "/tmp"]] {
        arguments.extend(words.into_iter().map(OsString::from));
    }
    let paths = |raw: &[RawPath], how: &'static str| raw.iter().map(|path| (path.path(), how)).collect::<Vec<_>>();
    let mut policy = paths(&job.read, "--ro-bind");
    policy.extend(paths(&job.write, "--bind"));
    policy.sort();
    for (path, how) in policy {
        arguments.extend([OsString::from(how), path.clone().into(), path.into()]);
    }
    arguments.extend([OsString::from("--ro-bind"), this.into(), OsString::from(PROGRAM)]);
    arguments
}

fn find() -> Option<PathBuf> {
    env::split_paths(USUAL_PATH).map(|folder| folder.join("bwrap")).find(|candidate| candidate.is_file())
}

/// Whether it is installed.
pub(super) fn mechanism() -> Mechanism {
    let found = find();
    Mechanism {
        name: "bwrap".to_owned(),
        available: found.is_some(),
        protects: "nothing by itself: it makes namespaces where other programs may not".to_owned(),
        detail: found.map_or_else(|| "not installed".to_owned(), |path| path.display().to_string()),
    }
}

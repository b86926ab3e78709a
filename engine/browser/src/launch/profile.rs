//! The folder of a profile: whose it is, and what a browser that ended in it left behind.
//!
//! ```text
//! PROFILE/zo.lock        held as long as a session has it      PROFILE/SingletonLock  Chromium's own: a link to host-pid
//! PROFILE/zo.json        which process runs in it              PROFILE/zo-incoming/   downloads on their way
//! PROFILE/zo-cookies.json   what `Cookies` last knew           PROFILE/zo-tmp/        what a browser needs for a while
//! ```

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::OpenError;
use crate::process;

/// How long a browser whose owner was killed may take to end by itself.
const ORPHAN: Duration = Duration::from_secs(2);

/// The longest path for temporary files that leaves room for the name of a socket below it, in bytes.
const SHORT: usize = 60;

/// A profile that this process has to itself.
#[derive(Debug)]
pub(crate) struct Profile {
    path: PathBuf,
    /// Held as long as this is.
    _lock: File,
}

/// Which process runs in a profile.
#[derive(Debug, Serialize, Deserialize)]
struct Runs {
    pid: u32,
    started: Option<u64>,
}

impl Profile {
    /// Takes a profile for this process; makes it if it is not there.
    pub(crate) fn take(path: &Path) -> Result<Profile, OpenError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| OpenError::Folder { path, source }
        };
        private_folder(path).map_err(failed(path))?;
        let path = path.canonicalize().map_err(failed(path))?;
        let name = path.join("zo.lock");
        let open = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&name);
        let lock = open.map_err(failed(&name))?;
        match lock.try_lock() {
            Ok(()) => Ok(Profile { path, _lock: lock }),
            Err(TryLockError::WouldBlock) => {
                let pid = read_record(&path).map_or(0, |runs| runs.pid);
                Err(OpenError::InUse { profile: path, pid, host: "this machine".to_owned() })
            }
            Err(TryLockError::Error(source)) => Err(OpenError::Folder { path: name, source }),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Ends the browser of a session that was killed, and removes the lock of one that is dead.
    pub(super) fn take_over(&self) -> Result<(), OpenError> {
        if let Some(runs) = read_record(&self.path)
            && runs.started.is_some()
            && process::started(runs.pid) == runs.started
        {
            // Its pipe has ended, so it is about to go.
            process::end_group(runs.pid, ORPHAN);
        }
        self.remove_stale_lock()
    }

    fn remove_stale_lock(&self) -> Result<(), OpenError> {
        let lock = self.path.join("SingletonLock");
        let Ok(target) = fs::read_link(&lock) else { return Ok(()) };
        let target = target.to_string_lossy().into_owned();
        if let Some((host, pid)) =
            target.rsplit_once('-').and_then(|(host, pid)| Some((host, pid.parse::<u32>().ok()?)))
        {
            let here = process::host_name().is_some_and(|name| name == host);
            let runs = process::was_told(pid, &format!("--user-data-dir={}", self.path.display()));
            if !here || runs {
                return Err(OpenError::InUse { profile: self.path.clone(), pid, host: host.to_owned() });
            }
        }
        remove_links(&self.path);
        Ok(())
    }

    /// Remembers which process runs in it.
    pub(super) fn record(&self, pid: u32) {
        let runs = Runs { pid, started: process::started(pid) };
        let text = serde_json::to_vec(&runs).expect("two numbers are JSON");
        // Without it a browser left by a killed process is still known by its lock.
        let _ = fs::write(self.path.join("zo.json"), text);
    }

    /// The folders for downloads on their way and for temporary files, both empty.
    pub(super) fn folders(&self) -> Result<(PathBuf, PathBuf), OpenError> {
        let incoming = self.path.join("zo-incoming");
        let mut temporary = self.path.join("zo-tmp");
        for folder in [&incoming, &temporary] {
            let _ = fs::remove_dir_all(folder);
            private_folder(folder).map_err(|source| OpenError::Folder { path: folder.clone(), source })?;
        }
        if temporary.as_os_str().len() > SHORT {
            temporary = std::env::temp_dir();
        }
        Ok((incoming, temporary))
    }
}

/// Removes what a browser that has ended left of its lock, its socket and its temporary files.
pub(super) fn tidy(profile: &Path, temporary: &Path) {
    remove_links(profile);
    if temporary.starts_with(profile) {
        let _ = fs::remove_dir_all(temporary);
    }
    let _ = fs::remove_dir_all(profile.join("zo-incoming"));
    let _ = fs::remove_file(profile.join("zo.json"));
}

fn remove_links(profile: &Path) {
    // The socket lies in a folder of its own among the temporary files.
    if let Ok(socket) = fs::read_link(profile.join("SingletonSocket"))
        && let Some(folder) = socket.parent()
        && folder.file_name().is_some_and(|name| name.to_string_lossy().contains("hromium"))
    {
        let _ = fs::remove_file(&socket);
        let _ = fs::remove_file(folder.join("SingletonCookie"));
        let _ = fs::remove_dir(folder);
    }
    for name in ["SingletonLock", "SingletonSocket", "SingletonCookie"] {
        let _ = fs::remove_file(profile.join(name));
    }
}

fn read_record(profile: &Path) -> Option<Runs> {
    serde_json::from_slice(&fs::read(profile.join("zo.json")).ok()?).ok()
}

/// Makes a folder, and those above it, for the owner alone.
fn private_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

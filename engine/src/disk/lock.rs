//! One process holds a folder at a time. The kernel lets go of the lock when the process dies, however it dies.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::DiskError;

/// A lock that is held until it is dropped or the process ends.
#[derive(Debug)]
pub struct Lock {
    file: File,
    path: PathBuf,
}

/// Why a lock was not taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Somebody else has it.
    #[error("{} is held by {}", .path.display(), .holder.map_or("another process".to_owned(), |pid| format!("process {pid}")))]
    Held {
        /// The lock file.
        path: PathBuf,
        /// Process id of the holder, as it wrote it itself.
        holder: Option<u32>,
    },
    /// The lock file cannot be opened or locked.
    #[error(transparent)]
    Io(#[from] DiskError),
}

impl Lock {
    /// Takes the lock (`flock`, exclusive, without waiting) on the file `path`, and writes our process id into
    /// it. The file is made if it is missing and stays there when the lock is let go.
    ///
    /// # Errors
    /// [`LockError::Held`] if another process (or another `Lock` of this one) has it.
    pub fn take(path: &Path) -> Result<Self, LockError> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)
            .map_err(DiskError::on("open", path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(LockError::Held { path: path.to_owned(), holder: holder(path) });
            }
            Err(TryLockError::Error(error)) => return Err(DiskError::on("lock", path)(error).into()),
        }
        // Who holds it is a courtesy to the next one: on a full disk the lock counts all the same.
        let _ = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
        Ok(Self { file, path: path.to_owned() })
    }

    /// The lock file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing would not do while a child that is just being started still has a copy of the descriptor.
        let _ = self.file.unlock();
    }
}

/// The process id written in the lock file, if there is one. It means something only while the lock is held.
pub fn holder(path: &Path) -> Option<u32> {
    let text: io::Result<String> = std::fs::read_to_string(path);
    text.ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_holder_is_told_who_the_first_is() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("lock");
        let first = Lock::take(&path).expect("nobody holds it");
        let error = Lock::take(&path).expect_err("it is held");
        assert!(matches!(error, LockError::Held { holder: Some(pid), .. } if pid == std::process::id()));
        drop(first);
        Lock::take(&path).expect("it was let go");
    }

    #[test]
    fn a_lock_in_a_missing_folder_is_an_error() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        assert!(matches!(Lock::take(&folder.path().join("none/lock")), Err(LockError::Io(_))));
    }
}

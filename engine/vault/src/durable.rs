//! Files that are there, old or new, whatever happens; and locks.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, OFlags, flock};
use rustix::io::Errno;

use crate::error::VaultError;
use crate::private::{check_folder, folder_of};

/// How long to wait for another process that changes the same file: it takes a few writes and no question.
const LOCK_PATIENCE: Duration = Duration::from_secs(30);
/// How often to look; a process that waits is not in a hurry.
const LOCK_LOOKS_EVERY: Duration = Duration::from_millis(10);

/// The end of a file's name while it is being written.
const UNFINISHED: &str = ".unfinished";

/// What happens to a file that is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Existing {
    /// The new one takes its place.
    Replace,
    /// It stays, and writing is refused with `AlreadyExists`.
    Keep,
}

/// What has been done of writing a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Created,
    Written,
    Synced,
    Renamed,
}

/// A lock that is held until it is dropped, also against other threads.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Waits for the lock at `path`, a file of its own that stays there.
    ///
    /// # Errors
    /// If another process has it for longer than it ever needs, as `TimedOut`; of the disk.
    pub(crate) fn take(path: &Path) -> Result<Self, VaultError> {
        Self::take_within(path, LOCK_PATIENCE).map_err(VaultError::io(path, "lock"))
    }

    fn take_within(path: &Path, patience: Duration) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let file = options.custom_flags(OFlags::NOFOLLOW.bits().cast_signed()).open(path)?;
        let until = Instant::now() + patience;
        loop {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(Self { _file: file }),
                Err(Errno::INTR) => {}
                Err(Errno::WOULDBLOCK) if Instant::now() < until => thread::sleep(LOCK_LOOKS_EVERY),
                Err(Errno::WOULDBLOCK) => {
                    let why = format!("another process has held it for {} s", patience.as_secs());
                    return Err(io::Error::new(io::ErrorKind::TimedOut, why));
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Makes the folder, and those above it that are missing, for the owner alone; those that it makes are there after a
/// power cut. One that is there stays as it is.
///
/// # Errors
/// If others can change the folder, whoever has made it; of the disk. Folders above it are not judged: a private one
/// may stand in a public one.
pub(crate) fn make_folder(folder: &Path) -> Result<(), VaultError> {
    let missing = folder.ancestors().take_while(|folder| !folder.as_os_str().is_empty() && !folder.exists());
    for folder in missing.collect::<Vec<_>>().into_iter().rev() {
        let made = match DirBuilder::new().mode(0o700).create(folder) {
            // Another process was faster.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            made => made,
        };
        made.and_then(|()| sync_folder(folder_of(folder))).map_err(VaultError::io(folder, "make the folder"))?;
    }
    if !folder.is_dir() {
        return Err(VaultError::io(folder, "make the folder")(io::ErrorKind::NotADirectory.into()));
    }
    check_folder(folder)
}

/// Writes the file, for the owner alone: beside its place, then by renaming. When it returns, the file is there after
/// a power cut as well; until then and whatever fails, the old one is, or none if there was none.
///
/// The caller holds the lock of the file; so what earlier writers have left behind is nobody's, and is swept.
///
/// # Errors
/// `AlreadyExists` if it is to be kept; of the disk.
pub(crate) fn write(path: &Path, content: &[u8], existing: Existing) -> io::Result<()> {
    write_in_steps(path, content, existing, |_| Ok(()))
}

/// As [`write`], and tells each step when it is done; an error of `reached` is as if the disk had failed there.
fn write_in_steps(
    path: &Path,
    content: &[u8],
    existing: Existing,
    mut reached: impl FnMut(Step) -> io::Result<()>,
) -> io::Result<()> {
    let folder = folder_of(path);
    let prefix = unfinished_prefix(path);
    sweep(folder, &prefix);
    // Its mode is 600: a temporary file's.
    let mut file = tempfile::Builder::new().prefix(&prefix).suffix(UNFINISHED).rand_bytes(8).tempfile_in(folder)?;
    reached(Step::Created)?;
    file.write_all(content)?;
    reached(Step::Written)?;
    file.as_file().sync_all()?;
    reached(Step::Synced)?;
    match existing {
        Existing::Replace => file.persist(path),
        Existing::Keep => file.persist_noclobber(path),
    }
    .map_err(|error| error.error)?;
    reached(Step::Renamed)?;
    sync_folder(folder)
}

/// Removes what writers have left behind that were killed. What cannot be removed does no harm.
fn sweep(folder: &Path, prefix: &OsString) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.as_encoded_bytes();
        if name.starts_with(prefix.as_encoded_bytes()) && name.ends_with(UNFINISHED.as_bytes()) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn unfinished_prefix(path: &Path) -> OsString {
    let mut prefix = OsString::from(".");
    prefix.push(path.file_name().unwrap_or_default());
    prefix.push(".");
    prefix
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// The file's path with something added to its name.
pub(crate) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests;

//! The home, and the disk below it: its folder, its filesystem, a real sync, a real lock, the store itself.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock, statvfs};
use zo_engine::client::socket_path;
use zo_engine::protocol::{Answer, FailureKind, Query};
use zo_projections::Timestamp;

use super::Check;
use crate::context::Context;
use crate::error::{Kind, reason};
use crate::output::text::{bytes, counted};

/// How many syncs are timed.
const SYNCS: usize = 32;
/// What is written before each, in bytes: what a commit writes.
const SYNC_BYTES: usize = 4096;
/// A sync that takes longer than this makes every command feel slow.
const SLOW_SYNC: Duration = Duration::from_millis(50);
/// Less free space than this is little, and than that is nothing.
const LITTLE_SPACE: u64 = 1 << 30;
const NO_SPACE: u64 = 64 << 20;

/// Whether the home is a folder of ours that nobody else can look into.
pub(super) fn folder(home: &Path) -> Check {
    const NAME: &str = "home";
    let shown = home.display();
    let metadata = match fs::metadata(home) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let place = nearest_folder(home);
            return match rustix::fs::access(&place, rustix::fs::Access::WRITE_OK) {
                Ok(()) => {
                    Check::ok(NAME, format!("{shown} does not exist yet; the first command that writes makes it"))
                }
                Err(_) => Check::fail(
                    NAME,
                    format!("{shown} does not exist, and {} may not be written", place.display()),
                    "name another place with --home or ZO_HOME",
                ),
            };
        }
        Err(error) => {
            let message = format!("{shown}: {}", reason(&error));
            return Check::fail(NAME, message, "name another place with --home or ZO_HOME");
        }
    };
    if !metadata.is_dir() {
        return Check::fail(NAME, format!("{shown} is not a folder"), "name another place with --home or ZO_HOME");
    }
    let (owner, us) = (metadata.uid(), rustix::process::geteuid().as_raw());
    if owner != us {
        let message = format!("{shown} belongs to user {owner}, and you are {us}");
        return Check::fail(NAME, message, format!("chown -R {us} {shown}, or work as its owner"));
    }
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o700 != 0o700 {
        return Check::fail(NAME, format!("{shown} has mode {mode:03o}"), format!("chmod 700 {shown}"));
    }
    if mode & 0o077 != 0 {
        let message = format!("{shown} has mode {mode:03o}: others can look into it");
        return Check::warn(NAME, message, format!("chmod 700 {shown}"));
    }
    Check::ok(NAME, format!("{shown}, mode {mode:03o}"))
}

/// The folder itself, or the nearest one above it that exists.
pub(super) fn nearest_folder(home: &Path) -> PathBuf {
    home.ancestors().find(|folder| folder.is_dir()).unwrap_or(Path::new("/")).to_owned()
}

/// What filesystem it is on.
pub(super) fn filesystem(folder: &Path) -> Check {
    const NAME: &str = "filesystem";
    match kind_of(folder) {
        Err(error) => Check::warn(NAME, format!("cannot be told: {}", reason(&error)), "see `df -T`"),
        Ok(Some((name @ ("tmpfs" | "ramfs"), _))) => Check::warn(
            NAME,
            format!("{name}: everything on it is gone when the machine restarts"),
            "put the home on a disk, with --home or ZO_HOME",
        ),
        Ok(Some((name, true))) => Check::warn(
            NAME,
            format!("{name}: over a network, locks and syncs may not be what they say"),
            "put the home on a local disk, with --home or ZO_HOME",
        ),
        Ok(Some((name, false))) => Check::ok(NAME, name),
        Ok(None) => Check::ok(NAME, "of a kind that is not known here"),
    }
}

/// Name of the filesystem, and whether it is one over a network.
#[cfg(target_os = "linux")]
fn kind_of(folder: &Path) -> io::Result<Option<(&'static str, bool)>> {
    // Numbers from linux/magic.h.
    Ok(match rustix::fs::statfs(folder)?.f_type as u32 {
        0xef53 => Some(("ext4", false)),
        0x5846_5342 => Some(("xfs", false)),
        0x9123_683e => Some(("btrfs", false)),
        0x2fc1_2fc1 => Some(("zfs", false)),
        0xf2f5_2010 => Some(("f2fs", false)),
        0xca45_1a4e => Some(("bcachefs", false)),
        0x794c_7630 => Some(("overlayfs", false)),
        0xf15f => Some(("ecryptfs", false)),
        0x4d44 => Some(("vfat", false)),
        0x2011_bab0 => Some(("exfat", false)),
        0x0102_1994 => Some(("tmpfs", false)),
        0x8584_58f6 => Some(("ramfs", false)),
        0x6969 => Some(("nfs", true)),
        0xff53_4d42 | 0xfe53_4d42 => Some(("smb", true)),
        0x0102_1997 => Some(("9p", true)),
        0x6573_5546 => Some(("fuse", true)),
        0x00c3_6400 => Some(("ceph", true)),
        _ => None,
    })
}

/// Elsewhere nobody knows.
#[cfg(not(target_os = "linux"))]
fn kind_of(_folder: &Path) -> io::Result<Option<(&'static str, bool)>> {
    Ok(None)
}

/// How much space is left.
pub(super) fn space(folder: &Path) -> Check {
    const NAME: &str = "space";
    match statvfs(folder) {
        Err(error) => Check::warn(NAME, format!("cannot be told: {}", reason(&error.into())), "see `df -h`"),
        Ok(disk) => {
            let free = disk.f_bavail.saturating_mul(disk.f_frsize);
            let message = format!("{} free", bytes(free));
            match free {
                _ if free < NO_SPACE => Check::fail(NAME, message, "make room: nothing can be recorded on a full disk"),
                _ if free < LITTLE_SPACE => Check::warn(NAME, message, "make room before it is full"),
                _ => Check::ok(NAME, message),
            }
        }
    }
}

/// Writes and syncs for real, and says how long it takes: every acknowledgement waits for one.
pub(super) fn sync(folder: &Path) -> Check {
    const NAME: &str = "sync";
    match timed_syncs(folder) {
        Err(error) => {
            let message = format!("a file in {} cannot be written and synced: {}", folder.display(), reason(&error));
            Check::fail(NAME, message, "nothing can be recorded here: name another place with --home or ZO_HOME")
        }
        Ok((median, longest)) => {
            let message = format!("a sync takes {median:.1?}, at the most {longest:.1?} of {SYNCS}");
            if median > SLOW_SYNC {
                return Check::warn(NAME, message, "every single write waits so long; a faster disk, or batches, help");
            }
            Check::ok(NAME, message)
        }
    }
}

fn timed_syncs(folder: &Path) -> io::Result<(Duration, Duration)> {
    let mut file = tempfile::tempfile_in(folder)?;
    let block = [0x5a; SYNC_BYTES];
    let mut times = Vec::with_capacity(SYNCS);
    for _ in 0..SYNCS {
        let begun = Instant::now();
        file.write_all(&block)?;
        file.sync_data()?;
        times.push(begun.elapsed());
    }
    times.sort_unstable();
    Ok((times[SYNCS / 2], times[SYNCS - 1]))
}

/// Locks for real, twice: the second one must be refused.
pub(super) fn lock(folder: &Path) -> Check {
    const NAME: &str = "lock";
    const HINT: &str = "two processes could hold one home: put it on a local disk, with --home or ZO_HOME";
    match second_lock_is_refused(folder) {
        Err(error) => Check::fail(NAME, format!("a file cannot be locked: {}", reason(&error)), HINT),
        Ok(false) => Check::fail(NAME, "a file that is locked can be locked again", HINT),
        Ok(true) => Check::ok(NAME, "a second lock is refused, as it must be"),
    }
}

fn second_lock_is_refused(folder: &Path) -> io::Result<bool> {
    let file = tempfile::Builder::new().prefix(".zo-doctor-").tempfile_in(folder)?;
    let second = File::open(file.path())?;
    flock(file.as_file(), FlockOperation::NonBlockingLockExclusive)?;
    match flock(&second, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(false),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(true),
        Err(error) => Err(error.into()),
    }
}

/// Opens the home, if there is one; also tells when its last event was recorded.
pub(super) fn store(context: &mut Context) -> (Check, Option<Timestamp>) {
    const NAME: &str = "store";
    let mut client = match context.open_existing() {
        Ok(client) => client,
        Err(error) if error.kind == Kind::Engine(FailureKind::NotFound) => {
            return (Check::ok(NAME, "there is no home yet"), None);
        }
        Err(error) => {
            let hint = error.hints.first().cloned().unwrap_or_else(|| "`zo log verify` says more".to_owned());
            return (Check::fail(NAME, error.message, hint), None);
        }
    };
    let status = match client.query(Query::Status, None) {
        Ok(Answer::Status(status)) => status,
        Ok(_) => {
            return (Check::fail(NAME, "gave an answer of another kind", "is another version of zo running?"), None);
        }
        Err(failure) => {
            let hint = failure.hint.unwrap_or_else(|| "`zo log verify` says more".to_owned());
            return (Check::fail(NAME, failure.message, hint), None);
        }
    };
    let events = counted(status.head.0, "event");
    let check = if status.recovery.is_empty() {
        Check::ok(NAME, format!("{events}, held by process {}", status.holder))
    } else {
        let mended = status.recovery.join("; ");
        Check::warn(NAME, format!("{events}; opening it mended: {mended}"), "`zo log verify` checks everything")
    };
    (check, Some(status.at))
}

/// Whether other terminals can reach who holds the home.
pub(super) fn socket(home: &Path) -> Check {
    const NAME: &str = "socket";
    let socket = socket_path(home);
    let folder = socket.parent().unwrap_or(home);
    match fs::metadata(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Check::ok(NAME, "made when the home is first opened"),
        Err(error) => {
            let message = format!("{}: {}", folder.display(), reason(&error));
            Check::warn(NAME, message, "while one terminal works on the home, others cannot")
        }
        Ok(metadata) if metadata.permissions().mode() & 0o077 != 0 => {
            let mode = metadata.permissions().mode() & 0o777;
            let message = format!("{} has mode {mode:03o}: others can reach the holder", folder.display());
            Check::warn(NAME, message, format!("chmod 700 {}", folder.display()))
        }
        Ok(_) => Check::ok(NAME, format!("{}, for you alone", folder.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    #[test]
    fn a_scratch_folder_can_be_synced_and_locked() {
        let scratch = tempfile::tempdir().expect("a scratch folder");
        assert_eq!(sync(scratch.path()).state, State::Ok);
        assert_eq!(lock(scratch.path()).state, State::Ok);
        assert_eq!(fs::read_dir(scratch.path()).expect("readable").count(), 0, "nothing is left behind");
    }

    #[test]
    fn a_home_that_is_a_file_fails() {
        let file = tempfile::NamedTempFile::new().expect("a scratch file");
        let check = folder(file.path());
        assert_eq!(check.state, State::Fail);
        assert!(check.message.ends_with("is not a folder"), "{check:?}");
    }

    #[test]
    fn a_home_that_others_can_read_warns() {
        let scratch = tempfile::tempdir().expect("a scratch folder");
        fs::set_permissions(scratch.path(), fs::Permissions::from_mode(0o755)).expect("a mode");
        let check = folder(scratch.path());
        assert_eq!(check.state, State::Warn);
        assert!(check.hint.is_some_and(|hint| hint.starts_with("chmod 700 ")));
    }

    #[test]
    fn a_home_that_does_not_exist_is_tested_where_it_would_be() {
        let scratch = tempfile::tempdir().expect("a scratch folder");
        let home = scratch.path().join("a/b/zo");
        assert_eq!(nearest_folder(&home), scratch.path());
        assert_eq!(folder(&home).state, State::Ok);
    }
}

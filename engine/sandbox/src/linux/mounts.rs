//! What exists for the command: a root of its own, into which only what is allowed is mounted.
//!
//! ```text
//! /usr /bin /lib …  the system's, read only       /tmp, /dev/shm  one file system in memory, bounded
//! /etc              some files                    /dev            null, zero, full, random, urandom
//! /proc             of its own pid namespace      the policy's    at their paths, read only or writable
//! ```
//!
//! The old root is first moved aside, so that the paths to mount are those of before whatever is mounted over them, and
//! then taken away. No device file but those works, and no set-user-id bit.

#[cfg(test)]
mod tests;

use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{DirBuilderExt, symlink};
use std::path::{Path, PathBuf};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::unistd::pivot_root;

use crate::job::{Failure, Job, RawPath};
use crate::lookup::{SYSTEM_DEVICES, SYSTEM_FILES, SYSTEM_FOLDERS};

/// Where the new root is built; any folder that is there on every system.
const STAGING: &str = "/tmp";
/// Folders and links only.
const STAGING_OPTIONS: &str = "size=1m,nr_inodes=64,mode=755";
const ROOT_OPTIONS: &str = "size=4m,nr_inodes=16384,mode=755";
/// A file in memory costs memory even when it is empty; with these bytes for each, files are bounded as bytes are.
const BYTES_PER_INODE: u64 = 4096;
const LEAST_INODES: u64 = 1024;

/// Where the old root and the new one are while the new one is built.
const OLD: &str = "/old";
const NEW: &str = "/new";

/// Builds the new root and enters it.
pub(super) fn enter(job: &Job) -> Result<(), Failure> {
    let plain = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    step(
        "keep mounts to ourselves",
        mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>),
    )?;
    step("mount a staging area", mount(Some("staging"), STAGING, Some("tmpfs"), plain, Some(STAGING_OPTIONS)))?;
    let old = Path::new(STAGING).join("old");
    step("make a folder", DirBuilder::new().mode(0o755).create(&old))?;
    step("make a folder", DirBuilder::new().mode(0o755).create(Path::new(STAGING).join("new")))?;
    step("move the root aside", pivot_root(STAGING, &old))?;
    step("enter the staging area", std::env::set_current_dir("/"))?;
    step("mount a root", mount(Some("root"), NEW, Some("tmpfs"), plain, Some(ROOT_OPTIONS)))?;
    let bound = fill(job)?;
    restrict(&bound)?;
    let proc = inside(Path::new("/proc"));
    step("make a folder", fs::create_dir_all(&proc))?;
    let flags = plain | MsFlags::MS_NOEXEC;
    step("mount a /proc of its own", mount(Some("proc"), &proc, Some("proc"), flags, None::<&str>))?;
    step("take the old root away", umount2(OLD, MntFlags::MNT_DETACH))?;
    step("enter the new root", std::env::set_current_dir(NEW))?;
    step("enter the new root", pivot_root(".", "."))?;
    step("take the staging area away", umount2(".", MntFlags::MNT_DETACH))?;
    step("enter the new root", std::env::set_current_dir("/"))?;
    step("make the root read only", remount(Path::new("/"), plain | MsFlags::MS_RDONLY))
}

/// Makes `/proc` read only: root may otherwise change the kernel's settings there, without any capability.
pub(super) fn close_proc() -> Result<(), Failure> {
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC | MsFlags::MS_RDONLY;
    step("make /proc read only", remount(Path::new("/proc"), flags))
}

/// Something that was mounted into the new root.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Bound {
    /// Its path in the new root, as the command sees it.
    path: PathBuf,
    access: Access,
}

/// What may be done with what was mounted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Access {
    Read,
    Write,
    Device,
}

fn fill(job: &Job) -> Result<Vec<Bound>, Failure> {
    let mut bound = Vec::new();
    for path in SYSTEM_FOLDERS.iter().chain(&SYSTEM_FILES).map(Path::new) {
        system(path, &mut bound)?;
    }
    for path in SYSTEM_DEVICES.map(PathBuf::from) {
        bind(&path, Access::Device, &mut bound)?;
    }
    let links = [("fd", "/proc/self/fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")];
    for (name, target) in links {
        step("make a link in /dev", symlink(target, inside(Path::new("/dev")).join(name)))?;
    }
    temporary(job.limits.temporary_bytes)?;
    let paths = |raw: &[RawPath], access| raw.iter().map(|path| (path.path(), access)).collect::<Vec<_>>();
    let mut policy = paths(&job.read, Access::Read);
    policy.extend(paths(&job.write, Access::Write));
    // Parents first, so that what lies within them is mounted over them.
    policy.sort_by(|one, other| one.0.cmp(&other.0));
    for (path, access) in policy {
        bind(&path, access, &mut bound)?;
    }
    Ok(bound)
}

/// A folder or file of the system: mounted, or if it is a link, linked.
fn system(path: &Path, bound: &mut Vec<Bound>) -> Result<(), Failure> {
    let outside = outside(path);
    let Ok(metadata) = fs::symlink_metadata(&outside) else { return Ok(()) };
    if !metadata.is_symlink() {
        return bind(path, Access::Read, bound);
    }
    let target = step("read a link", fs::read_link(&outside))?;
    let link = inside(path);
    step("make a folder", fs::create_dir_all(link.parent().unwrap_or(Path::new(NEW))))?;
    step("make a link", symlink(target, link))
}

/// Mounts what is at `path` outside at the same path inside.
fn bind(path: &Path, access: Access, bound: &mut Vec<Bound>) -> Result<(), Failure> {
    let (from, to) = (outside(path), inside(path));
    let is_folder = match fs::symlink_metadata(&from) {
        Ok(metadata) => metadata.is_dir(),
        // A device that is not there is not missed.
        Err(_) if access == Access::Device => return Ok(()),
        Err(error) => return Err(Failure::other(format!("look at {}", path.display()), error)),
    };
    let failed = |error: io::Error| Failure::other(format!("make a place for {}", path.display()), error);
    if is_folder {
        fs::create_dir_all(&to).map_err(failed)?;
    } else if fs::symlink_metadata(&to).is_err() {
        fs::create_dir_all(to.parent().unwrap_or(Path::new(NEW))).map_err(failed)?;
        File::create(&to).map_err(failed)?;
    }
    mount(Some(&from), &to, None::<&str>, MsFlags::MS_BIND | MsFlags::MS_REC, None::<&str>)
        .map_err(|error| Failure::unavailable(format!("mount {}", path.display()), error))?;
    bound.push(Bound { path: path.to_owned(), access });
    Ok(())
}

/// Mounts `/tmp` and `/dev/shm`: two folders of one bounded file system.
fn temporary(bytes: u64) -> Result<(), Failure> {
    let (tmp, shm) = (inside(Path::new("/tmp")), inside(Path::new("/dev/shm")));
    step("make a folder", fs::create_dir_all(&tmp))?;
    step("make a folder", fs::create_dir_all(&shm))?;
    let inodes = (bytes / BYTES_PER_INODE).max(LEAST_INODES);
    let options = format!("size={bytes},nr_inodes={inodes},mode=755");
    let plain = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    step("mount /tmp", mount(Some("tmp"), &tmp, Some("tmpfs"), plain, Some(options.as_str())))?;
    for (name, target) in [("shm", &shm), ("tmp", &tmp)] {
        let folder = tmp.join(name);
        step("make a folder", fs::create_dir(&folder))?;
        let everyone = std::os::unix::fs::PermissionsExt::from_mode(0o1777);
        step("open a folder to all", fs::set_permissions(&folder, everyone))?;
        step("mount /tmp", mount(Some(&folder), target, None::<&str>, MsFlags::MS_BIND, None::<&str>))?;
    }
    Ok(())
}

/// Gives every mount in the new root its flags, also those that came along below what was mounted.
fn restrict(bound: &[Bound]) -> Result<(), Failure> {
    let table = step("read the mounts", fs::read(outside(Path::new("/proc/self/mountinfo"))))?;
    for (path, own) in mounts_below(&table, Path::new(NEW)) {
        let Some(wanted) = flags_of(&path, bound) else { continue };
        let target = inside(&path);
        remount(&target, wanted | own)
            .map_err(|error| Failure::unavailable(format!("restrict the mount at {}", path.display()), error))?;
    }
    Ok(())
}

/// The flags of a mount: those of the nearest path that was mounted on purpose.
fn flags_of(path: &Path, bound: &[Bound]) -> Option<MsFlags> {
    let holds = |bound: &&Bound| path.starts_with(&bound.path);
    let nearest = bound.iter().filter(holds).max_by_key(|bound| bound.path.components().count())?;
    Some(match nearest.access {
        Access::Read => MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_RDONLY,
        Access::Write => MsFlags::MS_NOSUID | MsFlags::MS_NODEV,
        // A device must work as one; nothing else can be made there.
        Access::Device => MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC,
    })
}

/// The mounts below a folder in `/proc/PID/mountinfo`, relative to it as absolute paths, with the flags they have: a user
/// namespace may add to them, not take them away.
fn mounts_below(table: &[u8], root: &Path) -> Vec<(PathBuf, MsFlags)> {
    let lines = table.split(|&byte| byte == b'\n');
    lines
        .filter_map(|line| {
            let mut fields = line.split(|&byte| byte == b' ');
            let path = unescape(fields.nth(4)?);
            let options = fields.next()?;
            let below = Path::new("/").join(path.strip_prefix(root).ok()?);
            Some((below, flags_named(options)))
        })
        .collect()
}

fn flags_named(options: &[u8]) -> MsFlags {
    let flag = |option: &[u8]| match option {
        b"ro" => MsFlags::MS_RDONLY,
        b"nosuid" => MsFlags::MS_NOSUID,
        b"nodev" => MsFlags::MS_NODEV,
        b"noexec" => MsFlags::MS_NOEXEC,
        // Times of access stay as they are when none of their flags is given.
        _ => MsFlags::empty(),
    };
    options.split(|&byte| byte == b',').map(flag).fold(MsFlags::empty(), |all, one| all | one)
}

/// Blanks and the like are written as `\040`.
fn unescape(field: &[u8]) -> PathBuf {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((&first, behind)) = rest.split_first() {
        let digits = behind.get(..3).and_then(|digits| std::str::from_utf8(digits).ok());
        let octal = digits.and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match (first, octal) {
            (b'\\', Some(byte)) => {
                bytes.push(byte);
                rest = &behind[3..];
            }
            _ => {
                bytes.push(first);
                rest = behind;
            }
        }
    }
    PathBuf::from(std::ffi::OsString::from_vec(bytes))
}

fn remount(path: &Path, flags: MsFlags) -> nix::Result<()> {
    mount(None::<&str>, path, None::<&str>, flags | MsFlags::MS_REMOUNT | MsFlags::MS_BIND, None::<&str>)
}

fn outside(path: &Path) -> PathBuf {
    below(OLD, path)
}

fn inside(path: &Path) -> PathBuf {
    below(NEW, path)
}

/// An absolute path below a folder.
fn below(folder: &str, path: &Path) -> PathBuf {
    let bytes = path.as_os_str().as_bytes();
    let relative = bytes.strip_prefix(b"/").unwrap_or(bytes);
    Path::new(folder).join(OsStr::from_bytes(relative))
}

fn step<T, E: ToString>(what: &str, result: Result<T, E>) -> Result<T, Failure> {
    result.map_err(|error| Failure::unavailable(what, error.to_string()))
}

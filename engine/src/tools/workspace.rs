//! The folder that an agent works in: everything is opened beneath it by the kernel itself, so that no link, no `..` and
//! no race leads out of it.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::path::{Component, Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use crate::engine::Engine;

/// Beneath, and through no magic link such as those of /proc.
const BENEATH: ResolveFlags = ResolveFlags::BENEATH.union(ResolveFlags::NO_MAGICLINKS);
/// Held while a file is written.
static WRITING: Mutex<()> = Mutex::new(());
/// The largest file that is read or written.
pub(super) const MAX_FILE_BYTES: u64 = 16 * 1024 * 1024;

/// Checks a folder that an agent is to work in, and makes its path canonical.
///
/// # Errors
/// If it is no folder, or zo's home, or the identity that opens the vault, could be reached through it: in words.
pub(crate) fn check(engine: &Engine, folder: &str, identity: Option<&str>) -> Result<String, String> {
    let path = Path::new(folder);
    if !path.is_absolute() {
        return Err(format!("the workspace {folder:?} is no absolute path"));
    }
    let path = path.canonicalize().map_err(|error| format!("the workspace {folder:?}: {error}"))?;
    if !path.is_dir() {
        return Err(format!("the workspace {folder:?} is no folder"));
    }
    let home = engine.home.folder();
    let home = home.canonicalize().unwrap_or_else(|_| home.to_owned());
    if home.starts_with(&path) || path.starts_with(&home) {
        return Err(format!(
            "the workspace {folder:?} has zo's own home {} in it: choose another folder",
            home.display()
        ));
    }
    let identity = identity.map(Path::new).map(|file| file.canonicalize().unwrap_or_else(|_| file.to_owned()));
    if let Some(identity) = identity.filter(|file| file.starts_with(&path)) {
        let message = format!("has the identity {} in it, which opens the vault", identity.display());
        return Err(format!("the workspace {folder:?} {message}: choose another folder"));
    }
    path.into_os_string().into_string().map_err(|_| format!("the workspace {folder:?} has a name that is no UTF-8"))
}

/// The path, relative to the workspace, that a name there really means: through links, whether it is there or not. None if
/// it leads out.
pub(crate) fn meant(workspace: &str, named: &str) -> Option<String> {
    let root = Path::new(workspace);
    let mut there = root.join(named);
    let mut behind = Vec::new();
    // What is not there yet has a parent that is.
    let real = loop {
        match there.canonicalize() {
            Ok(real) => break real,
            Err(_) => {
                behind.push(there.file_name()?.to_owned());
                there = there.parent()?.to_owned();
            }
        }
    };
    let real = behind.iter().rev().fold(real, |path, part| path.join(part));
    real.strip_prefix(root).ok()?.to_str().map(str::to_owned)
}

/// A workspace, opened.
pub(super) struct Workspace {
    root: OwnedFd,
    folder: PathBuf,
}

impl Workspace {
    pub(super) fn open(folder: &Path) -> Result<Self, String> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = rustix::fs::open(folder, flags, Mode::empty())
            .map_err(|error| format!("the workspace {}: {error}", folder.display()))?;
        Ok(Self { root, folder: folder.to_owned() })
    }

    /// A path within, as it was named: relative, or absolute below the workspace.
    fn within<'a>(&self, named: &'a str) -> Result<&'a Path, String> {
        let path = Path::new(named);
        let path = match path.is_absolute() {
            true => path.strip_prefix(&self.folder).map_err(|_| outside(named))?,
            false => path,
        };
        Ok(if path.as_os_str().is_empty() { Path::new(".") } else { path })
    }

    fn open_beneath(&self, path: &Path, flags: OFlags, mode: Mode, named: &str) -> Result<OwnedFd, String> {
        rustix::fs::openat2(&self.root, path, flags | OFlags::CLOEXEC, mode, BENEATH).map_err(|error| match error {
            Errno::XDEV | Errno::LOOP => outside(named),
            error => format!("{named}: {}", io::Error::from(error)),
        })
    }

    /// What is in a file.
    pub(super) fn read(&self, named: &str) -> Result<Vec<u8>, String> {
        // Not blocking: a pipe without a writer would wait for ever.
        let file = self.open_beneath(self.within(named)?, OFlags::RDONLY | OFlags::NONBLOCK, Mode::empty(), named)?;
        let file = File::from(file);
        let meta = file.metadata().map_err(|error| format!("{named}: {error}"))?;
        if !meta.is_file() {
            return Err(format!("{named} is no file{}", if meta.is_dir() { " but a folder: list it" } else { "" }));
        }
        if meta.len() > MAX_FILE_BYTES {
            return Err(format!("{named} has {} bytes, more than the {MAX_FILE_BYTES} that are read", meta.len()));
        }
        let mut bytes = Vec::new();
        file.take(MAX_FILE_BYTES).read_to_end(&mut bytes).map_err(|error| format!("{named}: {error}"))?;
        Ok(bytes)
    }

    /// Writes a file, whole or not at all; folders on the way are made.
    pub(super) fn write(&self, named: &str, bytes: &[u8]) -> Result<(), String> {
        let path = self.within(named)?;
        let name = path.file_name().ok_or_else(|| format!("{named} names no file"))?;
        let parent = self.folder_for(path.parent().unwrap_or(Path::new("")), named)?;
        let shown = |error: io::Error| format!("{named}: {error}");
        // What is replaced must be a file of here; it keeps its mode.
        let mode = match rustix::fs::statat(&parent, name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => Mode::from_raw_mode(0o644),
            Err(error) => return Err(shown(error.into())),
            Ok(stat) => match FileType::from_raw_mode(stat.st_mode) {
                FileType::RegularFile => Mode::from_raw_mode(stat.st_mode & 0o777),
                FileType::Symlink => return Err(format!("{named} is a link: write to what it points to")),
                _ => return Err(format!("{named} is no file")),
            },
        };
        let temporary = format!(".zo-{:016x}", number_of(named, bytes));
        // Who writes the same to the same file has the same temporary one.
        let _turn = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&parent, temporary.as_str(), flags, mode).map_err(|error| shown(error.into()))?;
        let mut file = File::from(file);
        let written = file.write_all(bytes).and_then(|()| file.sync_all());
        let renamed = written.and_then(|()| Ok(rustix::fs::renameat(&parent, temporary.as_str(), &parent, name)?));
        renamed.map_err(|error| {
            let _ = rustix::fs::unlinkat(&parent, temporary.as_str(), AtFlags::empty());
            shown(error)
        })
    }

    /// The folder at a path, made if it is not there.
    fn folder_for(&self, path: &Path, named: &str) -> Result<OwnedFd, String> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY;
        let mut so_far = PathBuf::from(".");
        for component in path.components() {
            match component {
                Component::Normal(name) => so_far.push(name),
                Component::CurDir => continue,
                _ => return Err(outside(named)),
            }
            let above = so_far.parent().unwrap_or(Path::new("."));
            let above = self.open_beneath(above, flags, Mode::empty(), named)?;
            if let Some(name) = so_far.file_name() {
                match rustix::fs::mkdirat(&above, name, Mode::from_raw_mode(0o755)) {
                    Ok(()) | Err(Errno::EXIST) => {}
                    Err(error) => return Err(format!("{named}: {}", io::Error::from(error))),
                }
            }
        }
        self.open_beneath(&so_far, flags, Mode::empty(), named)
    }

    /// What is in a folder, by name: links are not followed.
    pub(super) fn list(&self, named: &str) -> Result<Vec<Found>, String> {
        let shown = |error: Errno| format!("{named}: {}", io::Error::from(error));
        let folder =
            self.open_beneath(self.within(named)?, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty(), named)?;
        let mut all = Vec::new();
        for entry in Dir::read_from(&folder).map_err(shown)? {
            let entry = entry.map_err(shown)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name == "." || name == ".." {
                continue;
            }
            let stat = rustix::fs::statat(&folder, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW);
            let (kind, bytes) = match &stat {
                Ok(stat) => (FileType::from_raw_mode(stat.st_mode), u64::try_from(stat.st_size).unwrap_or(0)),
                Err(_) => (entry.file_type(), 0),
            };
            all.push(Found { name, kind, bytes });
        }
        all.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(all)
    }
}

/// Something in a folder.
pub(super) struct Found {
    pub(super) name: String,
    pub(super) kind: FileType,
    pub(super) bytes: u64,
}

fn outside(named: &str) -> String {
    format!("{named} leads out of the workspace")
}

/// A number for a temporary file that no writing of anything else has. It is the same in every process: a call that is made
/// again after a crash takes what the first one left, and leaves nothing behind.
fn number_of(named: &str, bytes: &[u8]) -> u64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(named.as_bytes()).update(bytes);
    u64::from_le_bytes(*hasher.finalize().as_bytes().first_chunk().expect("a hash has 32 bytes"))
}

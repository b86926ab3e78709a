//! Writes what is left after a cut to a folder, changing only what differs from the last time.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions, Permissions};
use std::ops::Deref;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use rustix::fs::SeekFrom;
use rustix::io::Errno;

use super::disk::{Disk, Kind, ROOT, Tree, join};
use super::fate::{Choices, Cut};
use super::file::{Copier, FileData};
use super::names::NodeId;

/// The most bytes asked of one copy inside the kernel.
const COPY_AT_ONCE: u64 = 1 << 30;

/// A folder as it may be after a power cut. Whoever gets it may change it; the next cut puts it right again.
#[derive(Debug)]
pub struct Home {
    path: PathBuf,
    /// What was done to make it.
    pub report: Report,
}

impl Home {
    pub(crate) fn new(path: PathBuf, report: Report) -> Self {
        Self { path, report }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Deref for Home {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.path
    }
}

/// What survived of a folder, and what it cost to write it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Bytes of durable data in the files that are left.
    pub synced_bytes: u64,
    /// Undurable pages of 4 KiB that survived as they were last.
    pub kept_pages: usize,
    /// Undurable pages of which nothing survived.
    pub dropped_pages: usize,
    /// Undurable pages that survived with the first of the writes to them.
    pub partial_pages: usize,
    /// Undurable changes of a file's length that survived.
    pub kept_lengths: usize,
    /// Undurable changes of a file's length that did not.
    pub dropped_lengths: usize,
    /// Undurable changes of a folder's entries that survived, renames between two folders twice.
    pub kept_names: usize,
    /// Undurable changes of a folder's entries that did not.
    pub dropped_names: usize,
    /// Files that could be left as the last cut had made them.
    pub reused_files: usize,
}

/// The folder that images are written to, and what is known of it.
#[derive(Debug, Default)]
pub(crate) struct Image {
    path: PathBuf,
    files: HashMap<PathBuf, Known>,
}

/// A file that was written for an earlier cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Known {
    content: Content,
    stamp: Stamp,
}

/// Tells contents apart: a file's base and what was chosen on top of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Content {
    node: NodeId,
    version: u64,
    length: u64,
    mode: u32,
}

/// Tells whether somebody has changed a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    length: u64,
    mode: u32,
    modified: SystemTime,
}

impl Image {
    /// An image at `path`, of which nothing is known.
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, files: HashMap::new() }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Forgets what the files hold, since nodes are about to be numbered anew.
    pub(crate) fn forget(&mut self) {
        self.files.clear();
    }

    /// Makes the folder hold what the cut leaves of `disk`.
    pub(crate) fn write(&mut self, disk: &mut Disk, cut: Cut, trace: &File) -> Result<Report> {
        let choices = disk.choices(cut);
        let tree = disk.tree(&choices);
        let report = Report { kept_names: tree.kept, dropped_names: tree.dropped, ..Report::default() };
        fs::create_dir_all(&self.path)?;
        let known = std::mem::take(&mut self.files);
        let path = self.path.clone();
        let mut pass =
            Pass { disk, tree, choices, trace, known, files: &mut self.files, written: HashMap::new(), report };
        pass.folder(ROOT, &path)?;
        Ok(pass.report)
    }
}

/// One writing of an image.
struct Pass<'a> {
    disk: &'a mut Disk,
    tree: Tree,
    choices: Choices,
    trace: &'a File,
    known: HashMap<PathBuf, Known>,
    files: &'a mut HashMap<PathBuf, Known>,
    /// Files with several names are written once and linked.
    written: HashMap<NodeId, PathBuf>,
    report: Report,
}

impl Pass<'_> {
    fn folder(&mut self, id: NodeId, path: &Path) -> Result<()> {
        let entries = self.tree.folders.remove(&id).unwrap_or_default();
        for entry in fs::read_dir(path).with_context(|| format!("image {} cannot be read", path.display()))? {
            let entry = entry?;
            let kept = entries.get(entry.file_name().as_bytes()).is_some_and(|node| {
                let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
                matches!(self.disk.node(*node).kind, Kind::Folder(_)) == is_folder
            });
            if !kept {
                remove(&entry.path())?;
            }
        }
        for (name, node) in entries {
            self.entry(node, &join(path, &name))?;
        }
        Ok(())
    }

    fn entry(&mut self, id: NodeId, path: &Path) -> Result<()> {
        let mode = self.disk.node(id).mode;
        match &self.disk.node(id).kind {
            Kind::Folder(_) => {
                if !path.exists() {
                    fs::create_dir(path)?;
                }
                // Writable for us while it is filled.
                fs::set_permissions(path, Permissions::from_mode(mode | 0o700))?;
                self.folder(id, path)
            }
            Kind::Symlink(text) => {
                let text = std::ffi::OsStr::from_bytes(text);
                remove(path)?;
                symlink(text, path).with_context(|| format!("link {} cannot be made", path.display()))
            }
            Kind::File(_) => self.file(id, mode, path),
        }
    }

    fn file(&mut self, id: NodeId, mode: u32, path: &Path) -> Result<()> {
        if let Some(first) = self.written.get(&id) {
            remove(path)?;
            return Ok(fs::hard_link(first, path)?);
        }
        self.disk.update_base(id, self.trace)?;
        let Kind::File(data) = &self.disk.node(id).kind else {
            return Ok(());
        };
        let remains = data.remains(id, &self.choices);
        self.report.synced_bytes += data.base_length();
        self.report.kept_pages += remains.kept_pages;
        self.report.dropped_pages += remains.dropped_pages;
        self.report.partial_pages += remains.partial_pages;
        self.report.kept_lengths += remains.kept_lengths;
        self.report.dropped_lengths += remains.dropped_lengths;

        let content = Content { node: id, version: data.version(), length: remains.length, mode };
        let plain = remains.pieces.is_empty() && remains.truncated == data.base_length();
        let reusable = self
            .known
            .get(path)
            .is_some_and(|known| plain && known.content == content && stamp(path).is_ok_and(|now| now == known.stamp));
        if reusable {
            self.report.reused_files += 1;
        } else {
            remove(path)?;
            let file = new_file(path)?;
            self.copy_base(id, data, remains.truncated, &file)?;
            let mut copier = Copier::new(self.trace);
            for piece in &remains.pieces {
                copier.copy(*piece, &file)?;
            }
            file.set_len(remains.length)?;
            file.set_permissions(Permissions::from_mode(mode))?;
            file.set_modified(unlikely_now())?;
        }
        if plain {
            self.files.insert(path.to_path_buf(), Known { content, stamp: stamp(path)? });
        }
        self.written.insert(id, path.to_path_buf());
        Ok(())
    }

    fn copy_base(&self, id: NodeId, data: &FileData, length: u64, to: &File) -> Result<()> {
        if data.base_length() == 0 || length == 0 {
            return Ok(());
        }
        let base = self.disk.base(id);
        let from = File::open(&base).with_context(|| format!("base image {} is missing", base.display()))?;
        copy_sparse(&from, to, length)
    }
}

fn new_file(path: &Path) -> Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    options.open(path).with_context(|| format!("image file {} cannot be made", path.display()))
}

/// Copies the first `length` bytes, as a reflink where the file system has them, and leaves holes as holes.
fn copy_sparse(from: &File, to: &File, length: u64) -> Result<()> {
    let mut at = 0;
    while at < length {
        let start = match rustix::fs::seek(from, SeekFrom::Data(at)) {
            Ok(start) => start.min(length),
            Err(Errno::NXIO) => break,
            Err(error) => return Err(error.into()),
        };
        let end = rustix::fs::seek(from, SeekFrom::Hole(start))?.min(length);
        let (mut source, mut target) = (start, start);
        while source < end {
            let most = (end - source).min(COPY_AT_ONCE) as usize;
            let copied = rustix::fs::copy_file_range(from, Some(&mut source), to, Some(&mut target), most)
                .context("the base image cannot be copied")?;
            anyhow::ensure!(copied > 0, "the base image has become shorter");
        }
        at = end;
    }
    Ok(())
}

/// The present second with a fraction that no later write will get: clocks of file systems are too coarse to tell a
/// change that follows within milliseconds.
fn unlikely_now() -> SystemTime {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    SystemTime::UNIX_EPOCH + Duration::new(since.as_secs(), 1)
}

fn stamp(path: &Path) -> Result<Stamp> {
    let status = fs::symlink_metadata(path)?;
    Ok(Stamp { inode: status.ino(), length: status.len(), mode: status.mode(), modified: status.modified()? })
}

fn remove(path: &Path) -> Result<()> {
    let result = match fs::symlink_metadata(path) {
        Ok(status) if status.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(_) => Ok(()),
    };
    result.with_context(|| format!("{} is in the way", path.display()))
}

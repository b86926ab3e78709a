//! Appends to the journal, rotates its files and recycles them.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{ENDING, FileHeader, HEADER_BYTES, JournalFile, SPARE, file_name};
use crate::disk::DiskError;
use crate::disk::files::{replace, sync_folder, write_zeros};
use crate::log::{Head, HomeId, Pack};

/// Limits of the journal. Tests make them tiny.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    /// A file is closed before it grows beyond this; one commit that is larger gets a file of its own.
    pub file_bytes: u64,
    /// How much space the first file of a home begins with, so that making a home is quick.
    pub first_chunk: u64,
    /// Space grows by doubling, but never by more than this at once.
    pub largest_chunk: u64,
    /// Closed files kept to be used again.
    pub spare_files: usize,
}

impl Default for Sizes {
    fn default() -> Self {
        Self { file_bytes: 16 << 20, first_chunk: 256 << 10, largest_chunk: 4 << 20, spare_files: 2 }
    }
}

/// Why an append or a rotation failed.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// Before anything that counts was touched: it may be tried again.
    #[error(transparent)]
    Untouched(DiskError),
    /// In the middle. What is durable is not known, and must not be found out by trying again: after a failed
    /// `fdatasync` the kernel marks the pages clean, and the next one succeeds without having written them.
    #[error(transparent)]
    Poisoned(DiskError),
}

/// The end of the journal, where packs are appended. There is one, and its owner is the single writer.
#[derive(Debug)]
pub struct Journal {
    folder: PathBuf,
    home: HomeId,
    sizes: Sizes,
    spares: Arc<Spares>,
    current: Arc<JournalFile>,
    offset: u64,
    allocated: u64,
    chunk: u64,
    buffer: Vec<u8>,
}

impl Journal {
    /// Goes on behind the last pack of `current`, which ends at `offset`. The chain is the caller's business.
    ///
    /// # Errors
    /// If the file's length cannot be asked for.
    pub fn resume(
        folder: &Path,
        home: HomeId,
        sizes: Sizes,
        spares: Arc<Spares>,
        current: Arc<JournalFile>,
        offset: u64,
    ) -> Result<Self, DiskError> {
        let allocated = current.length()?;
        let chunk = allocated.clamp(sizes.first_chunk.min(sizes.largest_chunk), sizes.largest_chunk);
        let folder = folder.to_owned();
        Ok(Self { folder, home, sizes, spares, current, offset, allocated, chunk, buffer: Vec::new() })
    }

    /// The file that is appended to.
    pub fn current(&self) -> &Arc<JournalFile> {
        &self.current
    }

    /// How much of the current file is taken, its header included.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Whether a commit of `bytes` bytes must go into the next file.
    pub fn must_rotate(&self, bytes: u64) -> bool {
        self.offset > HEADER_BYTES && self.offset + bytes > self.sizes.file_bytes
    }

    /// How much longer the journal gets by a commit of `bytes` bytes, at the most.
    pub fn growth(&self, bytes: u64) -> u64 {
        let (offset, allocated) = match (self.must_rotate(bytes), self.spares.count()) {
            (false, _) => (self.offset, self.allocated),
            (true, 0) => (HEADER_BYTES, 0),
            (true, _) => (HEADER_BYTES, self.sizes.file_bytes),
        };
        if offset + bytes > allocated { bytes.max(self.sizes.largest_chunk) + HEADER_BYTES } else { 0 }
    }

    /// Appends `packs` with one write and one `fdatasync`; returns the offset of the first of them. The caller
    /// has rotated where it must, and knows that they chain.
    ///
    /// # Errors
    /// [`JournalError::Poisoned`], always.
    pub fn append(&mut self, packs: &[Pack]) -> Result<u64, JournalError> {
        let file = Arc::clone(&self.current);
        let offset = self.offset;
        let bytes = match packs {
            [pack] => pack.bytes(),
            _ => {
                self.buffer.clear();
                packs.iter().for_each(|pack| self.buffer.extend_from_slice(pack.bytes()));
                &self.buffer
            }
        };
        let end = offset + bytes.len() as u64;
        let write = || {
            file.file.write_all_at(bytes, offset)?;
            if end <= self.allocated {
                return Ok(self.allocated);
            }
            let allocated = end.next_multiple_of(4096).max((self.allocated + self.chunk).min(self.sizes.file_bytes));
            write_zeros(&file.file, end, allocated)?;
            Ok(allocated)
        };
        let written = write().map_err(DiskError::on("write", &file.path)).map_err(JournalError::Poisoned)?;
        file.file.sync_data().map_err(DiskError::on("sync", &file.path)).map_err(JournalError::Poisoned)?;
        if written > self.allocated {
            self.chunk = (self.chunk * 2).min(self.sizes.largest_chunk);
            self.allocated = written;
        }
        self.offset = end;
        // One huge commit does not hold its memory for ever.
        if self.buffer.capacity() as u64 > self.sizes.largest_chunk {
            self.buffer = Vec::new();
        }
        Ok(offset)
    }

    /// Closes the current file and begins the next one, whose first pack will follow `head`.
    ///
    /// # Errors
    /// [`JournalError::Untouched`] as long as the current file is still the last one.
    pub fn rotate(&mut self, head: &Head) -> Result<(), JournalError> {
        let sequence = self.current.sequence + 1;
        let header = FileHeader { home: self.home, sequence, start: *head };
        let first_chunk = self.chunk.max(self.sizes.first_chunk).min(self.sizes.file_bytes);
        self.current = Arc::new(begin_file(&self.folder, &self.spares, &header, first_chunk)?);
        self.offset = HEADER_BYTES;
        self.allocated = self.current.length().map_err(JournalError::Poisoned)?;
        Ok(())
    }
}

/// Makes the journal file that `header` describes, from a spare if there is one, else with `space` bytes. On
/// return it is durable under its name.
///
/// # Errors
/// [`JournalError::Untouched`] until the file has its name.
pub fn begin_file(
    folder: &Path,
    spares: &Spares,
    header: &FileHeader,
    space: u64,
) -> Result<JournalFile, JournalError> {
    let prepared = match spares.take() {
        Some(spare) => spare,
        None => spares.create(space).map_err(JournalError::Untouched)?,
    };
    let path = folder.join(file_name(header.sequence));
    let file = JournalFile::open(&prepared, header.sequence).map_err(JournalError::Untouched)?;
    // The header is durable before the name is: a file with a number never has the header of another.
    file.rewrite(0, &header.encode()).map_err(JournalError::Untouched)?;
    replace(&prepared, &path).map_err(JournalError::Poisoned)?;
    Ok(JournalFile { path, ..file })
}

/// Files that wait to become the next journal file. Shared by the writer, which takes them, and the sealer,
/// which returns them.
#[derive(Debug)]
pub struct Spares {
    folder: PathBuf,
    sizes: Sizes,
    waiting: Mutex<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    paths: Vec<PathBuf>,
    next_number: u64,
}

impl Spares {
    /// Takes over the spare files `found` in `folder`. One that is not whole, or one too many, is removed.
    ///
    /// # Errors
    /// If one cannot be removed.
    pub fn new(folder: &Path, sizes: Sizes, found: Vec<PathBuf>) -> Result<Self, DiskError> {
        let number = |path: &PathBuf| path.file_stem()?.to_str()?.strip_prefix(SPARE)?.parse::<u64>().ok();
        let mut found = found;
        found.sort_by_key(number);
        let mut paths: Vec<PathBuf> = Vec::new();
        for path in found {
            let whole = fs::metadata(&path).is_ok_and(|metadata| metadata.len() == sizes.file_bytes);
            if whole && paths.len() < sizes.spare_files {
                paths.push(path);
            } else {
                fs::remove_file(&path).map_err(DiskError::on("remove", &path))?;
            }
        }
        let next_number = paths.iter().filter_map(number).max().unwrap_or(0) + 1;
        Ok(Self { folder: folder.to_owned(), sizes, waiting: Mutex::new(Waiting { paths, next_number }) })
    }

    /// How many files wait.
    pub fn count(&self) -> usize {
        self.lock().paths.len()
    }

    /// The one that has waited longest: the others still hold what was sealed last, as a second copy.
    fn take(&self) -> Option<PathBuf> {
        let mut waiting = self.lock();
        if waiting.paths.is_empty() { None } else { Some(waiting.paths.remove(0)) }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn unused_name(&self) -> PathBuf {
        let mut waiting = self.lock();
        waiting.next_number += 1;
        self.folder.join(format!("{SPARE}{}.{ENDING}", waiting.next_number))
    }

    /// Makes a file of `space` written zeros, not yet durable.
    fn create(&self, space: u64) -> Result<PathBuf, DiskError> {
        let path = self.unused_name();
        let made = self
            .create_file(&path)
            .and_then(|file| write_zeros(&file, 0, space.max(HEADER_BYTES)).map_err(DiskError::on("write", &path)));
        if made.is_err() {
            let _ = fs::remove_file(&path);
        }
        made.map(|()| path)
    }

    fn create_file(&self, path: &Path) -> Result<File, DiskError> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600).open(path).map_err(DiskError::on("create", path))
    }

    /// Makes a spare of full length ahead of time, so that the writer finds its blocks written.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn prepare(&self) -> Result<(), DiskError> {
        let path = self.create(self.sizes.file_bytes)?;
        let synced = File::open(&path).and_then(|file| file.sync_all()).map_err(DiskError::on("sync", &path));
        if synced.is_err() {
            let _ = fs::remove_file(&path);
        }
        synced?;
        self.lock().paths.push(path);
        Ok(())
    }

    /// Takes back a file whose packs are all sealed: it waits for its next life, or is removed if enough wait
    /// already or it is not of the usual length. Durable on return.
    ///
    /// # Errors
    /// If it cannot be renamed or removed.
    pub fn recycle(&self, file: &Path, reusable: bool) -> Result<(), DiskError> {
        let whole = fs::metadata(file).is_ok_and(|metadata| metadata.len() == self.sizes.file_bytes);
        if reusable && whole && self.count() < self.sizes.spare_files {
            let path = self.unused_name();
            fs::rename(file, &path).map_err(DiskError::on("rename", file))?;
            // Before the header is rewritten the old name must be gone for good.
            sync_folder(&self.folder)?;
            self.lock().paths.push(path);
            return Ok(());
        }
        fs::remove_file(file).map_err(DiskError::on("remove", file))?;
        sync_folder(&self.folder)
    }
}

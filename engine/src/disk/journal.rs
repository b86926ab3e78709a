//! The journal: the files that make a commit durable. A commit is one write behind the last one and one
//! `fdatasync`.
//!
//! ```text
//! NNNNNNNN.zoj    0  "ZOJRNL\r\n"                       4096  packs, back to back, chained
//!                 8  u16  format version                   …  zeros, or what the file held in a former life
//!                10  [6]  zero
//!                16  [16] id of the home
//!                32  u64  sequence number, as in the name
//!                40  u64  last position before this file
//!                48  [32] hash of the pack with it
//!                80  zeros
//!              4064  [32] blake3 of everything above
//! ```
//!
//! Space is made of zeros that were *written*: on ext4, writing into blocks that were only allocated, or
//! behind the end of the file, takes a commit of the filesystem's own journal with every `fdatasync`, which
//! doubles its price. For the same reason closed files are recycled: once a file is sealed into a segment it
//! becomes a spare, and later the next file, without being cleared. What it still holds of its former life is
//! never taken for a pack, since a pack counts only if it follows the running chain.
//!
//! Here: the layout of a file and how to read and repair one. [`writer`] appends, rotates and recycles,
//! `scan` finds the packs of a file and its end. What is in which file is [`crate::store::local`]'s business.

pub mod scan;
pub mod writer;

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use zo_projections::Position;

use super::DiskError;
use super::files::{list, read_range, write_zeros};
use crate::log::{Head, HomeId};

pub use scan::{Placed, Scanned, Stop, scan};
pub use writer::{Journal, JournalError, Sizes, Spares};

/// The version of the format written by this code. Readers refuse a higher one.
pub const FORMAT: u16 = 1;
/// Length of a file's header: one page, so that a torn write never hits both header and packs.
pub const HEADER_BYTES: u64 = 4096;

const MAGIC: [u8; 8] = *b"ZOJRNL\r\n";
const HASH_AT: usize = 4064;
const ENDING: &str = "zoj";
const SPARE: &str = "spare-";

/// What the header of a journal file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileHeader {
    /// The home it belongs to.
    pub home: HomeId,
    /// Its number; files follow each other without a gap.
    pub sequence: u64,
    /// The head of the log before its first pack.
    pub start: Head,
}

/// Why bytes are not the header of a journal file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// The checksum does not fit.
    #[error("its header is damaged")]
    Damaged,
    /// Written by a newer version of zo.
    #[error("its format is {found}, and this version of zo knows {FORMAT} at the most")]
    Newer {
        /// The format found.
        found: u16,
    },
}

impl FileHeader {
    /// The header as it lies in the file.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER_BYTES as usize);
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&FORMAT.to_le_bytes());
        bytes.extend_from_slice(&[0; 6]);
        bytes.extend_from_slice(&self.home);
        bytes.extend_from_slice(&self.sequence.to_le_bytes());
        bytes.extend_from_slice(&self.start.position.0.to_le_bytes());
        bytes.extend_from_slice(&self.start.hash);
        bytes.resize(HASH_AT, 0);
        let hash = blake3::hash(&bytes);
        bytes.extend_from_slice(hash.as_bytes());
        bytes
    }

    /// Reads and verifies the header at the front of `bytes`.
    ///
    /// # Errors
    /// If it is damaged or cut, or of a newer format.
    pub fn decode(bytes: &[u8]) -> Result<Self, HeaderError> {
        let bytes = bytes.get(..HEADER_BYTES as usize).ok_or(HeaderError::Damaged)?;
        let (content, hash) = bytes.split_at(HASH_AT);
        if content[..8] != MAGIC || blake3::hash(content).as_bytes() != hash {
            return Err(HeaderError::Damaged);
        }
        let found = u16::from_le_bytes([content[8], content[9]]);
        if found != FORMAT {
            return Err(HeaderError::Newer { found });
        }
        let u64_at = |at: usize| u64::from_le_bytes(*content[at..].first_chunk().expect("a header is 4096 bytes"));
        Ok(Self {
            home: *content[16..].first_chunk().expect("a header is 4096 bytes"),
            sequence: u64_at(32),
            start: Head {
                position: Position(u64_at(40)),
                hash: *content[48..].first_chunk().expect("a header is 4096 bytes"),
            },
        })
    }
}

/// One journal file, open. Reads may run beside the writer's appends.
#[derive(Debug)]
pub struct JournalFile {
    sequence: u64,
    path: PathBuf,
    file: File,
}

impl JournalFile {
    /// Opens the file `path`, whose name says `sequence`.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub fn open(path: &Path, sequence: u64) -> Result<Self, DiskError> {
        let file = OpenOptions::new().read(true).write(true).open(path).map_err(DiskError::on("open", path))?;
        Ok(Self { sequence, path: path.to_owned(), file })
    }

    /// Opens the file for reading only.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub fn open_to_read(path: &Path, sequence: u64) -> Result<Self, DiskError> {
        let file = File::open(path).map_err(DiskError::on("open", path))?;
        Ok(Self { sequence, path: path.to_owned(), file })
    }

    /// Its number.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Where it lay when it was opened.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its length in bytes, free space included.
    ///
    /// # Errors
    /// If the filesystem does not tell.
    pub fn length(&self) -> Result<u64, DiskError> {
        Ok(self.file.metadata().map_err(DiskError::on("ask for the length of", &self.path))?.len())
    }

    /// Up to `length` bytes from `at`: fewer if the file ends before.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn read(&self, at: u64, length: usize) -> Result<Vec<u8>, DiskError> {
        read_range(&self.file, at, length).map_err(DiskError::on("read", &self.path))
    }

    /// The whole file.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn read_all(&self) -> Result<Vec<u8>, DiskError> {
        self.read(0, usize::try_from(self.length()?).unwrap_or(usize::MAX))
    }

    /// Writes `bytes` at `at` and makes them durable: for repairs, not for appending.
    ///
    /// # Errors
    /// If they cannot be written or synced.
    pub fn rewrite(&self, at: u64, bytes: &[u8]) -> Result<(), DiskError> {
        self.file.write_all_at(bytes, at).map_err(DiskError::on("write", &self.path))?;
        self.file.sync_data().map_err(DiskError::on("sync", &self.path))
    }

    /// Makes what was written durable.
    ///
    /// # Errors
    /// If it cannot be synced.
    pub fn sync(&self) -> Result<(), DiskError> {
        self.file.sync_data().map_err(DiskError::on("sync", &self.path))
    }

    /// Fills the file with zeros from `at` to its end, and makes that durable.
    ///
    /// # Errors
    /// If they cannot be written or synced.
    pub fn clear_from(&self, at: u64) -> Result<(), DiskError> {
        write_zeros(&self.file, at, self.length()?).map_err(DiskError::on("write", &self.path))?;
        self.file.sync_data().map_err(DiskError::on("sync", &self.path))
    }
}

/// The name of the journal file `sequence`.
pub fn file_name(sequence: u64) -> String {
    format!("{sequence:08}.{ENDING}")
}

/// The journal files of `folder` with their numbers, in order, and its spare files.
///
/// # Errors
/// If the folder cannot be listed.
#[allow(clippy::type_complexity, reason = "two lists of names, used once")]
pub fn files(folder: &Path) -> Result<(Vec<(u64, PathBuf)>, Vec<PathBuf>), DiskError> {
    let mut live = Vec::new();
    let mut spares = Vec::new();
    for path in list(folder)? {
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        let Some(stem) = name.strip_suffix(".zoj") else { continue };
        if stem.starts_with(SPARE) {
            spares.push(path);
        } else if let Ok(sequence) = stem.parse() {
            live.push((sequence, path));
        }
    }
    live.sort();
    Ok((live, spares))
}

/// The home that the log in the folder `log` is of, from the first file header that is whole; `None` if none is.
pub fn home_id(log: &Path) -> Option<HomeId> {
    let (journal, _) = files(&log.join("journal")).unwrap_or_default();
    let from_journal = journal.into_iter().find_map(|(sequence, path)| {
        let header = JournalFile::open_to_read(&path, sequence).ok()?.read(0, HEADER_BYTES as usize).ok()?;
        FileHeader::decode(&header).ok().map(|header| header.home)
    });
    from_journal.or_else(|| {
        let segments = super::segments::files(&log.join("segments")).unwrap_or_default();
        segments.into_iter().find_map(|(_, _, path)| super::segments::Segment::peek(&path).ok().map(|info| info.home))
    })
}

#[cfg(test)]
mod tests;

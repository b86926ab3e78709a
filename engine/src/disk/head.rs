//! The head file: how far the log goes, told by another file than the log itself.
//!
//! ```text
//! two slots, at 0 and 4096, written in turn:
//!  0  "ZOHEAD\r\n"             48  u64  last position
//!  8  u16  format version      56  [32] hash of the pack with it
//! 10  u8   1: closed in order, 2: twins complete 88  u64  trusted: packs up to here were durable and verified before
//! 11  [5]  zero                96  [32] blake3 of everything above
//! 16  [16] id of the home
//! 32  u64  counter; the slot with the higher one counts
//! 40  u64  which start of the machine wrote it, 0 where that cannot be told
//! ```
//!
//! It is written after each `fdatasync` of the journal and synced only now and then, so it lags the log and
//! never leads it. A log that ends before its head file says so has lost something that was acknowledged.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use zo_projections::Position;

use super::DiskError;
use super::files::{read_range, sync_parent};
use crate::log::{Head, HomeId};

/// The version of the format written by this code. Readers refuse a higher one.
pub const FORMAT: u16 = 1;

const MAGIC: [u8; 8] = *b"ZOHEAD\r\n";
const SLOT_BYTES: usize = 128;
const SLOT_DISTANCE: u64 = 4096;
const CLOSED: u8 = 1;
const TWINS_COMPLETE: u8 = 2;

/// What the head file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// The head of the log.
    pub head: Head,
    /// Packs up to here were durable and verified when this was written.
    pub trusted: Position,
    /// Whether the log was closed in order at `head`.
    pub closed: bool,
    /// Whether everything that is not sealed was in the recent range as well.
    pub twins_complete: bool,
    /// Which start of the machine wrote this, see [`this_boot`]. As long as it is the same, the file is as new as
    /// the last commit; after a power cut it may be older.
    pub boot: u64,
}

/// The head file, open for writing.
#[derive(Debug)]
pub struct HeadFile {
    file: File,
    path: PathBuf,
    home: HomeId,
    counter: u64,
}

/// What was found in the head file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// There is no such file.
    Missing,
    /// Neither slot is whole.
    Damaged,
    /// A slot is whole; perhaps not both.
    Slot {
        /// The newest whole slot.
        slot: Slot,
        /// Whether the other one is whole as well, or was never written.
        both: bool,
    },
    /// Written by a newer version of zo.
    Newer(u16),
    /// It belongs to another home.
    OtherHome,
}

impl HeadFile {
    /// Opens the head file, or makes it, and tells what it says.
    ///
    /// # Errors
    /// If it cannot be opened, made or read.
    pub fn open(path: &Path, home: HomeId) -> Result<(Self, Found), DiskError> {
        let (found, counter) = look(path, &home)?;
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)
            .map_err(DiskError::on("open", path))?;
        let whole = 2 * SLOT_DISTANCE;
        if file.metadata().map_err(DiskError::on("read", path))?.len() < whole {
            // Both pages exist from the beginning, so that writing a slot never needs space.
            let bytes = read_range(&file, 0, whole as usize).map_err(DiskError::on("read", path))?;
            let zeros = vec![0; whole as usize - bytes.len()];
            file.write_all_at(&zeros, bytes.len() as u64).map_err(DiskError::on("write", path))?;
            file.sync_all().map_err(DiskError::on("sync", path))?;
            sync_parent(path)?;
        }
        Ok((Self { file, path: path.to_owned(), home, counter }, found))
    }

    /// Reads a head file without changing it.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn read(path: &Path, home: &HomeId) -> Result<Found, DiskError> {
        Ok(look(path, home)?.0)
    }

    /// Writes `slot` over the older one. It is durable after the next [`Self::sync`], or whenever the kernel
    /// gets to it.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&mut self, slot: &Slot) -> Result<(), DiskError> {
        self.counter += 1;
        let bytes = encode(slot, &self.home, self.counter);
        let at = (self.counter % 2) * SLOT_DISTANCE;
        self.file.write_all_at(&bytes, at).map_err(DiskError::on("write", &self.path))
    }

    /// Makes what was written durable.
    ///
    /// # Errors
    /// If it cannot be synced.
    pub fn sync(&self) -> Result<(), DiskError> {
        self.file.sync_data().map_err(DiskError::on("sync", &self.path))
    }

    /// A second handle, through which another thread can sync.
    ///
    /// # Errors
    /// If the system has no more handles.
    pub fn syncer(&self) -> Result<Syncer, DiskError> {
        let file = self.file.try_clone().map_err(DiskError::on("open", &self.path))?;
        Ok(Syncer { file, path: self.path.clone() })
    }
}

/// Makes the head file durable from another thread.
#[derive(Debug)]
pub struct Syncer {
    file: File,
    path: PathBuf,
}

impl Syncer {
    /// Makes what was written durable.
    ///
    /// # Errors
    /// If it cannot be synced.
    pub fn sync(&self) -> Result<(), DiskError> {
        self.file.sync_data().map_err(DiskError::on("sync", &self.path))
    }
}

/// A number for the time since the machine was started; 0 where the system does not tell.
pub fn this_boot() -> u64 {
    let id = std::fs::read("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let hash = blake3::hash(&id);
    if id.is_empty() { 0 } else { u64::from_le_bytes(*hash.as_bytes().first_chunk().expect("a hash is 32 bytes")) }
}

fn encode(slot: &Slot, home: &HomeId, counter: u64) -> [u8; SLOT_BYTES] {
    let mut bytes = [0; SLOT_BYTES];
    bytes[..8].copy_from_slice(&MAGIC);
    bytes[8..10].copy_from_slice(&FORMAT.to_le_bytes());
    bytes[10] = u8::from(slot.closed) * CLOSED + u8::from(slot.twins_complete) * TWINS_COMPLETE;
    bytes[16..32].copy_from_slice(home);
    bytes[32..40].copy_from_slice(&counter.to_le_bytes());
    bytes[40..48].copy_from_slice(&slot.boot.to_le_bytes());
    bytes[48..56].copy_from_slice(&slot.head.position.0.to_le_bytes());
    bytes[56..88].copy_from_slice(&slot.head.hash);
    bytes[88..96].copy_from_slice(&slot.trusted.0.to_le_bytes());
    let hash = blake3::hash(&bytes[..96]);
    bytes[96..].copy_from_slice(hash.as_bytes());
    bytes
}

struct Decoded {
    slot: Slot,
    counter: u64,
    home: HomeId,
    format: u16,
}

fn decode(bytes: &[u8]) -> Option<Decoded> {
    let bytes = bytes.first_chunk::<SLOT_BYTES>()?;
    if bytes[..8] != MAGIC || blake3::hash(&bytes[..96]).as_bytes() != &bytes[96..] {
        return None;
    }
    let u64_at = |at: usize| u64::from_le_bytes(*bytes[at..].first_chunk().expect("a slot is 128 bytes"));
    let head = Head { position: Position(u64_at(48)), hash: *bytes[56..].first_chunk()? };
    Some(Decoded {
        slot: Slot {
            head,
            trusted: Position(u64_at(88)),
            closed: bytes[10] & CLOSED != 0,
            twins_complete: bytes[10] & TWINS_COMPLETE != 0,
            boot: u64_at(40),
        },
        counter: u64_at(32),
        home: *bytes[16..].first_chunk()?,
        format: u16::from_le_bytes([bytes[8], bytes[9]]),
    })
}

/// What the file says, and the counter of its newest slot.
fn look(path: &Path, home: &HomeId) -> Result<(Found, u64), DiskError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok((Found::Missing, 0)),
        Err(error) => return Err(DiskError::on("open", path)(error)),
    };
    let read = |at| read_range(&file, at, SLOT_BYTES).map_err(DiskError::on("read", path));
    let slots = [read(0)?, read(SLOT_DISTANCE)?];
    let decoded = [decode(&slots[0]), decode(&slots[1])];
    let whole = decoded.iter().flatten().count();
    let Some(newest) = decoded.into_iter().flatten().max_by_key(|decoded| decoded.counter) else {
        return Ok((Found::Damaged, 0));
    };
    // After the first write the other slot is still empty.
    let both = whole == 2 || (newest.counter == 1 && slots.iter().any(|bytes| bytes.iter().all(|byte| *byte == 0)));
    let found = if newest.format > FORMAT {
        Found::Newer(newest.format)
    } else if newest.home != *home {
        Found::OtherHome
    } else {
        Found::Slot { slot: newest.slot, both }
    };
    Ok((found, newest.counter))
}

#[cfg(test)]
mod tests;

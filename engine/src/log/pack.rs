//! A pack: consecutive records of one commit, and a link of the hash chain.
//!
//! ```text
//!  0  "ZOPK"                          24  [32] hash of the pack before (or of the home, for the first)
//!  4  u16  format version             56  records, dense from the first position
//!  6  u16  zero                        …  [32] blake3 of everything above: the hash of this pack
//!  8  u64  position of the first record
//! 16  u32  count of records
//! 20  u32  length of the records, in bytes
//! ```
//!
//! A pack is atomic: it is there whole or not at all, and what one command decided never spans two. The
//! stores move packs as opaque bytes; only this file and the record codec look into them. The magic number,
//! the format version, the length and the hash keep their places in every format to come, so that a newer
//! pack can be told from a damaged one.

use std::sync::Arc;

use zo_projections::Position;
use zo_projections::record::{RawRecord, RecordError};

/// The version of the format written by this code. Readers refuse a higher one.
pub const FORMAT: u16 = 1;
/// Bytes in front of the records.
pub const HEADER: usize = 56;
/// Bytes behind the records.
pub const TRAILER: usize = 32;
/// The writer closes a pack once its records have this length; one command's events may exceed it.
pub const TARGET_BYTES: usize = 32 * 1024;
/// No pack is longer than this, nor are its records; a longer header field is damage.
pub const MAX_BYTES: usize = 64 * 1024 * 1024;

const MAGIC: [u8; 4] = *b"ZOPK";

/// blake3 of a pack, which covers the hash of the pack before it.
pub type ChainHash = [u8; 32];

/// The id of a home, which is the root of its chain: a pack of one home never follows in another.
pub type HomeId = [u8; 16];

/// How far a log goes: its last position and the hash of its last pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The last position, 0 in an empty log.
    pub position: Position,
    /// Hash of the last pack; of the home's id in an empty log.
    pub hash: ChainHash,
}

/// A whole pack, verified when it was made. Cheap to clone; packs read together share one buffer.
#[derive(Clone, Debug)]
pub struct Pack {
    buffer: Arc<Vec<u8>>,
    start: usize,
    end: usize,
    first: Position,
    count: u32,
}

/// Why bytes are not a pack.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum PackError {
    /// There is no pack here: the magic number is missing.
    #[error("no pack begins here")]
    NotAPack,
    /// Written by a newer version of zo.
    #[error("the log's format is {found}, and this version of zo knows {FORMAT} at the most")]
    Newer {
        /// The format found.
        found: u16,
    },
    /// The bytes end within the pack.
    #[error("pack from position {first} is cut: {needed} bytes needed, {available} there")]
    Cut {
        /// Its first position, as its header says.
        first: Position,
        /// Bytes it says it has.
        needed: usize,
        /// Bytes that are there.
        available: usize,
    },
    /// The hash does not fit the bytes.
    #[error("pack from position {first} is damaged: its hash does not fit")]
    Hash {
        /// Its first position, as its header says.
        first: Position,
    },
    /// A record within the pack is not as it should be, though the hash fits.
    #[error(transparent)]
    Record(#[from] RecordError),
}

/// What the front of a pack says, before its hash has been looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PackHeader {
    /// Format version, perhaps a newer one.
    pub format: u16,
    /// Position of the first record.
    pub first: Position,
    /// How many records.
    pub count: u32,
    /// Length of the whole pack, in bytes.
    pub length: usize,
    /// Hash of the pack before.
    pub previous: ChainHash,
}

impl Head {
    /// The head of the empty log of `home`.
    pub fn start(home: &HomeId) -> Self {
        Self { position: Position::START, hash: *blake3::hash(home).as_bytes() }
    }
}

impl PackHeader {
    /// Reads the header at the front of `bytes`; neither the hash nor the rest of the pack is looked at.
    ///
    /// # Errors
    /// If no pack begins here, or the header says what no pack can be.
    pub fn read(bytes: &[u8]) -> Result<Self, PackError> {
        if bytes.len() < HEADER || bytes[..4] != MAGIC {
            return Err(PackError::NotAPack);
        }
        let first = Position(u64_at(bytes, 8));
        let count = u32_at(bytes, 16);
        let records = u32_at(bytes, 20) as usize;
        let dense = first != Position::START && count > 0 && first.0.checked_add(u64::from(count)).is_some();
        let format = u16::from_le_bytes([bytes[4], bytes[5]]);
        if format == 0 || records > MAX_BYTES || !dense {
            return Err(PackError::Hash { first });
        }
        Ok(Self { format, first, count, length: HEADER + records + TRAILER, previous: hash_at(bytes, 24) })
    }

    /// Position of the last record.
    pub fn last(&self) -> Position {
        self.first.plus(u64::from(self.count) - 1)
    }

    /// Whether the pack is the one that follows `head`.
    pub fn follows(&self, head: &Head) -> bool {
        self.first.0 == head.position.0 + 1 && self.previous == head.hash
    }
}

impl Pack {
    /// Builds the pack that follows `head` from `count` records, already encoded.
    pub fn build(head: &Head, count: u32, records: &[u8]) -> Self {
        let first = head.position.next();
        let mut bytes = Vec::with_capacity(HEADER + records.len() + TRAILER);
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&FORMAT.to_le_bytes());
        bytes.extend_from_slice(&[0; 2]);
        bytes.extend_from_slice(&first.0.to_le_bytes());
        bytes.extend_from_slice(&count.to_le_bytes());
        let length = u32::try_from(records.len()).expect("a pack is far smaller than 4 GiB");
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(&head.hash);
        bytes.extend_from_slice(records);
        let hash = blake3::hash(&bytes);
        bytes.extend_from_slice(hash.as_bytes());
        let end = bytes.len();
        Self { buffer: Arc::new(bytes), start: 0, end, first, count }
    }

    /// Reads and verifies the pack at the front of `bytes`. What lies behind it is ignored.
    ///
    /// # Errors
    /// If there is no whole, undamaged pack. Never panics.
    pub fn read(bytes: &[u8]) -> Result<Self, PackError> {
        let header = verified(bytes)?;
        let buffer = Arc::new(bytes[..header.length].to_vec());
        Ok(Self { buffer, start: 0, end: header.length, first: header.first, count: header.count })
    }

    /// Reads and verifies the pack that begins at `start` of `buffer`, which it goes on sharing.
    ///
    /// # Errors
    /// If there is no whole, undamaged pack. Never panics.
    pub fn read_shared(buffer: &Arc<Vec<u8>>, start: usize) -> Result<Self, PackError> {
        let header = verified(buffer.get(start..).unwrap_or_default())?;
        Ok(Self::part_of(buffer, start, &header))
    }

    /// Takes the pack that begins at `start` of `buffer` without computing its hash: for bytes whose integrity
    /// a hash around them has just shown.
    ///
    /// # Errors
    /// If no pack begins here, it is cut, or of a newer format.
    pub(crate) fn read_trusted(buffer: &Arc<Vec<u8>>, start: usize) -> Result<Self, PackError> {
        let bytes = buffer.get(start..).unwrap_or_default();
        let header = PackHeader::read(bytes)?;
        if bytes.len() < header.length {
            return Err(PackError::Cut { first: header.first, needed: header.length, available: bytes.len() });
        }
        if header.format > FORMAT {
            return Err(PackError::Newer { found: header.format });
        }
        Ok(Self::part_of(buffer, start, &header))
    }

    fn part_of(buffer: &Arc<Vec<u8>>, start: usize, header: &PackHeader) -> Self {
        let buffer = Arc::clone(buffer);
        Self { buffer, start, end: start + header.length, first: header.first, count: header.count }
    }

    /// The bytes as they are stored.
    pub fn bytes(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Position of the first record.
    pub fn first(&self) -> Position {
        self.first
    }

    /// Position of the last record.
    pub fn last(&self) -> Position {
        self.first.plus(u64::from(self.count) - 1)
    }

    /// How many records it holds: at least one.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// The hash of the pack before.
    pub fn previous(&self) -> ChainHash {
        hash_at(self.bytes(), 24)
    }

    /// The head of a log that ends with this pack.
    pub fn head(&self) -> Head {
        Head { position: self.last(), hash: hash_at(&self.buffer, self.end - TRAILER) }
    }

    /// Whether this pack is the one that follows `head`.
    pub fn follows(&self, head: &Head) -> bool {
        self.first.0 == head.position.0 + 1 && self.previous() == head.hash
    }

    /// The same pack in a buffer of its own, for those who keep it while its neighbours go.
    #[must_use]
    pub fn detached(&self) -> Self {
        if self.end - self.start == self.buffer.len() {
            return self.clone();
        }
        Self { buffer: Arc::new(self.bytes().to_vec()), start: 0, end: self.end - self.start, ..*self }
    }

    /// Its records, in order. Ends after the first error.
    pub fn records(&self) -> impl Iterator<Item = Result<RawRecord<'_>, RecordError>> {
        let mut rest = &self.buffer[self.start + HEADER..self.end - TRAILER];
        let mut position = self.first;
        let mut left = self.count;
        std::iter::from_fn(move || {
            if left == 0 {
                return None;
            }
            let read = RawRecord::read(position, rest);
            match read {
                Ok((record, length)) => {
                    rest = &rest[length..];
                    position = position.next();
                    left -= 1;
                    Some(Ok(record))
                }
                Err(error) => {
                    left = 0;
                    Some(Err(error))
                }
            }
        })
    }
}

impl PartialEq for Pack {
    fn eq(&self, other: &Self) -> bool {
        self.bytes() == other.bytes()
    }
}

impl Eq for Pack {}

fn verified(bytes: &[u8]) -> Result<PackHeader, PackError> {
    let header = PackHeader::read(bytes)?;
    let Some(bytes) = bytes.get(..header.length) else {
        return Err(PackError::Cut { first: header.first, needed: header.length, available: bytes.len() });
    };
    let (content, hash) = bytes.split_at(header.length - TRAILER);
    if blake3::hash(content).as_bytes() != hash {
        return Err(PackError::Hash { first: header.first });
    }
    // Only after the hash: a flipped bit in the version is damage, not a newer zo.
    if header.format > FORMAT {
        return Err(PackError::Newer { found: header.format });
    }
    Ok(header)
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(*bytes[at..].first_chunk().expect("the header's length was checked"))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(*bytes[at..].first_chunk().expect("the header's length was checked"))
}

fn hash_at(bytes: &[u8], at: usize) -> ChainHash {
    *bytes[at..].first_chunk().expect("the header's length was checked")
}

#[cfg(test)]
mod tests;

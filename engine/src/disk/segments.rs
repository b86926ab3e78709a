//! Sealed segments: a closed range of the log in one compressed file that is never changed.
//!
//! ```text
//! FIRST-LAST.zos   (positions, 20 digits each)
//!
//! page 0     header: what the file is, see below; zeros; [32] blake3 of the page up to here
//! regions    16 blocks, a parity region, 16 blocks, a parity region, …
//! index      the header's front again (128 bytes), 64 bytes for every region, zeros
//!            trailer: "ZOSEGEND", u64 offset of the index, u64 regions, u64 zero, [32] blake3 of the index to here
//!
//! front      0 "ZOSEG\r\n", zero    40  [32] hash before        112 u64 packs
//!            8 u16 format, [6] zero 72  u64  last position      120 u32 blocks, u32 zero
//!           16 [16] home            80  [32] hash of last pack  header page only: 128 u64 length of the file
//!           32 u64 position before                                                136 u64 length of the packs
//! block      0 "ZOBK"   4 u8 codec: 0 as is, 1 lz4   5 [3] zero   8 u32 length of the packs   12 u32 as stored
//!           16 u64 first position   24 u64 last position   32 packs, zeros, [32] blake3 of the region up to here
//! entry      0 u64 offset   8 u32 length   12 u32 length of the packs, 0 for parity   16 u64 first   24 u64 last
//!           32 [32] hash of the region (of a parity region: of all of it)
//! ```
//!
//! Everything begins and ends on 4096 bytes, so that one bad page is in one region only. The parity region is
//! the XOR of the blocks of its group: any one of them can be computed from the others. Header and index
//! tell the same, and either can be had from the other and from the blocks. So one damaged page, or one
//! damaged block, in every group is repaired when it is read. The bytes depend on the packs alone.
//!
//! A segment is also the unit of a backup, the format of an export, and of the golden logs kept as fixtures.
//! Here: the layout. [`read`] opens and reads one, [`mod@write`] makes one. Which segments make up the log is
//! [`crate::store::local`]'s business.

pub mod read;
pub mod write;

use std::path::{Path, PathBuf};

use zo_projections::Position;

use super::DiskError;
use super::files::list;
use crate::log::{Head, HomeId};

pub use read::{BlockCache, Condition, Segment};
pub use write::SegmentWriter;

/// The version of the format written by this code. Readers refuse a higher one.
pub const FORMAT: u16 = 1;
/// Packs are put into one block until they have this length; a longer pack has a block of its own.
pub const BLOCK_BYTES: usize = 256 * 1024;
/// Blocks that share a parity region.
pub const GROUP_BLOCKS: usize = 16;

const PAGE: usize = 4096;
const HASH: usize = 32;
const MAGIC: [u8; 8] = *b"ZOSEG\r\n\0";
const END_MAGIC: [u8; 8] = *b"ZOSEGEND";
const FRONT: usize = 128;
const ENTRY: usize = 64;
const TRAILER: usize = 64;
const BLOCK_MAGIC: [u8; 4] = *b"ZOBK";
const BLOCK_HEADER: usize = 32;
/// No region is longer; a larger number is damage.
const MAX_REGION: usize = crate::log::pack::MAX_BYTES + BLOCK_BYTES + 2 * PAGE;
const ENDING: &str = "zos";

/// What a segment holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentInfo {
    /// The home it belongs to.
    pub home: HomeId,
    /// The head of the log before its first pack.
    pub start: Head,
    /// The head after its last pack.
    pub end: Head,
    /// How many packs.
    pub packs: u64,
    /// In how many blocks.
    pub blocks: u32,
    /// Length of the file, 0 where only the index could be read.
    pub file_bytes: u64,
    /// Length of the packs before compression, 0 where only the index could be read.
    pub raw_bytes: u64,
}

impl SegmentInfo {
    /// Its first position.
    pub fn first(&self) -> Position {
        self.start.position.next()
    }

    /// Its last position.
    pub fn last(&self) -> Position {
        self.end.position
    }

    /// The name of its file.
    pub fn file_name(&self) -> String {
        format!("{:020}-{:020}.{ENDING}", self.first().0, self.last().0)
    }
}

/// Why a segment cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SegmentError {
    /// More is damaged than can be repaired.
    #[error("{} is damaged: {what}", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was found.
        what: String,
        /// The positions that cannot be read, if that much is known.
        positions: Option<(Position, Position)>,
    },
    /// Written by a newer version of zo.
    #[error("{} was written by a newer version of zo (format {found})", .path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u16,
    },
    /// It cannot be read or written.
    #[error(transparent)]
    Io(#[from] DiskError),
}

/// One region of a file, as the index has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Region {
    offset: u64,
    length: u32,
    /// Length of the packs; 0 for parity.
    raw: u32,
    first: Position,
    last: Position,
    hash: [u8; HASH],
}

/// The segment files of `folder` with the positions in their names, in order of the first, then the last.
///
/// # Errors
/// If the folder cannot be listed.
pub fn files(folder: &Path) -> Result<Vec<(Position, Position, PathBuf)>, DiskError> {
    let parse = |path: &Path| {
        let (first, last) = path.file_name()?.to_str()?.strip_suffix(".zos")?.split_once('-')?;
        Some((Position(first.parse().ok()?), Position(last.parse().ok()?)))
    };
    let mut found: Vec<_> =
        list(folder)?.into_iter().filter_map(|path| parse(&path).map(|(first, last)| (first, last, path))).collect();
    found.sort();
    Ok(found)
}

impl Region {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.offset.to_le_bytes());
        out.extend_from_slice(&self.length.to_le_bytes());
        out.extend_from_slice(&self.raw.to_le_bytes());
        out.extend_from_slice(&self.first.0.to_le_bytes());
        out.extend_from_slice(&self.last.0.to_le_bytes());
        out.extend_from_slice(&self.hash);
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.first_chunk::<ENTRY>()?;
        Some(Self {
            offset: u64_at(bytes, 0),
            length: u32_at(bytes, 8),
            raw: u32_at(bytes, 12),
            first: Position(u64_at(bytes, 16)),
            last: Position(u64_at(bytes, 24)),
            hash: *bytes[32..].first_chunk()?,
        })
    }
}

/// The 128 bytes with which header and index begin.
fn encode_front(info: &SegmentInfo) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(PAGE);
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&FORMAT.to_le_bytes());
    bytes.extend_from_slice(&[0; 6]);
    bytes.extend_from_slice(&info.home);
    bytes.extend_from_slice(&info.start.position.0.to_le_bytes());
    bytes.extend_from_slice(&info.start.hash);
    bytes.extend_from_slice(&info.end.position.0.to_le_bytes());
    bytes.extend_from_slice(&info.end.hash);
    bytes.extend_from_slice(&info.packs.to_le_bytes());
    bytes.extend_from_slice(&info.blocks.to_le_bytes());
    bytes.extend_from_slice(&[0; 4]);
    bytes
}

fn encode_header(info: &SegmentInfo) -> Vec<u8> {
    let mut bytes = encode_front(info);
    bytes.extend_from_slice(&info.file_bytes.to_le_bytes());
    bytes.extend_from_slice(&info.raw_bytes.to_le_bytes());
    bytes.resize(PAGE - HASH, 0);
    let hash = blake3::hash(&bytes);
    bytes.extend_from_slice(hash.as_bytes());
    bytes
}

/// What follows the last region, which ends at `offset`.
fn encode_index(info: &SegmentInfo, regions: &[Region], offset: u64) -> Vec<u8> {
    let mut bytes = encode_front(info);
    regions.iter().for_each(|region| region.encode(&mut bytes));
    bytes.resize((bytes.len() + TRAILER).next_multiple_of(PAGE) - TRAILER, 0);
    bytes.extend_from_slice(&END_MAGIC);
    bytes.extend_from_slice(&offset.to_le_bytes());
    bytes.extend_from_slice(&(regions.len() as u64).to_le_bytes());
    bytes.extend_from_slice(&[0; 8]);
    let hash = blake3::hash(&bytes);
    bytes.extend_from_slice(hash.as_bytes());
    bytes
}

/// The format number if it is another, else what the front says; its checksum has been verified.
fn decode_front(bytes: &[u8]) -> Option<Result<SegmentInfo, u16>> {
    let bytes = bytes.first_chunk::<FRONT>()?;
    if bytes[..8] != MAGIC {
        return None;
    }
    let found = u16::from_le_bytes([bytes[8], bytes[9]]);
    if found != FORMAT {
        return Some(Err(found));
    }
    Some(Ok(SegmentInfo {
        home: *bytes[16..].first_chunk()?,
        start: Head { position: Position(u64_at(bytes, 32)), hash: *bytes[40..].first_chunk()? },
        end: Head { position: Position(u64_at(bytes, 72)), hash: *bytes[80..].first_chunk()? },
        packs: u64_at(bytes, 112),
        blocks: u32_at(bytes, 120),
        file_bytes: 0,
        raw_bytes: 0,
    }))
}

fn decode_header(bytes: &[u8]) -> Option<Result<SegmentInfo, u16>> {
    let (content, hash) = bytes.split_at_checked(PAGE - HASH)?;
    if blake3::hash(content).as_bytes() != hash {
        return None;
    }
    let info = decode_front(content)?;
    Some(info.map(|info| SegmentInfo { file_bytes: u64_at(content, FRONT), raw_bytes: u64_at(content, 136), ..info }))
}

/// What the index says; `bytes` reach from its offset to the end of the file.
fn decode_index(bytes: &[u8]) -> Option<Result<(SegmentInfo, Vec<Region>), u16>> {
    let (content, hash) = bytes.split_at_checked(bytes.len().checked_sub(HASH)?)?;
    if blake3::hash(content).as_bytes() != hash {
        return None;
    }
    let info = match decode_front(content)? {
        Ok(info) => info,
        Err(found) => return Some(Err(found)),
    };
    let count = usize::try_from(u64_at(content, content.len().checked_sub(TRAILER - HASH - 16)?)).ok()?;
    let entries = content.get(FRONT..)?.chunks_exact(ENTRY).take(count);
    let regions: Vec<_> = entries.filter_map(Region::decode).collect();
    (regions.len() == count).then_some(Ok((info, regions)))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(*bytes[at..].first_chunk().expect("the caller has checked the length"))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(*bytes[at..].first_chunk().expect("the caller has checked the length"))
}

#[cfg(test)]
mod tests;

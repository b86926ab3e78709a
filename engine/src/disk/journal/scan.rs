//! Finds the packs of a journal file, and where they end.

use zo_projections::Position;

use crate::log::pack::{HEADER, TRAILER};
use crate::log::{ChainHash, Head, Pack, PackError, PackHeader};

/// How much of a begun pack is kept whose header does not even tell its length.
const UNKNOWN_LENGTH: usize = 4096;

/// Where a pack lies in its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed {
    /// Position of its first record.
    pub first: Position,
    /// Offset of its first byte.
    pub offset: u64,
}

/// What a scan found.
#[derive(Debug)]
pub struct Scanned {
    /// The packs, in order.
    pub packs: Vec<Placed>,
    /// The head after the last of them; where the scan began if there is none.
    pub end: Head,
    /// Offset of the first byte behind them.
    pub end_offset: usize,
    /// Why the scan ended there.
    pub stop: Stop,
}

/// Why a scan ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Nothing that belongs here follows: zeros, the end of the file, or the file's former life.
    Nothing,
    /// A pack that belongs here begins, but is cut or damaged.
    Begun {
        /// How many bytes it and those behind it seem to have.
        bytes: usize,
    },
    /// A whole pack of a newer format follows.
    Newer {
        /// Its format.
        found: u16,
    },
}

/// Follows the chain from `start` through the packs that lie in `bytes` from `offset` on. The hashes of packs
/// up to `trusted` are not computed, only their links are checked; but that of the last pack always is,
/// because no next link vouches for it.
pub fn scan(bytes: &[u8], offset: usize, start: Head, trusted: Position) -> Scanned {
    let mut packs = Vec::new();
    let mut end = start;
    let mut end_offset = offset;
    let mut before_last = (start, offset);
    let mut last_is_verified = true;
    loop {
        let rest = bytes.get(end_offset..).unwrap_or_default();
        let verify = PackHeader::read(rest).is_ok_and(|header| header.last() > trusted);
        match next(rest, &end, verify) {
            Ok((header, hash)) => {
                before_last = (end, end_offset);
                packs.push(Placed { first: header.first, offset: end_offset as u64 });
                end = Head { position: header.last(), hash };
                end_offset += header.length;
                last_is_verified = verify;
            }
            Err(stop) if last_is_verified => return Scanned { packs, end, end_offset, stop },
            Err(stop) => {
                let (head, offset) = before_last;
                match next(&bytes[offset..], &head, true) {
                    Ok(_) => return Scanned { packs, end, end_offset, stop },
                    Err(stop) => {
                        packs.pop();
                        return Scanned { packs, end: head, end_offset: offset, stop };
                    }
                }
            }
        }
    }
}

/// The pack at the front of `bytes` if it follows `head`, with its hash.
fn next(bytes: &[u8], head: &Head, verify: bool) -> Result<(PackHeader, ChainHash), Stop> {
    let begun = || if begins_here(bytes, head) { Stop::Begun { bytes: extent(bytes) } } else { Stop::Nothing };
    let header = PackHeader::read(bytes).map_err(|_| begun())?;
    if !header.follows(head) || bytes.len() < header.length {
        return Err(begun());
    }
    if verify || header.format > crate::log::pack::FORMAT {
        match Pack::read(bytes) {
            Ok(_) => {}
            Err(PackError::Newer { found }) => return Err(Stop::Newer { found }),
            Err(_) => return Err(begun()),
        }
    }
    let hash = *bytes[header.length - TRAILER..].first_chunk().expect("a pack ends with its hash");
    Ok((header, hash))
}

/// Whether `bytes` look like the pack that follows `head`, however damaged. What a recycled file holds of its
/// former life has lower positions and other hashes.
fn begins_here(bytes: &[u8], head: &Head) -> bool {
    let Some(front) = bytes.first_chunk::<HEADER>() else {
        return bytes.iter().any(|byte| *byte != 0);
    };
    let magic = front[..4] == *b"ZOPK";
    let first = front[8..16] == (head.position.0 + 1).to_le_bytes();
    (magic && first) || front[24..] == head.hash
}

/// How far the begun pack at the front of `bytes` reaches, with those that seem to follow it.
fn extent(bytes: &[u8]) -> usize {
    let mut reach = 0;
    let mut next = None;
    while let Ok(header) = PackHeader::read(&bytes[reach..]) {
        if next.is_some_and(|next| header.first != next) {
            break;
        }
        next = Some(header.last().next());
        reach += header.length;
        if reach >= bytes.len() {
            return bytes.len();
        }
    }
    if reach == 0 { bytes.len().min(UNKNOWN_LENGTH) } else { reach }
}

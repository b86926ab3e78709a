//! Opens a segment and reads it, repairing what its parity can repair.

use std::collections::VecDeque;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use zo_projections::Position;

use super::write::xor;
use super::{
    BLOCK_HEADER, BLOCK_MAGIC, FRONT, GROUP_BLOCKS, HASH, MAX_REGION, PAGE, Region, SegmentError, SegmentInfo, TRAILER,
    decode_header, decode_index, u32_at, u64_at,
};
use crate::disk::DiskError;
use crate::disk::files::read_range;
use crate::log::Pack;

/// A segment, open. Reads may run in parallel.
#[derive(Debug)]
pub struct Segment {
    path: PathBuf,
    file: File,
    info: SegmentInfo,
    condition: Condition,
    blocks: Vec<Region>,
    /// One per group; none where the index could not be read.
    parities: Vec<Region>,
    repaired: AtomicBool,
}

/// Which parts of a segment were readable when it was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Condition {
    /// The header page.
    pub header: bool,
    /// The index and the trailer.
    pub index: bool,
    /// The file is as long as it should be.
    pub length: bool,
}

impl Condition {
    /// Whether nothing was damaged.
    pub fn is_whole(&self) -> bool {
        self.header && self.index && self.length
    }
}

/// Something in a segment that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// What was found.
    pub what: String,
    /// The positions concerned.
    pub positions: Option<(Position, Position)>,
    /// Whether what was damaged could be computed from the rest.
    pub repaired: bool,
}

/// The packs of one block.
#[derive(Debug)]
pub struct Block {
    packs: Vec<Pack>,
    bytes: usize,
}

impl Block {
    /// Its packs, in order.
    pub fn packs(&self) -> &[Pack] {
        &self.packs
    }
}

impl Segment {
    /// Opens the segment `path`. If its header or its index is damaged, the other one serves.
    ///
    /// # Errors
    /// If both are damaged, or the file cannot be read, or is of a newer format.
    pub fn open(path: &Path) -> Result<Self, SegmentError> {
        let file = File::open(path).map_err(DiskError::on("open", path))?;
        let length = file.metadata().map_err(DiskError::on("open", path))?.len();
        let read = |at, length| read_range(&file, at, length).map_err(DiskError::on("read", path));
        let newer = |found| SegmentError::Newer { path: path.to_owned(), found };
        let header = decode_header(&read(0, PAGE)?).transpose().map_err(newer)?;
        let index = read_index(&read, length)?.transpose().map_err(newer)?;
        let info = match (&header, &index) {
            (Some(info), _) => *info,
            (None, Some((info, _))) => *info,
            (None, None) => {
                let what = "neither its header nor its index can be read".to_owned();
                return Err(SegmentError::Damaged { path: path.to_owned(), what, positions: None });
            }
        };
        let condition = Condition {
            header: header.is_some(),
            index: index.is_some(),
            length: header.is_none() || info.file_bytes == length,
        };
        let regions = match index {
            Some((_, regions)) => regions,
            None => regions_without_index(&read, &info)?,
        };
        let (blocks, parities) = regions.into_iter().partition(|region: &Region| region.raw > 0);
        let repaired = AtomicBool::new(false);
        Ok(Self { path: path.to_owned(), file, info, condition, blocks, parities, repaired })
    }

    /// Reads no more than the header page: what is there, and whether the file has its full length.
    ///
    /// # Errors
    /// If the header is damaged; [`Self::open`] may still succeed.
    pub fn peek(path: &Path) -> Result<SegmentInfo, SegmentError> {
        let file = File::open(path).map_err(DiskError::on("open", path))?;
        let page = read_range(&file, 0, PAGE).map_err(DiskError::on("read", path))?;
        let damaged =
            |what: &str| SegmentError::Damaged { path: path.to_owned(), what: what.to_owned(), positions: None };
        let info = match decode_header(&page) {
            None => return Err(damaged("its header is damaged")),
            Some(Err(found)) => return Err(SegmentError::Newer { path: path.to_owned(), found }),
            Some(Ok(info)) => info,
        };
        let length = file.metadata().map_err(DiskError::on("open", path))?.len();
        if length != info.file_bytes {
            return Err(damaged(&format!("it has {length} bytes of {}", info.file_bytes)));
        }
        Ok(info)
    }

    /// What it holds.
    pub fn info(&self) -> &SegmentInfo {
        &self.info
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What was readable when it was opened.
    pub fn condition(&self) -> Condition {
        self.condition
    }

    /// Whether something had to be repaired so far: then the file should be written anew.
    pub fn needs_rewrite(&self) -> bool {
        !self.condition.is_whole() || self.repaired.load(Ordering::Relaxed)
    }

    /// How many blocks can be found.
    pub fn blocks(&self) -> usize {
        self.blocks.len()
    }

    /// The number of the block with `position`, if it can be found.
    pub fn block_of(&self, position: Position) -> Option<usize> {
        let index = self.blocks.partition_point(|block| block.last < position);
        self.blocks.get(index).is_some_and(|block| block.first <= position).then_some(index)
    }

    /// Reads block number `index`, verified, and repaired from its group if it must be.
    ///
    /// # Errors
    /// If it is damaged and so is another region of its group.
    pub fn read_block(&self, index: usize) -> Result<Block, SegmentError> {
        let region = &self.blocks[index];
        let bytes = match self.read_region(region)? {
            Some(bytes) => bytes,
            None => {
                let restored = self.restore_block(index)?.ok_or_else(|| {
                    self.damaged("a block and another region of its group", Some((region.first, region.last)))
                })?;
                self.repaired.store(true, Ordering::Relaxed);
                restored
            }
        };
        self.unpack(bytes, region)
    }

    /// Looks at every byte of the file and calls `found` with everything that is not as it should be, until it
    /// returns an error. Returns whether everything can be read.
    ///
    /// # Errors
    /// The error of `found`, or if the file cannot be read.
    pub fn check(&self, found: &mut dyn FnMut(Flaw) -> Result<(), SegmentError>) -> Result<bool, SegmentError> {
        let whole = Some((self.info.first(), self.info.last()));
        let parts =
            [(self.condition.header, "header"), (self.condition.index, "index"), (self.condition.length, "length")];
        for (_, part) in parts.iter().filter(|(readable, _)| !readable) {
            found(Flaw { what: format!("its {part} is damaged"), positions: whole, repaired: true })?;
        }
        let mut readable = true;
        let mut head = self.info.start;
        for (index, region) in self.blocks.iter().enumerate() {
            let positions = Some((region.first, region.last));
            let mut flaw = |what: String, repaired| found(Flaw { what, positions, repaired });
            let mut bytes = self.read_region(region)?;
            if bytes.is_none() {
                bytes = self.restore_block(index)?;
                flaw(format!("block {index} is damaged"), bytes.is_some())?;
            }
            match bytes.map(|bytes| self.unpack(bytes, region)) {
                Some(Ok(block)) => {
                    for pack in block.packs() {
                        if !pack.follows(&head) {
                            readable = false;
                            flaw(format!("the pack from position {} does not follow", pack.first()), false)?;
                        }
                        head = pack.head();
                    }
                }
                Some(Err(error)) => {
                    readable = false;
                    flaw(error.to_string(), false)?;
                }
                None => readable = false,
            }
        }
        // Without the index nothing tells what the parity should be.
        let parities = if self.condition.index { &self.parities[..] } else { &[] };
        for (group, region) in parities.iter().enumerate() {
            let bytes = self.read(region)?;
            if *blake3::hash(&bytes).as_bytes() != region.hash {
                let what = format!("the parity of group {group} is damaged");
                found(Flaw { what, positions: Some((region.first, region.last)), repaired: true })?;
            }
        }
        if head != self.info.end {
            let missing = self.blocks.last().map_or(self.info.start.position, |block| block.last).next();
            let positions = (missing <= self.info.last()).then_some((missing, self.info.last()));
            found(Flaw { what: "it ends before its end".to_owned(), positions, repaired: false })?;
            readable = false;
        }
        Ok(readable)
    }

    fn read(&self, region: &Region) -> Result<Vec<u8>, DiskError> {
        read_range(&self.file, region.offset, region.length as usize).map_err(DiskError::on("read", &self.path))
    }

    /// The bytes of a block's region, if they are what they should be.
    fn read_region(&self, region: &Region) -> Result<Option<Vec<u8>>, DiskError> {
        let bytes = self.read(region)?;
        Ok(is_intact(&bytes, region).then_some(bytes))
    }

    /// Computes a block from the others of its group.
    fn restore_block(&self, index: usize) -> Result<Option<Vec<u8>>, DiskError> {
        let group = index / GROUP_BLOCKS;
        let Some(parity) = self.parities.get(group) else { return Ok(None) };
        let mut bytes = self.read(parity)?;
        if *blake3::hash(&bytes).as_bytes() != parity.hash && self.condition.index {
            return Ok(None);
        }
        for (other, region) in self.blocks.iter().enumerate().skip(group * GROUP_BLOCKS).take(GROUP_BLOCKS) {
            if other != index {
                let Some(other) = self.read_region(region)? else { return Ok(None) };
                if other.len() > bytes.len() {
                    return Ok(None);
                }
                xor(&mut bytes, &other);
            }
        }
        let region = &self.blocks[index];
        bytes.truncate(region.length as usize);
        Ok(is_intact(&bytes, region).then_some(bytes))
    }

    fn unpack(&self, region: Vec<u8>, entry: &Region) -> Result<Block, SegmentError> {
        let damaged = |what| self.damaged(what, Some((entry.first, entry.last)));
        let raw = u32_at(&region, 8) as usize;
        let stored = u32_at(&region, 12) as usize;
        if stored > region.len() - BLOCK_HEADER - HASH || raw > MAX_REGION {
            return Err(damaged("a block does not fit its region"));
        }
        let (buffer, start) = match region[4] {
            0 if raw == stored => (region, BLOCK_HEADER),
            1 => {
                let mut buffer = vec![0; raw];
                let length =
                    lz4_flex::block::decompress_into(&region[BLOCK_HEADER..BLOCK_HEADER + stored], &mut buffer);
                if length.ok() != Some(raw) {
                    return Err(damaged("a block cannot be decompressed"));
                }
                (buffer, 0)
            }
            _ => return Err(damaged("a block has an unknown codec")),
        };
        let bytes = buffer.len();
        let buffer = Arc::new(buffer);
        let mut packs: Vec<Pack> = Vec::new();
        let mut at = start;
        while at < start + raw {
            let pack = Pack::read_trusted(&buffer, at).map_err(|_| damaged("a block does not hold packs"))?;
            if packs.last().is_some_and(|before| !pack.follows(&before.head())) {
                return Err(damaged("the packs of a block do not follow each other"));
            }
            at += pack.bytes().len();
            packs.push(pack);
        }
        Ok(Block { packs, bytes })
    }

    fn damaged(&self, what: &str, positions: Option<(Position, Position)>) -> SegmentError {
        SegmentError::Damaged { path: self.path.clone(), what: what.to_owned(), positions }
    }
}

fn is_intact(bytes: &[u8], region: &Region) -> bool {
    let Some((content, hash)) = bytes.split_at_checked(bytes.len().saturating_sub(HASH)) else { return false };
    bytes.len() == region.length as usize && region.hash == hash && *blake3::hash(content).as_bytes() == region.hash
}

type Read<'a> = dyn Fn(u64, usize) -> Result<Vec<u8>, DiskError> + 'a;

#[allow(clippy::type_complexity, reason = "damaged, newer or good")]
fn read_index(read: &Read<'_>, length: u64) -> Result<Option<Result<(SegmentInfo, Vec<Region>), u16>>, DiskError> {
    let Some(trailer_at) = length.checked_sub(TRAILER as u64) else { return Ok(None) };
    let trailer = read(trailer_at, TRAILER)?;
    let Some(index_length) = trailer.get(8..16).and_then(|_| length.checked_sub(u64_at(&trailer, 8))) else {
        return Ok(None);
    };
    let (offset, index_length) = (length - index_length, usize::try_from(index_length).unwrap_or(usize::MAX));
    if !(FRONT + TRAILER..=MAX_REGION).contains(&index_length) {
        return Ok(None);
    }
    Ok(decode_index(&read(offset, index_length)?))
}

/// Finds the regions by walking from block to block; ends where a block's header is damaged. The hashes of
/// parity regions are not known then: what they restore is verified by the block's own hash.
fn regions_without_index(read: &Read<'_>, info: &SegmentInfo) -> Result<Vec<Region>, DiskError> {
    let mut regions: Vec<Region> = Vec::new();
    let mut offset = PAGE as u64;
    let mut longest = 0;
    for block in 0..info.blocks as usize {
        let header = read(offset, BLOCK_HEADER)?;
        if header.len() < BLOCK_HEADER || header[..4] != BLOCK_MAGIC {
            break;
        }
        let (raw, stored) = (u32_at(&header, 8), u32_at(&header, 12) as usize);
        let length = (BLOCK_HEADER + stored + HASH).next_multiple_of(PAGE);
        if raw == 0 || length > MAX_REGION {
            break;
        }
        let hash = read(offset + (length - HASH) as u64, HASH)?;
        let Some(hash) = hash.first_chunk::<HASH>() else { break };
        let (first, last) = (Position(u64_at(&header, 16)), Position(u64_at(&header, 24)));
        let expected = regions.last().map_or(info.start.position, |region| region.last).next();
        if first != expected || last < first || last > info.end.position {
            break;
        }
        regions.push(Region { offset, length: length as u32, raw, first, last, hash: *hash });
        offset += length as u64;
        longest = longest.max(length);
        if (block + 1).is_multiple_of(GROUP_BLOCKS) || block + 1 == info.blocks as usize {
            regions.push(Region { offset, length: longest as u32, raw: 0, first, last, hash: [0; HASH] });
            offset += longest as u64;
            longest = 0;
        }
    }
    Ok(regions)
}

/// The blocks read last, shared by all readers of a log.
#[derive(Debug)]
pub struct BlockCache {
    limit: usize,
    blocks: Mutex<VecDeque<(PathBuf, usize, Arc<Block>)>>,
}

impl BlockCache {
    /// A cache of about `limit` bytes; the block read last is always in it.
    pub fn new(limit: usize) -> Self {
        Self { limit, blocks: Mutex::default() }
    }

    /// Block number `index` of `segment`, from here or from the file.
    ///
    /// # Errors
    /// As [`Segment::read_block`].
    pub fn read(&self, segment: &Segment, index: usize) -> Result<Arc<Block>, SegmentError> {
        let is_it = |(path, number, _): &(PathBuf, usize, Arc<Block>)| *number == index && path == segment.path();
        {
            let mut blocks = self.blocks.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(at) = blocks.iter().position(is_it)
                && let Some(found) = blocks.remove(at)
            {
                let block = Arc::clone(&found.2);
                blocks.push_front(found);
                return Ok(block);
            }
        }
        let block = Arc::new(segment.read_block(index)?);
        let mut blocks = self.blocks.lock().unwrap_or_else(PoisonError::into_inner);
        blocks.push_front((segment.path().to_owned(), index, Arc::clone(&block)));
        let mut bytes = 0;
        let keep = blocks.iter().take_while(|(_, _, block)| {
            bytes += block.bytes;
            bytes <= self.limit
        });
        let keep = keep.count().max(1);
        blocks.truncate(keep);
        Ok(block)
    }
}

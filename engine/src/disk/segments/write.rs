//! Makes a segment: under a temporary name, synced, read back in full, and only then renamed.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use zo_projections::Position;

use super::{
    BLOCK_BYTES, BLOCK_HEADER, BLOCK_MAGIC, GROUP_BLOCKS, HASH, PAGE, Region, Segment, SegmentError, SegmentInfo,
    encode_header, encode_index,
};
use crate::disk::DiskError;
use crate::disk::files::{replace, temporary_of};
use crate::log::{Head, HomeId, Pack};

/// A segment being written. What is not finished leaves nothing behind.
#[derive(Debug)]
pub struct SegmentWriter {
    file: File,
    folder: PathBuf,
    temporary: PathBuf,
    finished: bool,
    info: SegmentInfo,
    regions: Vec<Region>,
    /// Where the next region begins.
    offset: u64,
    block_bytes: usize,
    block: Vec<u8>,
    block_first: Position,
    compressed: Vec<u8>,
    parity: Vec<u8>,
    blocks_in_group: usize,
}

impl SegmentWriter {
    /// Begins a segment in `folder`, whose first pack will follow `start`.
    ///
    /// # Errors
    /// If its file cannot be made.
    pub fn create(folder: &Path, home: HomeId, start: Head) -> Result<Self, DiskError> {
        Self::with_blocks_of(folder, home, start, BLOCK_BYTES)
    }

    /// As [`Self::create`], with blocks of about `block_bytes` bytes.
    ///
    /// # Errors
    /// If its file cannot be made.
    pub fn with_blocks_of(folder: &Path, home: HomeId, start: Head, block_bytes: usize) -> Result<Self, DiskError> {
        let temporary = temporary_of(&folder.join(format!("from-{:020}", start.position.next().0)));
        let mut options = OpenOptions::new();
        let file = options
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&temporary)
            .map_err(DiskError::on("create", &temporary))?;
        let info = SegmentInfo { home, start, end: start, packs: 0, blocks: 0, file_bytes: 0, raw_bytes: 0 };
        let mut writer = Self {
            file,
            folder: folder.to_owned(),
            temporary,
            finished: false,
            info,
            regions: Vec::new(),
            offset: 0,
            block_bytes,
            block: Vec::new(),
            block_first: Position::START,
            compressed: Vec::new(),
            parity: Vec::new(),
            blocks_in_group: 0,
        };
        // The header says how long the file is: it is written last.
        writer.write_at_end(&[0; PAGE])?;
        writer.offset = PAGE as u64;
        Ok(writer)
    }

    /// Adds the pack that follows the last one.
    ///
    /// # Errors
    /// If the file cannot be written, or the pack does not follow.
    pub fn push(&mut self, pack: &Pack) -> Result<(), SegmentError> {
        if !pack.follows(&self.info.end) {
            let what = format!("the pack from position {} does not follow the pack before it", pack.first());
            return Err(SegmentError::Damaged { path: self.temporary.clone(), what, positions: None });
        }
        if !self.block.is_empty() && self.block.len() + pack.bytes().len() > self.block_bytes {
            self.end_block()?;
        }
        if self.block.is_empty() {
            self.block_first = pack.first();
        }
        self.block.extend_from_slice(pack.bytes());
        self.info.end = pack.head();
        self.info.packs += 1;
        self.info.raw_bytes += pack.bytes().len() as u64;
        Ok(())
    }

    /// Bytes written so far.
    pub fn written(&self) -> u64 {
        self.offset
    }

    /// Writes what is left, makes the file durable, reads all of it back and gives it its name.
    ///
    /// # Errors
    /// If the file cannot be written or reads back differently; then there is no new file.
    pub fn finish(mut self) -> Result<(SegmentInfo, PathBuf), SegmentError> {
        self.end_block()?;
        self.end_group()?;
        self.info.blocks = u32::try_from(self.regions.iter().filter(|region| region.raw > 0).count())
            .expect("a segment has fewer than 2^32 blocks");
        let index = encode_index(&self.info, &self.regions, self.offset);
        self.write_at_end(&index)?;
        self.info.file_bytes = self.offset + index.len() as u64;
        let write = |error| DiskError::on("write", &self.temporary)(error);
        self.file.write_all_at(&encode_header(&self.info), 0).map_err(write)?;
        self.file.sync_all().map_err(DiskError::on("sync", &self.temporary))?;
        let segment = Segment::open(&self.temporary)?;
        let condition = segment.condition();
        if segment.info() != &self.info || !condition.is_whole() {
            let what = "it reads back differently".to_owned();
            return Err(SegmentError::Damaged { path: self.temporary.clone(), what, positions: None });
        }
        segment.check(&mut |what| {
            Err(SegmentError::Damaged { path: self.temporary.clone(), what: what.what, positions: what.positions })
        })?;
        let path = self.folder.join(self.info.file_name());
        replace(&self.temporary, &path)?;
        self.finished = true;
        Ok((self.info, path))
    }

    fn end_block(&mut self) -> Result<(), DiskError> {
        if self.block.is_empty() {
            return Ok(());
        }
        let bound = lz4_flex::block::get_maximum_output_size(self.block.len());
        self.compressed.resize(bound, 0);
        let (codec, stored) = match lz4_flex::block::compress_into(&self.block, &mut self.compressed) {
            // Decompressing costs time on every read: it has to save an eighth at least.
            Ok(length) if length < self.block.len() - self.block.len() / 8 => (1, &self.compressed[..length]),
            _ => (0, &self.block[..]),
        };
        let raw = u32::try_from(self.block.len()).expect("a block is far smaller than 4 GiB");
        let mut region = Vec::with_capacity((BLOCK_HEADER + stored.len() + HASH).next_multiple_of(PAGE));
        region.extend_from_slice(&BLOCK_MAGIC);
        region.extend_from_slice(&[codec, 0, 0, 0]);
        region.extend_from_slice(&raw.to_le_bytes());
        region.extend_from_slice(&(stored.len() as u32).to_le_bytes());
        region.extend_from_slice(&self.block_first.0.to_le_bytes());
        region.extend_from_slice(&self.info.end.position.0.to_le_bytes());
        region.extend_from_slice(stored);
        region.resize((region.len() + HASH).next_multiple_of(PAGE) - HASH, 0);
        let hash = *blake3::hash(&region).as_bytes();
        region.extend_from_slice(&hash);
        if self.parity.len() < region.len() {
            self.parity.resize(region.len(), 0);
        }
        xor(&mut self.parity, &region);
        let (first, last) = (self.block_first, self.info.end.position);
        self.end_region(&region, raw, first, last, hash)?;
        self.block.clear();
        self.blocks_in_group += 1;
        if self.blocks_in_group == GROUP_BLOCKS {
            self.end_group()?;
        }
        Ok(())
    }

    fn end_group(&mut self) -> Result<(), DiskError> {
        if self.blocks_in_group == 0 {
            return Ok(());
        }
        let parity = std::mem::take(&mut self.parity);
        let hash = *blake3::hash(&parity).as_bytes();
        let group = &self.regions[self.regions.len() - self.blocks_in_group..];
        let (first, last) = (group[0].first, self.info.end.position);
        self.blocks_in_group = 0;
        self.end_region(&parity, 0, first, last, hash)
    }

    fn end_region(
        &mut self,
        bytes: &[u8],
        raw: u32,
        first: Position,
        last: Position,
        hash: [u8; HASH],
    ) -> Result<(), DiskError> {
        self.write_at_end(bytes)?;
        let length = u32::try_from(bytes.len()).expect("a region is far smaller than 4 GiB");
        self.regions.push(Region { offset: self.offset, length, raw, first, last, hash });
        self.offset += u64::from(length);
        Ok(())
    }

    fn write_at_end(&self, bytes: &[u8]) -> Result<(), DiskError> {
        (&self.file).write_all(bytes).map_err(DiskError::on("write", &self.temporary))
    }
}

impl Drop for SegmentWriter {
    fn drop(&mut self) {
        if !self.finished {
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

/// XORs `bytes` into the front of `into`, which is at least as long.
pub(super) fn xor(into: &mut [u8], bytes: &[u8]) {
    into.iter_mut().zip(bytes).for_each(|(into, byte)| *into ^= byte);
}

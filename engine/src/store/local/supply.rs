//! The other copies of what the journal or a segment has lost.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use zo_projections::Position;

use crate::disk::files::list;
use crate::disk::journal::{self, FileHeader, HEADER_BYTES, JournalFile, scan};
use crate::disk::recent::Recent;
use crate::disk::segments::Segment;
use crate::log::{Head, HomeId, Pack};

/// Where packs are looked for that one copy has lost: in what is readable of damaged segments, in the segments
/// of a backup, in the twins of the journal files, and in the spare files of the journal, which still hold
/// what was sealed last. Nothing is opened before it is asked for.
#[derive(Debug)]
pub(super) struct Supply {
    log: PathBuf,
    home: HomeId,
    cache_bytes: u64,
    twins: Option<Vec<Recent>>,
    spares: Option<Vec<(FileHeader, JournalFile)>>,
    /// Twins that could not be opened, and why.
    pub broken: Vec<(PathBuf, String)>,
    segments: Vec<(Segment, &'static str)>,
    /// Packs that will be asked for next, the first one last.
    ahead: Vec<Pack>,
    ahead_from: &'static str,
}

/// How much is read at once.
const READ_BYTES: usize = 1 << 20;

impl Supply {
    /// Looks in the folder of the log `log`.
    pub(super) fn new(log: &Path, home: HomeId, cache_bytes: u64) -> Self {
        let (broken, segments, ahead) = (Vec::new(), Vec::new(), Vec::new());
        let log = log.to_owned();
        Self { log, home, cache_bytes, twins: None, spares: None, broken, segments, ahead, ahead_from: "" }
    }

    /// Looks also in `segment`, which is called `source`.
    pub(super) fn add(&mut self, segment: Segment, source: &'static str) {
        self.segments.push((segment, source));
    }

    /// The pack that follows `head`, verified, and where it was found. It can be asked for again.
    pub(super) fn after(&mut self, head: &Head) -> Option<(Pack, &'static str)> {
        // The pack asked for last is still in front.
        let passed = self.ahead.iter().rev().take_while(|pack| pack.first() <= head.position).count();
        self.ahead.truncate(self.ahead.len() - passed);
        if !self.ahead.last().is_some_and(|pack| pack.follows(head)) {
            self.ahead = self.look(head).unwrap_or_default();
            self.ahead.reverse();
        }
        self.ahead.last().map(|pack| (pack.clone(), self.ahead_from))
    }

    fn look(&mut self, head: &Head) -> Option<Vec<Pack>> {
        let follows = |packs: &Vec<Pack>| packs.first().is_some_and(|pack| pack.follows(head));
        let next = head.position.next();
        for (segment, source) in &self.segments {
            let block = segment.block_of(next).and_then(|block| segment.read_block(block).ok());
            let packs = block.map(|block| {
                let from = block.packs().partition_point(|pack| pack.last() < next);
                block.packs()[from..].to_vec()
            });
            if let Some(packs) = packs.filter(follows) {
                self.ahead_from = source;
                return Some(packs);
            }
        }
        if self.twins.is_none() {
            self.twins = Some(self.open_twins());
        }
        self.ahead_from = "the recent range";
        let mut twins = self.twins.iter().flatten();
        if let Some(packs) = twins.find_map(|twin| twin.read(next, READ_BYTES).ok().filter(follows)) {
            return Some(packs);
        }
        if self.spares.is_none() {
            self.spares = Some(self.open_spares());
        }
        self.ahead_from = "a spare file of the journal";
        let mut spares = self.spares.iter().flatten().filter(|(header, _)| header.start.position <= head.position);
        spares.find_map(|(header, file)| packs_of_spare(header, file, head))
    }

    fn open_spares(&self) -> Vec<(FileHeader, JournalFile)> {
        let (_, paths) = journal::files(&self.log.join("journal")).unwrap_or_default();
        let mut spares = Vec::new();
        for path in paths {
            let Ok(file) = JournalFile::open_to_read(&path, 0) else { continue };
            let header = file.read(0, HEADER_BYTES as usize).ok().and_then(|bytes| FileHeader::decode(&bytes).ok());
            spares.extend(header.filter(|header| header.home == self.home).map(|header| (header, file)));
        }
        spares
    }

    fn open_twins(&mut self) -> Vec<Recent> {
        let mut twins = Vec::new();
        for folder in list(&self.log.join("recent")).unwrap_or_default() {
            match Recent::open(&folder, self.cache_bytes) {
                Ok(twin) => twins.push(twin),
                Err(error) => self.broken.push((folder, error.to_string())),
            }
        }
        twins
    }
}

/// Up to [`READ_BYTES`] of packs behind `head` that a spare file holds from its former life.
fn packs_of_spare(header: &FileHeader, file: &JournalFile, head: &Head) -> Option<Vec<Pack>> {
    let bytes = Arc::new(file.read_all().ok()?);
    let scanned = scan(&bytes, HEADER_BYTES as usize, header.start, Position::START);
    let from = scanned.packs.partition_point(|placed| placed.first <= head.position);
    let wanted = scanned.packs.get(from..)?;
    let begin = wanted.first()?.offset;
    let wanted = wanted.iter().take_while(|placed| placed.offset - begin <= READ_BYTES as u64);
    let packs: Option<Vec<Pack>> =
        wanted.map(|placed| Pack::read_shared(&bytes, usize::try_from(placed.offset).ok()?).ok()).collect();
    packs.filter(|packs| packs.first().is_some_and(|pack| pack.follows(head)))
}

/// The folder of the twin of journal file `sequence`.
pub(super) fn twin_folder(recent: &Path, sequence: u64) -> PathBuf {
    recent.join(format!("{sequence:08}"))
}

//! The other copies of what the journal or a segment has lost.

use std::path::{Path, PathBuf};

use crate::disk::files::list;
use crate::disk::recent::Recent;
use crate::disk::segments::Segment;
use crate::log::{Head, Pack};

/// Where packs are looked for that one copy has lost: in the twins of the journal files, in what is readable
/// of damaged segments, in the segments of a backup. Nothing is opened before it is asked for.
#[derive(Debug)]
pub(super) struct Supply {
    recent: PathBuf,
    cache_bytes: u64,
    twins: Option<Vec<Recent>>,
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
    /// Looks in the folder `recent`.
    pub(super) fn new(recent: PathBuf, cache_bytes: u64) -> Self {
        let (broken, segments, ahead) = (Vec::new(), Vec::new(), Vec::new());
        Self { recent, cache_bytes, twins: None, broken, segments, ahead, ahead_from: "" }
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
        let twins = self.twins.iter().flatten();
        twins.filter_map(|twin| twin.read(next, READ_BYTES).ok()).find(follows)
    }

    fn open_twins(&mut self) -> Vec<Recent> {
        let mut twins = Vec::new();
        for folder in list(&self.recent).unwrap_or_default() {
            match Recent::open(&folder, self.cache_bytes) {
                Ok(twin) => twins.push(twin),
                Err(error) => self.broken.push((folder, error.to_string())),
            }
        }
        twins
    }
}

/// The folder of the twin of journal file `sequence`.
pub(super) fn twin_folder(recent: &Path, sequence: u64) -> PathBuf {
    recent.join(format!("{sequence:08}"))
}

//! What the writer, the readers and the threads behind them share, under one short lock.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use zo_projections::Position;

use super::report::Finding;
use crate::disk::DiskError;
use crate::disk::journal::{JournalFile, Placed};
use crate::disk::recent::Recent;
use crate::disk::segments::SegmentInfo;
use crate::log::pack::HEADER;
use crate::log::{Head, Pack, PackHeader};

/// Where everything is. The lock around it is held for moments only, never while a file is touched.
#[derive(Debug)]
pub(super) struct State {
    /// The head of what is durable.
    pub head: Head,
    /// The sealed segments, in order.
    pub segments: Vec<SegmentInfo>,
    /// The head after the last of them.
    pub sealed: Head,
    /// The journal files that are not sealed yet, in order; the last one is appended to.
    pub files: VecDeque<LiveFile>,
    /// The packs appended last.
    pub tail: Tail,
    /// When something was appended last.
    pub appended_at: Instant,
    /// Set once appending has ended, with the reason.
    pub poisoned: Option<String>,
    /// What was found since the log was opened.
    pub findings: Vec<Finding>,
    /// Segments in which something had to be repaired.
    pub flawed: Vec<PathBuf>,
    /// Segments that could not be repaired.
    pub hopeless: Vec<PathBuf>,
    /// The file whose twin somebody waits for.
    pub wanted_twin: Option<u64>,
    /// Packs of the journal that are damaged, by file and position; the filler writes them back from the twin.
    pub repairs: Vec<(u64, Position)>,
    /// Set when the threads have to end.
    pub stop: Option<Stop>,
    pub filler: Worker,
    pub sealer: Worker,
}

/// How the threads have to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// Fill the recent range first.
    Finish,
    /// At once.
    Now,
}

/// What a thread behind the writer is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Worker {
    /// Something.
    #[default]
    Busy,
    /// It has nothing to do and waits to be woken.
    Idle,
    /// It cannot go on with what it has to do, for now or for good.
    Stuck,
    /// It has ended.
    Ended,
}

/// A journal file, what is in it, and its twin in the recent range.
#[derive(Debug)]
pub(super) struct LiveFile {
    pub file: Arc<JournalFile>,
    /// The head before its first pack.
    pub start: Head,
    /// Where its packs lie.
    pub packs: Vec<Placed>,
    /// The head after its last pack.
    pub end: Head,
    /// The offset behind its last pack.
    pub end_offset: u64,
    pub twin: Twin,
    /// Set when its packs could not be read back: what its twin lacks now it never gets.
    pub halted: bool,
}

/// The second copy of a journal file, in sled.
#[derive(Debug, Default)]
pub(super) enum Twin {
    /// Not opened yet, and nothing is known of it.
    #[default]
    Closed,
    /// Not opened yet; it had everything up to `filled` when the log was closed.
    Resting { filled: Head },
    /// It has everything from the start of the file up to `filled`.
    Open { recent: Arc<Recent>, filled: Head },
    /// It has failed: the journal alone serves this file.
    Abandoned,
}

impl State {
    /// The file `sequence`, unless it is sealed.
    pub(super) fn live(&mut self, sequence: u64) -> Option<&mut LiveFile> {
        self.files.iter_mut().find(|live| live.file.sequence() == sequence)
    }

    /// Whether everything that is not sealed is in the twins.
    pub(super) fn twins_complete(&self) -> bool {
        self.files.iter().all(|live| {
            live.end == live.start
                || matches!(&live.twin, Twin::Resting { filled } | Twin::Open { filled, .. } if *filled == live.end)
        })
    }
}

impl Twin {
    /// Whether it may have packs, but has not been opened yet.
    pub(super) fn is_unopened(&self) -> bool {
        matches!(self, Self::Closed | Self::Resting { .. })
    }

    /// The twin, if it is open.
    pub(super) fn open(&self) -> Option<&Arc<Recent>> {
        match self {
            Self::Open { recent, .. } => Some(recent),
            _ => None,
        }
    }
}

impl LiveFile {
    /// An empty file.
    pub(super) fn begun(file: Arc<JournalFile>, start: Head, end_offset: u64) -> Self {
        Self { file, start, packs: Vec::new(), end: start, end_offset, twin: Twin::Closed, halted: false }
    }

    /// Where the pack that contains `from` lies, and the length of it and those behind it up to `max_bytes`,
    /// in bytes. At least that one pack.
    pub(super) fn extent(&self, from: Position, max_bytes: usize) -> Option<(u64, usize)> {
        if from > self.end.position {
            return None;
        }
        let index = self.packs.partition_point(|placed| placed.first <= from).checked_sub(1)?;
        let begin = self.packs[index].offset;
        let rest = &self.packs[index + 1..];
        let fitting = rest.partition_point(|placed| placed.offset - begin <= max_bytes as u64);
        let mut end = match fitting {
            0 => rest.first().map_or(self.end_offset, |placed| placed.offset),
            n => rest[n - 1].offset,
        };
        if fitting == rest.len() && self.end_offset - begin <= max_bytes as u64 {
            end = self.end_offset;
        }
        Some((begin, usize::try_from(end - begin).expect("a journal file fits into memory")))
    }

    /// Whether the chain of this file passes through `head`. Reads at most one header.
    pub(super) fn passes(&self, head: &Head) -> Result<bool, DiskError> {
        if *head == self.start || *head == self.end {
            return Ok(true);
        }
        let index = self.packs.partition_point(|placed| placed.first <= head.position);
        let Some(placed) = self.packs.get(index) else { return Ok(false) };
        let header = PackHeader::read(&self.file.read(placed.offset, HEADER)?);
        Ok(header.is_ok_and(|header| header.follows(head)))
    }

    /// Bytes of packs that the twin does not have yet.
    pub(super) fn unfilled(&self) -> u64 {
        let filled = match &self.twin {
            _ if self.halted => return 0,
            Twin::Closed => self.start.position,
            Twin::Resting { filled } | Twin::Open { filled, .. } => filled.position,
            Twin::Abandoned => return 0,
        };
        self.extent(filled.next(), 0).map_or(0, |(offset, _)| self.end_offset - offset)
    }
}

/// The packs appended last, kept in memory: what those who follow the log closely read, and what is not yet in
/// the recent range. It is a cache: the journal has all of them.
#[derive(Debug, Default)]
pub(super) struct Tail {
    packs: VecDeque<Pack>,
    bytes: usize,
}

impl Tail {
    /// Adds what was just appended and lets go of the oldest, so that at most `limit` bytes remain.
    pub(super) fn push(&mut self, packs: &[Pack], limit: usize) {
        for pack in packs {
            self.bytes += pack.bytes().len();
            self.packs.push_back(pack.detached());
        }
        while self.bytes > limit {
            let Some(pack) = self.packs.pop_front() else { break };
            self.bytes -= pack.bytes().len();
        }
    }

    /// Whether nothing has been appended.
    pub(super) fn is_empty(&self) -> bool {
        self.packs.is_empty()
    }

    /// The packs from the one that contains `from`, if it is here.
    pub(super) fn from(&self, from: Position) -> Option<impl Iterator<Item = &Pack>> {
        if self.packs.front()?.first() > from {
            return None;
        }
        let begin = self.packs.partition_point(|pack| pack.last() < from);
        Some(self.packs.range(begin..))
    }
}

//! What the writer, the readers and the threads behind them share, under one short lock.

use std::collections::VecDeque;
use std::sync::Arc;

use zo_projections::Position;

use crate::disk::journal::{JournalFile, Placed};
use crate::log::{Head, Pack};

/// Where everything is. The lock around it is held for moments only, never while a file is touched.
#[derive(Debug)]
pub(super) struct State {
    /// The head of what is durable.
    pub head: Head,
    /// The journal files that are not sealed yet, in order; the last one is appended to.
    pub files: VecDeque<LiveFile>,
    /// The packs appended last.
    pub tail: Tail,
    /// Set once appending has ended, with the reason.
    pub poisoned: Option<String>,
}

/// A journal file and what is in it.
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
}

impl LiveFile {
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

    /// The packs from the one that contains `from`, if it is here.
    pub(super) fn from(&self, from: Position) -> Option<impl Iterator<Item = &Pack>> {
        if self.packs.front()?.first() > from {
            return None;
        }
        let begin = self.packs.partition_point(|pack| pack.last() < from);
        Some(self.packs.range(begin..))
    }
}

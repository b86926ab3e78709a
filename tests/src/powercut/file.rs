//! The data and length of one file: what is durable, and what was done since.
//!
//! The durable data lies in a file of its own (the *base*); undurable steps point into the trace.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;

use anyhow::{Context, Result};

use super::fate::{Choices, PageId};

/// Bytes of a page: what survives or is lost as a whole.
pub(crate) const PAGE: u64 = 4096;
/// Copies go through a buffer of this size.
const BUFFER: usize = 1 << 20;

/// A file without its names.
#[derive(Clone, Debug, Default)]
pub(crate) struct FileData {
    /// Length of the base file.
    base_length: u64,
    /// How often the base file was brought up to date: tells apart its contents.
    version: u64,
    length: u64,
    steps: Vec<Step>,
    /// The first so many steps are durable but not in the base yet.
    settled: usize,
}

/// One write or change of length.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    record: usize,
    /// Written through O_SYNC: durable without a sync.
    synced: bool,
    action: Action,
}

#[derive(Clone, Debug)]
enum Action {
    Write { start: u64, end: u64, source: Source },
    SetLength { from: u64, to: u64 },
}

/// Where written bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// At this offset of the trace.
    Trace(u64),
    /// Nowhere: a hole was punched.
    Zeros,
}

/// What is left of a file after a cut: the base, cut to `truncated`, then `pieces`, then cut or extended to `length`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Remains {
    pub(crate) truncated: u64,
    pub(crate) pieces: Vec<Piece>,
    pub(crate) length: u64,
    pub(crate) kept_pages: usize,
    pub(crate) dropped_pages: usize,
    pub(crate) partial_pages: usize,
    pub(crate) kept_lengths: usize,
    pub(crate) dropped_lengths: usize,
}

/// Bytes `start..end` of the file come from `source` (the offset is that of `start`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) source: Source,
}

impl FileData {
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    pub(crate) fn base_length(&self) -> u64 {
        self.base_length
    }

    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    pub(crate) fn write(&mut self, record: usize, offset: u64, length: u64, source: Source, synced: bool) {
        let end = offset + length;
        self.steps.push(Step { record, synced, action: Action::Write { start: offset, end, source } });
        self.length = self.length.max(end);
    }

    pub(crate) fn set_length(&mut self, record: usize, length: u64) {
        if length != self.length {
            let action = Action::SetLength { from: self.length, to: length };
            self.steps.push(Step { record, synced: false, action });
            self.length = length;
        }
    }

    /// Makes durable what records before `end` did.
    pub(crate) fn settle(&mut self, end: usize) {
        self.settled = self.settled.max(self.steps.partition_point(|step| step.record < end));
    }

    /// What is not durable.
    fn open_steps(&self) -> &[Step] {
        &self.steps[self.settled..]
    }

    /// The oldest record that is not durable.
    pub(crate) fn oldest(&self) -> Option<usize> {
        self.open_steps().first().map(|step| step.record)
    }

    /// The records that wrote the first and the last undurable page, and these pages.
    pub(crate) fn extremes(&self) -> Option<((usize, u64), (usize, u64))> {
        let mut writes = self.open_steps().iter().filter_map(|step| match step.action {
            Action::Write { start, end, .. } => Some((step.record, start / PAGE, (end - 1) / PAGE)),
            Action::SetLength { .. } => None,
        });
        let first = writes.next()?;
        let last = writes.next_back().unwrap_or(first);
        Some(((first.0, first.1), (last.0, last.2)))
    }

    /// Brings the base file up to date with what is durable.
    pub(crate) fn update_base(&mut self, base: &Path, trace: &File) -> Result<()> {
        if self.settled == 0 {
            return Ok(());
        }
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(base)
            .with_context(|| format!("base image {} cannot be opened", base.display()))?;
        let mut copier = Copier::new(trace);
        for step in self.steps.drain(..self.settled) {
            match step.action {
                Action::Write { start, end, source } => {
                    copier.copy(Piece { start, end, source }, &file)?;
                    self.base_length = self.base_length.max(end);
                }
                Action::SetLength { to, .. } => {
                    file.set_len(to)?;
                    self.base_length = to;
                }
            }
        }
        self.settled = 0;
        self.version += 1;
        Ok(())
    }

    /// What the choices leave of the file. The base must be up to date.
    pub(crate) fn remains(&self, node: usize, choices: &Choices) -> Remains {
        debug_assert_eq!(self.settled, 0, "the base is up to date");
        let mut remains = Remains { truncated: self.base_length, ..Remains::default() };
        let kept_until = self.choose_length(node, choices, &mut remains);
        let shrinkings = self.shrinkings(kept_until);
        for shrinking in shrinkings.iter().filter(|shrinking| shrinking.kept) {
            remains.truncated = remains.truncated.min(shrinking.to);
        }
        for (page, steps) in self.pages() {
            self.choose_page(PageId { node, page }, &steps, &shrinkings, choices, &mut remains);
        }
        remains
    }

    /// Chooses the length, and returns the number of the first steps whose changes of the length are kept.
    fn choose_length(&self, node: usize, choices: &Choices, remains: &mut Remains) -> usize {
        let mut length = self.base_length;
        let mut changes = Vec::new();
        for (index, step) in self.steps.iter().enumerate() {
            let new = match step.action {
                Action::Write { end, .. } => length.max(end),
                Action::SetLength { to, .. } => to,
            };
            if new != length {
                length = new;
                changes.push((index, new));
            }
        }
        let records: Vec<usize> = changes.iter().map(|(index, _)| self.steps[*index].record).collect();
        let synced = self.steps.iter().rposition(|step| step.synced);
        let least = changes.partition_point(|(index, _)| synced.is_some_and(|synced| *index <= synced));
        let kept = choices.lengths(node, &records).max(least);
        remains.kept_lengths = kept;
        remains.dropped_lengths = changes.len() - kept;
        remains.length = if kept == 0 { self.base_length } else { changes[kept - 1].1 };
        if kept == 0 { 0 } else { changes[kept - 1].0 + 1 }
    }

    fn shrinkings(&self, kept_until: usize) -> Vec<Shrinking> {
        let shrinking = |(index, step): (usize, &Step)| match step.action {
            Action::SetLength { from, to } if to < from => Some(Shrinking { index, to, kept: index < kept_until }),
            _ => None,
        };
        self.steps.iter().enumerate().filter_map(shrinking).collect()
    }

    /// The steps that touch each page, in order; a shrinking touches only the page that the new end lies within.
    fn pages(&self) -> BTreeMap<u64, Vec<usize>> {
        let mut pages: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
        for (index, step) in self.steps.iter().enumerate() {
            let touched = match step.action {
                Action::Write { start, end, .. } => start / PAGE..=(end - 1) / PAGE,
                Action::SetLength { from, to } if to < from && to % PAGE != 0 => to / PAGE..=to / PAGE,
                Action::SetLength { .. } => continue,
            };
            for page in touched {
                pages.entry(page).or_default().push(index);
            }
        }
        pages
    }

    fn choose_page(
        &self,
        id: PageId,
        steps: &[usize],
        shrinkings: &[Shrinking],
        choices: &Choices,
        remains: &mut Remains,
    ) {
        // Of a page behind the new end of a kept shrinking nothing older is left; behind that of a dropped one, what was
        // written later went to blocks that the file never got.
        let mut valid = steps;
        for shrinking in shrinkings.iter().filter(|shrinking| shrinking.to <= id.page * PAGE) {
            let index = valid.partition_point(|step| *step < shrinking.index);
            valid = if shrinking.kept { &valid[index..] } else { &valid[..index] };
        }
        let records: Vec<usize> = valid.iter().map(|index| self.steps[*index].record).collect();
        let synced = valid.iter().rposition(|index| self.steps[*index].synced);
        let kept = choices.page(id, &records).max(synced.map_or(0, |index| index + 1));
        match kept {
            _ if kept == steps.len() => remains.kept_pages += 1,
            0 => remains.dropped_pages += 1,
            _ => remains.partial_pages += 1,
        }
        // Whatever survives of the page, the kernel never shows more than zeros behind an end that was kept.
        let cut_later = valid[kept..]
            .iter()
            .filter(|index| shrinkings.iter().any(|shrinking| shrinking.kept && shrinking.index == **index));
        for index in valid[..kept].iter().chain(cut_later) {
            self.add_piece(*index, id.page, &mut remains.pieces);
        }
    }

    fn add_piece(&self, index: usize, page: u64, pieces: &mut Vec<Piece>) {
        let (page_start, page_end) = (page * PAGE, (page + 1) * PAGE);
        let piece = match self.steps[index].action {
            Action::Write { start, end, source } => {
                let first = start.max(page_start);
                let source = match source {
                    Source::Trace(offset) => Source::Trace(offset + (first - start)),
                    Source::Zeros => Source::Zeros,
                };
                Piece { start: first, end: end.min(page_end), source }
            }
            Action::SetLength { to, .. } => Piece { start: to, end: page_end, source: Source::Zeros },
        };
        match pieces.last_mut() {
            Some(last) if last.continues_with(&piece) => last.end = piece.end,
            _ => pieces.push(piece),
        }
    }
}

/// A change of length to less.
struct Shrinking {
    /// Of the step.
    index: usize,
    to: u64,
    kept: bool,
}

impl Piece {
    fn continues_with(&self, next: &Self) -> bool {
        let same = match (self.source, next.source) {
            (Source::Trace(mine), Source::Trace(theirs)) => mine + (self.end - self.start) == theirs,
            (Source::Zeros, Source::Zeros) => true,
            _ => false,
        };
        same && self.end == next.start
    }
}

/// Copies pieces from the trace.
pub(crate) struct Copier<'trace> {
    trace: &'trace File,
    buffer: Vec<u8>,
}

impl<'trace> Copier<'trace> {
    pub(crate) fn new(trace: &'trace File) -> Self {
        Self { trace, buffer: Vec::new() }
    }

    pub(crate) fn copy(&mut self, piece: Piece, to: &File) -> Result<()> {
        self.buffer.resize(BUFFER, 0);
        let mut start = piece.start;
        while start < piece.end {
            let length = (piece.end - start).min(BUFFER as u64) as usize;
            let buffer = &mut self.buffer[..length];
            match piece.source {
                Source::Trace(offset) => self
                    .trace
                    .read_exact_at(buffer, offset + (start - piece.start))
                    .context("the trace has become shorter")?,
                Source::Zeros => buffer.fill(0),
            }
            to.write_all_at(buffer, start).context("the image cannot be written")?;
            start += length as u64;
        }
        Ok(())
    }
}

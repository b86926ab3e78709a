//! Finds documents by meaning, through the vectors of their passages.

use std::collections::{HashMap, HashSet};

use super::verdicts::Verdicts;
use super::{Dense, GROWTH};
use crate::error::IndexError;
use crate::filter::Eligible;
use crate::fusion::CosineStatistics;
use crate::index::MemoryIndex;
use crate::vectors::{Nearest, Rows};

/// A document with more passages than this is scanned for the nearest one; of others every passage is
/// compared.
const MAX_COMPARED: usize = 64;

/// Each scan looks at every vector, so another one is made only if of the documents that were asked
/// for not even one in so many is valid, or fewer than the hits that were asked for.
const ENOUGH: usize = 4;

/// A scan of fewer rows than this is over before another thread has begun.
const LONG_SCAN_ROWS: usize = 20_000;

/// The nearest passage of a document.
#[derive(Clone, Copy, Debug)]
pub(super) struct Passage {
    pub(super) ordinal: u32,
    /// Which of the document's passages it is.
    pub(super) passage: u32,
    pub(super) cosine: f32,
}

/// The dense side of one search.
pub(super) struct DenseSearch<'a> {
    index: &'a MemoryIndex,
    dense: Dense<'a>,
    /// Rows from here on are not embedded, or belong to no eligible document.
    end: u32,
    /// The eligible rows, unless these are all of the store.
    among: Option<Rows>,
}

/// What fusion wants to know of all cosines; none if there are none.
pub(super) fn distribution(nearest: &Nearest) -> Option<CosineStatistics> {
    let statistics = nearest.statistics;
    (statistics.rows > 0).then_some(CosineStatistics {
        maximum: statistics.maximum,
        mean: statistics.mean,
        deviation: statistics.deviation,
    })
}

impl<'a> DenseSearch<'a> {
    /// None if no eligible passage has a vector.
    pub(super) fn new(
        index: &'a MemoryIndex,
        dense: Dense<'a>,
        eligible: &Eligible,
    ) -> Result<Option<DenseSearch<'a>>, IndexError> {
        let rows = dense.vectors.rows();
        let (end, among) = index.look(|view| {
            let end = match eligible.end().checked_sub(1) {
                Some(last) => view.table.rows_of(last).end.min(rows),
                None => 0,
            };
            let among: Option<Rows> = match eligible.selected() {
                Some(selected) => Some(selected.flat_map(|ordinal| view.table.rows_of(ordinal)).collect()),
                None if end < rows => Some((0..end).collect()),
                None => None,
            };
            Ok((end, among))
        })?;
        let some = end > 0 && among.as_ref().is_none_or(|among| !among.is_empty());
        Ok(some.then_some(DenseSearch { index, dense, end, among }))
    }

    /// Whether a scan takes long enough to do something else beside it.
    pub(super) fn is_long(&self) -> bool {
        self.among.as_ref().map_or(self.end as usize, Rows::len) >= LONG_SCAN_ROWS
    }

    /// How many passages are looked for at first for a pool of so many documents: several of the
    /// nearest may belong to one document, and some of these be superseded.
    pub(super) fn wanted_for(pool: usize) -> usize {
        pool + pool / 4
    }

    /// The nearest passages.
    pub(super) fn scan(&self, wanted: usize) -> Result<Nearest, IndexError> {
        self.dense.vectors.nearest(self.dense.query, wanted, self.among.as_ref())
    }

    /// The valid documents with the nearest passages, nearest first: up to `pool` of them, and at
    /// least `limit` unless there are fewer. `nearest` is what a scan for `pool` has found.
    pub(super) fn documents(
        &self,
        mut nearest: Nearest,
        pool: usize,
        limit: usize,
        verdicts: &mut Verdicts<'_>,
    ) -> Result<Vec<Passage>, IndexError> {
        let mut wanted = DenseSearch::wanted_for(pool);
        let enough = (pool / ENOUGH).max(limit).min(pool);
        loop {
            let exhausted = nearest.hits.len() < wanted;
            let found = self.nearest_passages(&nearest.hits)?;
            let mut best = verdicts.retain(found, |passage| passage.ordinal)?;
            if best.len() >= enough || exhausted {
                best.truncate(pool);
                return Ok(best);
            }
            wanted = wanted.saturating_mul(GROWTH);
            nearest = self.scan(wanted)?;
        }
    }

    /// The nearest passage of each of the given documents that has a vector.
    pub(super) fn cosines(&self, ordinals: &[u32]) -> Result<HashMap<u32, Passage>, IndexError> {
        let ranges: Vec<(u32, std::ops::Range<u32>)> = self.index.look(|view| {
            let range = |ordinal: &u32| {
                let rows = view.table.rows_of(*ordinal);
                (*ordinal, rows.start..rows.end.min(self.end))
            };
            Ok(ordinals.iter().map(range).collect())
        })?;
        let (long, short): (Vec<_>, Vec<_>) = ranges.into_iter().partition(|(_, rows)| rows.len() > MAX_COMPARED);
        let mut rows: Vec<(u32, u32, u32)> = Vec::new();
        for (ordinal, range) in short {
            let first = range.start;
            rows.extend(range.map(|row| (row, ordinal, row - first)));
        }
        rows.sort_unstable();
        let numbers: Vec<u32> = rows.iter().map(|(row, ..)| *row).collect();
        let cosines = self.dense.vectors.cosines(self.dense.query, &numbers)?;
        let mut nearest: HashMap<u32, Passage> = HashMap::new();
        for ((_, ordinal, passage), cosine) in rows.into_iter().zip(cosines) {
            let this = Passage { ordinal, passage, cosine };
            let best = nearest.entry(ordinal).or_insert(this);
            if cosine > best.cosine {
                *best = this;
            }
        }
        for (ordinal, range) in long {
            let first = range.start;
            let among: Rows = range.collect();
            let found = self.dense.vectors.nearest(self.dense.query, 1, Some(&among))?;
            if let Some((row, cosine)) = found.hits.first() {
                nearest.insert(ordinal, Passage { ordinal, passage: row - first, cosine: *cosine });
            }
        }
        Ok(nearest)
    }

    /// The documents of rows that are nearest first, each with its nearest one.
    fn nearest_passages(&self, hits: &[(u32, f32)]) -> Result<Vec<Passage>, IndexError> {
        self.index.look(|view| {
            let mut seen = HashSet::new();
            let passage = |(row, cosine): &(u32, f32)| {
                let (ordinal, passage) = view.table.of_row(*row).filter(|_| *row < self.end)?;
                seen.insert(ordinal).then_some(Passage { ordinal, passage, cosine: *cosine })
            };
            Ok(hits.iter().filter_map(passage).collect())
        })
    }
}

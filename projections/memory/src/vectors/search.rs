//! The search for the nearest rows: estimated for all of them, computed for those that could be meant.
//!
//! 1. All eligible codes are scanned, and the rows with the greatest estimates kept ([`CANDIDATES`]).
//! 2. The best of these ([`FIRST`]) are read from disk and computed. The `limit`-th best of them is a bar.
//! 3. Of the other candidates those are read and computed too whose estimate is at most [`DOUBT`] standard deviations
//!    below the bar. So an easy question reads few rows and a hard one many.
//!
//! A few rows ([`EXACT_ROWS`]) are all computed.

use super::Nearest;
use super::best::{Best, Scored, better, keep_best, split_best};
use super::codes::{CodedQuery, Scanned};
use super::files::Files;
use super::memory::Memory;
use super::rotation::Rotation;
use super::rows::Rows;
use super::statistics::Statistics;
use super::threads::{side_by_side, split};
use crate::error::Failure;

/// Up to so many eligible rows are all computed.
const EXACT_ROWS: usize = 1_000;
/// Rows whose estimates are kept: so many times the root of the number of eligible rows. A third of that holds 99 of
/// 100 true top tens of texts. It is never less than [`EXACT_ROWS`].
const CANDIDATES: f32 = 3.0;
/// With fewer dimensions estimates are less certain, and as many times more rows are kept.
const DIMENSIONS: f32 = 384.0;
/// Candidates that are computed in any case, at least.
const FIRST: usize = 64;
/// How many standard deviations an estimate may be below the bar.
const DOUBT: f32 = 2.5;
/// Rows with the least estimates that are computed, for the minimum.
const FARTHEST: usize = 16;

/// Rows to read and blocks to scan for which another thread is worth its start: each some milliseconds' work. On a busy
/// machine waiting for a thread to get its turn takes as long.
const READS_PER_THREAD: usize = 5_000;
const BLOCKS_PER_THREAD: usize = 15_000;

/// What a search reads.
pub(super) struct Search<'a> {
    pub(super) files: &'a Files,
    pub(super) memory: &'a Memory,
    pub(super) rotation: &'a Rotation,
    pub(super) threads: usize,
}

impl Search<'_> {
    /// The nearest rows to a query of length 1 or 0.
    pub(super) fn nearest(&self, query: &[f32], limit: usize, among: Option<&Rows>) -> Result<Nearest, Failure> {
        let rows = self.memory.rows();
        let eligible = among.map_or(rows as usize, Rows::len);
        let (mut hits, statistics) = if eligible <= EXACT_ROWS.max(limit) {
            self.among_few(query, limit, among)?
        } else {
            self.among_many(query, limit, among)?
        };
        hits.sort_unstable_by(better);
        hits.truncate(limit);
        Ok(Nearest { hits, statistics })
    }

    /// The cosines between a query and rows that exist, in their order.
    pub(super) fn cosines(&self, query: &[f32], rows: &[u32]) -> Result<Vec<f32>, Failure> {
        let parts = side_by_side(split(rows.len(), READS_PER_THREAD, self.threads), |part| {
            let mut cosines = Vec::with_capacity(part.len());
            let read = self
                .files
                .read_vectors(&rows[part], self.memory.digests.all(), |_, values| cosines.push(values.dot(query)));
            read.map(|()| cosines)
        });
        let mut cosines = Vec::with_capacity(rows.len());
        for part in parts {
            cosines.extend(part?);
        }
        Ok(cosines)
    }

    fn among_few(
        &self,
        query: &[f32],
        limit: usize,
        among: Option<&Rows>,
    ) -> Result<(Vec<Scored>, Statistics), Failure> {
        let end = self.memory.rows();
        let rows = match among {
            Some(among) => among.iter().take_while(|row| *row < end).collect(),
            None => Vec::from_iter(0..end),
        };
        let cosines = self.cosines(query, &rows)?;
        let statistics = Statistics::of(&cosines);
        let mut hits = rows.into_iter().zip(cosines).collect();
        keep_best(&mut hits, limit.max(1));
        Ok((hits, statistics))
    }

    fn among_many(
        &self,
        query: &[f32],
        limit: usize,
        among: Option<&Rows>,
    ) -> Result<(Vec<Scored>, Statistics), Failure> {
        let codes = &self.memory.codes;
        let coded = CodedQuery::of(&self.rotation.apply(query));
        let wanted = limit.max(1);
        let rows = self.memory.rows();
        let eligible = among.map_or(rows as usize, Rows::len) as f32;
        let candidates = CANDIDATES * eligible.sqrt() * (DIMENSIONS / query.len() as f32).max(1.0);
        let keep = ((candidates as usize).max(EXACT_ROWS).max(4 * wanted), FARTHEST);
        let scans = side_by_side(split(codes.blocks(), BLOCKS_PER_THREAD, self.threads), |blocks| {
            codes.scan(&coded, blocks, rows, among, keep)
        });
        let sum_of = |part: fn(&Scanned) -> &[f32]| scans.iter().flat_map(part).map(|sum| f64::from(*sum)).sum();
        let (sum, squares) = (sum_of(|scan| &scan.sums), sum_of(|scan| &scan.squares));
        let eligible = scans.iter().map(|scan| scan.rows).sum();
        let statistics = Statistics::from_sums(eligible, sum, squares, codes.variance(&coded));
        let (nearest, farthest): (Vec<Best>, Vec<Best>) =
            scans.into_iter().map(|scan| (scan.nearest, scan.farthest)).unzip();

        let mut likely = Best::merge(nearest, keep.0);
        let mut doubtful = split_best(&mut likely, FIRST.max(2 * wanted));
        let mut hits = self.computed(query, &likely)?;
        keep_best(&mut hits, wanted);
        let bar = hits.last().map_or(0.0, |worst| worst.1);
        doubtful.retain(|(row, estimate)| *estimate >= bar - DOUBT * codes.uncertainty(*row));
        hits.extend(self.computed(query, &doubtful)?);
        keep_best(&mut hits, wanted);

        let farthest = self.computed(query, &Best::merge(farthest, FARTHEST))?;
        let least = farthest.iter().map(|row| row.1).reduce(f32::min).unwrap_or(0.0);
        let greatest = hits.iter().map(|row| row.1).reduce(f32::max).unwrap_or(0.0);
        Ok((hits, Statistics { minimum: least, maximum: greatest, ..statistics }))
    }

    /// The same rows with their cosines in place of estimates, ascending.
    fn computed(&self, query: &[f32], rows: &[Scored]) -> Result<Vec<Scored>, Failure> {
        let mut rows: Vec<u32> = rows.iter().map(|row| row.0).collect();
        rows.sort_unstable();
        let cosines = self.cosines(query, &rows)?;
        Ok(rows.into_iter().zip(cosines).collect())
    }
}

//! The best so many of a long stream of scores.

use std::cmp::Ordering;

/// A row and how good it is.
pub(super) type Scored = (u32, f32);

/// Better rows first, of equally good ones the earlier first.
pub(super) fn better(one: &Scored, other: &Scored) -> Ordering {
    other.1.total_cmp(&one.1).then(one.0.cmp(&other.0))
}

/// Gathers the best rows; they must be offered in ascending order.
pub(super) struct Best {
    keep: usize,
    rows: Vec<Scored>,
    /// A row must be better than this: `keep` others are at least as good.
    bar: f32,
}

impl Best {
    /// Gathers `keep` rows, at least 1.
    pub(super) fn new(keep: usize) -> Best {
        Best { keep, rows: Vec::with_capacity(2 * keep), bar: f32::NEG_INFINITY }
    }

    /// Rows that are not better than this are not wanted.
    #[inline(always)]
    pub(super) fn bar(&self) -> f32 {
        self.bar
    }

    /// Offers a row.
    pub(super) fn offer(&mut self, row: u32, score: f32) {
        if score > self.bar {
            self.rows.push((row, score));
        }
        if self.rows.len() == 2 * self.keep {
            keep_best(&mut self.rows, self.keep);
            self.bar = self.rows[self.keep - 1].1;
        }
    }

    /// The best rows of several gatherings, in no particular order.
    pub(super) fn merge(all: impl IntoIterator<Item = Best>, keep: usize) -> Vec<Scored> {
        let mut rows: Vec<Scored> = all.into_iter().flat_map(|best| best.rows).collect();
        keep_best(&mut rows, keep);
        rows
    }
}

/// Takes all but the best `keep` out. Neither these nor the others are in a particular order.
pub(super) fn split_best(rows: &mut Vec<Scored>, keep: usize) -> Vec<Scored> {
    if rows.len() <= keep {
        return Vec::new();
    }
    rows.select_nth_unstable_by(keep - 1, better);
    rows.split_off(keep)
}

/// Drops all but the best `keep`, the worst of which comes last. The others are in no particular order.
pub(super) fn keep_best(rows: &mut Vec<Scored>, keep: usize) {
    if rows.len() >= keep {
        rows.select_nth_unstable_by(keep - 1, better);
        rows.truncate(keep);
    }
}

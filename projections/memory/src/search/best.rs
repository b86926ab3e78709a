//! Keeps the best candidates seen so far.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use crate::filter::Eligible;

/// The best eligible candidates, never more than the limit.
pub(super) struct Best<'a> {
    limit: usize,
    eligible: &'a Eligible,
    /// The worst on top.
    kept: BinaryHeap<Scored>,
}

/// A scored document. The order is by worth: the *smaller* candidate is the better one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scored {
    pub(super) ordinal: u32,
    pub(super) score: f32,
    /// Which of the plan's terms it has, as a bit set.
    pub(super) matched: u64,
}

impl<'a> Best<'a> {
    pub(super) fn new(limit: usize, eligible: &'a Eligible) -> Best<'a> {
        Best { limit, eligible, kept: BinaryHeap::new() }
    }

    /// Keeps a candidate if it is good enough and eligible.
    pub(super) fn offer(&mut self, candidate: Scored) {
        let full = self.kept.len() == self.limit;
        if full && self.kept.peek().is_some_and(|worst| candidate > *worst) {
            return;
        }
        if self.eligible.contains(candidate.ordinal) {
            if full {
                self.kept.pop();
            }
            self.kept.push(candidate);
        }
    }

    /// A candidate with a lower score than this cannot be kept.
    pub(super) fn threshold(&self) -> f32 {
        match self.kept.peek() {
            Some(worst) if self.kept.len() == self.limit => worst.score,
            _ => 0.0,
        }
    }

    /// Best first.
    pub(super) fn into_sorted(self) -> Vec<Scored> {
        self.kept.into_sorted_vec()
    }
}

impl Ord for Scored {
    fn cmp(&self, other: &Self) -> Ordering {
        other.score.total_cmp(&self.score).then_with(|| self.ordinal.cmp(&other.ordinal))
    }
}

impl PartialOrd for Scored {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Scored {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Scored {}

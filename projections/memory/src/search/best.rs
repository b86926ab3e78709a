//! Keeps the best candidates seen so far.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use tantivy::DocId;

/// The best eligible candidates, never more than the limit.
pub(super) struct Best<'a> {
    limit: usize,
    eligible: &'a dyn Fn(u64) -> bool,
    /// The worst on top.
    kept: BinaryHeap<Candidate>,
}

/// A scored document. The order is by worth: the *smaller* candidate is the better one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    pub(super) score: f32,
    pub(super) position: u64,
    /// Which of the plan's terms it has, as a bit set.
    pub(super) matched: u64,
    pub(super) place: Place,
}

/// Where a candidate's text is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    Overlay(u32),
    Segment { segment: u32, doc: DocId },
}

impl<'a> Best<'a> {
    pub(super) fn new(limit: usize, eligible: &'a dyn Fn(u64) -> bool) -> Best<'a> {
        Best { limit, eligible, kept: BinaryHeap::new() }
    }

    /// Keeps a candidate if it is good enough and eligible. Eligibility is asked last, being the
    /// dearer question.
    pub(super) fn offer(&mut self, candidate: Candidate) {
        let full = self.kept.len() == self.limit;
        if full && self.kept.peek().is_some_and(|worst| candidate > *worst) {
            return;
        }
        if (self.eligible)(candidate.position) {
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
    pub(super) fn into_sorted(self) -> Vec<Candidate> {
        self.kept.into_sorted_vec()
    }
}

impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> Ordering {
        other.score.total_cmp(&self.score).then_with(|| self.position.cmp(&other.position))
    }
}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Candidate {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Candidate {}

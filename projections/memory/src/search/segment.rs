//! Scores the documents of one committed segment.
//!
//! Term at a time within windows of documents, with the MaxScore cut (Turtle and Flood, "Query
//! Evaluation: Strategies and Optimizations", 1995): once enough good candidates are kept, the
//! lightest terms together cannot lift a document over the threshold any more. From then on only
//! the heavier, *leading* terms nominate documents, and the lighter ones are looked up in those.

use std::sync::Arc;

use tantivy::columnar::ColumnValues;
use tantivy::fieldnorm::FieldNormReader;
use tantivy::postings::{Postings, SegmentPostings};
use tantivy::schema::IndexRecordOption;
use tantivy::{DocId, DocSet, TERMINATED};

use super::best::{Best, Scored};
use super::plan::Plan;
use crate::error::Failure;
use crate::view::View;

/// Documents per window: two arrays of this many fit the first-level cache together.
const WINDOW: u32 = 2048;

/// Upper bounds are raised by this factor, far more than 64 additions can round away.
const ROUNDING: f32 = 1.0 + 1e-5;

/// Offers every document of the segment at `place` that has a chance to `best`.
pub(super) fn search(view: &View, place: usize, plan: &Plan, best: &mut Best<'_>) -> Result<(), Failure> {
    let reader = &view.searcher.segment_readers()[place];
    let index = reader.inverted_index(view.words())?;
    let mut cursors = Vec::new();
    for (bit, term) in plan.terms.iter().enumerate() {
        if let Some(postings) = index.read_postings(&term.term, IndexRecordOption::WithFreqs)? {
            cursors.push(Cursor { postings, weight: term.weight, bit: 1 << bit });
        }
    }
    if cursors.is_empty() {
        return Ok(());
    }
    let mut windows = Windows {
        plan,
        lengths: reader.get_fieldnorms_reader(view.words())?,
        ordinals: view.segments.at(place).ordinals.clone(),
        lighter: sums_of_lighter(&cursors),
        cursors,
        scores: vec![0.0; WINDOW as usize],
        matched: vec![0; WINDOW as usize],
        nominated: Vec::new(),
    };
    while windows.next(best) {}
    Ok(())
}

/// A term's place in its list of documents.
struct Cursor {
    postings: SegmentPostings,
    weight: f32,
    bit: u64,
}

/// The state of a walk over one segment.
struct Windows<'a> {
    plan: &'a Plan,
    lengths: FieldNormReader,
    ordinals: Arc<dyn ColumnValues<u64>>,
    /// In the plan's order, heaviest first.
    cursors: Vec<Cursor>,
    /// `lighter[i]` is the most that the cursors from `i` on can add together.
    lighter: Vec<f32>,
    /// Of the present window: scores so far, and the bits of the terms matched.
    scores: Vec<f32>,
    matched: Vec<u64>,
    nominated: Vec<DocId>,
}

impl Windows<'_> {
    /// Scores the next window. False when there is none with a chance.
    fn next(&mut self, best: &mut Best<'_>) -> bool {
        let threshold = best.threshold();
        let leading = self.lighter.iter().take_while(|most| **most >= threshold).count();
        let leading = leading.min(self.cursors.len());
        let first = self.cursors[..leading].iter().map(|cursor| cursor.postings.doc()).min();
        let Some(start) = first.filter(|doc| *doc != TERMINATED) else {
            return false;
        };
        self.add_leading(leading, start);
        self.nominate(leading, start, threshold);
        for trailing in leading..self.cursors.len() {
            self.add_trailing(trailing, start);
        }
        self.offer_all(start, best);
        true
    }

    /// Adds the leading terms' parts to all documents of the window that have one.
    fn add_leading(&mut self, leading: usize, start: DocId) {
        let end = start.saturating_add(WINDOW).min(TERMINATED);
        for cursor in &mut self.cursors[..leading] {
            let mut doc = cursor.postings.doc();
            while doc < end {
                let at = (doc - start) as usize;
                let frequency = cursor.postings.term_freq();
                let length = self.lengths.fieldnorm_id(doc);
                self.scores[at] += self.plan.lengths.contribution(cursor.weight, frequency, length);
                self.matched[at] |= cursor.bit;
                doc = cursor.postings.advance();
            }
        }
    }

    /// Nominates those documents of the window that the cursors from `trailing` on could still
    /// lift to the threshold, and clears the others.
    fn nominate(&mut self, trailing: usize, start: DocId, threshold: f32) {
        let most = self.lighter.get(trailing).copied().unwrap_or(0.0);
        for (at, (score, matched)) in self.scores.iter_mut().zip(&mut self.matched).enumerate() {
            if *matched == 0 {
                continue;
            }
            if (*score + most) * ROUNDING >= threshold {
                self.nominated.push(start + at as DocId);
            } else {
                (*score, *matched) = (0.0, 0);
            }
        }
    }

    /// Adds one trailing term's part to the nominated documents that have it.
    fn add_trailing(&mut self, trailing: usize, start: DocId) {
        let cursor = &mut self.cursors[trailing];
        for &doc in &self.nominated {
            if cursor.postings.doc() < doc {
                cursor.postings.seek(doc);
            }
            if cursor.postings.doc() == doc {
                let at = (doc - start) as usize;
                let frequency = cursor.postings.term_freq();
                let length = self.lengths.fieldnorm_id(doc);
                self.scores[at] += self.plan.lengths.contribution(cursor.weight, frequency, length);
                self.matched[at] |= cursor.bit;
            }
        }
    }

    /// Offers what is left of the window and clears it.
    fn offer_all(&mut self, start: DocId, best: &mut Best<'_>) {
        for doc in self.nominated.drain(..) {
            let at = (doc - start) as usize;
            let score = std::mem::take(&mut self.scores[at]);
            let matched = std::mem::take(&mut self.matched[at]);
            if score < best.threshold() {
                continue;
            }
            // The table was made from this column, so it has nothing but ordinals.
            best.offer(Scored { ordinal: self.ordinals.get_val(doc) as u32, score, matched });
        }
    }
}

/// For each cursor, the most that it and all lighter ones can add together, rounded up.
fn sums_of_lighter(cursors: &[Cursor]) -> Vec<f32> {
    let mut sum = 0.0;
    let mut sums: Vec<f32> = cursors
        .iter()
        .rev()
        .map(|cursor| {
            sum += cursor.weight;
            sum * ROUNDING
        })
        .collect();
    sums.reverse();
    sums
}

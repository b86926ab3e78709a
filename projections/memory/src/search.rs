//! Answers a query over committed segments and the overlay as if they were one collection.
//!
//! A query's terms are put into one order, and every document's score is the sum of its terms'
//! contributions in that order. So a score depends on the document and the collection alone, to
//! the last bit: not on the segment it lies in, nor on whether it is committed.

mod best;
mod plan;
mod segment;

use tantivy::schema::Field;
use tantivy::{DocAddress, Searcher, TantivyDocument};

use crate::bm25::Collection;
use crate::error::Failure;
use crate::overlay::Overlay;
use crate::schema::Fields;
use best::{Best, Candidate, Place};
use plan::Plan;

pub use plan::MAX_QUERY_TERMS;

/// Only this much of a query's beginning is read.
pub const MAX_QUERY_BYTES: usize = 64 << 10;

/// What to look for.
#[derive(Clone, Copy, Debug)]
pub struct Query<'a> {
    /// A question or some words. Any text is allowed; of more than [`MAX_QUERY_TERMS`] different
    /// words only the rarest are looked for.
    pub text: &'a str,
    /// How many hits to return at most.
    pub limit: usize,
}

/// A document that has at least one of the query's words.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    /// [`Document::position`](crate::Document::position).
    pub position: u64,
    /// [`Document::item`](crate::Document::item).
    pub item: u128,
    /// [`Document::name`](crate::Document::name).
    pub name: String,
    /// [`Document::from`](crate::Document::from).
    pub from: u64,
    /// BM25 by the statistics of the whole index, eligible or not. Above 0; only comparable
    /// between the hits of one search.
    pub score: f32,
    /// Share of the query that this document covers: of the inverse document frequencies of the
    /// query's words, those that it has, over all of them. Above 0, at most 1. Words that stand in
    /// no document count as missing.
    pub coverage: f32,
    /// [`Document::text`](crate::Document::text).
    pub text: String,
}

/// The collection that a search runs over.
#[derive(Clone, Copy)]
pub(crate) struct Corpus<'a> {
    pub(crate) searcher: &'a Searcher,
    pub(crate) fields: Fields,
    pub(crate) overlay: &'a Overlay,
}

impl Corpus<'_> {
    /// The best eligible documents, best first; of equal ones the earlier position first.
    pub(crate) fn search(self, query: &Query<'_>, eligible: &dyn Fn(u64) -> bool) -> Result<Vec<Hit>, Failure> {
        if query.limit == 0 {
            return Ok(Vec::new());
        }
        let plan = Plan::new(cut_to_bytes(query.text, MAX_QUERY_BYTES), self)?;
        let mut best = Best::new(query.limit, eligible);
        self.search_overlay(&plan, &mut best);
        for (ordinal, reader) in self.searcher.segment_readers().iter().enumerate() {
            segment::search(ordinal as u32, reader, self.words(), &plan, &mut best)?;
        }
        best.into_sorted().into_iter().map(|candidate| self.hit(&plan, candidate)).collect()
    }

    /// Statistics of committed and uncommitted documents together.
    fn collection(self) -> Result<Collection, Failure> {
        let mut collection = self.overlay.collection();
        for reader in self.searcher.segment_readers() {
            collection.documents += u64::from(reader.max_doc());
            collection.words += reader.inverted_index(self.words())?.total_num_tokens();
        }
        Ok(collection)
    }

    fn words(self) -> Field {
        self.fields.words
    }

    fn search_overlay(self, plan: &Plan, best: &mut Best<'_>) {
        let mut scores: Vec<(f32, u64)> = vec![(0.0, 0); self.overlay.len()];
        for (bit, term) in plan.terms.iter().enumerate() {
            for posting in self.overlay.postings(&term.text) {
                let (score, matched) = &mut scores[posting.ordinal as usize];
                let length = self.overlay.length(posting.ordinal);
                *score += plan.lengths.contribution(term.weight, posting.frequency, length);
                *matched |= 1 << bit;
            }
        }
        for (ordinal, (score, matched)) in scores.into_iter().enumerate() {
            if matched != 0 {
                let ordinal = ordinal as u32;
                let position = self.overlay.document(ordinal).position;
                best.offer(Candidate { score, position, matched, place: Place::Overlay(ordinal) });
            }
        }
    }

    fn hit(self, plan: &Plan, candidate: Candidate) -> Result<Hit, Failure> {
        let Candidate { score, position, matched, place } = candidate;
        let coverage = plan.coverage(matched);
        match place {
            Place::Overlay(ordinal) => {
                let document = self.overlay.document(ordinal);
                let (item, from) = (document.item, document.from);
                let (name, text) = (document.name.clone(), document.text.clone());
                Ok(Hit { position, item, name, from, score, coverage, text })
            }
            Place::Segment { segment, doc } => {
                let record: TantivyDocument = self.searcher.doc(DocAddress::new(segment, doc))?;
                let stored = self.fields.read_back(&record)?;
                let (item, from) = (stored.item, stored.from);
                let (name, text) = (stored.name, stored.text);
                Ok(Hit { position, item, name, from, score, coverage, text })
            }
        }
    }
}

/// The beginning of a text, at most `bytes` long, cut between characters.
fn cut_to_bytes(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

#[cfg(test)]
mod tests;

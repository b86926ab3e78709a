//! Scores documents by the words that they share with a question, by BM25.
//!
//! A question's terms are put into one order, and every document's score is the sum of its terms'
//! contributions in that order. So a score depends on the document and the collection alone, to
//! the last bit: not on the segment it lies in, nor on whether it is committed, nor on whether the
//! best documents were asked for or this one.

use tantivy::postings::Postings;
use tantivy::schema::IndexRecordOption;
use tantivy::{DocId, DocSet};

use super::best::{Best, Scored};
use super::plan::Plan;
use super::segment;
use crate::error::Failure;
use crate::filter::Eligible;
use crate::overlay::Overlay;
use crate::view::View;

/// The best eligible documents that have at least one of the plan's terms, best first; of equal ones
/// the lower ordinal first.
pub(super) fn best(view: &View, plan: &Plan, eligible: &Eligible, limit: usize) -> Result<Vec<Scored>, Failure> {
    let mut best = Best::new(limit, eligible);
    if limit > 0 {
        search_overlay(view, plan, &mut best);
        for place in 0..view.searcher.segment_readers().len() {
            segment::search(view, place, plan, &mut best)?;
        }
    }
    Ok(best.into_sorted())
}

/// Scores of the given documents, in their order.
pub(super) fn scores(view: &View, plan: &Plan, ordinals: &[u32]) -> Result<Vec<Scored>, Failure> {
    let mut scores: Vec<Scored> =
        ordinals.iter().map(|ordinal| Scored { ordinal: *ordinal, score: 0.0, matched: 0 }).collect();
    for_each_contribution(view, plan, ordinals, |at, bit, contribution| {
        scores[at].score += contribution;
        scores[at].matched |= 1 << bit;
    })?;
    Ok(scores)
}

/// For each of the given documents, the terms that it has and what each adds to its score.
pub(super) fn contributions(view: &View, plan: &Plan, ordinals: &[u32]) -> Result<Vec<Vec<(String, f32)>>, Failure> {
    let mut terms = vec![Vec::new(); ordinals.len()];
    for_each_contribution(view, plan, ordinals, |at, bit, contribution| {
        terms[at].push((plan.terms[bit].text.clone(), contribution));
    })?;
    Ok(terms)
}

/// Visits each (index among `ordinals`, index of the term, contribution), each document's terms in the
/// plan's order.
fn for_each_contribution(
    view: &View,
    plan: &Plan,
    ordinals: &[u32],
    mut visit: impl FnMut(usize, usize, f32),
) -> Result<(), Failure> {
    let committed = view.committed();
    let mut places: Vec<(u32, DocId, usize)> = Vec::new();
    for (at, ordinal) in ordinals.iter().enumerate() {
        if let Some(number) = ordinal.checked_sub(committed) {
            visit_overlay(&view.overlay, plan, number, |bit, contribution| visit(at, bit, contribution));
        } else {
            let address = view.table.entry(*ordinal).address;
            let place = view.segments.place(address.slot);
            let place = place.ok_or_else(|| Failure::Damaged(format!("document {ordinal} is in no segment")))?;
            places.push((place, address.doc, at));
        }
    }
    // Postings are only read forwards.
    places.sort_unstable();
    for of_segment in places.chunk_by(|one, other| one.0 == other.0) {
        let reader = &view.searcher.segment_readers()[of_segment[0].0 as usize];
        let index = reader.inverted_index(view.words())?;
        let lengths = reader.get_fieldnorms_reader(view.words())?;
        for (bit, term) in plan.terms.iter().enumerate() {
            let Some(mut postings) = index.read_postings(&term.term, IndexRecordOption::WithFreqs)? else { continue };
            for (_, doc, at) in of_segment {
                if postings.doc() < *doc {
                    postings.seek(*doc);
                }
                if postings.doc() == *doc {
                    let length = lengths.fieldnorm_id(*doc);
                    visit(*at, bit, plan.lengths.contribution(term.weight, postings.term_freq(), length));
                }
            }
        }
    }
    Ok(())
}

/// Visits each (index of the term, contribution) of one document of the overlay.
fn visit_overlay(overlay: &Overlay, plan: &Plan, number: u32, mut visit: impl FnMut(usize, f32)) {
    for (bit, term) in plan.terms.iter().enumerate() {
        let postings = overlay.postings(&term.text);
        if let Ok(at) = postings.binary_search_by_key(&number, |posting| posting.ordinal) {
            visit(bit, plan.lengths.contribution(term.weight, postings[at].frequency, overlay.length(number)));
        }
    }
}

fn search_overlay(view: &View, plan: &Plan, best: &mut Best<'_>) {
    let overlay = &view.overlay;
    let mut scores: Vec<(f32, u64)> = vec![(0.0, 0); overlay.len()];
    for (bit, term) in plan.terms.iter().enumerate() {
        for posting in overlay.postings(&term.text) {
            let (score, matched) = &mut scores[posting.ordinal as usize];
            *score += plan.lengths.contribution(term.weight, posting.frequency, overlay.length(posting.ordinal));
            *matched |= 1 << bit;
        }
    }
    for (ordinal, (score, matched)) in (view.committed()..).zip(scores) {
        if matched != 0 {
            best.offer(Scored { ordinal, score, matched });
        }
    }
}

//! A query, prepared against the statistics of one moment.

use tantivy::Term;

use crate::analysis;
use crate::bm25::{self, Collection, Lengths};
use crate::error::Failure;
use crate::view::View;

/// A query's different words beyond this many are not looked for; the rarest are kept. It is the
/// number of bits in which a candidate's matched terms are noted.
pub const MAX_QUERY_TERMS: usize = u64::BITS as usize;

/// How rare a word is, is judged as in a collection of at least this many documents when it is
/// about how much of a query a document covers. Among three memories a word that stands in one of
/// them would else count far less than one that stands in none.
const MIN_JUDGED_DOCUMENTS: u64 = 1_000;

/// The terms to look for and the constants of the scoring formula.
pub(super) struct Plan {
    /// Terms that stand in some document, heaviest first: the order in which scores are summed.
    pub(super) terms: Vec<PlannedTerm>,
    /// What a document's length does to its score.
    pub(super) lengths: Lengths,
    /// Weights of all terms, those included that stand nowhere.
    weights: f32,
    /// Rarities of the same.
    rarities: f32,
}

/// A term that stands in some document.
pub(super) struct PlannedTerm {
    /// As the overlay knows it.
    pub(super) text: String,
    /// As tantivy knows it.
    pub(super) term: Term,
    /// The most it can add to a score.
    pub(super) weight: f32,
    /// What it counts when it is asked how much of the query is covered.
    rarity: f32,
}

impl Plan {
    pub(super) fn new(query: &str, view: &View) -> Result<Plan, Failure> {
        let collection = view.collection()?;
        let documents = collection.documents.max(MIN_JUDGED_DOCUMENTS);
        let judged = Collection { documents, ..collection };
        let mut terms = Vec::new();
        let mut unknown = 0;
        for text in analysis::query_terms(query) {
            let term = Term::from_field_text(view.words(), &text);
            let frequency = view.searcher.doc_freq(&term)? + view.overlay.postings(&text).len() as u64;
            if frequency > 0 {
                let weight = bm25::weight(collection.idf(frequency));
                let rarity = judged.idf(frequency);
                terms.push(PlannedTerm { text, term, weight, rarity });
            } else if !analysis::is_unspaced_pair(&text) {
                // A pair of characters that nobody ever wrote is most likely no word, only the
                // border between two: its absence says nothing about the query's topic.
                unknown += 1;
            }
        }
        terms.sort_by(|a, b| b.weight.total_cmp(&a.weight).then_with(|| a.text.cmp(&b.text)));
        terms.truncate(MAX_QUERY_TERMS);
        let unknown = unknown.min(MAX_QUERY_TERMS - terms.len());
        let rarities = terms.iter().map(|term| term.rarity).sum::<f32>() + unknown as f32 * judged.idf(0);
        let weight_of_unknown = bm25::weight(collection.idf(0));
        let weights = terms.iter().map(|term| term.weight).sum::<f32>() + unknown as f32 * weight_of_unknown;
        Ok(Plan { terms, lengths: collection.lengths(), weights, rarities })
    }

    /// What no document's score exceeds: all terms' weights together, those included that stand
    /// nowhere.
    pub(super) fn ceiling(&self) -> f32 {
        self.weights
    }

    /// Share of the query's rarities that the terms in the bit set `matched` make up.
    pub(super) fn coverage(&self, matched: u64) -> f32 {
        let terms = self.terms.iter().enumerate();
        let covered: f32 = terms.filter(|(bit, _)| matched >> bit & 1 == 1).map(|(_, term)| term.rarity).sum();
        if covered > 0.0 { (covered / self.rarities).min(1.0) } else { 0.0 }
    }
}

//! The one scoring formula, used alike for committed and for uncommitted documents.
//!
//! BM25 as in Robertson and Zaragoza, "The Probabilistic Relevance Framework" (2009), with the
//! never-negative inverse document frequency of Lucene and tantivy. A document's length is
//! rounded to the same 256 steps that tantivy stores on disk, so that a document scores the same
//! to the last bit before and after its commit.

use tantivy::fieldnorm::FieldNormReader;

/// How soon repetitions of a word stop adding to the score.
const K1: f32 = 1.2;

/// How much a long document is marked down: 0 not at all, 1 fully. Less than the usual 0.75, which in
/// chats prefers a greeting with the right name to what was told; flat between 0.3 and 0.5.
const B: f32 = 0.4;

/// What the formula needs to know of the whole collection, committed and uncommitted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Collection {
    /// Number of documents.
    pub(crate) documents: u64,
    /// Number of words in all of them, repetitions counted.
    pub(crate) words: u64,
}

impl Collection {
    /// Inverse document frequency of a term that stands in `document_frequency` documents.
    pub(crate) fn idf(self, document_frequency: u64) -> f32 {
        let without = self.documents.saturating_sub(document_frequency) as f64;
        (1.0 + (without + 0.5) / (document_frequency as f64 + 0.5)).ln() as f32
    }

    /// The length table for this collection.
    pub(crate) fn lengths(self) -> Lengths {
        let average = self.words as f32 / self.documents.max(1) as f32;
        Lengths(std::array::from_fn(|step| {
            let length = FieldNormReader::id_to_fieldnorm(step as u8) as f32;
            K1 * (1.0 - B + B * length / average.max(f32::MIN_POSITIVE))
        }))
    }
}

/// For each of the 256 steps of document length, the part of the formula that depends on it.
#[derive(Debug)]
pub(crate) struct Lengths([f32; 256]);

impl Lengths {
    /// What a term of weight `weight` adds to the score of a document of length step `length`
    /// in which it stands `frequency` times. Always below `weight`.
    #[inline]
    pub(crate) fn contribution(&self, weight: f32, frequency: u32, length: u8) -> f32 {
        let frequency = frequency as f32;
        weight * (frequency / (frequency + self.0[length as usize]))
    }
}

/// A term's weight, which is also the most it can add to a score.
pub(crate) fn weight(idf: f32) -> f32 {
    idf * (K1 + 1.0)
}

/// The step that a length in words is rounded down to.
pub(crate) fn length_step(words: u32) -> u8 {
    FieldNormReader::fieldnorm_to_id(words)
}

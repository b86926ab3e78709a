//! What the tests of several modules share.

use std::path::Path;

use crate::{Document, Filter, Hit, Kind, MemoryIndex, Opened, Parts, Question, VectorStore, embedding_texts};

/// The home that the tests' indexes belong to.
pub(crate) const HOME: [u8; 32] = [7; 32];

/// A document with nothing but a text.
pub(crate) fn document(position: u64, text: &str) -> Document {
    Document {
        position,
        item: u128::from(position) << 70 | 1,
        kind: Kind::Memory,
        text: text.to_owned(),
        title: None,
        speaker: None,
        session: None,
        date_ms: None,
        recorded_ms: position as i64 * 1_000,
        facets: Vec::new(),
    }
}

/// Opens the index of [`HOME`] in a folder.
pub(crate) fn open(dir: &Path) -> Opened {
    MemoryIndex::open(dir, &HOME).expect("the folder is a temporary one of our own")
}

/// Everything that was ever added is valid.
pub(crate) fn all_valid(revisions: &[(u128, u64)]) -> Vec<bool> {
    vec![true; revisions.len()]
}

/// A question by words alone.
pub(crate) fn question(text: &str, limit: usize) -> Question<'_> {
    Question { text, dense: None, limit, filter: Filter::default(), parts: Parts::default() }
}

/// All hits for a question, everything being valid.
pub(crate) fn search(index: &MemoryIndex, text: &str) -> Vec<Hit> {
    index.search(&question(text, 100), &all_valid).expect("nothing damaged it")
}

/// Positions of [`search`]'s hits, best first.
pub(crate) fn found(index: &MemoryIndex, text: &str) -> Vec<u64> {
    search(index, text).into_iter().map(|hit| hit.position).collect()
}

/// A small generator for tests that need much and reproducible, not good, randomness (xorshift).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }

    /// A text of up to `words` words, of which low-numbered ones are common.
    pub(crate) fn text(&mut self, words: u64) -> String {
        let words = self.below(words + 1);
        let text: Vec<String> = (0..words)
            .map(|_| {
                let range = 1 + self.below(200);
                format!("w{}", self.below(range))
            })
            .collect();
        text.join(" ")
    }
}

/// Dimensions of [`embed`]'s vectors.
pub(crate) const DIMENSIONS: usize = 48;

/// A stand-in for an embedder: texts with words in common are near each other, whether or not the
/// words are in the index.
pub(crate) fn embed(text: &str) -> Vec<f32> {
    let mut vector = vec![0.01; DIMENSIONS];
    for word in text.split_whitespace() {
        let mut random = Random(u64::from(crc32fast::hash(word.as_bytes())) + 1);
        vector.iter_mut().for_each(|number| *number += random.below(1_000) as f32 / 500.0 - 1.0);
    }
    vector
}

/// The vectors of the first `rows` passages of these documents.
pub(crate) fn vectors(dir: &Path, documents: &[Document], rows: usize) -> VectorStore {
    let store = VectorStore::open(dir, &HOME, &HOME, DIMENSIONS).expect("a temporary folder of our own").store;
    let embedded: Vec<Vec<f32>> =
        documents.iter().flat_map(embedding_texts).take(rows).map(|text| embed(&text)).collect();
    let rows: Vec<(u128, &[f32])> = (0..).zip(embedded.iter().map(Vec::as_slice)).collect();
    store.append(&rows).expect("room in a temporary folder");
    store
}

//! Documents that are searchable but not yet committed, as a small inverted index in memory.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::analysis;
use crate::bm25::{self, Collection};
use crate::document::Document;

/// The uncommitted documents, in the order in which they were added.
#[derive(Debug, Default)]
pub(crate) struct Overlay {
    documents: Vec<Entry>,
    postings: HashMap<String, Vec<Posting>>,
    positions: HashSet<u64>,
    words: u64,
}

/// One occurrence list entry: in which document a term stands, and how often.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Posting {
    /// Index into [`Overlay::document`].
    pub(crate) ordinal: u32,
    /// How often the term stands in it.
    pub(crate) frequency: u32,
}

/// A document together with its terms, counted before the overlay is locked for adding it.
pub(crate) struct Analysed {
    document: Arc<Document>,
    frequencies: HashMap<String, u32>,
    words: u32,
}

#[derive(Debug)]
struct Entry {
    document: Arc<Document>,
    words: u32,
}

impl Analysed {
    /// Counts the terms of a document.
    pub(crate) fn new(document: &Document) -> Analysed {
        let mut frequencies: HashMap<String, u32> = HashMap::new();
        let mut words = 0u32;
        analysis::for_each_term(&document.searchable_text(), |term| {
            words += 1;
            match frequencies.get_mut(term) {
                Some(frequency) => *frequency += 1,
                None => drop(frequencies.insert(term.to_owned(), 1)),
            }
        });
        Analysed { document: Arc::new(document.clone()), frequencies, words }
    }
}

impl Overlay {
    /// Adds a document, unless its position is here already.
    pub(crate) fn add(&mut self, analysed: Analysed) {
        if !self.positions.insert(analysed.document.position) {
            return;
        }
        let ordinal = self.documents.len() as u32;
        for (term, frequency) in analysed.frequencies {
            self.postings.entry(term).or_default().push(Posting { ordinal, frequency });
        }
        self.words += u64::from(analysed.words);
        self.documents.push(Entry { document: analysed.document, words: analysed.words });
    }

    /// Forgets the first `count` documents, which a commit has made durable.
    pub(crate) fn drop_first(&mut self, count: usize) {
        let dropped = count as u32;
        self.postings.retain(|_, postings| {
            postings.retain_mut(|posting| {
                let stays = posting.ordinal >= dropped;
                posting.ordinal = posting.ordinal.saturating_sub(dropped);
                stays
            });
            !postings.is_empty()
        });
        for entry in self.documents.drain(..count) {
            self.words -= u64::from(entry.words);
            self.positions.remove(&entry.document.position);
        }
    }

    /// Number of documents.
    pub(crate) fn len(&self) -> usize {
        self.documents.len()
    }

    /// All documents, oldest first.
    pub(crate) fn documents(&self) -> impl Iterator<Item = &Arc<Document>> {
        self.documents.iter().map(|entry| &entry.document)
    }

    /// One document; `ordinal` comes from a [`Posting`] of this overlay.
    pub(crate) fn document(&self, ordinal: u32) -> &Document {
        &self.documents[ordinal as usize].document
    }

    /// The length step of a document.
    pub(crate) fn length(&self, ordinal: u32) -> u8 {
        bm25::length_step(self.documents[ordinal as usize].words)
    }

    /// The documents in which a term stands.
    pub(crate) fn postings(&self, term: &str) -> &[Posting] {
        self.postings.get(term).map_or(&[], Vec::as_slice)
    }

    /// This overlay's part of the collection's statistics.
    pub(crate) fn collection(&self) -> Collection {
        Collection { documents: self.documents.len() as u64, words: self.words }
    }
}

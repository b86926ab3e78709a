//! Documents that are searchable but not yet committed, as a small inverted index in memory.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Bound;
use std::sync::Arc;

use crate::bm25::{self, Collection};
use crate::document::Document;
use crate::{analysis, chunker, facets};

/// The uncommitted documents, in the order in which they were added.
#[derive(Debug, Default)]
pub(crate) struct Overlay {
    documents: Vec<Entry>,
    postings: HashMap<String, Vec<Posting>>,
    /// By facet term, the documents that have it, ascending.
    facets: BTreeMap<String, Vec<u32>>,
    words: u64,
}

/// One occurrence list entry: in which document a term stands, and how often.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Posting {
    /// The document's number in the overlay, 0 the first: its ordinal less that of the first one.
    pub(crate) ordinal: u32,
    /// How often the term stands in it.
    pub(crate) frequency: u32,
}

/// A document together with its terms, counted before the overlay is locked for adding it.
pub(crate) struct Analysed {
    document: Arc<Document>,
    frequencies: HashMap<String, u32>,
    facets: HashSet<String>,
    words: u32,
    passages: u32,
}

#[derive(Debug)]
struct Entry {
    document: Arc<Document>,
    words: u32,
    passages: u32,
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
        let passages = chunker::passages(&document.text).len() as u32;
        let facets = facets::terms(document);
        Analysed { document: Arc::new(document.clone()), frequencies, facets, words, passages }
    }

    /// The document.
    pub(crate) fn document(&self) -> &Document {
        &self.document
    }

    /// How many passages it has.
    pub(crate) fn passages(&self) -> u32 {
        self.passages
    }
}

impl Overlay {
    /// Adds a document.
    pub(crate) fn add(&mut self, analysed: Analysed) {
        let ordinal = self.documents.len() as u32;
        for (term, frequency) in analysed.frequencies {
            self.postings.entry(term).or_default().push(Posting { ordinal, frequency });
        }
        for facet in analysed.facets {
            self.facets.entry(facet).or_default().push(ordinal);
        }
        let Analysed { document, words, passages, .. } = analysed;
        self.words += u64::from(words);
        self.documents.push(Entry { document, words, passages });
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
        self.facets.retain(|_, ordinals| {
            ordinals.retain_mut(|ordinal| {
                let stays = *ordinal >= dropped;
                *ordinal = ordinal.saturating_sub(dropped);
                stays
            });
            !ordinals.is_empty()
        });
        for entry in self.documents.drain(..count) {
            self.words -= u64::from(entry.words);
        }
    }

    /// Number of documents.
    pub(crate) fn len(&self) -> usize {
        self.documents.len()
    }

    /// All documents with the number of their passages, oldest first.
    pub(crate) fn documents(&self) -> impl Iterator<Item = (&Arc<Document>, u32)> {
        self.documents.iter().map(|entry| (&entry.document, entry.passages))
    }

    /// The length step of a document.
    pub(crate) fn length(&self, ordinal: u32) -> u8 {
        bm25::length_step(self.documents[ordinal as usize].words)
    }

    /// The documents in which a term stands, ascending.
    pub(crate) fn postings(&self, term: &str) -> &[Posting] {
        self.postings.get(term).map_or(&[], Vec::as_slice)
    }

    /// The documents that have a facet, ascending.
    pub(crate) fn with_facet(&self, term: &str) -> &[u32] {
        self.facets.get(term).map_or(&[], Vec::as_slice)
    }

    /// The first facet term that is not before `from`.
    pub(crate) fn first_facet_from(&self, from: &str) -> Option<&str> {
        self.facets.range::<str, _>((Bound::Included(from), Bound::Unbounded)).next().map(|(term, _)| term.as_str())
    }

    /// Bytes of memory, roughly.
    pub(crate) fn bytes_in_memory(&self) -> usize {
        const PER_TERM: usize = 64;
        const PER_DOCUMENT: usize = 256;
        let texts: usize = self.documents.iter().map(|entry| entry.document.text.len()).sum();
        let postings: usize = self.postings.values().map(|postings| postings.len() * size_of::<Posting>()).sum();
        let facets: usize = self.facets.values().map(|ordinals| ordinals.len() * size_of::<u32>()).sum();
        let terms = self.postings.len() + self.facets.len();
        texts + postings + facets + terms * PER_TERM + self.documents.len() * PER_DOCUMENT
    }

    /// This overlay's part of the collection's statistics.
    pub(crate) fn collection(&self) -> Collection {
        Collection { documents: self.documents.len() as u64, words: self.words }
    }
}

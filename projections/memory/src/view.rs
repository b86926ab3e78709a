//! What searches see at one moment: the committed documents and the others.

use std::collections::BTreeSet;

use tantivy::Searcher;
use tantivy::schema::Field;

use crate::bm25::Collection;
use crate::error::Failure;
use crate::facets;
use crate::overlay::Overlay;
use crate::schema::Fields;
use crate::table::{Segments, Table};

/// All documents.
pub(crate) struct View {
    pub(crate) fields: Fields,
    /// The committed documents.
    pub(crate) searcher: Searcher,
    pub(crate) segments: Segments,
    /// The others: the last ones of the table.
    pub(crate) overlay: Overlay,
    /// Committed and uncommitted documents.
    pub(crate) table: Table,
    /// Up to where the committed documents go.
    pub(crate) position: u64,
}

impl View {
    /// How many documents are committed; the overlay's ordinals begin here.
    pub(crate) fn committed(&self) -> u32 {
        self.table.len() - self.overlay.len() as u32
    }

    /// Statistics of committed and uncommitted documents together.
    pub(crate) fn collection(&self) -> Result<Collection, Failure> {
        let mut collection = self.overlay.collection();
        for reader in self.searcher.segment_readers() {
            collection.documents += u64::from(reader.max_doc());
            collection.words += reader.inverted_index(self.words())?.total_num_tokens();
        }
        Ok(collection)
    }

    /// The field that the words of a question are looked up in.
    pub(crate) fn words(&self) -> Field {
        self.fields.words
    }

    /// Whether some document has a facet of this key.
    pub(crate) fn has_facet_key(&self, key: &str) -> Result<bool, Failure> {
        let prefix = facets::prefix(key);
        let found = self.first_facet_from(&prefix)?;
        Ok(found.is_some_and(|term| term.starts_with(&prefix)))
    }

    /// Keys of facets in alphabetical order, at most `limit` of them.
    pub(crate) fn facet_keys(&self, limit: usize) -> Result<Vec<String>, Failure> {
        let mut keys = Vec::new();
        let mut from = String::new();
        while keys.len() < limit {
            let Some(term) = self.first_facet_from(&from)? else { break };
            let key = facets::key_of(&term).to_owned();
            // The first term behind all those of this key.
            from = format!("{key}\u{1}");
            keys.push(key);
        }
        Ok(keys)
    }

    /// The first facet term that is not before `from`.
    fn first_facet_from(&self, from: &str) -> Result<Option<String>, Failure> {
        let mut first = BTreeSet::new();
        for reader in self.searcher.segment_readers() {
            let index = reader.inverted_index(self.fields.facets)?;
            let mut terms = index.terms().range().ge(from).into_stream()?;
            if terms.advance() {
                let term = std::str::from_utf8(terms.key()).map_err(|error| Failure::Damaged(error.to_string()))?;
                first.insert(term.to_owned());
            }
        }
        first.extend(self.overlay.first_facet_from(from).map(str::to_owned));
        Ok(first.pop_first())
    }
}

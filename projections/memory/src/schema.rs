//! The fields of a document on disk. Nothing is stored: text and meta are read from the log.
//!
//! | field       | kept as        | holds                                                        |
//! |-------------|----------------|--------------------------------------------------------------|
//! | `words`     | inverted index | title, `Speaker: text`, date, heading; frequencies only      |
//! | `facets`    | inverted index | one term per facet, see [`facets`](crate::facets)            |
//! | `ordinal`   | column         | the document's number in the order of positions, 0 the first |
//! | `position`  | column         | [`Document::position`]                                       |
//! | `item_high`, `item_low` | columns | [`Document::item`], its halves                           |
//! | `when`      | column         | [`Document::date_ms`], or `recorded_ms` where there is none  |
//! | `passages`  | column         | how many passages it has, at least 1                         |
//! | `kind`      | column         | [`Document::kind`]                                           |
//! | `asks`      | column         | 1 if there is a question mark in it, else 0                  |
//! | `session`, `speaker` | columns of text | the names, cut to a bounded length; empty for none |

use tantivy::TantivyDocument;
use tantivy::schema::{FAST, Field, IndexRecordOption, Schema, TextFieldIndexing, TextOptions};

use crate::document::Document;
use crate::facets;

/// Raised whenever a field, the analysis or the cutting into passages changes: an index of another
/// version is rebuilt.
pub(crate) const SCHEMA_VERSION: u32 = 2;

/// The name under which the analyzer is registered and written into the index.
pub(crate) const ANALYZER: &str = "zo_words";

/// Tantivy's own name for taking a value as one term.
const WHOLE: &str = "raw";

/// The columns' names.
pub(crate) mod column {
    pub(crate) const ORDINAL: &str = "ordinal";
    pub(crate) const POSITION: &str = "position";
    pub(crate) const ITEM_HIGH: &str = "item_high";
    pub(crate) const ITEM_LOW: &str = "item_low";
    pub(crate) const WHEN: &str = "when";
    pub(crate) const PASSAGES: &str = "passages";
    pub(crate) const KIND: &str = "kind";
    pub(crate) const ASKS: &str = "asks";
    pub(crate) const SESSION: &str = "session";
    pub(crate) const SPEAKER: &str = "speaker";
}

/// Handles of the fields. They are numbered in order of creation, so they hold for every index.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fields {
    pub(crate) words: Field,
    pub(crate) facets: Field,
    ordinal: Field,
    position: Field,
    item_high: Field,
    item_low: Field,
    when: Field,
    passages: Field,
    kind: Field,
    asks: Field,
    session: Field,
    speaker: Field,
}

/// The schema that every index of this version has.
pub(crate) fn schema() -> (Schema, Fields) {
    let mut builder = Schema::builder();
    let analysed = TextFieldIndexing::default()
        .set_tokenizer(ANALYZER)
        .set_index_option(IndexRecordOption::WithFreqs)
        .set_fieldnorms(true);
    let whole = TextFieldIndexing::default()
        .set_tokenizer(WHOLE)
        .set_index_option(IndexRecordOption::Basic)
        .set_fieldnorms(false);
    let names = || TextOptions::default().set_fast(WHOLE);
    let fields = Fields {
        words: builder.add_text_field("words", TextOptions::default().set_indexing_options(analysed)),
        facets: builder.add_text_field("facets", TextOptions::default().set_indexing_options(whole)),
        ordinal: builder.add_u64_field(column::ORDINAL, FAST),
        position: builder.add_u64_field(column::POSITION, FAST),
        item_high: builder.add_u64_field(column::ITEM_HIGH, FAST),
        item_low: builder.add_u64_field(column::ITEM_LOW, FAST),
        when: builder.add_i64_field(column::WHEN, FAST),
        passages: builder.add_u64_field(column::PASSAGES, FAST),
        kind: builder.add_u64_field(column::KIND, FAST),
        asks: builder.add_u64_field(column::ASKS, FAST),
        session: builder.add_text_field(column::SESSION, names()),
        speaker: builder.add_text_field(column::SPEAKER, names()),
    };
    (builder.build(), fields)
}

impl Fields {
    /// The form in which a document is handed to tantivy.
    pub(crate) fn to_disk(self, document: &Document, ordinal: u32, passages: u32) -> TantivyDocument {
        let mut record = TantivyDocument::default();
        record.add_text(self.words, document.searchable_text());
        for term in facets::terms(document) {
            record.add_text(self.facets, term);
        }
        record.add_u64(self.ordinal, u64::from(ordinal));
        record.add_u64(self.position, document.position);
        record.add_u64(self.item_high, (document.item >> 64) as u64);
        record.add_u64(self.item_low, document.item as u64);
        record.add_i64(self.when, document.when_ms());
        record.add_u64(self.passages, u64::from(passages));
        record.add_u64(self.kind, document.kind.to_number());
        record.add_u64(self.asks, u64::from(document.asks()));
        record.add_text(self.session, facets::bounded(document.session.as_deref().unwrap_or_default()));
        record.add_text(self.speaker, facets::bounded(document.speaker.as_deref().unwrap_or_default()));
        record
    }
}

//! The fields of a document on disk.
//!
//! | field      | kept as        | holds                                          |
//! |------------|----------------|------------------------------------------------|
//! | `words`    | inverted index | title, `Speaker: text`, date; frequencies only |
//! | `position` | column         | [`Document::position`]                         |
//! | `item`     | stored         | [`Document::item`], 16 bytes big endian        |
//! | `name`     | stored         | [`Document::name`]                             |
//! | `from`     | stored         | [`Document::from`]                             |
//! | `text`     | stored         | [`Document::text`]                             |

use tantivy::TantivyDocument;
use tantivy::schema::{FAST, Field, IndexRecordOption, STORED, Schema, TextFieldIndexing, TextOptions, Value};

use crate::document::Document;
use crate::error::Failure;

/// Raised whenever a field or the analysis changes: an index of another version is rebuilt.
pub(crate) const SCHEMA_VERSION: u32 = 2;

/// The name under which the analyzer is registered and written into the index.
pub(crate) const ANALYZER: &str = "zo_words";

/// The column that holds positions.
pub(crate) const POSITION: &str = "position";

/// Handles of the fields. They are numbered in order of creation, so they hold for every index.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fields {
    pub(crate) words: Field,
    position: Field,
    item: Field,
    name: Field,
    from: Field,
    text: Field,
}

/// What is stored of a document, read back.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) item: u128,
    pub(crate) name: String,
    pub(crate) from: u64,
    pub(crate) text: String,
}

/// The schema that every index of this version has.
pub(crate) fn schema() -> (Schema, Fields) {
    let mut builder = Schema::builder();
    let analysed = TextFieldIndexing::default()
        .set_tokenizer(ANALYZER)
        .set_index_option(IndexRecordOption::WithFreqs)
        .set_fieldnorms(true);
    let stored_text = TextOptions::default().set_stored();
    let fields = Fields {
        words: builder.add_text_field("words", TextOptions::default().set_indexing_options(analysed)),
        position: builder.add_u64_field(POSITION, FAST),
        item: builder.add_bytes_field("item", STORED),
        name: builder.add_text_field("name", stored_text.clone()),
        from: builder.add_u64_field("from", STORED),
        text: builder.add_text_field("text", stored_text),
    };
    (builder.build(), fields)
}

impl Fields {
    /// The form in which a document is handed to tantivy.
    pub(crate) fn to_disk(self, document: &Document) -> TantivyDocument {
        let mut record = TantivyDocument::default();
        record.add_text(self.words, document.searchable_text());
        record.add_u64(self.position, document.position);
        record.add_bytes(self.item, &document.item.to_be_bytes());
        record.add_text(self.name, &document.name);
        record.add_u64(self.from, document.from);
        record.add_text(self.text, &document.text);
        record
    }

    /// Reads back what [`Fields::to_disk`] stored.
    pub(crate) fn read_back(self, record: &TantivyDocument) -> Result<Stored, Failure> {
        let missing = |field: &str| Failure::Damaged(format!("a stored document has no {field}"));
        let text_of = |field, name: &str| {
            let value = record.get_first(field).and_then(|value| value.as_str());
            value.map(str::to_owned).ok_or_else(|| missing(name))
        };
        let item = record.get_first(self.item).and_then(|value| value.as_bytes());
        let item = item.and_then(|bytes| bytes.try_into().ok()).ok_or_else(|| missing("item"))?;
        let from = record.get_first(self.from).and_then(|value| value.as_u64());
        Ok(Stored {
            item: u128::from_be_bytes(item),
            name: text_of(self.name, "name")?,
            from: from.ok_or_else(|| missing("from"))?,
            text: text_of(self.text, "text")?,
        })
    }
}

//! The texts that rows stand for: to embed them, and to compare them with what was embedded.

use std::collections::HashSet;

use zo_memory::{MemoryIndex, VectorStore, embedding_texts};
use zo_projections::Position;

use crate::reader::Reader;
use crate::recall::{RecallError, documents};

/// So many passages are read at a time.
const STEP_ROWS: usize = 64;
/// So many rows, spread over all, are compared with the log on opening.
const COMPARED_ROWS: u32 = 4;
/// What stands for a text that cannot be read any more.
pub(super) const NO_TEXT: u128 = 0;

/// A document as it is embedded.
pub(super) struct Cut {
    pub(super) position: u64,
    pub(super) texts: Vec<String>,
}

/// The texts to embed from row `from` on: at most [`STEP_ROWS`] of them, of `chars` characters or a single longer one.
/// None for a text that cannot be read any more.
pub(super) fn texts(
    index: &MemoryIndex,
    reader: &Reader,
    from: u32,
    chars: usize,
    cut: &mut Option<Cut>,
) -> Result<Vec<Option<String>>, RecallError> {
    let passages = index.rows_from(from, STEP_ROWS);
    let mut texts = Vec::with_capacity(passages.len());
    let mut total = 0;
    for (position, passage) in passages {
        if cut.as_ref().is_none_or(|cut| cut.position != position) {
            let document = documents::document(&reader.event(Position(position))?);
            *cut = Some(Cut { position, texts: document.iter().flat_map(embedding_texts).collect() });
        }
        let text = cut.as_ref().and_then(|cut| cut.texts.get(passage as usize)).cloned();
        total += text.as_ref().map_or(0, String::len);
        if total > chars && !texts.is_empty() {
            break;
        }
        texts.push(text);
    }
    Ok(texts)
}

/// The first of the rows that is not of the text it should be of: all are looked at, or some.
pub(super) fn first_wrong(
    index: &MemoryIndex,
    reader: &Reader,
    store: &VectorStore,
    rows: u32,
    all: bool,
) -> Result<Option<u32>, RecallError> {
    if all {
        let (mut row, mut cut) = (0, None);
        while row < rows {
            let texts = texts(index, reader, row, usize::MAX, &mut cut)?;
            for text in &texts {
                if row < rows && store.digest(row) != Some(text.as_deref().map_or(NO_TEXT, digest)) {
                    return Ok(Some(row));
                }
                row += 1;
            }
        }
        return Ok(None);
    }
    let some: HashSet<u32> =
        (1..=COMPARED_ROWS).filter_map(|share| (rows / COMPARED_ROWS * share).min(rows).checked_sub(1)).collect();
    for row in some.into_iter().chain(rows.checked_sub(1)) {
        let text = texts(index, reader, row, 0, &mut None)?.into_iter().next().flatten();
        if store.digest(row) != Some(text.as_deref().map_or(NO_TEXT, digest)) {
            return Ok(Some(row));
        }
    }
    Ok(None)
}

/// The first 128 bits of blake3.
pub(super) fn digest(text: &str) -> u128 {
    let hash = blake3::hash(text.as_bytes());
    u128::from_be_bytes(*hash.as_bytes().first_chunk().expect("a hash has 32 bytes"))
}

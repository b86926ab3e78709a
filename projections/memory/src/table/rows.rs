//! Finds the document of a row without looking through all documents.

use std::ops::Range;

/// Rows per block.
const BLOCK: u32 = 64;

/// For every 64th row, the ordinal of the document that it belongs to.
#[derive(Debug, Default)]
pub(super) struct RowBlocks {
    firsts: Vec<u32>,
}

impl RowBlocks {
    /// Notes that all rows below `rows` that are not covered yet belong to the document `ordinal`.
    pub(super) fn cover(&mut self, rows: u32, ordinal: u32) {
        let blocks = rows.div_ceil(BLOCK) as usize;
        if self.firsts.len() < blocks {
            self.firsts.resize(blocks, ordinal);
        }
    }

    /// The ordinals among which that of a row's document is, of `documents` in all. The row is
    /// covered.
    pub(super) fn ordinals(&self, row: u32, documents: u32) -> Range<u32> {
        let block = (row / BLOCK) as usize;
        let end = self.firsts.get(block + 1).map_or(documents, |first| first + 1);
        self.firsts[block]..end
    }

    pub(super) fn bytes_in_memory(&self) -> usize {
        self.firsts.capacity() * size_of::<u32>()
    }
}

//! The disk-backed memory index of ZoClone: finds remembered text by the words of a question.
//!
//! Everything here is derived from the log and may be deleted; whoever owns the log feeds it
//! again from [`Opened::position`]. What does not live here: who may see a document at which
//! moment (the caller's `eligible` decides), the log, any async runtime, any printing. Tantivy is
//! used behind this crate's own types, which are the only ones that leave it.
//!
//! Start with [`LexicalIndex`]; [`offline`] turns its hits into the text of the built-in responder.
//!
//! ```text
//! Document ──► analysis ──► overlay (in memory) ──commit──► segments (on disk)
//!                               └───────────┬───────────────────┘
//! question ──► analysis ──► terms ──► search, one BM25 over both ──► hits ──► passage, offline
//! ```

mod analysis;
mod bm25;
mod document;
mod error;
mod folder;
pub mod fusion;
mod index;
pub mod offline;
mod overlay;
mod passage;
mod schema;
mod search;
#[cfg(test)]
mod testing;
pub mod topic;

pub use document::Document;
pub use error::IndexError;
pub use index::{LexicalIndex, Opened};
pub use passage::best_passage;
pub use search::{Hit, MAX_QUERY_BYTES, MAX_QUERY_TERMS, Query};

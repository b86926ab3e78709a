//! The memory index of ZoClone: finds what is remembered by the words and the meaning of a question.
//!
//! Everything here is derived from the log and may be deleted; whoever owns the log feeds it
//! again from [`Opened::position`]. What does not live here: who may see a document at which
//! moment (the caller's `valid` decides), the log, the embedder, any async runtime, any printing.
//! Tantivy is used behind this crate's own types, which are the only ones that leave it.
//!
//! Start with [`MemoryIndex`]; [`VectorStore`] keeps the vectors beside it, [`fusion`] makes one score
//! of words and meaning, and [`offline`] turns hits into the text of the built-in responder.
//!
//! ```text
//! Document ──► analysis ──► overlay (in memory) ──commit──► segments (on disk)
//!     │                          └───────────┬───────────────────┘
//!     └──► chunker ──► (embedder) ──► vectors ──┐ one BM25 over both
//! question ──► search: best by words, best by meaning, neighbours ──► fusion ──► hits
//! ```

mod analysis;
mod bm25;
mod chunker;
mod document;
mod error;
mod facets;
mod filter;
mod folder;
pub mod fusion;
mod index;
pub mod offline;
mod overlay;
mod passage;
mod schema;
mod search;
mod table;
#[cfg(test)]
mod testing;
mod topic;
mod vectors;
mod view;

pub use chunker::{MAX_PASSAGES, PASSAGES_VERSION, passages};
pub use document::{Document, Kind, embedding_texts};
pub use error::IndexError;
pub use filter::Filter;
pub use fusion::{Fused, Parts};
pub use index::{MemoryIndex, Opened};
pub use passage::{best_passage, passage_by_words};
pub use search::{Dense, Hit, MAX_QUERY_BYTES, MAX_QUERY_TERMS, Question, Valid};
pub use vectors::{Nearest, OpenedVectors, Rows, Statistics, VectorStore};

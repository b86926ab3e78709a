//! Texts in, vectors out: the one crate that knows fastembed, ONNX Runtime, rten and the tokenizer.
//!
//! Start with [`Models::open`], which gives an [`Embedder`]; [`runtime()`] says which engine it will run on and why.
//! Nothing here knows what is embedded or where vectors are kept.
//!
//! # What an id covers
//! Vectors may be compared only if they have the same [`EmbedderId`]. It is a digest of everything that decides what a
//! vector is: the model's bytes, the tokenizer's, the prefixes put before queries and passages, the pooling, the
//! normalisation and the maximal length. The engine is not part of it: ONNX Runtime and rten give the same vectors (cosine
//! 1 to five digits, held by a test), and so does every way of cutting texts into batches.
//!
//! # Why two engines
//! fastembed runs on ONNX Runtime, a C++ library which is not part of a Rust build: it is looked for when the first model
//! is opened ([`runtime()`] tells where) and used when it is recent enough. Where there is none, the shipped model runs on
//! rten, which is plain Rust and always there. rten also starts in a fraction of the time, so a process that is to embed
//! one query and end asks for [`RuntimePreference::Quick`]. A library that is too old, damaged or no library at all is
//! never handed to the loader: its version and extent are read from the file first, because the loader would kill the
//! process over a library cut short, and `ort` is given only what it can use.
//!
//! # How to add a model
//! A model that fastembed knows is there by itself, under its repository's name ([`Models::list`]); if it wants a prefix
//! before queries or passages, add a line to `PREFIXES` in `catalogue.rs`. Models other than the shipped one need ONNX
//! Runtime, and are downloaded once, by [`Models::download`], into the cache folder. To ship another model, replace the
//! files in `model/` (its NOTICE says where they come from) and what `shipped.rs` says of them; a test prints the new id.

mod batch;
mod catalogue;
mod download;
mod embedder;
mod engine;
mod error;
mod files;
mod identity;
mod models;
mod runtime;
mod shipped;
mod tokens;

pub use catalogue::{ModelInfo, State};
pub use embedder::{Embedder, Role};
pub use error::EmbedError;
pub use identity::EmbedderId;
pub use models::Models;
pub use runtime::{Candidate, Finding, Runtime, RuntimePreference, RuntimeReport, runtime};

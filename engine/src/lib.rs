//! The imperative shell of ZoClone: the log and its writer, and everything that touches the world.
//!
//! - [`log`]: packs and their chain; [`store`]: the port that keeps them, and its implementations.
//! - [`disk`]: the files the local store is made of, and blobs and keys beside them.

pub mod disk;
pub mod log;
pub mod store;

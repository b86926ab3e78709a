//! The imperative shell of ZoClone: the log and its writer, and everything that touches the world.

pub mod client;
pub mod log;
pub mod protocol;
pub mod world;

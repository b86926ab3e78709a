//! The log: packs and their chain. Where they are kept is [`crate::store`]'s business.

pub mod pack;

pub use pack::{ChainHash, Head, HomeId, Pack, PackError, PackHeader};

//! Keys with a value; the last write wins. A key is a stream.

use bincode::{Decode, Encode};
use serde::Serialize;

use super::Payload;

/// What a key was set to: sealed.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode, Serialize)]
pub struct Body {
    /// The value.
    pub value: String,
}

/// A key was given a value. Replay may conclude that this is its value until the next event of the stream.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize)]
pub struct Set {
    /// The key, in clear: keys are names of settings, listed and sorted by folds.
    pub key: String,
    /// Length of the value, in bytes.
    pub size: u32,
}

impl Payload for Set {
    const KIND: u16 = 0x0301;
    const NAME: &'static str = "kv.set";
}

/// A key was removed with its value.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize)]
pub struct Deleted {
    /// The key.
    pub key: String,
}

impl Payload for Deleted {
    const KIND: u16 = 0x0302;
    const NAME: &'static str = "kv.deleted";
}

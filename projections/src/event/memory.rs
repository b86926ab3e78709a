//! Memory: facts that were memorized, replaced, found wrong, hidden.
//!
//! A memory is a stream; each [`Memorized`] or [`Superseded`] in it is a revision, whose sealed body is a [`Body`].

use bincode::{Decode, Encode};
use serde::Serialize;

use super::Payload;
use crate::ids::Digest;
use crate::time::Timestamp;

/// What a revision says: sealed, never needed by a fold.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode, Serialize)]
pub struct Body {
    /// The id a person or a source gave it, if any.
    pub name: Option<String>,
    /// The text.
    pub content: String,
    /// A JSON object, as text.
    pub meta: Option<String>,
}

/// A memory came into being, or came back after it was retracted. Appended on `memorize`; replay may conclude that
/// the memory is live with this content.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize)]
pub struct Memorized {
    /// Digest of content and meta, by which the same thing memorized twice is one memory.
    pub digest: Digest,
    /// Whether a person or a source gave it its id: then only that id finds it again.
    pub named: bool,
    /// Length of the content, in bytes.
    pub size: u32,
    /// When it happened or was said, if that is not when it was recorded.
    pub occurred_at: Option<Timestamp>,
}

impl Payload for Memorized {
    const KIND: u16 = 0x0201;
    const NAME: &'static str = "memory.memorized";
}

/// A live memory was given other content. The content before it is no longer valid from here on.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize)]
pub struct Superseded {
    /// Digest of the new content and meta.
    pub digest: Digest,
    /// Length of the new content, in bytes.
    pub size: u32,
    /// When the new content happened or was said, if that is not when it was recorded.
    pub occurred_at: Option<Timestamp>,
}

impl Payload for Superseded {
    const KIND: u16 = 0x0202;
    const NAME: &'static str = "memory.superseded";
}

/// A live memory was found wrong. It is answered with no more, but listed on request. The body is the reason, if one
/// was given.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize)]
pub struct Retracted {}

impl Payload for Retracted {
    const KIND: u16 = 0x0203;
    const NAME: &'static str = "memory.retracted";
}

/// A memory was hidden: it is in no list any more. The log still has it, and shows it `--at` before.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize)]
pub struct Forgotten {}

impl Payload for Forgotten {
    const KIND: u16 = 0x0204;
    const NAME: &'static str = "memory.forgotten";
}

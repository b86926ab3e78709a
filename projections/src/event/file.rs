//! Files: contents under names, every version of them.
//!
//! A content is cut into chunks that are stored by what is in them, sealed, outside the log; which they are is the body of
//! the event. So a content that was stored before takes no more room.

use bincode::{Decode, Encode};
use serde::Serialize;

use super::Payload;
use crate::ids::Digest;
use crate::time::Timestamp;

/// A content was put under a name. The stream is that of the name; the body is a [`ContentBody`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode, Serialize)]
pub struct Put {
    /// The name: a relative path with `/`.
    pub name: String,
    /// Length of the content, in bytes.
    pub size: u64,
    /// Keyed digest of the content.
    pub digest: Digest,
    /// What it is: `text/html`.
    pub media_type: String,
}

impl Payload for Put {
    const KIND: u16 = 0x0A01;
    const NAME: &'static str = "file.put";
}

/// Where the content of a file is, sealed.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode, Serialize)]
pub struct ContentBody {
    /// Its chunks in order: the names by which they are stored.
    pub chunks: Vec<Digest>,
    /// Bytes of each chunk but the last, which may have fewer.
    pub chunk_bytes: u32,
    /// blake3 of the whole content, in hex.
    pub blake3: String,
}

/// A name has no content any more; its versions stay.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize)]
pub struct Removed {}

impl Payload for Removed {
    const KIND: u16 = 0x0A02;
    const NAME: &'static str = "file.removed";
}

/// A file, or all below a folder, may be read by whoever has the link. The stream is that of the share; the body is a [`ShareBody`].
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode, Serialize)]
pub struct Shared {
    /// The name, or the folder with a slash behind it; empty: all files.
    pub name: String,
    /// blake3 of the secret part of the link.
    #[serde(serialize_with = "super::hex")]
    pub hash: [u8; 32],
    /// Whether it is a site: a folder is answered with its `index.html`.
    pub site: bool,
    /// Until when it holds.
    pub expires_at: Option<Timestamp>,
}

impl Payload for Shared {
    const KIND: u16 = 0x0A03;
    const NAME: &'static str = "file.shared";
}

/// The secret part of a link, sealed: who has the home can be shown it again.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode, Serialize)]
pub struct ShareBody {
    /// The secret.
    pub secret: String,
}

/// A link no longer holds.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize)]
pub struct Unshared {}

impl Payload for Unshared {
    const KIND: u16 = 0x0A04;
    const NAME: &'static str = "file.unshared";
}

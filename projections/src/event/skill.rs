//! Skills: which versions were seen, and which are trusted.

use bincode::{Decode, Encode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Payload;
use crate::ids::Digest;

/// Where a skill is from.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Encode,
    Decode,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Origin {
    /// The project that is worked in: used only where it is trusted.
    #[default]
    Project = 0,
    /// The user's own folders.
    User = 1,
    /// It ships with zo.
    Shipped = 2,
}

/// A skill was met in a version that had not been met in its folder before. The stream is that of the folder; the body
/// is a [`FolderBody`].
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize)]
pub struct VersionSeen {
    /// Its name.
    pub name: String,
    /// Where it is from.
    pub origin: Origin,
    /// The first 128 bits of blake3 over all its files.
    pub version: Digest,
}

impl Payload for VersionSeen {
    const KIND: u16 = 0x0801;
    const NAME: &'static str = "skill.version_seen";
}

/// Where a skill lies, sealed.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode, Serialize)]
pub struct FolderBody {
    /// Its folder, absolute.
    pub folder: String,
}

/// A person trusts a skill, as it is in this version. With another version trust ends.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize)]
pub struct Trusted {
    /// The version.
    pub version: Digest,
}

impl Payload for Trusted {
    const KIND: u16 = 0x0802;
    const NAME: &'static str = "skill.trusted";
}

/// A person no longer trusts a skill.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize)]
pub struct TrustWithdrawn {}

impl Payload for TrustWithdrawn {
    const KIND: u16 = 0x0803;
    const NAME: &'static str = "skill.trust_withdrawn";
}

//! The vault: that a provider's key was set or removed; never the key.

use bincode::{Decode, Encode};
use serde::Serialize;

use super::Payload;

/// A provider was given a key, which lies in the vault. Appended after it lies there.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize)]
pub struct KeySet {
    /// The provider.
    pub provider: String,
    /// Keyed digest of the key, by which it is recognised: without the home's key it says nothing.
    pub fingerprint: String,
}

impl Payload for KeySet {
    const KIND: u16 = 0x0C01;
    const NAME: &'static str = "vault.key_set";
}

/// A provider's key was removed from the vault. Appended after it is gone.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize)]
pub struct KeyRemoved {
    /// The provider.
    pub provider: String,
}

impl Payload for KeyRemoved {
    const KIND: u16 = 0x0C02;
    const NAME: &'static str = "vault.key_removed";
}

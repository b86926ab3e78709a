//! The vault: that a provider's key was set or removed; never the key.

use bincode::{Decode, Encode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Payload;
use crate::time::Timestamp;

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

/// What a token is good for.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Scope {
    /// Everything.
    Admin = 0,
    /// Putting questions, and what is needed for them.
    Ask = 1,
    /// Looking at things.
    Read = 2,
    /// Carrying jobs out.
    Node = 3,
}

impl Scope {
    /// Every scope, in the order of its number.
    pub const ALL: [Self; 4] = [Self::Admin, Self::Ask, Self::Read, Self::Node];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Ask => "ask",
            Self::Read => "read",
            Self::Node => "node",
        }
    }
}

/// A token for the HTTP interface was made. Of the secret there is only a hash: it was shown once.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize)]
pub struct TokenCreated {
    /// What it is called.
    pub name: String,
    /// blake3 of the secret.
    #[serde(serialize_with = "super::hex")]
    pub hash: [u8; 32],
    /// What it is good for.
    pub scopes: Vec<Scope>,
    /// Until when it holds.
    pub expires_at: Option<Timestamp>,
}

impl Payload for TokenCreated {
    const KIND: u16 = 0x0C03;
    const NAME: &'static str = "vault.token_created";
}

/// A token no longer holds.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize)]
pub struct TokenRevoked {}

impl Payload for TokenRevoked {
    const KIND: u16 = 0x0C04;
    const NAME: &'static str = "vault.token_revoked";
}

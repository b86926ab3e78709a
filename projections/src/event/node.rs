//! Nodes: who carries jobs out.
//!
//! The process that has the home is a node too, the *local* one. It needs no lease: when it ends, everything it was doing
//! is lost with it, and the next one says so.

use bincode::{Decode, Encode};
use serde::Serialize;

use super::{EventError, Payload, decode_exactly};
use crate::ids::TokenId;

/// A node joined, or joined again with other properties. The stream is that of its name.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode, Serialize)]
pub struct Joined {
    /// Its name.
    pub name: String,
    /// How many jobs it runs at a time.
    pub capacity: u32,
    /// What it has, sorted.
    pub labels: Vec<String>,
    /// Where it is.
    pub region: Option<String>,
    /// Its tier of GPU.
    pub gpu: Option<String>,
    /// What an hour of it costs before multipliers, in millionths of a US dollar.
    pub price_micros: u64,
    /// Whether it is the process that has the home.
    pub local: bool,
    /// The token it joined with, and by which it is spoken for. None: it joined from the machine of the home, or when
    /// nodes were not bound to tokens yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<TokenId>,
}

impl Payload for Joined {
    const KIND: u16 = 0x0601;
    const NAME: &'static str = "node.joined";
    const SCHEMA: u8 = 2;

    /// Schema 1 did not say with which token.
    fn upcast(schema: u8, bytes: &[u8]) -> Result<Self, EventError> {
        let before: JoinedWithoutToken = decode_exactly(Self::NAME, schema, bytes)?;
        let JoinedWithoutToken { name, capacity, labels, region, gpu, price_micros, local } = before;
        Ok(Self { name, capacity, labels, region, gpu, price_micros, local, token: None })
    }
}

/// [`Joined`] of schema 1.
#[derive(Decode)]
struct JoinedWithoutToken {
    name: String,
    capacity: u32,
    labels: Vec<String>,
    region: Option<String>,
    gpu: Option<String>,
    price_micros: u64,
    local: bool,
}

/// A node takes no more jobs.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize)]
pub struct Draining {}

impl Payload for Draining {
    const KIND: u16 = 0x0602;
    const NAME: &'static str = "node.draining";
}

/// A node that was draining takes jobs again.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize)]
pub struct Resumed {}

impl Payload for Resumed {
    const KIND: u16 = 0x0603;
    const NAME: &'static str = "node.resumed";
}

/// A node left of itself.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize)]
pub struct Left {}

impl Payload for Left {
    const KIND: u16 = 0x0604;
    const NAME: &'static str = "node.left";
}

/// Nothing was heard of a node for longer than a lease lasts.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize)]
pub struct Lost {}

impl Payload for Lost {
    const KIND: u16 = 0x0605;
    const NAME: &'static str = "node.lost";
}

/// A node was removed; its name may join anew, with nothing known of it.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize)]
pub struct Removed {}

impl Payload for Removed {
    const KIND: u16 = 0x0606;
    const NAME: &'static str = "node.removed";
}

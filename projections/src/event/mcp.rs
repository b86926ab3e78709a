//! Servers of the Model Context Protocol whose tools agents may call.

use bincode::{Decode, Encode};
use serde::Serialize;

use super::Payload;

/// A server was added, or given other properties. The stream is that of its name; the body is a [`ServerBody`].
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode, Serialize)]
pub struct ServerAdded {
    /// Its name, which is part of the names of its tools.
    pub name: String,
}

impl Payload for ServerAdded {
    const KIND: u16 = 0x0D01;
    const NAME: &'static str = "mcp.server_added";
}

/// How a server is reached, sealed.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode, Serialize)]
pub struct ServerBody {
    /// The program and what it is given, or the address, as JSON. Of secrets it has only the names: they lie in the vault.
    pub spec: String,
}

/// A server was removed: agents are offered its tools no more.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize)]
pub struct ServerRemoved {}

impl Payload for ServerRemoved {
    const KIND: u16 = 0x0D02;
    const NAME: &'static str = "mcp.server_removed";
}

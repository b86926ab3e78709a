//! Servers of the Model Context Protocol: which there are.

use std::collections::BTreeMap;

use bincode::{Decode, Encode};

use crate::event::Event;
use crate::ids::{McpServerId, Position};
use crate::projection::{Anomaly, NotASnapshot, Projection, load_value, save_value};
use crate::record::Recorded;

/// Every server that was not removed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct McpServers {
    servers: BTreeMap<McpServerId, McpServer>,
}

/// A server.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct McpServer {
    /// Its name.
    pub name: String,
    /// The event with its body.
    pub defined: Position,
}

impl McpServers {
    /// A server.
    pub fn get(&self, id: McpServerId) -> Option<&McpServer> {
        self.servers.get(&id)
    }

    /// All of them, by id.
    pub fn iter(&self) -> impl Iterator<Item = (McpServerId, &McpServer)> {
        self.servers.iter().map(|(id, server)| (*id, server))
    }
}

impl Projection for McpServers {
    const NAME: &'static str = "mcp_servers";
    const SCHEMA: u16 = 1;

    fn apply(&mut self, recorded: &Recorded) -> Result<(), Anomaly> {
        let header = &recorded.header;
        let id = McpServerId(header.stream.id);
        match &recorded.event {
            Event::McpServerAdded(event) => {
                self.servers.insert(id, McpServer { name: event.name.clone(), defined: header.position });
            }
            Event::McpServerRemoved(_) if self.servers.remove(&id).is_none() => {
                return Err(Anomaly::new(recorded, format!("there is no MCP server {id}")));
            }
            _ => {}
        }
        Ok(())
    }

    fn save(&self, out: &mut Vec<u8>) {
        save_value(self, out);
    }

    fn load(bytes: &[u8]) -> Result<Self, NotASnapshot> {
        load_value(bytes)
    }
}

#[cfg(test)]
mod tests;

//! What a server offers, within bounds.

use rmcp::model::{PaginatedRequestParams, Tool};
use rmcp::service::{Peer, RoleClient, ServiceError};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The most tools of a server: models are told all of them with every question.
const MAX_TOOLS: usize = 256;
/// The most pages they come in.
const MAX_PAGES: usize = 64;
/// Bytes of a tool's name.
const MAX_NAME_BYTES: usize = 128;
/// Bytes of what a tool is said to be for; the rest is cut off.
const MAX_DESCRIPTION_BYTES: usize = 4096;
/// Bytes of the schema of its arguments.
const MAX_SCHEMA_BYTES: usize = 64 << 10;

/// A tool of a server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServerTool {
    /// Its name, as the server has it.
    pub name: String,
    /// What it is for, in the server's words.
    pub description: String,
    /// JSON Schema of its arguments.
    pub parameters: Value,
    /// Whether the server says that it only reads.
    pub read_only: bool,
    /// Whether the server says that calling it twice does no more than calling it once.
    pub idempotent: bool,
}

/// A tool that is not offered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// The tool.
    pub name: String,
    /// Why it is not offered.
    pub why: String,
}

/// The tools of a server.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ServerTools {
    /// Those that can be called, in the server's order.
    pub tools: Vec<ServerTool>,
    /// Those that cannot.
    pub left_out: Vec<LeftOut>,
}

/// Asks for all tools.
pub(super) async fn list(peer: &Peer<RoleClient>) -> Result<ServerTools, ServiceError> {
    let mut all = ServerTools::default();
    let mut cursor = None;
    for _ in 0..MAX_PAGES {
        let page = peer.list_tools(Some(PaginatedRequestParams::default().with_cursor(cursor))).await?;
        page.tools.into_iter().for_each(|tool| all.take(tool));
        cursor = page.next_cursor;
        if cursor.is_none() {
            return Ok(all);
        }
    }
    let why = format!("the tools come in more than {MAX_PAGES} pages");
    all.left_out.push(LeftOut { name: "those of the pages that follow".to_owned(), why });
    Ok(all)
}

impl ServerTools {
    fn take(&mut self, tool: Tool) {
        match self.check(&tool) {
            Err(why) => {
                if self.left_out.len() < MAX_TOOLS {
                    self.left_out.push(LeftOut { name: cut(&tool.name, MAX_NAME_BYTES), why });
                }
            }
            Ok(()) => {
                let hints = tool.annotations.clone().unwrap_or_default();
                self.tools.push(ServerTool {
                    description: cut(tool.description.as_deref().unwrap_or_default(), MAX_DESCRIPTION_BYTES),
                    parameters: tool.schema_as_json_value(),
                    read_only: hints.read_only_hint.unwrap_or(false),
                    idempotent: hints.is_idempotent(),
                    name: tool.name.into_owned(),
                });
            }
        }
    }

    fn check(&self, tool: &Tool) -> Result<(), String> {
        let name = tool.name.as_ref();
        if self.tools.len() >= MAX_TOOLS {
            return Err(format!("there are more than {MAX_TOOLS}"));
        }
        if name.is_empty() || name.len() > MAX_NAME_BYTES || name.chars().any(char::is_control) {
            return Err(format!("its name is not one of 1 to {MAX_NAME_BYTES} bytes without control characters"));
        }
        if self.tools.iter().any(|other| other.name == name) {
            return Err("another one is called so".to_owned());
        }
        let bytes = serde_json::to_vec(&*tool.input_schema).map_or(usize::MAX, |schema| schema.len());
        if bytes > MAX_SCHEMA_BYTES {
            return Err(format!("its schema has {bytes} bytes, more than {MAX_SCHEMA_BYTES}"));
        }
        Ok(())
    }
}

/// The beginning of a text, at the border of a character.
fn cut(text: &str, most: usize) -> String {
    text[..text.floor_char_boundary(most)].to_owned()
}

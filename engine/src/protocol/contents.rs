//! Contents to keep: memories, and messages of conversations.

use bincode::{Decode, Encode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zo_projections::Timestamp;
use zo_projections::event::conversation::{Role, ToolCall};

use super::json;

/// A content to keep.
#[derive(Clone, Debug, Default, Encode, Decode, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewMemory {
    /// The id it is given, if any.
    pub id: Option<String>,
    /// The text.
    pub content: String,
    /// A JSON object, as text.
    #[serde(with = "json::text", default)]
    #[schemars(with = "Option<serde_json::Map<String, serde_json::Value>>")]
    pub meta: Option<String>,
    /// When it happened, if that is not now.
    pub occurred_at: Option<Timestamp>,
}

/// Which conversation is meant.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ConversationChoice {
    /// The one with this name or id; it must exist.
    Existing(String),
    /// The one with this name or id; if there is none, one with this name is begun.
    Named(String),
    /// A new one under this id, chosen by who asks; if it exists already (the request was repeated), that one.
    New {
        /// Its id.
        #[serde(with = "json::id", default = "json::fresh_id")]
        #[schemars(with = "Option<json::Ulid>", !default)]
        id: u128,
        /// Its name.
        name: Option<String>,
    },
    /// One that an import brings along, by the source's own id: found again by the next import.
    Imported {
        /// The source's id.
        external: String,
        /// Its name, given if it is begun and no other has it.
        name: Option<String>,
    },
}

/// A message to add.
#[derive(Clone, Debug, Encode, Decode, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MessageInput {
    /// Its id.
    #[serde(default = "json::fresh_message")]
    #[schemars(!default)]
    pub id: MessageChoice,
    /// The message it follows: that of the same id in this conversation. `None`: the last one of the selected branch.
    pub parent: Option<MessageChoice>,
    /// Who it is from.
    pub role: Role,
    /// The text.
    pub content: String,
    /// Name of the speaker.
    pub author: Option<String>,
    /// Tool calls it asks for.
    #[serde(default)]
    pub tool_calls: Vec<ToolCall>,
    /// Of a tool's message: the call it answers.
    pub tool_call_id: Option<String>,
    /// A JSON object, as text.
    #[serde(with = "json::text", default)]
    #[schemars(with = "Option<serde_json::Map<String, serde_json::Value>>")]
    pub meta: Option<String>,
    /// When it was said, if that is not now.
    pub occurred_at: Option<Timestamp>,
    /// Whether its branch becomes the selected one.
    #[serde(default = "json::yes")]
    pub selected: bool,
}

/// How a message is named.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum MessageChoice {
    /// By its id.
    Id(
        #[serde(with = "json::id")]
        #[schemars(with = "json::Ulid")]
        u128,
    ),
    /// By the id that its source gave it.
    External(String),
    /// None: as a parent, the root of the tree.
    Root,
}

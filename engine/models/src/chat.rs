//! What one asks a model.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Who said something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The one who asks.
    User,
    /// The model.
    Assistant,
    /// A tool that the model called; the message says which call it answers.
    Tool,
}

/// A piece of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Words.
    Text(String),
    /// A picture.
    Image {
        /// `image/png`, `image/jpeg`, `image/gif` or `image/webp`.
        media_type: String,
        /// The file as it is.
        bytes: Vec<u8>,
    },
}

/// A call of a tool that a model wants made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolCall {
    /// What the answer to it refers to; made up (`call_0`, …) where a provider gave none.
    pub id: String,
    /// The tool.
    pub name: String,
    /// JSON text as the model wrote it, `{}` if it wrote nothing; not checked against the tool's schema.
    pub arguments: String,
}

/// One message of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChatMessage {
    /// Who said it.
    pub role: Role,
    /// What was said, in order.
    pub parts: Vec<Part>,
    /// What the model called with it; of [`Role::Assistant`] only.
    pub tool_calls: Vec<ToolCall>,
    /// The call it answers; of [`Role::Tool`] only.
    pub tool_call_id: Option<String>,
}

impl ChatMessage {
    /// A message of one text.
    pub fn text(role: Role, text: impl Into<String>) -> Self {
        ChatMessage { role, parts: vec![Part::Text(text.into())], tool_calls: Vec::new(), tool_call_id: None }
    }
}

/// A tool that a model may call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolSpec {
    /// Letters, digits, `_` and `-`.
    pub name: String,
    /// When and how to use it.
    pub description: String,
    /// JSON Schema of its arguments, an object.
    pub parameters: Value,
}

/// One question with everything that belongs to it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChatRequest {
    /// The model's name, without the provider.
    pub model: String,
    /// What stands above the conversation.
    pub system: Option<String>,
    /// The conversation, oldest first; neighbours of one role are merged where the dialect needs it.
    pub messages: Vec<ChatMessage>,
    /// What may be called.
    pub tools: Vec<ToolSpec>,
    /// The answer is to be JSON of this JSON Schema; it is checked before it is returned.
    pub schema: Option<Value>,
    /// The most tokens of an answer. Where the dialect needs a number, the catalogue's or 8192.
    pub max_output_tokens: Option<u32>,
    /// How freely to choose; left out for models that do not know it.
    pub temperature: Option<f32>,
}

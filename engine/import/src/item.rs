//! What the readers yield: neutral items that know nothing of events, logs or the format they came from.
//!
//! Times are milliseconds since 1970-01-01 UTC and say when a thing happened in the source, never when it was imported.

use serde_json::{Map, Value};

/// One thing found in a source.
#[derive(Debug, Clone, PartialEq)]
pub enum Imported {
    /// A fact, a note or a passage of a document.
    Memory(ImportedMemory),
    /// A conversation with all its messages, on every branch.
    Conversation(ImportedConversation),
    /// An entry of a key/value store.
    KeyValue {
        /// The key, unique within its source.
        key: String,
        /// The value as text; what was JSON in the source is still JSON text.
        value: String,
        /// When it was last written, in ms since 1970 UTC.
        occurred_at_ms: Option<i64>,
        /// Where it was found, for messages.
        source: String,
    },
    /// Something that recurs: a rule, a cadence, a next time.
    Schedule(ImportedRow),
    /// A piece of work with a state.
    Job(ImportedRow),
    /// A file kept in a table. `fields` has `path` and `content`; where the bytes are not text, `encoding` is `hex` or
    /// what the source says (`base64`).
    File(ImportedRow),
    /// A row that has no counterpart; kept whole, so that the caller can say what was not taken over.
    Unplaced {
        /// The table it came from.
        table: String,
        /// The row as an object: column to value.
        json: Value,
        /// Where it was found, for messages.
        source: String,
    },
}

/// A fact, a note or a passage of a document.
#[derive(Debug, Clone, PartialEq)]
pub struct ImportedMemory {
    /// A stable id given by the source; `None` where the source has none.
    pub name: Option<String>,
    /// The text, never blank.
    pub content: String,
    /// What the source says about it.
    pub meta: Map<String, Value>,
    /// When it happened, in ms since 1970 UTC.
    pub occurred_at_ms: Option<i64>,
    /// Where it was found, for messages: `file:line`.
    pub source: String,
}

/// A conversation with its messages.
#[derive(Debug, Clone, PartialEq)]
pub struct ImportedConversation {
    /// The source's id, unique within the source only: put the reader's name before it.
    pub external_id: String,
    /// Its title, never blank.
    pub title: Option<String>,
    /// When it began, in ms since 1970 UTC.
    pub created_at_ms: Option<i64>,
    /// What else the source says about it.
    pub meta: Map<String, Value>,
    /// All messages of all branches; a parent always comes before its children.
    pub messages: Vec<ImportedMessage>,
}

/// One message of a conversation.
#[derive(Debug, Clone, PartialEq)]
pub struct ImportedMessage {
    /// The source's id, unique within the conversation.
    pub external_id: String,
    /// The external id of the message it answers; always one that came earlier in the same conversation.
    pub parent: Option<String>,
    /// Who speaks.
    pub role: Role,
    /// The speaker's name where the source has one (for a tool: the tool's).
    pub author: Option<String>,
    /// The text, never blank.
    pub content: String,
    /// What the source says about it.
    pub meta: Map<String, Value>,
    /// When it was said, in ms since 1970 UTC.
    pub occurred_at_ms: Option<i64>,
    /// Whether it lies on the branch that the source showed last.
    pub on_active_branch: bool,
}

/// A row of a table whose meaning is known, but whose columns are the caller's to read.
#[derive(Debug, Clone, PartialEq)]
pub struct ImportedRow {
    /// The table it came from.
    pub table: String,
    /// The row's id as text.
    pub external_id: Option<String>,
    /// Column to value, in the order of the table.
    pub fields: Map<String, Value>,
    /// When it was created or last changed, in ms since 1970 UTC.
    pub occurred_at_ms: Option<i64>,
    /// Where it was found, for messages.
    pub source: String,
}

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Instructions that frame the conversation.
    System,
    /// The person.
    User,
    /// The model.
    Assistant,
    /// A tool's answer.
    Tool,
}

impl Role {
    /// The role that a source calls `name`, in any case; `None` for a name nobody uses.
    pub fn named(name: &str) -> Option<Role> {
        match name.trim().to_ascii_lowercase().as_str() {
            "system" | "developer" => Some(Role::System),
            "user" | "human" => Some(Role::User),
            "assistant" | "ai" | "bot" | "model" | "agent" => Some(Role::Assistant),
            "tool" | "function" => Some(Role::Tool),
            _ => None,
        }
    }
}

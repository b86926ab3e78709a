//! Conversations: trees of messages, of which one branch is selected.

use bincode::{Decode, Encode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Payload;
use super::run::Usage;
use crate::ids::{ConversationId, Digest, MessageId, Position};
use crate::time::Timestamp;

/// Who a message is from, in the terms of model providers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Role {
    /// Instructions.
    System = 0,
    /// A person.
    User = 1,
    /// A model, or a responder in its place.
    Assistant = 2,
    /// The result of a tool call.
    Tool = 3,
}

/// A tool call that an assistant's message asks for.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
pub struct ToolCall {
    /// The call's id, as the model gave it.
    pub id: String,
    /// The tool.
    pub name: String,
    /// Its arguments: JSON, as text.
    pub arguments: String,
}

/// What a message says: sealed.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode, Serialize)]
pub struct MessageBody {
    /// The text.
    pub content: String,
    /// Name of the speaker, where there is more than one in a role.
    pub author: Option<String>,
    /// Tool calls asked for, in order.
    pub tool_calls: Vec<ToolCall>,
    /// Of a tool's message: the call it answers.
    pub tool_call_id: Option<String>,
    /// A JSON object, as text.
    pub meta: Option<String>,
}

/// A name, sealed.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode, Serialize)]
pub struct NameBody {
    /// The name.
    pub name: String,
}

/// A conversation came into being. Its body, if it has a name, is a [`NameBody`].
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize)]
pub struct Started {
    /// Digest of its name, by which it is found.
    pub name: Option<Digest>,
}

impl Payload for Started {
    const KIND: u16 = 0x0101;
    const NAME: &'static str = "conversation.started";
}

/// A message was added, and its branch is now the selected one unless `selected` is false. The body is a [`MessageBody`].
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize)]
pub struct MessageAdded {
    /// The message.
    pub message: MessageId,
    /// The message it follows; none at the root of the tree.
    pub parent: Option<MessageId>,
    /// Who it is from.
    pub role: Role,
    /// Length of the text, in bytes.
    pub size: u32,
    /// How many tool calls it asks for.
    pub tool_calls: u16,
    /// The model or responder that wrote it: `offline`, `anthropic/…`.
    pub model: Option<String>,
    /// When it was said, if that is not when it was recorded.
    pub occurred_at: Option<Timestamp>,
    /// Whether it was cut off before its end.
    pub interrupted: bool,
    /// Whether its branch becomes the selected one.
    pub selected: bool,
}

impl Payload for MessageAdded {
    const KIND: u16 = 0x0102;
    const NAME: &'static str = "conversation.message_added";
}

/// Another branch was selected: what is shown and continued is the path from the root to this message.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize)]
pub struct BranchSelected {
    /// The last message of the path.
    pub message: MessageId,
}

impl Payload for BranchSelected {
    const KIND: u16 = 0x0103;
    const NAME: &'static str = "conversation.branch_selected";
}

/// A conversation was given another name. The body is a [`NameBody`].
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize)]
pub struct Renamed {
    /// Digest of the new name.
    pub name: Digest,
}

impl Payload for Renamed {
    const KIND: u16 = 0x0104;
    const NAME: &'static str = "conversation.renamed";
}

/// A conversation was deleted: it is in no list any more. The log still has it, and shows it `--at` before.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize)]
pub struct Deleted {}

impl Payload for Deleted {
    const KIND: u16 = 0x0105;
    const NAME: &'static str = "conversation.deleted";
}

/// A file was attached to a message. Appended in one commit with the message, behind it, in the order in which files
/// were given. The body is a [`FileBody`].
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize)]
pub struct FileAttached {
    /// The message.
    pub message: MessageId,
    /// What it is: `image/png`, `text/plain`.
    pub media_type: String,
    /// Its length, in bytes.
    pub size: u32,
}

impl Payload for FileAttached {
    const KIND: u16 = 0x0106;
    const NAME: &'static str = "conversation.file_attached";
}

/// A file, sealed.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode, Serialize)]
pub struct FileBody {
    /// Its name, without a folder.
    pub name: String,
    /// What is in it.
    #[serde(skip)]
    pub bytes: Vec<u8>,
}

/// The conversation began as a copy of a branch of another one: what follows are the messages of that branch, under
/// ids of their own.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize)]
pub struct Forked {
    /// The other conversation.
    pub from: ConversationId,
    /// The last message of the branch.
    pub message: MessageId,
}

impl Payload for Forked {
    const KIND: u16 = 0x0107;
    const NAME: &'static str = "conversation.forked";
}

/// Messages that follow each other on a branch are told to models by their summary from now on. They stay where they
/// are, and are recalled as before. The body is a [`SummaryBody`].
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize)]
pub struct Compacted {
    /// The first of the messages.
    pub from: MessageId,
    /// The last of them.
    pub through: MessageId,
    /// How many they are.
    pub messages: u32,
    /// The model that wrote the summary; `offline` if it is made of their own sentences.
    pub model: String,
    /// What that cost.
    pub usage: Usage,
}

impl Payload for Compacted {
    const KIND: u16 = 0x0108;
    const NAME: &'static str = "conversation.compacted";
}

/// A summary, sealed.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode, Serialize)]
pub struct SummaryBody {
    /// What the messages come to.
    pub summary: String,
}

/// A compaction was undone: the messages are told to models as they are again.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize)]
pub struct Uncompacted {
    /// The compaction.
    pub compaction: Position,
}

impl Payload for Uncompacted {
    const KIND: u16 = 0x0109;
    const NAME: &'static str = "conversation.uncompacted";
}

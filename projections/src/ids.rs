//! Positions, ids and digests. Two numbers that mean different things are two types.

use std::fmt;
use std::str::FromStr;

use bincode::{Decode, Encode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};
use ulid::Ulid;

/// The place of an event in the log: dense, from 1, assigned by the writer. 0 is "before anything happened".
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Encode,
    Decode,
    Serialize,
    Deserialize,
    JsonSchema,
)]
pub struct Position(pub u64);

impl Position {
    /// Before the first event.
    pub const START: Self = Self(0);

    /// The position after this one.
    pub fn next(self) -> Self {
        self.plus(1)
    }

    /// The position `n` after this one; the last there can be, if that would be behind it.
    pub fn plus(self, n: u64) -> Self {
        Self(self.0.saturating_add(n))
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The number of a stream key in the key file; 0 means that the stream has no key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct KeyId(pub u32);

impl KeyId {
    /// The stream has no key (yet): nothing in it is sealed.
    pub const NONE: Self = Self(0);
}

/// A 128-bit keyed digest of something a person wrote (a name, a content): equal texts of one home have equal
/// digests, and without the home's key nobody can test a guess against it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct Digest(pub u128);

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:032x}", self.0))
    }
}

/// Why a text is not an id.
#[derive(Debug, thiserror::Error)]
#[error("`{text}` is not an id: 26 letters and digits such as 01J9ZQ4R1M3V8K2T6W5X7Y0ABC are expected")]
pub struct NotAnId {
    /// What was given.
    pub text: String,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// A ULID, kept as a number and shown in its 26-character form.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
        pub struct $name(pub u128);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(Ulid::from(self.0).array_to_str(&mut [0; ulid::ULID_LEN]))
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;
            fn from_str(text: &str) -> Result<Self, NotAnId> {
                // 26 characters of 5 bits are 130 bits: the first one may not be above 7.
                match Ulid::from_string(text) {
                    Ok(ulid) if text.as_bytes()[0] <= b'7' => Ok(Self(ulid.0)),
                    _ => Err(NotAnId { text: text.to_owned() }),
                }
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    };
}

id! {
    /// One event.
    EventId
}
id! {
    /// One memory, through all its revisions.
    MemoryId
}
id! {
    /// One conversation.
    ConversationId
}
id! {
    /// One message of a conversation.
    MessageId
}
id! {
    /// One run of a model or an agent.
    RunId
}

id! {
    /// One job, through all its attempts.
    JobId
}
id! {
    /// One node of the compute pool: its name, as a digest.
    NodeId
}
id! {
    /// One schedule.
    ScheduleId
}
id! {
    /// One service: its label, as a digest.
    ServiceId
}
id! {
    /// One name of a hosted file, as a digest.
    FileId
}
id! {
    /// One token of the HTTP interface.
    TokenId
}
id! {
    /// One browser session: its name, as a digest.
    BrowserId
}
id! {
    /// One server of the Model Context Protocol: its name, as a digest.
    McpServerId
}

/// The subsystem a stream belongs to. Numbers are part of the log's format and never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[repr(u8)]
pub enum Category {
    /// The home itself.
    Home = 0,
    /// Conversations and their messages.
    Conversation = 1,
    /// Memory facts.
    Memory = 2,
    /// Keys with a value.
    Kv = 3,
    /// Runs of models and agents.
    Run = 4,
    /// Jobs of the compute pool.
    Job = 5,
    /// Nodes of the compute pool.
    Node = 6,
    /// Schedules and their occurrences.
    Schedule = 7,
    /// Skills.
    Skill = 8,
    /// Supervised services.
    Service = 9,
    /// Hosted files.
    File = 10,
    /// Browser sessions.
    Browser = 11,
    /// The vault of provider keys (never the keys themselves).
    Vault = 12,
    /// Servers of the Model Context Protocol.
    Mcp = 13,
}

impl Category {
    /// Every category, in the order of its number.
    pub const ALL: [Self; 14] = [
        Self::Home,
        Self::Conversation,
        Self::Memory,
        Self::Kv,
        Self::Run,
        Self::Job,
        Self::Node,
        Self::Schedule,
        Self::Skill,
        Self::Service,
        Self::File,
        Self::Browser,
        Self::Vault,
        Self::Mcp,
    ];

    /// The category with this number, if this version knows it.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// The word in front of the slash of a stream id.
    pub fn name(self) -> &'static str {
        match self {
            Self::Home => "home",
            Self::Conversation => "conversation",
            Self::Memory => "memory",
            Self::Kv => "kv",
            Self::Run => "run",
            Self::Job => "job",
            Self::Node => "node",
            Self::Schedule => "schedule",
            Self::Skill => "skill",
            Self::Service => "service",
            Self::File => "file",
            Self::Browser => "browser",
            Self::Vault => "vault",
            Self::Mcp => "mcp",
        }
    }
}

/// One stream of events: `memory/01J…`. Its events carry versions 1, 2, 3… without a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct StreamId {
    /// The subsystem.
    pub category: Category,
    /// The thing within it.
    pub id: u128,
}

impl StreamId {
    /// The stream of `id` in `category`.
    pub fn new(category: Category, id: u128) -> Self {
        Self { category, id }
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.category.name(), EventId(self.id))
    }
}

impl FromStr for StreamId {
    type Err = NotAnId;
    fn from_str(text: &str) -> Result<Self, NotAnId> {
        let not_an_id = || NotAnId { text: text.to_owned() };
        let (category, id) = text.split_once('/').ok_or_else(not_an_id)?;
        let category = Category::ALL.into_iter().find(|c| c.name() == category).ok_or_else(not_an_id)?;
        Ok(Self { category, id: id.parse::<EventId>()?.0 })
    }
}

impl Serialize for StreamId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

macro_rules! stream_of {
    ($($id:ident => $category:ident),*) => {
        $(impl From<$id> for StreamId {
            fn from(id: $id) -> Self {
                Self::new(Category::$category, id.0)
            }
        })*
    };
}
stream_of!(
    MemoryId => Memory,
    ConversationId => Conversation,
    RunId => Run,
    JobId => Job,
    NodeId => Node,
    ScheduleId => Schedule,
    ServiceId => Service,
    FileId => File,
    BrowserId => Browser,
    TokenId => Vault,
    McpServerId => Mcp
);

#[cfg(test)]
mod tests;

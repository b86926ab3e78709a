//! The event vocabulary: every kind of thing that can have happened, with its stable number.
//!
//! One file per subsystem. A kind is a frozen struct; once released, neither its fields nor its number change:
//! a new shape is a new schema number, and [`Payload::upcast`] lifts the old bytes. Numbers are
//! `0xSSKK`: the subsystem's [`Category`], then the kind within it.
//!
//! To add a kind: its struct and its `Payload` in the subsystem's file, a line in the table below, an arm in the
//! fold that understands it, and a golden fixture (the test that walks [`KINDS`] asks for it).

pub mod bench;
mod body;
pub mod browser;
pub mod conversation;
pub mod file;
pub mod home;
pub mod job;
pub mod kv;
pub mod mcp;
pub mod memory;
pub mod node;
pub mod run;
pub mod schedule;
pub mod service;
pub mod skill;
pub mod vault;

use bincode::config::{Configuration, Fixint, Limit, LittleEndian};
use bincode::error::DecodeError;
use bincode::{Decode, Encode};
use serde::Serialize;

use crate::ids::Category;

/// The most bytes an event may have, its body apart.
pub const MAX_BYTES: usize = 64 * 1024;
/// The most bytes a body may have before it is sealed.
pub const MAX_BODY_BYTES: usize = 64 * 1024 * 1024;

/// What a struct needs to be an event.
pub trait Payload: Encode + Decode<()> + Serialize + Sized {
    /// Its stable number.
    const KIND: u16;
    /// Its name: `subsystem.past_tense`.
    const NAME: &'static str;
    /// The schema this struct is; 1 unless it has been changed.
    const SCHEMA: u8 = 1;

    /// Lifts the bytes of an older schema, 1 to `SCHEMA - 1`, to this one: [`decode_exactly`] them as the struct of
    /// that time, which stays frozen beside this one.
    ///
    /// # Errors
    /// If the bytes are not of that schema.
    fn upcast(schema: u8, bytes: &[u8]) -> Result<Self, EventError> {
        let _ = bytes;
        Err(EventError::Schema { kind: Self::NAME, schema, known: Self::SCHEMA })
    }
}

/// Why bytes are not an event.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum EventError {
    /// A kind this version does not know.
    #[error("event kind {kind:#06x} is not known: it was written by a newer version of zo")]
    Kind {
        /// Its number.
        kind: u16,
    },
    /// A schema this version does not know.
    #[error("{kind} has schema {schema}, and this version of zo knows {known} at the most")]
    Schema {
        /// The kind's name.
        kind: &'static str,
        /// The schema found.
        schema: u8,
        /// The newest known.
        known: u8,
    },
    /// The bytes are not what the schema says.
    #[error("{kind} of schema {schema} cannot be read: {why}")]
    Bytes {
        /// The kind's name.
        kind: &'static str,
        /// Its schema.
        schema: u8,
        /// What is wrong with the bytes.
        why: String,
    },
}

/// A hash as text.
fn hex<S: serde::Serializer>(bytes: &[u8; 32], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&blake3::Hash::from_bytes(*bytes).to_hex())
}

/// How events are encoded: little-endian, fixed width, limited.
const CODEC: Configuration<LittleEndian, Fixint, Limit<MAX_BYTES>> =
    bincode::config::standard().with_little_endian().with_fixed_int_encoding().with_limit::<MAX_BYTES>();

/// How bodies are encoded: as events are, but longer.
const BODY_CODEC: Configuration<LittleEndian, Fixint, Limit<MAX_BODY_BYTES>> =
    bincode::config::standard().with_little_endian().with_fixed_int_encoding().with_limit::<MAX_BODY_BYTES>();

/// Decodes all of `bytes` as a `T` in the codec of events. Upcasters use it on their frozen old structs.
///
/// # Errors
/// If the bytes are not a `T`, or some are left over.
pub fn decode_exactly<T: Decode<()>>(kind: &'static str, schema: u8, bytes: &[u8]) -> Result<T, EventError> {
    all_of(kind, schema, bytes, bincode::decode_from_slice(bytes, CODEC))
}

/// Decodes all of `bytes` as the body of an event of this kind and schema; they may be as many as
/// [`MAX_BODY_BYTES`], where an event itself may have [`MAX_BYTES`].
///
/// # Errors
/// If the bytes are not a `T`, or some are left over.
pub fn decode_body<T: Decode<()>>(kind: &'static str, schema: u8, bytes: &[u8]) -> Result<T, EventError> {
    all_of(kind, schema, bytes, bincode::decode_from_slice(bytes, BODY_CODEC))
}

fn all_of<T>(
    kind: &'static str,
    schema: u8,
    bytes: &[u8],
    decoded: Result<(T, usize), DecodeError>,
) -> Result<T, EventError> {
    let failed = |why: String| EventError::Bytes { kind, schema, why };
    match decoded {
        Ok((value, used)) if used == bytes.len() => Ok(value),
        Ok((_, used)) => Err(failed(format!("{} bytes left over", bytes.len() - used))),
        Err(error) => Err(failed(error.to_string())),
    }
}

/// Encodes an event's struct or a body, behind what `out` holds.
pub fn encode_into<T: Encode>(value: &T, out: &mut Vec<u8>) {
    bincode::encode_into_std_write(value, out, CODEC)
        .expect("a vector takes every byte, and the structs can be encoded");
}

fn decode_payload<T: Payload>(schema: u8, bytes: &[u8]) -> Result<T, EventError> {
    if schema == T::SCHEMA {
        decode_exactly(T::NAME, schema, bytes)
    } else if (1..T::SCHEMA).contains(&schema) {
        T::upcast(schema, bytes)
    } else {
        Err(EventError::Schema { kind: T::NAME, schema, known: T::SCHEMA })
    }
}

/// One line per kind: the variant, its struct.
macro_rules! vocabulary {
    ($($variant:ident($payload:ty)),* $(,)?) => {
        /// Something that happened.
        #[derive(Clone, Debug, PartialEq, Serialize)]
        #[serde(untagged)]
        #[allow(missing_docs)] // each variant is documented by its struct
        pub enum Event {
            $($variant($payload)),*
        }

        /// Every kind: number, name, newest schema.
        pub const KINDS: &[(u16, &str, u8)] = &[
            $((<$payload as Payload>::KIND, <$payload as Payload>::NAME, <$payload as Payload>::SCHEMA)),*
        ];

        impl Event {
            /// Stable number of its kind.
            pub fn kind(&self) -> u16 {
                match self {
                    $(Self::$variant(_) => <$payload as Payload>::KIND),*
                }
            }

            /// Name of its kind: `memory.memorized`.
            pub fn name(&self) -> &'static str {
                match self {
                    $(Self::$variant(_) => <$payload as Payload>::NAME),*
                }
            }

            /// The schema it is written in: always the newest.
            pub fn schema(&self) -> u8 {
                match self {
                    $(Self::$variant(_) => <$payload as Payload>::SCHEMA),*
                }
            }

            /// Appends its bytes to `out`.
            pub fn encode(&self, out: &mut Vec<u8>) {
                match self {
                    $(Self::$variant(payload) => encode_into(payload, out)),*
                }
            }

            /// Reads an event of any known kind and schema; consumes all bytes.
            ///
            /// # Errors
            /// If the kind or schema is newer than this version, or the bytes are not of it.
            pub fn decode(kind: u16, schema: u8, bytes: &[u8]) -> Result<Self, EventError> {
                match kind {
                    $(<$payload as Payload>::KIND => decode_payload(schema, bytes).map(Self::$variant),)*
                    kind => Err(EventError::Kind { kind }),
                }
            }
        }

        $(impl From<$payload> for Event {
            fn from(payload: $payload) -> Self {
                Self::$variant(payload)
            }
        })*
    };
}

vocabulary! {
    HomeCreated(home::Created),
    EmbedderChosen(home::EmbedderChosen),
    ModelChosen(home::ModelChosen),
    ProviderAdded(home::ProviderAdded),
    ProviderRemoved(home::ProviderRemoved),
    RuleAdded(home::RuleAdded),
    RuleRemoved(home::RuleRemoved),
    DailyBudgetSet(home::DailyBudgetSet),
    QueueSet(home::QueueSet),
    ClockAdvanced(home::ClockAdvanced),
    NodesHeard(home::NodesHeard),
    PricesSet(home::PricesSet),
    ConversationStarted(conversation::Started),
    MessageAdded(conversation::MessageAdded),
    BranchSelected(conversation::BranchSelected),
    ConversationRenamed(conversation::Renamed),
    ConversationDeleted(conversation::Deleted),
    FileAttached(conversation::FileAttached),
    ConversationForked(conversation::Forked),
    ConversationCompacted(conversation::Compacted),
    ConversationUncompacted(conversation::Uncompacted),
    Memorized(memory::Memorized),
    Superseded(memory::Superseded),
    Retracted(memory::Retracted),
    Forgotten(memory::Forgotten),
    KvSet(kv::Set),
    KvDeleted(kv::Deleted),
    RunStarted(run::Started),
    RunRecalled(run::Recalled),
    RunFinished(run::Finished),
    RunFailed(run::Failed),
    RunCalled(run::Called),
    RunCallFailed(run::CallFailed),
    RunReplied(run::agent::Replied),
    ToolCalled(run::agent::ToolCalled),
    ToolReturned(run::agent::ToolReturned),
    PermissionAsked(run::agent::PermissionAsked),
    PermissionAnswered(run::agent::PermissionAnswered),
    CancelRequested(run::agent::CancelRequested),
    SkillUsed(run::agent::SkillUsed),
    JobSubmitted(job::Submitted),
    JobClaimed(job::Claimed),
    JobCompleted(job::Completed),
    JobFailed(job::Failed),
    JobLeaseLost(job::LeaseLost),
    JobReleased(job::Released),
    JobCancelRequested(job::CancelRequested),
    JobCancelled(job::Cancelled),
    JobRetried(job::Retried),
    JobExpired(job::Expired),
    NodeJoined(node::Joined),
    NodeDraining(node::Draining),
    NodeResumed(node::Resumed),
    NodeLeft(node::Left),
    NodeLost(node::Lost),
    NodeRemoved(node::Removed),
    ScheduleAdded(schedule::Added),
    ScheduleEdited(schedule::Edited),
    SchedulePaused(schedule::Paused),
    ScheduleResumed(schedule::Resumed),
    ScheduleRemoved(schedule::Removed),
    ScheduleOccurred(schedule::Occurred),
    ScheduleMissed(schedule::Missed),
    SkillVersionSeen(skill::VersionSeen),
    SkillTrusted(skill::Trusted),
    SkillTrustWithdrawn(skill::TrustWithdrawn),
    ServiceAdded(service::Added),
    ServiceStartRequested(service::StartRequested),
    ServiceStopRequested(service::StopRequested),
    ServiceRestartRequested(service::RestartRequested),
    ServiceSpawned(service::Spawned),
    ServiceHealthChanged(service::HealthChanged),
    ServiceExited(service::Exited),
    ServiceRemoved(service::Removed),
    FilePut(file::Put),
    FileRemoved(file::Removed),
    FileShared(file::Shared),
    FileUnshared(file::Unshared),
    BrowserOpened(browser::Opened),
    BrowserActBegun(browser::ActBegun),
    BrowserActed(browser::Acted),
    BrowserArtifactKept(browser::ArtifactKept),
    BrowserClosed(browser::Closed),
    BrowserRemoved(browser::Removed),
    KeySet(vault::KeySet),
    KeyRemoved(vault::KeyRemoved),
    TokenCreated(vault::TokenCreated),
    TokenRevoked(vault::TokenRevoked),
    McpServerAdded(mcp::ServerAdded),
    McpServerRemoved(mcp::ServerRemoved),
    Placeholder(bench::Placeholder),
}

impl Event {
    /// Whether an event of this kind can stand in a stream of `category`. One without a meaning can stand anywhere.
    pub fn belongs_to(&self, category: Category) -> bool {
        matches!(self, Self::Placeholder(_)) || self.kind() >> 8 == u16::from(category as u8)
    }
}

/// The name of a kind by its number, for messages about events that cannot be decoded.
pub fn kind_name(kind: u16) -> Option<&'static str> {
    KINDS.iter().find(|(number, _, _)| *number == kind).map(|(_, name, _)| *name)
}

#[cfg(test)]
mod golden;
#[cfg(test)]
mod tests;

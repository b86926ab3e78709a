//! What happened and what it means: the functional core of ZoClone.
//!
//! - [`event`]: the vocabulary, one file per subsystem; [`record`]: one event as it lies in the log.
//! - [`projection`]: what a fold is; [`views`]: all of them together, as the writer and the readers see them.
//! - [`command`]: what can be asked for; [`decide`]: the pure function that answers with events or a rejection.
//!
//! There is no async runtime, no disk, no clock, no randomness and no network in this crate: time and ids
//! are passed in. The one disk-backed index lives beside it, in `projections/memory`.

pub mod command;
pub mod decide;
pub mod event;
pub mod ids;
pub mod projection;
pub mod record;
pub mod time;
pub mod views;

pub use command::{Command, ExpectedVersion, Receipt, Rejection, Submission};
pub use event::Event;
pub use ids::{
    BrowserId, Category, ConversationId, Digest, EventId, FileId, JobId, KeyId, McpServerId, MemoryId, MessageId,
    NodeId, Position, RunId, ScheduleId, ServiceId, StreamId, TokenId,
};
pub use projection::{Anomaly, Projection};
pub use record::{Actor, BodyPlace, Header, Recorded};
pub use time::Timestamp;
pub use views::Views;

#[cfg(test)]
mod laws;
#[cfg(test)]
mod testing;

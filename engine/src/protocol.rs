//! What can be asked of whoever holds the store, and the answers: the same for the holder itself and for a guest that
//! talks to it over the home's socket.
//!
//! A request is answered by a stream of responses, of which the last is [`Response::Done`] or
//! [`Response::Failed`]. Texts come in clear and names unresolved: digests, ids and sealing are the holder's business.
//! A request and its responses have a form as JSON too, for programs of the network: see `json`.
//! Over the socket a frame is a little-endian `u32` length and the bincode of the value; JSON travels as text.

mod agents;
mod answer;
mod asking;
mod browsing;
mod contents;
mod jobs;
mod json;
mod mcp;
mod models;
mod query;
mod request;
mod response;
mod schedules;
mod services;

pub use agents::*;
pub use answer::*;
pub use asking::*;
pub use browsing::*;
pub use contents::*;
pub use jobs::*;
pub(crate) use json::fresh_id;
pub use mcp::*;
pub use models::*;
pub use query::*;
pub use request::*;
pub use response::*;
pub use schedules::*;
pub use services::*;

/// Number of this protocol; both ends must have the same.
pub const VERSION: u32 = 7;
/// The longest frame, in bytes.
pub const MAX_FRAME_BYTES: usize = 96 * 1024 * 1024;
/// The most items that one request or one page of an answer may have.
pub const MAX_PAGE: usize = 1024;
/// The parts of a recall's score that can be left out.
pub const RECALL_PARTS: [&str; 5] = ["lexical", "dense", "neighbours", "speaker", "session"];

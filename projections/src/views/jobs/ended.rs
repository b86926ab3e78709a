//! What became of a job that has ended.

use bincode::{Decode, Encode};
use serde::Serialize;

use crate::ids::Position;

/// A job that will not change any more. There may be millions: what else there is to say of it is in its events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Ended {
    /// The event that submitted it.
    pub submitted: Position,
    /// The event that ended it.
    pub ended: Position,
    /// Number of its class, by which its queue is known.
    pub(super) class: u32,
    /// How it ended.
    pub how: How,
}

/// How a job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum How {
    /// It is done.
    Done = 0,
    /// It will not be done.
    Cancelled = 1,
}

//! Events without a meaning, for benches: jobs, runs and ticks of their usual size before those subsystems exist.

use bincode::{Decode, Encode};
use serde::Serialize;

use super::Payload;

/// Nothing happened, in so many bytes. Only benches append it; replay may conclude nothing.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize)]
pub struct Placeholder {
    /// What it stands for: `job.submitted`, `schedule.ticked`.
    pub stands_for: String,
    /// As many bytes as that would have.
    #[serde(skip)]
    pub filling: Vec<u8>,
}

impl Payload for Placeholder {
    const KIND: u16 = 0xFE01;
    const NAME: &'static str = "bench.placeholder";
}

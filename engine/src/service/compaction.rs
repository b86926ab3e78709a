//! Requests about compaction: older messages are told to models by a summary.

use super::Each;
use crate::engine::Engine;
use crate::protocol::{Acknowledged, Environment, Failure, FailureKind};

fn soon() -> Failure {
    Failure::new(FailureKind::Refused, "this part of the engine is being built")
}
pub(super) fn compact(
    _: &Engine,
    _: &str,
    _: Option<String>,
    _: &Environment,
    _: Each<'_>,
) -> Result<Acknowledged, Failure> {
    Err(soon())
}
pub(super) fn uncompact(_: &Engine, _: &str) -> Result<Acknowledged, Failure> {
    Err(soon())
}

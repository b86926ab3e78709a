//! Requests about work and its time.

use super::Each;
use crate::engine::Engine;
use crate::protocol::{Answer, Failure, FailureKind, Query, Request};

pub(super) fn handle(_engine: &Engine, _request: Request, _each: Each<'_>) -> Result<(), Failure> {
    Err(Failure::new(FailureKind::Refused, "this cannot be done yet"))
}

pub(super) fn answer(_engine: &Engine, _query: Query) -> Result<Answer, Failure> {
    Err(Failure::new(FailureKind::Refused, "this cannot be done yet"))
}

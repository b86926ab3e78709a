//! Requests about skills.

use zo_projections::event::skill::Origin;

use crate::engine::Engine;
use crate::protocol::{Acknowledged, Answer, Failure, FailureKind};

fn soon() -> Failure {
    Failure::new(FailureKind::Refused, "this part of the engine is being built")
}
pub(super) fn trust(_: &Engine, _: &str, _: &str) -> Result<Acknowledged, Failure> {
    Err(soon())
}
pub(super) fn withdraw_trust(_: &Engine, _: &str) -> Result<Acknowledged, Failure> {
    Err(soon())
}
pub(super) fn list(_: &Engine, _: &[(String, Origin)]) -> Result<Answer, Failure> {
    Err(soon())
}

//! Requests about agents: what they do, what they may do, and how they are stopped.

use zo_projections::event::run::agent::Verdict;

use super::Each;
use crate::engine::Engine;
use crate::protocol::{Acknowledged, Answer, Answered, At, Environment, Failure, FailureKind, ToolLine};

fn soon() -> Failure {
    Failure::new(FailureKind::Refused, "this part of the engine is being built")
}

pub(super) fn resume(_: &Engine, _: &str, _: bool, _: &Environment, _: Each<'_>) -> Result<Answered, Failure> {
    Err(soon())
}
pub(super) fn cancel(_: &Engine, _: &str) -> Result<Acknowledged, Failure> {
    Err(soon())
}
pub(super) fn answer_permission(
    _: &Engine,
    _: &str,
    _: Option<&str>,
    _: Verdict,
    _: bool,
) -> Result<Acknowledged, Failure> {
    Err(soon())
}
pub(super) fn add_rule(_: &Engine, _: String) -> Result<Acknowledged, Failure> {
    Err(soon())
}
pub(super) fn remove_rule(_: &Engine, _: String) -> Result<Acknowledged, Failure> {
    Err(soon())
}
pub(super) fn set_daily_budget(_: &Engine, _: Option<u64>) -> Result<Acknowledged, Failure> {
    Err(soon())
}
pub(super) fn list(_: &Engine, _: Option<At>, _: bool, _: bool, _: usize, _: usize) -> Result<Answer, Failure> {
    Err(soon())
}
pub(super) fn show(_: &Engine, _: Option<At>, _: &str) -> Result<Answer, Failure> {
    Err(soon())
}
pub(super) fn permissions(_: &Engine) -> Result<Answer, Failure> {
    Err(soon())
}
pub(super) fn rules(_: &Engine, _: Option<At>) -> Result<Answer, Failure> {
    Err(soon())
}
pub(super) fn tools() -> Vec<ToolLine> {
    Vec::new()
}

//! Requests about language models and their providers.
use super::Each;
use crate::engine::Engine;
use crate::protocol::{Acknowledged, Answer, At, ChatModelLine, Environment, Failure};
pub(super) fn choose(_: &Engine, _: Option<String>, _: Vec<String>) -> Result<Acknowledged, Failure> {
    Err(Failure::new(crate::protocol::FailureKind::Io, "not there yet"))
}
pub(super) fn add_provider(_: &Engine, _: String, _: &str, _: &str) -> Result<Acknowledged, Failure> {
    Err(Failure::new(crate::protocol::FailureKind::Io, "not there yet"))
}
pub(super) fn remove_provider(_: &Engine, _: String) -> Result<Acknowledged, Failure> {
    Err(Failure::new(crate::protocol::FailureKind::Io, "not there yet"))
}
pub(super) fn list(_: &Engine, _: &str, _: &Environment) -> Result<Vec<ChatModelLine>, Failure> {
    Err(Failure::new(crate::protocol::FailureKind::Io, "not there yet"))
}
pub(super) fn test(_: &Engine, _: Option<&str>, _: &Environment, _: Each<'_>) -> Result<(), Failure> {
    Err(Failure::new(crate::protocol::FailureKind::Io, "not there yet"))
}
pub(super) fn chosen(_: &Engine, _: Option<At>) -> Result<Answer, Failure> {
    Err(Failure::new(crate::protocol::FailureKind::Io, "not there yet"))
}
pub(super) fn providers(_: &Engine, _: &Environment) -> Result<Answer, Failure> {
    Err(Failure::new(crate::protocol::FailureKind::Io, "not there yet"))
}

//! Requests about the keys of providers.
use super::Each;
use crate::engine::Engine;
use crate::protocol::{Acknowledged, Answer, At, Environment, Failure, SecretText};
pub(super) fn set(_: &Engine, _: String, _: &SecretText, _: &Environment) -> Result<Acknowledged, Failure> {
    Err(Failure::new(crate::protocol::FailureKind::Io, "not there yet"))
}
pub(super) fn remove(_: &Engine, _: String, _: &Environment) -> Result<Acknowledged, Failure> {
    Err(Failure::new(crate::protocol::FailureKind::Io, "not there yet"))
}
pub(super) fn set_passphrase(_: &Engine, _: Option<&SecretText>, _: &Environment) -> Result<Acknowledged, Failure> {
    Err(Failure::new(crate::protocol::FailureKind::Io, "not there yet"))
}
pub(super) fn check(_: &Engine, _: &str, _: &Environment, _: Each<'_>) -> Result<(), Failure> {
    Err(Failure::new(crate::protocol::FailureKind::Io, "not there yet"))
}
pub(super) fn list(_: &Engine, _: Option<At>, _: &Environment) -> Result<Answer, Failure> {
    Err(Failure::new(crate::protocol::FailureKind::Io, "not there yet"))
}

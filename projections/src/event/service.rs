//! Services: processes that are to run for as long as the engine does.

use bincode::{Decode, Encode};
use serde::Serialize;

use super::Payload;
use crate::time::Timestamp;

/// A service was added, or given other properties. The stream is that of its label; the body is a [`ServiceBody`].
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode, Serialize)]
pub struct Added {
    /// Its label.
    pub label: String,
    /// The port it listens at; none: any that is free.
    pub port: Option<u16>,
    /// Whether it is to run.
    pub wanted: bool,
}

impl Payload for Added {
    const KIND: u16 = 0x0901;
    const NAME: &'static str = "service.added";
}

/// How a service is started, sealed.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode, Serialize)]
pub struct ServiceBody {
    /// The program and what it is given, its folder, its variables and its health check, as JSON.
    pub spec: String,
}

/// A service is to run, from now on and whenever the engine does.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize)]
pub struct StartRequested {}

impl Payload for StartRequested {
    const KIND: u16 = 0x0902;
    const NAME: &'static str = "service.start_requested";
}

/// A service is not to run.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize)]
pub struct StopRequested {}

impl Payload for StopRequested {
    const KIND: u16 = 0x0903;
    const NAME: &'static str = "service.stop_requested";
}

/// A service is to be ended and started anew.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize)]
pub struct RestartRequested {}

impl Payload for RestartRequested {
    const KIND: u16 = 0x0904;
    const NAME: &'static str = "service.restart_requested";
}

/// A service was started.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize)]
pub struct Spawned {
    /// The port it was told to listen at.
    pub port: Option<u16>,
}

impl Payload for Spawned {
    const KIND: u16 = 0x0905;
    const NAME: &'static str = "service.spawned";
}

/// A service answers its health check, or does not any more.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize)]
pub struct HealthChanged {
    /// Whether it answers.
    pub healthy: bool,
}

impl Payload for HealthChanged {
    const KIND: u16 = 0x0906;
    const NAME: &'static str = "service.health_changed";
}

/// A service ended.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize)]
pub struct Exited {
    /// Its exit code.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// When it is started again; none: not by itself.
    pub restart_at: Option<Timestamp>,
}

impl Payload for Exited {
    const KIND: u16 = 0x0907;
    const NAME: &'static str = "service.exited";
}

/// A service was removed.
#[derive(Clone, Debug, PartialEq, Encode, Decode, Serialize)]
pub struct Removed {}

impl Payload for Removed {
    const KIND: u16 = 0x0908;
    const NAME: &'static str = "service.removed";
}

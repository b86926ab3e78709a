//! Tests of the whole: support library and the integration, simulation and crash suites.
//!
//! - [`powercut`]: what a disk may hold after a power cut, from a recording of a real process.
//! - [`agents`]: agents whose every reply follows from how far they are, and what must hold of them after a crash.
//! - [`story`]: events whose content follows from their number, so that what survived can be judged.

pub mod agents;
pub mod cli;
pub mod powercut;
pub mod story;

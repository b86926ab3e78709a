//! Tests of the whole: support library and the integration, simulation and crash suites.
//!
//! - [`powercut`]: what a disk may hold after a power cut, from a recording of a real process.
//! - [`agents`]: agents whose every reply follows from how far they are, and what must hold of them after a crash.
//! - [`jobs`]: a process that gives jobs out and others that carry them out, and what must hold when they were killed.
//! - [`story`]: events whose content follows from their number, so that what survived can be judged.

pub mod agents;
pub mod cli;
pub mod jobs;
pub mod powercut;
pub mod story;

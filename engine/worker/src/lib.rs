//! Carries out jobs: those of a hub elsewhere, and those of this process.
//!
//! A job is described by a [`JobSpec`], as JSON. What is here knows nothing of logs, queues and leases' rules: it is told what to do,
//! does it, and says what came of it.
//!
//! - [`spec`]: what a job is. Start there.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod spec;

pub use spec::{AgentSpec, CommandSpec, HttpSpec, JobSpec, LimitsSpec, MemorizeSpec, SkillSpec, SpecError};

//! Carries out jobs: those of a hub elsewhere, and those of this process.
//!
//! A job is described by a [`JobSpec`], as JSON. What is here knows nothing of logs, queues and leases' rules: it is told what to do,
//! does it, and says what came of it.
//!
//! - [`spec`]: what a job is. Start there.
//! - [`execute`]: carrying out one attempt of it.
//! - [`hub`]: a hub elsewhere that has jobs. [`worker`]: working for one.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod execute;
pub mod hub;
pub mod spec;
pub mod worker;

pub use execute::{AttemptContext, Executor, Happened, Outcome, Sink};
pub use hub::http::{HttpHub, HubOptions, OpenHubError};
pub use hub::{Hub, HubError};
pub use spec::{AgentSpec, CommandSpec, HttpSpec, JobSpec, LimitsSpec, MemorizeSpec, SkillSpec, SpecError};
pub use worker::{Execute, Notice, Worker, WorkerError, WorkerOptions};

//! Keeps services running: started, watched, restarted, their output kept.
//!
//! ```text
//! Service::start ──► a thread: sandbox ──► the command, reached at 127.0.0.1:PORT
//!     ▲   │                      │ what it prints ──► LABEL.log, LABEL.log.1, …
//!   stop  └► ServiceEvent        └ health checks, from outside
//! ```
//!
//! What is here knows nothing of logs of events and of whom a service belongs to: it keeps one running until it is told to stop, and
//! tells what becomes of it.
//!
//! - [`spec`]: what a service is. Start there. [`service`]: keeping it running. [`health`]: whether it is well.
//! - [`log`]: what it printed.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod health;
pub mod log;
pub mod service;
pub mod spec;

pub use log::{LogPiece, LogReader};
pub use service::{Exit, Service, ServiceChange, ServiceError, ServiceEvent, ServiceOptions, ServiceState};
pub use spec::{CheckSpec, HealthSpec, ServiceLimits, ServiceSpec, ServiceSpecError};

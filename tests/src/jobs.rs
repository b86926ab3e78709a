//! Jobs, and processes that may be killed: one that has the home and gives jobs out, and others that carry them out.
//!
//! - [`guest`]: a connection to whoever has the home, which never takes the home itself.
//! - [`hub`] and [`worker`]: what the two kinds of process do until they are killed.
//! - [`law`]: what must hold of the log, whenever they were.

pub mod guest;
pub mod hub;
pub mod law;
pub mod worker;

/// What only workers have: the process that has the home carries none of these jobs out.
pub const LABEL: &str = "elsewhere";

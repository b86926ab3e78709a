//! A real browser, driven: sessions, acts, snapshots.
//!
//! - [`Session`] ([`session`]): where to start; blocking, with a runtime of its own.
//! - [`act`], [`target`], [`options`]: what it is told. [`done`], [`error`]: what comes of it.
//! - [`find`]: which browser there is.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod acting;
mod capture;
mod downloads;
mod driver;
mod launch;
mod locate;
mod page;
mod process;
mod reading;
mod references;
mod snapshot;
mod tracker;
mod wire;

pub mod act;
pub mod done;
pub mod error;
pub mod find;
pub mod install;
pub mod options;
pub mod session;
pub mod target;

pub use act::Act;
pub use done::{Artifact, Done, Downloaded, Note, SessionState, Tab};
pub use error::{ActError, ActErrorKind, OpenError};
pub use options::{DialogPolicy, SessionOptions};
pub use session::Session;
pub use target::{How, Target, TargetError, Words};

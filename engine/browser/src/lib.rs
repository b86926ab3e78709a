//! A real browser, driven: sessions, acts, snapshots.
//!
//! The system's Chromium is started, told one [`Act`] after another, and ended with everything that it started. What it is told and what
//! comes of it are plain values; the engine records them, decides what may be done, and keeps secrets. Only this crate knows chromiumoxide,
//! whose connection and whose fetcher it uses; it knows no engine, no log and no policy of hosts: a proxy, if one is given, has that.
//!
//! ```text
//! Session (blocking) ─► Driver: an act from beginning to outcome ─► Acting: one act on one page ─► Wire ─► Chromium
//!                         └─ after a crash: started again            └─ locate, aim, input            ▲
//!                                                                                     Tracker ◄── its events
//! ```
//!
//! What is told:
//! - [`act`], [`target`], [`address`], [`options`]: acts as JSON, which element and which page is meant, how a session is opened.
//!
//! What comes of it:
//! - [`done`], [`error`]: outcomes, files, notes on what happened beside; what went wrong, and what to do about it.
//!
//! What does it:
//! - [`Session`] ([`session`]): where to start; blocking, with a runtime of its own.
//! - `driver`: one browser over its whole life: navigation, tabs, downloads, cookies that outlive it, recovery.
//! - `acting`: what is done on a page, as a person would. `locate`, `references`: which element. `page`: scripts in a world of their own.
//! - `snapshot`, `reading`, `capture`: looking: what is there, its text, a picture of it.
//! - `tracker`: what is known of the browser; pure. `wire`: the connection. `downloads`: names that can be trusted.
//! - `launch`, `process`: starting it, its profile, its processes, its end. [`archive`]: a profile in one file.
//! - [`find`], [`install`]: which browser there is, and how to get one.
//!
//! Invariants: nothing is waited for without the act's deadline · a page that failed to load is replaced, never reported as loaded · only
//! pages of http and https are shown · a dialog never blocks · when the process that drives it is killed, the browser ends.

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
pub mod address;
pub mod archive;
pub mod done;
pub mod error;
pub mod find;
pub mod install;
pub mod options;
pub mod session;
pub mod target;

pub use act::Act;
pub use done::{Artifact, Done, Downloaded, Note, SessionState, Tab};
pub use downloads::numbered;
pub use error::{ActError, ActErrorKind, OpenError};
pub use options::{DialogPolicy, SessionOptions};
pub use session::Session;
pub use target::{How, Target, TargetError, Words};

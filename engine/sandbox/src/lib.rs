//! Child processes that may do only what they are allowed.
//!
//! ```text
//! zo ── run() ──► supervisor ──► init (pid 1 of its own namespaces) ──► confined ──exec──► the command
//!       control socket: the job there, what became of it back; its end kills the whole tree
//! ```
//!
//! The program executes itself, with hidden arguments that [`child_main`] takes: nothing is done between a fork and an
//! exec, so none of it needs `unsafe`. Each stage gives up what the next does not need.
//!
//! - [`policy`]: what a command may do, and for how long. Start there.
//! - [`sandbox`]: running one and following it; [`error`]: why one was not run.
//! - [`report`]: what this machine enforces.
//! - [`interpreters`]: which folders an interpreter that lives in a home needs.
//! - `tether`: programs that are not confined but do not outlive this process either.
//! - `inlet`: the port at which a command is reached. `job`: what goes over the control socket. `lookup`: paths and programs within a policy.
//! - `linux`: the stages. `seatbelt`: macOS, where the system's own tool does the work (not tested).
//!
//! **Nothing runs without what was promised.** A level whose parts cannot all be put in place is not used: the next is
//! tried, and where there is none, running is refused unless the caller has allowed it to be unsandboxed.

pub mod error;
#[cfg(target_os = "linux")]
mod inlet;
pub mod interpreters;
mod job;
#[cfg(target_os = "linux")]
mod linux;
mod lookup;
pub mod policy;
pub mod report;
pub mod sandbox;
#[cfg(any(target_os = "macos", test))]
#[cfg_attr(test, allow(dead_code))] // other systems only test it
mod seatbelt;
mod tether;

use std::process::ExitCode;

pub use error::SandboxError;
pub use interpreters::{interpreter, interpreter_roots};
pub use lookup::resolve_apart;
pub use policy::{Command, Level, Limits, Network, Policy};
pub use report::{Mechanism, Report};
pub use sandbox::{Ending, Finished, Follower, Output, Sandbox, Then};

/// The first argument of a stage: no command of `zo` is called so.
const STAGE_ARGUMENT: &str = "__sandbox";

/// Carries out a stage of the sandbox, if this process was started as one. To be called before anything else in `main`:
/// before threads, files and arguments.
#[must_use]
pub fn child_main() -> Option<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next()? != STAGE_ARGUMENT {
        return None;
    }
    let words: Vec<std::ffi::OsString> = arguments.collect();
    #[cfg(target_os = "linux")]
    return Some(linux::stage(&words));
    #[cfg(not(target_os = "linux"))]
    let words: Vec<String> = words.into_iter().map(|word| word.to_string_lossy().into_owned()).collect();
    #[cfg(target_os = "macos")]
    return Some(seatbelt::stage(&words));
    #[cfg(not(any(target_os = "linux", target_os = "macos")))]
    Some(ExitCode::from(if words.is_empty() { 2 } else { 1 }))
}

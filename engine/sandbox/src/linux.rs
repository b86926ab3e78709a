//! The stages on Linux, each a process that executes this program anew.
//!
//! ```text
//! supervise   closes what it inherited, leads a session of its own, reads the job
//!   namespaces: unshares user, mount, pid, net, ipc, uts and cgroup namespaces ──► init
//!   bubblewrap: starts bwrap ──► keep                     else: keeps itself, as the reaper of what is orphaned
//! init        pid 1: mounts what may be seen, raises the loopback, forwards to the proxy and from the port, keeps
//! tether      passes stdin on to ──► tethered, which executes a program that is not confined
//! confine     limits, no new privileges, no capabilities, Landlock, seccomp, exec
//! ```
//!
//! - [`supervise`], [`init`], [`confine`]: the stages. [`keep`]: following the command, and killing all of it.
//! - [`mounts`]: what can be seen. [`network`]: the loopback, the proxy, and the port at which it is reached. [`landlock`], [`seccomp`], [`capabilities`]:
//!   what can be done. [`processes`]: what runs.
//! - [`descriptors`]: files that stages hand to each other.
//!
//! Control groups are not used: a process joins one in 10 to 15 ms, as the kernel waits for all processors (measured on
//! Linux 6.18), which is half of what a start may take. Root, whom the limit on processes does not bind, is bound by the
//! numbers its pid namespace has, and everybody by the keeper, which looks many times a second.

mod bubblewrap;
mod capabilities;
mod confine;
mod descriptors;
mod init;
mod keep;
mod landlock;
mod mounts;
mod network;
mod processes;
mod seccomp;
mod supervise;
mod tether;

use std::ffi::OsString;
use std::process::ExitCode;

use crate::report::Mechanism;
use crate::tether::{TETHER, TETHERED};

/// Carries out the stage that `words` name.
pub(crate) fn stage(words: &[OsString]) -> ExitCode {
    match words.split_first() {
        Some((word, argv)) if word == TETHER => return tether::run(argv),
        Some((word, rest)) if word == TETHERED => return tether::become_it(rest),
        _ => {}
    }
    let words: Vec<&str> = words.iter().map(|word| word.to_str().unwrap_or_default()).collect();
    match words.as_slice() {
        ["supervise"] => supervise::run(),
        ["init", handed @ ..] => init::run(handed),
        ["keep", handed @ ..] => keep::run_alone(handed),
        ["confine", handed @ ..] => confine::run(handed),
        _ => ExitCode::from(2),
    }
}

/// What levels stand on, and whether this machine has it.
pub(crate) fn mechanisms() -> Vec<Mechanism> {
    vec![landlock::mechanism(), seccomp::mechanism(), bubblewrap::mechanism()]
}

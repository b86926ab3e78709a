//! Following a command from outside of its confinement: its limits, its end, and the end of all it has started.

use std::fs;
use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::prctl;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;

use super::processes::{self, Tree, Units};
use super::supervise::Handed;
use super::{descriptors, init};
use crate::STAGE_ARGUMENT;
use crate::job::{Ended, Failure, FailureKind, Job, Limit, Message, RawPath, TERMINATE};
use crate::policy::Limits;

/// How often limits are looked at where only the command's own processes are seen, and where those of the whole system are.
const NAMESPACE_INTERVAL: Duration = Duration::from_millis(20);
const SYSTEM_INTERVAL: Duration = Duration::from_millis(50);
/// Every so many looks the temporary folder is measured.
const LOOKS_PER_MEASUREMENT: u32 = 4;
/// Entries of the temporary folder that are looked at in one measurement; more than these are too many.
const MAX_ENTRIES: usize = 100_000;

/// Keeps as the first process of a pid namespace.
pub(super) fn run_as_init(job: &Job, handed: &Handed, control: &UnixStream) -> Result<(), Failure> {
    keep(job, handed, control, Tree::Namespace)
}

/// Keeps without a pid namespace: as the one that orphans come to.
pub(super) fn run_here(job: &Job, handed: &Handed, control: &UnixStream) -> Result<(), Failure> {
    prctl::set_child_subreaper(true).map_err(|error| Failure::unavailable("adopt orphaned processes", error))?;
    keep(job, handed, control, Tree::Descendants)
}

/// Runs the stage of its own, within what `bwrap` has made.
pub(super) fn run_alone(handed: &[&str]) -> ExitCode {
    let Ok(control) = io::stdin().as_fd().try_clone_to_owned() else { return ExitCode::FAILURE };
    let mut control = UnixStream::from(control);
    match init::take(handed).and_then(|(job, handed)| run_here(&job, &handed, &control)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let _ = Message::Failed(failure).send(&mut control);
            ExitCode::FAILURE
        }
    }
}

fn keep(job: &Job, handed: &Handed, control: &UnixStream, tree: Tree) -> Result<(), Failure> {
    let units = Units::of_this_system();
    let failed = |error: io::Error| Failure::other("follow the command", error);
    let listener = control.try_clone().map_err(failed)?;
    let temporary = job.temporary.as_ref().map(RawPath::path);
    thread::Builder::new().spawn(move || end_with(listener, tree, units, temporary.as_deref())).map_err(failed)?;
    let main = start(job, handed)?;
    let mut control = control;
    let _ = Message::Started.send(&mut control);
    let hit: Arc<Mutex<Option<Limit>>> = Arc::default();
    let watch = Watch {
        tree,
        units,
        limits: job.limits.clone(),
        temporary: job.temporary.as_ref().map(RawPath::path),
        hit: hit.clone(),
    };
    thread::Builder::new().spawn(move || watch.run()).map_err(failed)?;
    let status = wait_for(main).map_err(|error| failed(error.into()))?;
    if tree == Tree::Descendants {
        tree.kill(units);
    }
    remove(job.temporary.as_ref().map(RawPath::path).as_deref());
    let hit = *hit.lock().unwrap_or_else(PoisonError::into_inner);
    let (code, signal) = match status {
        WaitStatus::Signaled(_, signal, _) => (None, Some(signal as i32)),
        WaitStatus::Exited(_, code) => (Some(code), None),
        _ => (None, None),
    };
    let out_of_time = (signal == Some(Signal::SIGXCPU as i32)).then_some(Limit::Cpu);
    let ended = Ended { code, signal, limit: hit.or(out_of_time) };
    let _ = Message::Ended(ended).send(&mut control);
    Ok(())
}

/// Starts the command, and returns once it is executed, or why it is not.
fn start(job: &Job, handed: &Handed) -> Result<Pid, Failure> {
    let failed = |error: io::Error| Failure::other("start the command", error);
    let (mut status, write_end) = io::pipe().map_err(failed)?;
    descriptors::keep_over_exec(&write_end).map_err(failed)?;
    descriptors::keep_over_exec(&handed.job).map_err(failed)?;
    let stdin = handed.stdin.try_clone().map_err(failed)?;
    let mut command = Command::new("/proc/self/exe");
    command.args([STAGE_ARGUMENT, "confine"]);
    command.args([handed.job.as_raw_fd().to_string(), write_end.as_raw_fd().to_string()]);
    command.arg(std::process::id().to_string());
    command.env_clear().stdin(stdin);
    // It is waited for together with every orphan, below.
    let child = command.spawn().map_err(failed)?;
    drop(write_end);
    let mut said = Vec::new();
    status.read_to_end(&mut said).map_err(failed)?;
    let pid = Pid::from_raw(child.id().cast_signed());
    if said.is_empty() {
        return Ok(pid);
    }
    let _ = waitpid(pid, None);
    let unreadable = |error| Failure {
        step: job.program.path().display().to_string(),
        reason: format!("{error}"),
        kind: FailureKind::Other,
    };
    Err(serde_json::from_slice(&said).unwrap_or_else(unreadable))
}

/// Reaps whatever ends, until the command has.
fn wait_for(main: Pid) -> Result<WaitStatus, Errno> {
    loop {
        match waitpid(None, None) {
            Ok(status @ (WaitStatus::Exited(pid, _) | WaitStatus::Signaled(pid, ..))) if pid == main => {
                return Ok(status);
            }
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(error),
        }
    }
}

/// Removes the command's own folder: who made it may have died.
fn remove(temporary: Option<&Path>) {
    if let Some(folder) = temporary {
        let _ = fs::remove_dir_all(folder);
    }
}

/// Does what the other end of the control socket asks for, and ends everything when it ends: that has said so, or is dead.
fn end_with(mut control: UnixStream, tree: Tree, units: Units, temporary: Option<&Path>) {
    let mut byte = [0];
    while matches!(control.read(&mut byte), Ok(1..)) {
        if byte[0] == TERMINATE {
            tree.terminate(units);
        }
    }
    if tree == Tree::Descendants {
        tree.kill(units);
    }
    remove(temporary);
    // As the first process of a namespace this kills all the others.
    std::process::exit(0);
}

/// What is looked at while the command runs.
struct Watch {
    tree: Tree,
    units: Units,
    limits: Limits,
    temporary: Option<PathBuf>,
    hit: Arc<Mutex<Option<Limit>>>,
}

impl Watch {
    fn run(self) {
        let interval = match self.tree {
            Tree::Namespace => NAMESPACE_INTERVAL,
            Tree::Descendants => SYSTEM_INTERVAL,
        };
        for look in 0_u32.. {
            if let Some(limit) = self.exceeded(look) {
                self.hit.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(limit);
                self.tree.kill(self.units);
            }
            thread::sleep(interval);
        }
    }

    fn exceeded(&self, look: u32) -> Option<Limit> {
        let processes = self.tree.processes(self.units);
        let threads: u32 = processes.iter().map(|process| process.threads).sum();
        if threads > self.limits.processes {
            return Some(Limit::Processes);
        }
        let running: Duration = processes.iter().map(|process| process.cpu).sum();
        if running + reaped_cpu() > self.limits.cpu {
            return Some(Limit::Cpu);
        }
        let resident: u64 = processes.iter().map(|process| process.resident_bytes).sum();
        if resident > self.limits.memory_bytes {
            // What is shared was counted for each who shares it; look closer before killing for it.
            let closer = |process: &processes::Process| {
                processes::proportional_bytes(process.pid).unwrap_or(process.resident_bytes)
            };
            if processes.iter().map(closer).sum::<u64>() > self.limits.memory_bytes {
                return Some(Limit::Memory);
            }
        }
        let folder = self.temporary.as_deref().filter(|_| look.is_multiple_of(LOOKS_PER_MEASUREMENT))?;
        (bytes_below(folder) > self.limits.temporary_bytes).then_some(Limit::Temporary)
    }
}

/// Time that processes computed that have ended and were reaped.
fn reaped_cpu() -> Duration {
    let Ok(usage) = getrusage(UsageWho::RUSAGE_CHILDREN) else { return Duration::ZERO };
    let micros = |time: nix::sys::time::TimeVal| {
        let micros = time.tv_sec().saturating_mul(1_000_000).saturating_add(time.tv_usec());
        Duration::from_micros(u64::try_from(micros).unwrap_or(0))
    };
    micros(usage.user_time()) + micros(usage.system_time())
}

/// Bytes that the files of a folder take on the disk; beyond so many entries, all there are.
fn bytes_below(folder: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let (mut bytes, mut entries, mut waiting) = (0_u64, 0, vec![folder.to_owned()]);
    while let Some(folder) = waiting.pop() {
        let Ok(listing) = fs::read_dir(folder) else { continue };
        for entry in listing.flatten() {
            entries += 1;
            if entries > MAX_ENTRIES {
                return u64::MAX;
            }
            let Ok(metadata) = entry.metadata() else { continue };
            bytes = bytes.saturating_add(metadata.blocks().saturating_mul(512));
            if metadata.is_dir() {
                waiting.push(entry.path());
            }
        }
    }
    bytes
}

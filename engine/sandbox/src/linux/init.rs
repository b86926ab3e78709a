//! The first process of a pid namespace: when it ends, however it ends, the kernel kills everything in there.

use std::fs;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;

use nix::sys::prctl;
use nix::sys::signal::Signal;

use super::supervise::Handed;
use super::{descriptors, keep, mounts, network};
use crate::job::{self, Failure, Job, Message};

/// Process numbers that the kernel and the stages use up: the kernel does not take a lower limit than 301.
const RESERVED_PIDS: u32 = 310;

/// Runs the stage.
pub(super) fn run(handed: &[&str]) -> ExitCode {
    let Ok(control) = io::stdin().as_fd().try_clone_to_owned() else { return ExitCode::FAILURE };
    let mut control = UnixStream::from(control);
    match prepare(handed, &control).and_then(|(job, handed)| keep::run_as_init(&job, &handed, &control)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let _ = Message::Failed(failure).send(&mut control);
            ExitCode::FAILURE
        }
    }
}

fn prepare(handed: &[&str], control: &UnixStream) -> Result<(Job, Handed), Failure> {
    // If the supervisor dies before this, the control socket still tells.
    prctl::set_pdeathsig(Signal::SIGKILL).map_err(|error| Failure::other("be killed with the supervisor", error))?;
    let (job, handed) = take(handed)?;
    let proxy = network::Proxy::pin(&job)?;
    let inlet = network::Inlet::receive(&job, control)?;
    mounts::enter(&job)?;
    limit_pids(&job);
    mounts::close_proc()?;
    network::raise_loopback()?;
    if let Some(proxy) = proxy {
        proxy.forward()?;
    }
    if let Some(inlet) = inlet {
        inlet.forward(control)?;
    }
    Ok((job, handed))
}

/// Takes over what the stage before has handed on.
pub(super) fn take(handed: &[&str]) -> Result<(Job, Handed), Failure> {
    let failed = |error: io::Error| Failure::other("take over the job", error);
    let numbers: Vec<i32> = handed.iter().filter_map(|word| word.parse().ok()).collect();
    let &[job, stdin] = numbers.as_slice() else {
        return Err(Failure::other("take over the job", "it was not handed on"));
    };
    let (job_file, stdin) = (descriptors::take(job).map_err(failed)?, descriptors::take(stdin).map_err(failed)?);
    let job = job::receive(&mut &job_file).map_err(failed)?;
    Ok((job, Handed { job: job_file, stdin }))
}

/// Limits the numbers that processes can have, from Linux 6.14: this binds root too, whom no other limit does.
fn limit_pids(job: &Job) {
    let highest = job.limits.processes.saturating_add(RESERVED_PIDS + network::forwarding_threads(job));
    // Older kernels have one limit for all namespaces, which only the system's root may change; and the keeper counts.
    let _ = fs::write("/proc/sys/kernel/pid_max", highest.to_string());
}

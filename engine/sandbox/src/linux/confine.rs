//! The last stage: gives up everything, then becomes the command.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use nix::sys::prctl;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::Signal;

use super::{capabilities, descriptors, landlock, network, processes, seccomp};
use crate::job::{self, Failure, FailureKind, Job};
use crate::policy::{Level, Limits};

/// Threads of the stages that count among those of the command's user: the keeper's three, and then some.
const STAGE_THREADS: u32 = 8;

/// Runs the stage; it returns only if the command could not be executed.
pub(super) fn run(handed: &[&str]) -> ExitCode {
    let numbers: Vec<i32> = handed.iter().filter_map(|word| word.parse().ok()).collect();
    let &[job, status, keeper] = numbers.as_slice() else { return ExitCode::FAILURE };
    if descriptors::close_inherited(&[job, status]).is_err() {
        return ExitCode::FAILURE;
    }
    let Ok(mut status) = descriptors::take_pipe(status) else { return ExitCode::FAILURE };
    let result = descriptors::take(job).and_then(|mut file| job::receive(&mut file));
    let failure = match result {
        Ok(job) => match confine(&job, keeper) {
            Ok(()) if job.probe => return ExitCode::SUCCESS,
            Ok(()) => execute(&job),
            Err(failure) => failure,
        },
        Err(error) => Failure::other("take over the job", error),
    };
    tell(&failure, &mut status);
    ExitCode::FAILURE
}

fn tell(failure: &Failure, status: &mut File) {
    if let Ok(bytes) = serde_json::to_vec(failure) {
        let _ = status.write_all(&bytes);
    }
}

fn confine(job: &Job, keeper: i32) -> Result<(), Failure> {
    if job.level != Level::Namespaces {
        die_with(keeper)?;
    }
    let _ = nix::unistd::setsid();
    let folder = job.folder.path();
    std::env::set_current_dir(&folder)
        .map_err(|error| Failure::other(format!("start in {}", folder.display()), error))?;
    limit(job).map_err(|error| Failure::other("set limits", error))?;
    if job.level == Level::None {
        return Ok(());
    }
    prctl::set_no_new_privs().map_err(|error| Failure::unavailable("forbid new privileges", error))?;
    capabilities::drop_all()?;
    landlock::restrict(job)?;
    seccomp::install(job.level)
}

/// Is killed when the keeper dies.
fn die_with(keeper: i32) -> Result<(), Failure> {
    prctl::set_pdeathsig(Signal::SIGKILL).map_err(|error| Failure::other("be killed with the keeper", error))?;
    if nix::unistd::getppid().as_raw() != keeper {
        return Err(Failure::other("be killed with the keeper", io::Error::other("it is dead already")));
    }
    Ok(())
}

/// Sets what the kernel limits for each process. What is limited for all together, the keeper watches.
fn limit(job: &Job) -> nix::Result<()> {
    let Limits { cpu, memory_bytes, processes, file_bytes, open_files, .. } = job.limits.clone();
    let seconds = cpu.as_secs().saturating_add(u64::from(cpu.subsec_nanos() > 0));
    lower(Resource::RLIMIT_CPU, seconds.max(1), 1)?;
    // Not the address space: runtimes reserve far more of it than they use.
    lower(Resource::RLIMIT_DATA, memory_bytes, 0)?;
    lower(Resource::RLIMIT_FSIZE, file_bytes, 0)?;
    lower(Resource::RLIMIT_NOFILE, u64::from(open_files), 0)?;
    lower(Resource::RLIMIT_CORE, 0, 0)?;
    lower(Resource::RLIMIT_MSGQUEUE, 0, 0)?;
    lower(Resource::RLIMIT_NPROC, u64::from(processes.saturating_add(threads_beside(job))), 0)
}

/// Threads that count among those of the user and are not the command's: within a user namespace those of the stages, else
/// at most all there are.
fn threads_beside(job: &Job) -> u32 {
    match job.level {
        Level::Namespaces => STAGE_THREADS + network::forwarding_threads(job),
        _ => STAGE_THREADS + processes::threads_of_all(),
    }
}

/// Lowers a limit for ever; one that is lower already stays. The hard limit is `slack` higher than the soft one.
fn lower(resource: Resource, to: u64, slack: u64) -> nix::Result<()> {
    let (_, hard) = getrlimit(resource)?;
    setrlimit(resource, to.min(hard), to.saturating_add(slack).min(hard))
}

/// Becomes the command; returns why not.
fn execute(job: &Job) -> Failure {
    let program = job.program.path();
    let mut command = Command::new(&program);
    if let Some((name, arguments)) = job.argv.split_first() {
        command.arg0(name).args(arguments);
    }
    command.env_clear().envs(job.environment.iter().map(|(name, value)| (name, value)));
    let error = command.exec();
    Failure { step: format!("execute {}", program.display()), reason: error.to_string(), kind: FailureKind::Execute }
}

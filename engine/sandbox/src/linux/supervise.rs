//! The first stage: apart from its parent, and from there into namespaces.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Command, ExitCode};

use nix::sched::{CloneFlags, unshare};

use super::{bubblewrap, capabilities, descriptors, keep};
use crate::STAGE_ARGUMENT;
use crate::job::{self, Failure, Job, Message};
use crate::policy::Level;

/// What the next stages are handed: the job, and what the command reads.
pub(super) struct Handed {
    pub(super) job: File,
    pub(super) stdin: File,
}

/// Runs the stage.
pub(super) fn run() -> ExitCode {
    // The control socket is all there is: without it nobody can be told.
    let Ok(control) = io::stdin().as_fd().try_clone_to_owned() else { return ExitCode::FAILURE };
    let mut control = UnixStream::from(control);
    match prepare(&mut control).and_then(|(job, handed)| dispatch(&job, &handed, &control)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let _ = Message::Failed(failure).send(&mut control);
            ExitCode::FAILURE
        }
    }
}

/// Parts from the parent and reads the job.
fn prepare(control: &mut UnixStream) -> Result<(Job, Handed), Failure> {
    descriptors::close_inherited(&[control.as_raw_fd()])
        .map_err(|error| Failure::other("close inherited files", error))?;
    // A session of its own: no terminal, no signals meant for the parent's group.
    let _ = nix::unistd::setsid();
    let read = |error: io::Error| Failure::other("read the job", error);
    let job = job::receive(control).map_err(read)?;
    let length = job::receive_length(control).map_err(read)?;
    let stdin = descriptors::sealed("stdin", |file| {
        io::copy(&mut control.take(length), file)?;
        Ok(())
    });
    let bytes = serde_json::to_vec(&job).map_err(|error| Failure::other("hand over the job", error))?;
    let file = descriptors::sealed("job", |file| {
        file.write_all(&(bytes.len() as u64).to_le_bytes())?;
        file.write_all(&bytes)
    });
    let handed = Handed { job: file.map_err(read)?, stdin: stdin.map_err(read)? };
    Ok((job, handed))
}

fn dispatch(job: &Job, handed: &Handed, control: &UnixStream) -> Result<(), Failure> {
    match job.level {
        Level::Namespaces => into_namespaces(handed, control),
        Level::Bubblewrap => bubblewrap::start(job, handed, control),
        Level::Landlock | Level::None => keep::run_here(job, handed, control),
        Level::Seatbelt => Err(Failure::unavailable("use sandbox-exec", "it belongs to macOS")),
    }
}

/// Makes the namespaces, and starts the first process in them.
fn into_namespaces(handed: &Handed, control: &UnixStream) -> Result<(), Failure> {
    let (uid, gid) = (nix::unistd::geteuid(), nix::unistd::getegid());
    let flags = CloneFlags::CLONE_NEWUSER
        | CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWPID
        | CloneFlags::CLONE_NEWNET
        | CloneFlags::CLONE_NEWIPC
        | CloneFlags::CLONE_NEWUTS
        | CloneFlags::CLONE_NEWCGROUP;
    unshare(flags).map_err(|error| Failure::unavailable("make namespaces", error))?;
    let map = |file: &str, text: &str| {
        fs::write(format!("/proc/self/{file}"), text)
            .map_err(|error| Failure::unavailable(format!("write /proc/self/{file}"), error))
    };
    map("setgroups", "deny")?;
    map("uid_map", &format!("{uid} {uid} 1"))?;
    map("gid_map", &format!("{gid} {gid} 1"))?;
    capabilities::keep_over_exec()?;
    let mut init = next_stage("init", handed, control)?
        .spawn()
        .map_err(|error| Failure::unavailable("start the first process of a pid namespace", error))?;
    let status = init.wait().map_err(|error| Failure::other("wait for the first process of a pid namespace", error))?;
    if status.success() {
        return Ok(());
    }
    // It has said why, unless it was killed.
    Err(Failure::other("keep the first process of a pid namespace", status))
}

/// This program, executed as another stage with the control socket as stdin.
pub(super) fn next_stage(name: &str, handed: &Handed, control: &UnixStream) -> Result<Command, Failure> {
    let failed = |error: io::Error| Failure::other("hand over files", error);
    descriptors::keep_over_exec(&handed.job).map_err(failed)?;
    descriptors::keep_over_exec(&handed.stdin).map_err(failed)?;
    let control: OwnedFd = control.as_fd().try_clone_to_owned().map_err(failed)?;
    let mut command = Command::new("/proc/self/exe");
    command.args([STAGE_ARGUMENT, name]);
    command.args([handed.job.as_raw_fd().to_string(), handed.stdin.as_raw_fd().to_string()]);
    command.env_clear().stdin(control);
    Ok(command)
}

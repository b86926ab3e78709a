//! The stages of a tethered program: one that passes its stdin on and ends all of it, and one that becomes it.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{ChildStdin, Command, ExitCode, Stdio};
use std::thread;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{Pid, getppid};

use super::descriptors;
use super::processes::{Tree, Units};
use crate::STAGE_ARGUMENT;
use crate::tether::TETHERED;

/// How long the program has to end once its stdin has ended, and then once it was asked to.
const GRACE: Duration = Duration::from_secs(2);
const LAST_GRACE: Duration = Duration::from_secs(1);
/// Bytes passed on at once.
const PIECE_BYTES: usize = 64 << 10;
/// The code of a program that cannot be executed, as shells have it.
const NOT_EXECUTED: u8 = 127;

/// Passes stdin on to the program, and ends everything it has started when stdin ends or the program does.
pub(super) fn run(argv: &[OsString]) -> ExitCode {
    match keep(argv) {
        Ok(code) => code,
        Err(error) => {
            let _ = writeln!(io::stderr(), "cannot keep {}: {error}", shown(argv));
            ExitCode::from(NOT_EXECUTED)
        }
    }
}

fn keep(argv: &[OsString]) -> io::Result<ExitCode> {
    descriptors::close_inherited(&[])?;
    // A session of its own: no terminal, no signals meant for the parent's group.
    let _ = nix::unistd::setsid();
    prctl::set_child_subreaper(true)?;
    let units = Units::of_this_system();
    let mut command = Command::new("/proc/self/exe");
    command.args([STAGE_ARGUMENT, TETHERED, &std::process::id().to_string()]).args(argv).stdin(Stdio::piped());
    let mut child = command.spawn()?;
    let main = Pid::from_raw(child.id().cast_signed());
    if let Some(stdin) = child.stdin.take() {
        thread::Builder::new().spawn(move || pass_on(stdin, units))?;
    }
    let status = wait_for(main)?;
    Tree::Descendants.kill(units);
    Ok(match status {
        WaitStatus::Signaled(_, signal, _) => ExitCode::from(128_u8.saturating_add(signal as u8)),
        WaitStatus::Exited(_, code) => ExitCode::from(u8::try_from(code).unwrap_or(u8::MAX)),
        _ => ExitCode::FAILURE,
    })
}

/// Passes stdin on to its end, which is that of whoever started all this; then there is nobody to run for.
fn pass_on(mut to: ChildStdin, units: Units) {
    let mut from = io::stdin().lock();
    let mut buffer = vec![0; PIECE_BYTES];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => break,
            // A program that no longer reads is not done for that: it may still have something to say.
            Ok(length) => drop(to.write_all(&buffer[..length])),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => break,
        }
    }
    drop(to);
    thread::sleep(GRACE);
    Tree::Descendants.terminate(units);
    thread::sleep(LAST_GRACE);
    Tree::Descendants.kill(units);
    // Its end, which is waited for elsewhere, ends this process; should it have left its place, this does.
    std::process::exit(i32::from(NOT_EXECUTED));
}

/// Reaps whatever ends, until the program has.
fn wait_for(main: Pid) -> io::Result<WaitStatus> {
    loop {
        match waitpid(None, None) {
            Ok(status @ (WaitStatus::Exited(pid, _) | WaitStatus::Signaled(pid, ..))) if pid == main => {
                return Ok(status);
            }
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Becomes the program, which is killed if the stage before it dies.
pub(super) fn become_it(words: &[OsString]) -> ExitCode {
    let Some((parent, argv)) = words.split_first() else { return ExitCode::from(2) };
    let parent = parent.to_str().and_then(|pid| pid.parse::<i32>().ok());
    if prctl::set_pdeathsig(Signal::SIGKILL).is_err() || parent != Some(getppid().as_raw()) {
        return ExitCode::from(NOT_EXECUTED);
    }
    let Some((program, arguments)) = argv.split_first() else { return ExitCode::from(2) };
    let error = Command::new(program).args(arguments).exec();
    let _ = writeln!(io::stderr(), "cannot execute {}: {error}", program.display());
    ExitCode::from(NOT_EXECUTED)
}

fn shown(argv: &[OsString]) -> String {
    argv.first().map_or_else(String::new, |program| program.display().to_string())
}

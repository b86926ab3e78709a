//! macOS: `sandbox-exec`, which confines by a profile. **Not tested**: written from its documentation, on machines that do not
//! have it; the profile and the stage around it are compiled and tested as far as other systems can.
//!
//! There is one stage, the supervisor: it leads a group of processes and kills that. What leaves the group, as a daemon does,
//! stays confined and is not killed; this level says so where it names itself.

#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitCode};
use std::thread;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use crate::job::{self, Ended, Failure, Job, Message, RawPath};
use crate::policy::Level;

/// Part of the system; deprecated, and what there is.
const PROGRAM: &str = "/usr/bin/sandbox-exec";
/// What every program reads, besides what the policy names.
const SYSTEM: [&str; 9] = [
    "/usr",
    "/bin",
    "/sbin",
    "/System",
    "/Library/Apple",
    "/private/var/db/dyld",
    "/private/var/db/timezone",
    "/private/etc/ssl",
    "/dev",
];

/// Runs the stage.
pub(crate) fn stage(words: &[String]) -> ExitCode {
    if words != ["supervise"] {
        return ExitCode::from(2);
    }
    let Ok(control) = io::stdin().as_fd().try_clone_to_owned() else { return ExitCode::FAILURE };
    let mut control = UnixStream::from(control);
    match supervise(&mut control) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let _ = Message::Failed(failure).send(&mut control);
            ExitCode::FAILURE
        }
    }
}

fn supervise(control: &mut UnixStream) -> Result<(), Failure> {
    let failed = |error: io::Error| Failure::other("follow the command", error);
    let job = job::receive(control).map_err(failed)?;
    let length = job::receive_length(control).map_err(failed)?;
    let mut stdin = tempfile::tempfile().map_err(failed)?;
    io::copy(&mut Read::by_ref(control).take(length), &mut stdin).map_err(failed)?;
    stdin.seek(SeekFrom::Start(0)).map_err(failed)?;
    limit(&job).map_err(|error| failed(error.into()))?;
    let mut command = command(&job)?;
    command.stdin(stdin).current_dir(job.folder.path()).env_clear().envs(job.environment.iter().cloned());
    let mut child =
        command.process_group(0).spawn().map_err(|error| Failure::unavailable("start sandbox-exec", error))?;
    let _ = Message::Started.send(control);
    let group = Pid::from_raw(child.id().cast_signed());
    let mut listener = control.try_clone().map_err(failed)?;
    thread::spawn(move || {
        while matches!(listener.read(&mut [0]), Ok(1..)) {}
        let _ = killpg(group, Signal::SIGKILL);
    });
    let ended = end_of(&mut child).map_err(failed)?;
    let _ = killpg(group, Signal::SIGKILL);
    let _ = Message::Ended(ended).send(control);
    Ok(())
}

fn end_of(child: &mut Child) -> io::Result<Ended> {
    let status = child.wait()?;
    Ok(Ended { code: status.code(), signal: status.signal(), limit: None })
}

fn command(job: &Job) -> Result<Command, Failure> {
    let program = job.program.path();
    let arguments = job.argv.iter().skip(1);
    if job.level == Level::None {
        let mut command = Command::new(program);
        command.args(arguments);
        return Ok(command);
    }
    let profile = profile(job).ok_or_else(|| Failure::other("write a profile", "a path is not UTF-8"))?;
    let mut command = Command::new(PROGRAM);
    command.arg("-p").arg(OsString::from(profile)).arg(program).args(arguments);
    Ok(command)
}

/// The profile: everything is forbidden, then what is needed is allowed.
fn profile(job: &Job) -> Option<String> {
    let mut lines = vec![
        "(version 1)".to_owned(),
        "(deny default)".to_owned(),
        "(allow process-fork)".to_owned(),
        "(allow process-exec)".to_owned(),
        "(allow signal (target same-sandbox))".to_owned(),
        "(allow sysctl-read)".to_owned(),
        "(allow file-read-metadata)".to_owned(),
        "(allow file-write-data (literal \"/dev/null\") (literal \"/dev/zero\"))".to_owned(),
    ];
    let mut allow = |what: &str, path: &Path| {
        lines.push(format!("(allow {what} (subpath {}))", quoted(path.to_str()?)));
        Some(())
    };
    for path in SYSTEM {
        allow("file-read*", Path::new(path))?;
    }
    for path in job.read.iter().map(RawPath::path) {
        allow("file-read*", &path)?;
    }
    for path in job.write.iter().chain(&job.temporary).map(RawPath::path) {
        allow("file-read* file-write*", &path)?;
    }
    Some(lines.join("\n"))
}

/// A string of the profile's language.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Sets what the system limits for each process.
fn limit(job: &Job) -> nix::Result<()> {
    let limits = &job.limits;
    for (resource, wanted) in [
        (Resource::RLIMIT_CPU, limits.cpu.as_secs().max(1)),
        (Resource::RLIMIT_FSIZE, limits.file_bytes),
        (Resource::RLIMIT_NOFILE, u64::from(limits.open_files)),
        (Resource::RLIMIT_CORE, 0),
    ] {
        let (_, hard) = getrlimit(resource)?;
        setrlimit(resource, wanted.min(hard), wanted.min(hard))?;
    }
    Ok(())
}

//! `zo sandbox run`.

#[cfg(test)]
mod tests;

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::{self, IsTerminal, Read};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use serde::Serialize;
use zo_engine::protocol::FailureKind;
use zo_sandbox::{Command, Ending, Finished, Level, Network, Output as Printed, Policy, Sandbox, SandboxError};

use crate::context::Context;
use crate::error::{CliError, Kind};
use crate::interrupt::Interrupt;
use crate::output::Output;

/// What a shell is told of a command that ran out of time (as by timeout(1)), was killed (128 and SIGKILL), used up its
/// processor time (128 and SIGXCPU) or was stopped with Ctrl-C (128 and SIGINT).
const TIMED_OUT: u8 = 124;
const KILLED: u8 = 137;
const CPU_LIMIT: u8 = 152;
const STOPPED: u8 = 130;
/// Variables that a confined command has from here, if they are set.
const PASSED_ON: [&str; 4] = ["PATH", "TERM", "LANG", "TZ"];
/// The largest input that is read for a command.
const MAX_STDIN_BYTES: u64 = 64 << 20;

/// Run a command confined
///
/// Examples:
///   zo sandbox run -- ls /
///   zo sandbox run --write . --timeout 60 -- make test
///   zo sandbox run --read ~/data --memory 512M -- python3 count.py
///
/// It may read the folder it starts in and what --read and --write name. Its output is passed through as it comes, and its
/// exit code is that of zo: 128 and the signal if one ended it, 124 if it ran out of time. If this machine cannot confine
/// it, it is not run (exit code 1), unless --unsandboxed says to do without.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Run {
    /// A file or folder it may read; can be given more than once
    #[arg(long, value_name = "PATH")]
    read: Vec<PathBuf>,
    /// A file or folder it may read and write; can be given more than once
    #[arg(long, value_name = "PATH")]
    write: Vec<PathBuf>,
    /// Use this level and no other: namespaces, landlock, bubblewrap or none
    #[arg(long, value_name = "LEVEL")]
    level: Option<Level>,
    /// Stop it after so many seconds [default: 120]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    timeout: Option<u64>,
    /// Memory it may use with all it starts, such as 512M or 2G [default: 2G]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    memory: Option<u64>,
    /// Processes and threads it may have at once [default: 256]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    processes: Option<u32>,
    /// What it may write to its temporary folder [default: 512M]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    tmp: Option<u64>,
    /// What it may print on each of stdout and stderr [default: no limit]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    output: Option<u64>,
    /// The one port of 127.0.0.1 at which it is reached; inside it listens on that port too
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    listen: Option<u16>,
    /// Run it without protection, with nothing but the limits
    #[arg(long, conflicts_with = "level")]
    unsandboxed: bool,
    /// The command and its arguments
    #[arg(required = true, last = true, value_name = "CMD")]
    command: Vec<OsString>,
}

impl Run {
    pub(super) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let folder = env::current_dir().map_err(|error| CliError::io("cannot tell the current folder", &error))?;
        let command = self.command(folder)?;
        if !self.unsandboxed {
            keep_out(&context.home, &command.policy)?;
        }
        let mut sandbox = Sandbox::new().allow_unsandboxed(self.unsandboxed);
        if let Some(level) = self.level.or(self.unsandboxed.then_some(Level::None)) {
            sandbox = sandbox.at_level(level);
        }
        let interrupt = Interrupt::watch()?;
        let output = &mut context.output;
        let mut passing = Passing { output, error: None, stdout: Vec::new(), stderr: Vec::new() };
        let finished = sandbox.run(&command, &mut |printed| {
            let passed = passing.pass(printed);
            if passed.is_err() || interrupt.is_set() {
                passing.error = passed.err();
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        });
        let error = passing.error;
        let finished = finished.map_err(refused)?;
        if let Some(error) = error {
            return Err(error);
        }
        output.flush()?;
        if output.is_json() {
            output.data(&ended(&finished))?;
        } else if let Some(note) = note(finished.ending) {
            output.note(format!("note: {note}"));
        }
        match exit_code(finished.ending) {
            0 => Ok(()),
            code => Err(CliError::new(Kind::Child(code), "the command did not succeed")),
        }
    }

    fn command(&self, folder: PathBuf) -> Result<Command, CliError> {
        let mut policy = Policy { read: self.read.clone(), write: self.write.clone(), ..Policy::default() };
        if let Some(port) = self.listen {
            policy.network = Network::Listen { port, proxy: None };
        }
        if let Some(seconds) = self.timeout {
            policy.limits.wall = Duration::from_secs(seconds);
            policy.limits.cpu = policy.limits.cpu.max(policy.limits.wall);
        }
        let limits = &mut policy.limits;
        limits.memory_bytes = self.memory.unwrap_or(limits.memory_bytes);
        limits.processes = self.processes.unwrap_or(limits.processes);
        limits.temporary_bytes = self.tmp.unwrap_or(limits.temporary_bytes);
        limits.output_bytes = self.output.unwrap_or(u64::MAX);
        let mut argv = self.command.clone();
        let environment = if self.unsandboxed {
            env::vars_os().collect()
        } else {
            // An interpreter that lives in a home is no use without what belongs to it.
            if let Some(program) = zo_sandbox::interpreter(Path::new(&argv[0])) {
                let roots = zo_sandbox::interpreter_roots(&program);
                if !roots.is_empty() {
                    policy.read.extend(roots);
                    argv[0] = program.into();
                }
            }
            policy.read.push(folder.clone());
            PASSED_ON.iter().filter_map(|name| Some((OsString::from(name), env::var_os(name)?))).collect()
        };
        Ok(Command { argv, folder, environment, stdin: stdin()?, policy })
    }
}

/// What is on stdin; nothing, if that is a terminal.
fn stdin() -> Result<Vec<u8>, CliError> {
    let mut bytes = Vec::new();
    let stdin = io::stdin();
    if !stdin.is_terminal() {
        let read = stdin.lock().take(MAX_STDIN_BYTES + 1).read_to_end(&mut bytes);
        read.map_err(|error| CliError::io("cannot read stdin", &error))?;
    }
    if bytes.len() as u64 > MAX_STDIN_BYTES {
        return Err(CliError::invalid(format!("stdin has more than {} MB", MAX_STDIN_BYTES >> 20))
            .hint("put it into a file, and allow that with --read"));
    }
    Ok(bytes)
}

/// Refuses a policy that would let a command at the home of `zo`: its log, its keys, its socket.
pub(in crate::commands) fn keep_out(home: &Path, policy: &Policy) -> Result<(), CliError> {
    let Ok(home) = fs::canonicalize(home) else { return Ok(()) };
    for path in policy.read.iter().chain(&policy.write) {
        let Ok(real) = fs::canonicalize(path) else { continue };
        if home.starts_with(&real) || real.starts_with(&home) {
            let message = format!("{} and the home of zo, {}, overlap", path.display(), home.display());
            return Err(CliError::new(Kind::Engine(FailureKind::Refused), message)
                .hint("name, or start in, a folder that does not hold it"));
        }
    }
    Ok(())
}

pub(in crate::commands) fn refused(error: SandboxError) -> CliError {
    let kind = match &error {
        SandboxError::NotFound(_) | SandboxError::BadFolder { .. } | SandboxError::BadPath { .. } => {
            FailureKind::NotFound
        }
        SandboxError::NotEnforceable { .. } => FailureKind::Refused,
        SandboxError::Empty | SandboxError::NotExecutable { .. } => FailureKind::Invalid,
        SandboxError::Port { .. } | SandboxError::Supervisor(_) | SandboxError::Io { .. } => FailureKind::Io,
    };
    let refused = CliError::new(Kind::Engine(kind), error.to_string());
    error.hint().into_iter().fold(refused, CliError::hint)
}

/// Passes on what the command prints.
struct Passing<'a> {
    output: &'a mut Output,
    error: Option<CliError>,
    /// The beginning of a letter whose end is yet to come, as JSON has none that are cut.
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

impl Passing<'_> {
    fn pass(&mut self, printed: Printed<'_>) -> Result<(), CliError> {
        #[derive(Serialize)]
        struct Line {
            stream: &'static str,
            text: String,
        }
        let (bytes, stream) = match printed {
            Printed::Nothing => return Ok(()),
            Printed::Stdout(bytes) => (bytes, "stdout"),
            Printed::Stderr(bytes) => (bytes, "stderr"),
        };
        if self.output.is_json() {
            let rest = if stream == "stdout" { &mut self.stdout } else { &mut self.stderr };
            let text = whole_letters(rest, bytes);
            return self.output.data(&Line { stream, text }).and_then(|()| self.output.flush());
        }
        if stream == "stdout" {
            self.output.bytes(bytes)
        } else {
            self.output.error_bytes(bytes);
            Ok(())
        }
    }
}

/// The text of what came so far; the beginning of a letter at its end stays in `rest`.
fn whole_letters(rest: &mut Vec<u8>, bytes: &[u8]) -> String {
    rest.extend_from_slice(bytes);
    let cut = match std::str::from_utf8(rest) {
        Err(error) if error.error_len().is_none() => error.valid_up_to(),
        _ => rest.len(),
    };
    let kept = rest.split_off(cut);
    let text = String::from_utf8_lossy(rest).into_owned();
    *rest = kept;
    text
}

/// The last line under `--json`.
fn ended(finished: &Finished) -> impl Serialize {
    #[derive(Serialize)]
    struct Ended {
        ending: Ending,
        exit_code: u8,
        level: Level,
        wall_ms: u64,
        stdout_bytes: u64,
        stderr_bytes: u64,
    }
    Ended {
        ending: finished.ending,
        exit_code: exit_code(finished.ending),
        level: finished.level,
        wall_ms: u64::try_from(finished.wall.as_millis()).unwrap_or(u64::MAX),
        stdout_bytes: finished.stdout_bytes,
        stderr_bytes: finished.stderr_bytes,
    }
}

pub(in crate::commands) fn exit_code(ending: Ending) -> u8 {
    match ending {
        // Only its lower eight bits ever come from a process.
        Ending::Exited(code) => (code & 0xff).to_le_bytes()[0],
        Ending::Signalled(signal) => (128 + (signal & 0x7f)).to_le_bytes()[0],
        Ending::TimedOut => TIMED_OUT,
        Ending::CpuLimit => CPU_LIMIT,
        Ending::Stopped => STOPPED,
        _ => KILLED,
    }
}

/// What a person is told of an ending that is not the command's own.
pub(in crate::commands) fn note(ending: Ending) -> Option<&'static str> {
    match ending {
        Ending::TimedOut => Some("stopped, as it ran longer than it may (--timeout)"),
        Ending::CpuLimit => Some("stopped, as it computed longer than it may"),
        Ending::MemoryLimit => Some("stopped, as it used more memory than it may (--memory)"),
        Ending::ProcessLimit => Some("stopped, as it started more processes than it may (--processes)"),
        Ending::StorageLimit => Some("stopped, as it filled its temporary folder further than it may (--tmp)"),
        Ending::OutputLimit => Some("stopped, as it printed more than it may (--output)"),
        _ => None,
    }
}

/// A size such as `512M`.
fn size(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let unit: u64 = match text[digits.len()..].to_ascii_uppercase().as_str() {
        "" | "B" => 1,
        "K" | "KB" | "KIB" => 1 << 10,
        "M" | "MB" | "MIB" => 1 << 20,
        "G" | "GB" | "GIB" => 1 << 30,
        unit => return Err(format!("no unit is called {unit}; write a size such as 512M or 2G")),
    };
    let number: u64 = digits.parse().map_err(|_| format!("{text} is no size; write one such as 512M or 2G"))?;
    number.checked_mul(unit).filter(|&bytes| bytes > 0).ok_or_else(|| format!("{text} is no size that can be kept to"))
}

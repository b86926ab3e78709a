//! The program of a server: spawned, its stderr kept, its end awaited.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::net::unix::pipe;
use tokio::sync::watch;
use zo_sandbox::Sandbox;

use super::error::ClientError;
use super::spec::{SecretValues, ServerKind, ServerSpec};

/// Lines of stderr that are kept, and bytes of each.
const KEPT_LINES: usize = 200;
const KEPT_LINE_BYTES: usize = 2000;
/// Lines of it that are told with an error.
const TOLD_LINES: usize = 3;
/// The code that says that a program could not be executed.
const NOT_EXECUTED: i32 = 127;

/// The end of what a server printed on stderr, over all its runs.
#[derive(Clone, Debug, Default)]
pub(super) struct ErrorLog(Arc<Mutex<VecDeque<String>>>);

impl ErrorLog {
    fn push(&self, line: String) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == KEPT_LINES {
            lines.pop_front();
        }
        lines.push_back(line);
    }

    pub(super) fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// The last lines that say something.
    fn told(&self) -> Option<String> {
        let lines = self.lines();
        let said: Vec<&str> = lines.iter().map(|line| line.trim()).filter(|line| !line.is_empty()).collect();
        let last = &said[said.len().saturating_sub(TOLD_LINES)..];
        (!last.is_empty()).then(|| last.join(" / "))
    }
}

/// A program that runs, or has.
#[derive(Debug)]
pub(super) struct Process {
    /// How it ended, once it has.
    ended: watch::Receiver<Option<ExitStatus>>,
    log: ErrorLog,
}

/// Its ends of the pipes. It is ended by closing its stdin.
pub(super) struct Pipes {
    pub(super) stdin: pipe::Sender,
    pub(super) stdout: pipe::Receiver,
}

impl Process {
    /// Spawns the program of a server. Within a runtime.
    pub(super) fn spawn(
        sandbox: &Sandbox,
        spec: &ServerSpec,
        secrets: &SecretValues,
        log: &ErrorLog,
    ) -> Result<(Self, Pipes), ClientError> {
        let ServerKind::Stdio { argv, folder, env } = &spec.kind else { unreachable!("only programs are spawned") };
        let argv: Vec<OsString> = argv.iter().map(OsString::from).collect();
        let mut command = sandbox.tethered(&argv);
        command.envs(env).envs(&secrets.0).current_dir(folder.as_deref().unwrap_or("/"));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let place = folder.as_deref().map_or_else(String::new, |folder| format!(" in {folder}"));
        let failed = |error: io::Error| ClientError::System {
            what: format!("start {}{place}", spec.summary()),
            reason: error.to_string(),
        };
        let mut child = command.spawn().map_err(failed)?;
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let log = log.clone();
        let ended = follow(child, stderr, log.clone()).map_err(failed)?;
        let (Some(stdin), Some(stdout)) = (stdin, stdout) else { unreachable!("both are piped") };
        let pipes = Pipes {
            stdin: pipe::Sender::from_owned_fd(OwnedFd::from(stdin)).map_err(failed)?,
            stdout: pipe::Receiver::from_owned_fd(OwnedFd::from(stdout)).map_err(failed)?,
        };
        Ok((Self { ended, log }, pipes))
    }

    /// Waits for its end, no longer than this; how it ended, in words.
    pub(super) async fn end_within(&self, patience: Duration) -> Option<String> {
        let mut ended = self.ended.clone();
        let status = tokio::time::timeout(patience, ended.wait_for(Option::is_some)).await;
        let status = status.ok()?.ok().and_then(|status| *status)?;
        Some(told(status, self.log.told()))
    }

    /// A handle on its end, for who waits for many.
    pub(super) fn ended(&self) -> watch::Receiver<Option<ExitStatus>> {
        self.ended.clone()
    }

    /// What it printed last on stderr.
    pub(super) fn said(&self) -> Option<String> {
        self.log.told()
    }
}

fn told(status: ExitStatus, said: Option<String>) -> String {
    let ended = match (status.code(), status.signal()) {
        (Some(NOT_EXECUTED), _) if said.as_deref().is_some_and(|said| said.contains("cannot execute")) => String::new(),
        // As the tether tells signals.
        (Some(code @ 129..=192), _) => format!("it was killed by signal {}", code - 128),
        (Some(code), _) => format!("it ended with exit code {code}"),
        (None, Some(signal)) => format!("it was killed by signal {signal}"),
        (None, None) => "it ended".to_owned(),
    };
    match said {
        Some(said) if ended.is_empty() => said,
        Some(said) => format!("{ended}; it said: {said}"),
        None => ended,
    }
}

/// Reads stderr to its end, then waits for the process, on a thread of its own.
fn follow(
    mut child: Child,
    stderr: Option<impl Read + Send + 'static>,
    log: ErrorLog,
) -> io::Result<watch::Receiver<Option<ExitStatus>>> {
    let (sender, receiver) = watch::channel(None);
    let reader = match stderr {
        Some(stderr) => {
            Some(thread::Builder::new().name("zo-mcp-stderr".to_owned()).spawn(move || keep(stderr, &log))?)
        }
        None => None,
    };
    thread::Builder::new().name("zo-mcp-wait".to_owned()).spawn(move || {
        let status = child.wait();
        if let Some(reader) = reader {
            let _ = reader.join();
        }
        let _ = sender.send(Some(status.unwrap_or_default()));
    })?;
    Ok(receiver)
}

/// Keeps the lines of stderr, each as far as it may be long.
fn keep(mut from: impl Read, log: &ErrorLog) {
    let (mut line, mut buffer) = (Vec::new(), [0; 8192]);
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        for &byte in &buffer[..length] {
            if byte == b'\n' {
                log.push(String::from_utf8_lossy(&line).into_owned());
                line.clear();
            } else if line.len() < KEPT_LINE_BYTES {
                line.push(byte);
            }
        }
    }
    if !line.is_empty() {
        log.push(String::from_utf8_lossy(&line).into_owned());
    }
}

//! What goes over the control socket: the job to the stages, and what became of it back.
//!
//! ```text
//! u64 length │ Job as JSON │ u64 length │ what the command reads on stdin        to the supervisor, once
//! [one byte with a bound socket]                                                to the first process, if it is reached at a port
//! TERMINATE, when the command is asked to end                                   to the keeper
//! Message as JSON, one a line                                                   from every stage
//! ```

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::policy::{Level, Limits};

/// The byte that asks for SIGTERM to all there is of the command.
pub(crate) const TERMINATE: u8 = 15;

/// The largest job: paths and an environment, which the system itself limits to a few megabytes.
const MAX_JOB_BYTES: u64 = 64 << 20;

/// A path that need not be UTF-8, as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RawPath(Vec<u8>);

impl From<&Path> for RawPath {
    fn from(path: &Path) -> Self {
        Self(path.as_os_str().to_owned().into_vec())
    }
}

impl RawPath {
    /// The path.
    pub(crate) fn path(&self) -> PathBuf {
        PathBuf::from(OsString::from_vec(self.0.clone()))
    }
}

/// A command as the stages carry it out: every path absolute and without links.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Job {
    pub(crate) level: Level,
    /// The program to execute.
    pub(crate) program: RawPath,
    pub(crate) argv: Vec<OsString>,
    pub(crate) folder: RawPath,
    pub(crate) environment: Vec<(OsString, OsString)>,
    pub(crate) read: Vec<RawPath>,
    pub(crate) write: Vec<RawPath>,
    /// The unix socket of the proxy.
    pub(crate) proxy: Option<RawPath>,
    /// The port at which it is reached.
    pub(crate) port: Option<u16>,
    /// The command's own folder, where it does not get a file system of its own.
    pub(crate) temporary: Option<RawPath>,
    pub(crate) limits: Limits,
    /// Whether all is to be put in place and then nothing executed.
    pub(crate) probe: bool,
}

/// What a stage says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Message {
    /// A stage could not do its part; nothing was executed.
    Failed(Failure),
    /// Everything is in place, and the command runs.
    Started,
    /// The command has ended; all that it started is being killed.
    Ended(Ended),
}

/// A step that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Failure {
    /// What was tried.
    pub(crate) step: String,
    /// What the system said.
    pub(crate) reason: String,
    /// Whose fault it is.
    pub(crate) kind: FailureKind,
}

/// Whose fault a failed step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum FailureKind {
    /// This machine does not have what the level needs.
    Unavailable,
    /// The program cannot be executed.
    Execute,
    /// The port is another's.
    Port,
    /// Anything else.
    Other,
}

impl Failure {
    /// A part of the level that this machine does not have.
    pub(crate) fn unavailable(step: impl Into<String>, reason: impl ToString) -> Self {
        Self { step: step.into(), reason: reason.to_string(), kind: FailureKind::Unavailable }
    }

    /// Something else that went wrong.
    pub(crate) fn other(step: impl Into<String>, reason: impl ToString) -> Self {
        Self { step: step.into(), reason: reason.to_string(), kind: FailureKind::Other }
    }
}

/// How the command ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) signal: Option<i32>,
    /// The limit for which it was killed.
    pub(crate) limit: Option<Limit>,
}

/// Limits that are watched from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Limit {
    Cpu,
    Memory,
    Processes,
    Temporary,
}

impl Message {
    /// Writes it as a line, in one write.
    pub(crate) fn send(&self, to: &mut impl Write) -> io::Result<()> {
        let mut line = serde_json::to_vec(self)?;
        line.push(b'\n');
        to.write_all(&line)
    }
}

/// Sends a job and what the command reads.
pub(crate) fn send(job: &Job, stdin: &[u8], to: &mut impl Write) -> io::Result<()> {
    let bytes = serde_json::to_vec(job)?;
    to.write_all(&(bytes.len() as u64).to_le_bytes())?;
    to.write_all(&bytes)?;
    to.write_all(&(stdin.len() as u64).to_le_bytes())?;
    to.write_all(stdin)
}

/// Reads a job; what follows is the length of stdin, and stdin.
pub(crate) fn receive(from: &mut impl Read) -> io::Result<Job> {
    let length = receive_length(from)?;
    if length > MAX_JOB_BYTES {
        return Err(io::Error::other(format!("a job of {length} bytes")));
    }
    let mut bytes = Vec::new();
    from.take(length).read_to_end(&mut bytes)?;
    Ok(serde_json::from_slice(&bytes)?)
}

/// Reads a length.
pub(crate) fn receive_length(from: &mut impl Read) -> io::Result<u64> {
    let mut length = [0; 8];
    from.read_exact(&mut length)?;
    Ok(u64::from_le_bytes(length))
}

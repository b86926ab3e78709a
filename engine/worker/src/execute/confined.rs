//! Running something in the sandbox, and telling what came of it.

use std::collections::VecDeque;
use std::fs;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Map, Value, json};
use tempfile::TempDir;
use zo_sandbox::{Command, Ending, Finished, Limits, Output, SandboxError, resolve_apart};
use zo_skills::{ScriptResult, result_of};

use super::progress::{Part, ProgressLines};
use super::{AttemptContext, Executor, Happened, Outcome, Sink, late};
use crate::spec::LimitsSpec;

/// What the names of jobs' folders begin with.
pub(super) const FOLDERS: &str = "job-";
/// How long something may run if nobody says how long.
const USUAL_WALL: Duration = Duration::from_secs(3600);
/// Bytes of stdout and stderr, from their ends, that a result has. All of it goes to the sink.
const MOST_STDOUT: usize = 16 << 10;
const MOST_STDERR: usize = 4 << 10;
/// Bytes of a JSON value that a script may give as its result.
const MOST_VALUE: usize = 64 << 10;
/// Characters of stderr's last line in the reason of a failure.
const MOST_REASON: usize = 300;

impl Executor {
    /// A folder of its own for an attempt.
    pub(super) fn own_folder(&self) -> Result<TempDir, Outcome> {
        let made = fs::create_dir_all(&self.scratch)
            .and_then(|()| tempfile::Builder::new().prefix(FOLDERS).tempdir_in(&self.scratch));
        made.map_err(|error| Outcome::not_begun(format!("no folder to work in at {}: {error}", self.scratch.display())))
    }

    /// The paths that a job names, resolved; refuses those through which something could be seen that is kept out.
    pub(super) fn named(&self, paths: &[PathBuf]) -> Result<Vec<PathBuf>, Outcome> {
        resolve_apart(paths, &self.kept_out).map_err(|error| refused(&error))
    }

    /// Runs it to its end; what it prints goes to the sink. `value`: what it prints on stdout, if JSON, is its result.
    pub(super) fn confined(&self, command: &Command, value: bool, attempt: &AttemptContext, sink: Sink<'_>) -> Outcome {
        let mut kept = Kept { whole: value.then(Vec::new), ..Kept::default() };
        let mut lines = ProgressLines::new();
        let finished = self.sandbox.run(command, &mut |output| match output {
            Output::Nothing => sink(Happened::Nothing),
            Output::Stderr(bytes) => {
                kept.stderr.push(bytes);
                sink(Happened::Stderr(bytes))
            }
            Output::Stdout(bytes) => {
                let mut then = ControlFlow::Continue(());
                lines.take(bytes, &mut |part| {
                    if then.is_continue() {
                        then = kept.pass(part, sink);
                    }
                });
                then
            }
        });
        let finished = match finished {
            Ok(finished) => finished,
            Err(error) => return refused(&error),
        };
        let mut then = ControlFlow::Continue(());
        lines.finish(&mut |part| then = kept.pass(part, sink));
        if then.is_break() {
            return Outcome::Stopped;
        }
        told(&finished, &kept, &command.policy.limits, attempt)
    }
}

/// The limits of a job on this node.
pub(super) fn limits(spec: &LimitsSpec, attempt: &AttemptContext) -> Limits {
    let usual = Limits::default();
    let wall = spec.wall_ms.map_or(USUAL_WALL, Duration::from_millis);
    Limits {
        wall: attempt.left().map_or(wall, |left| left.min(wall)),
        cpu: spec.cpu_ms.map_or(Duration::MAX, Duration::from_millis),
        memory_bytes: spec.memory_bytes.unwrap_or(usual.memory_bytes),
        output_bytes: spec.output_bytes.unwrap_or(usual.output_bytes),
        ..usual
    }
}

/// What of an output goes into the result.
#[derive(Default)]
struct Kept {
    stdout: Tail<MOST_STDOUT>,
    stderr: Tail<MOST_STDERR>,
    /// All of stdout, until it is too long to be a value.
    whole: Option<Vec<u8>>,
}

impl Kept {
    fn pass(&mut self, part: Part<'_>, sink: Sink<'_>) -> ControlFlow<()> {
        match part {
            Part::Progress(percent, message) => sink(Happened::Progress(percent, message)),
            Part::Text(bytes) => {
                self.stdout.push(bytes);
                let room = self.whole.as_ref().map_or(0, |whole| MOST_VALUE - whole.len());
                self.whole = self.whole.take().filter(|_| bytes.len() <= room).map(|mut whole| {
                    whole.extend_from_slice(bytes);
                    whole
                });
                sink(Happened::Stdout(bytes))
            }
        }
    }
}

/// The end of a stream.
#[derive(Default)]
struct Tail<const MOST: usize> {
    bytes: VecDeque<u8>,
    all: u64,
}

impl<const MOST: usize> Tail<MOST> {
    fn push(&mut self, bytes: &[u8]) {
        self.all += bytes.len() as u64;
        let bytes = &bytes[bytes.len().saturating_sub(MOST)..];
        let over = (self.bytes.len() + bytes.len()).saturating_sub(MOST);
        self.bytes.drain(..over);
        self.bytes.extend(bytes);
    }

    fn is_cut(&self) -> bool {
        self.all > self.bytes.len() as u64
    }

    /// As text; letters that were cut are replaced.
    fn text(&self) -> String {
        let (front, back) = self.bytes.as_slices();
        String::from_utf8_lossy(&[front, back].concat()).into_owned()
    }
}

fn told(finished: &Finished, kept: &Kept, limits: &Limits, attempt: &AttemptContext) -> Outcome {
    match finished.ending {
        Ending::Exited(0) => Outcome::Done { result: result(finished, kept).to_string() },
        Ending::Exited(code) => Outcome::failed(reason(format!("exit code {code}"), &kept.stderr)),
        Ending::Signalled(signal) => Outcome::failed(reason(format!("killed by signal {signal}"), &kept.stderr)),
        Ending::Stopped => Outcome::Stopped,
        Ending::TimedOut if attempt.is_late() => late(),
        Ending::TimedOut => Outcome::failed(format!("stopped after {} s", limits.wall.as_secs_f32())),
        Ending::CpuLimit => Outcome::failed(format!("stopped after computing {} s", limits.cpu.as_secs_f32())),
        Ending::MemoryLimit => Outcome::failed(format!("stopped at {} bytes of memory", limits.memory_bytes)),
        Ending::OutputLimit => Outcome::failed(format!("stopped after printing {} bytes", limits.output_bytes)),
        Ending::ProcessLimit => Outcome::failed(format!("stopped at {} processes", limits.processes)),
        Ending::StorageLimit => Outcome::failed(format!("stopped at {} temporary bytes", limits.temporary_bytes)),
        other => Outcome::failed(format!("ended: {other:?}")),
    }
}

/// What went well, as JSON.
fn result(finished: &Finished, kept: &Kept) -> Value {
    let mut fields = Map::new();
    fields.insert("exit_code".to_owned(), 0.into());
    let value = kept.whole.as_deref().map(result_of);
    if let Some(ScriptResult::Json { value }) = value {
        fields.insert("value".to_owned(), value);
    } else {
        fields.insert("stdout".to_owned(), kept.stdout.text().into());
    }
    fields.insert("stdout_bytes".to_owned(), kept.stdout.all.into());
    if kept.stdout.is_cut() {
        fields.insert("stdout_cut".to_owned(), true.into());
    }
    if kept.stderr.all > 0 {
        fields.insert("stderr".to_owned(), kept.stderr.text().into());
        fields.insert("stderr_bytes".to_owned(), kept.stderr.all.into());
    }
    fields.insert("wall_ms".to_owned(), json!(u64::try_from(finished.wall.as_millis()).unwrap_or(u64::MAX)));
    fields.insert("level".to_owned(), json!(finished.level));
    Value::Object(fields)
}

/// How it ended, and the last that it said.
fn reason(how: String, stderr: &Tail<MOST_STDERR>) -> String {
    let text = stderr.text();
    let Some(line) = text.lines().rev().map(str::trim).find(|line| !line.is_empty()) else { return how };
    let line: String = line.chars().filter(|letter| !letter.is_control()).take(MOST_REASON).collect();
    format!("{how}: {line}")
}

fn refused(error: &SandboxError) -> Outcome {
    let message = match error.hint() {
        Some(hint) => format!("{error} ({hint})"),
        None => error.to_string(),
    };
    match error {
        // Whatever the job is, nothing of the kind could be begun here.
        SandboxError::NotEnforceable { .. }
        | SandboxError::Supervisor(_)
        | SandboxError::Io { .. }
        | SandboxError::Port { .. } => Outcome::not_begun(message),
        // The job names what is not there, or what it may not have.
        SandboxError::NotFound(_)
        | SandboxError::Empty
        | SandboxError::BadFolder { .. }
        | SandboxError::BadPath { .. }
        | SandboxError::NotExecutable { .. } => Outcome::hopeless(message),
    }
}

#[cfg(test)]
mod tests;

//! Commands, in the sandbox.

use std::ffi::OsString;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use zo_projections::event::run::agent::{Effect, ToolStatus};
use zo_sandbox::{Command, Ending, Limits, Network, Policy, SandboxError};

use super::rules::{CommandLine, Subject, take_apart};
use super::{Doing, Output, Tool, Usually};

/// Its name, which the rules know.
pub(super) const NAME: &str = "run_command";
/// So long a command may take if nobody says how long.
const USUAL_SECONDS: u64 = 120;
/// So long it may take at the most.
const MOST_SECONDS: u64 = 3_600;
/// Bytes of output, each of stdout and stderr, that are kept.
const MOST_OUTPUT: u64 = 4 * 1024 * 1024;

/// Arguments of `run_command`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RunCommand {
    /// The command line: a program with its arguments, or several joined by `|`, `&&`, `||` or `;`. Anything else that a
    /// shell does (variables, redirections, patterns) needs a permission of its own.
    command: String,
    /// Seconds it may take; 120 if not said.
    #[serde(default)]
    timeout_seconds: Option<u64>,
    /// What it is given on its standard input.
    #[serde(default)]
    stdin: Option<String>,
}

impl RunCommand {
    /// What is started.
    fn argv(&self) -> Result<Vec<String>, String> {
        let shell = || vec!["sh".to_owned(), "-c".to_owned(), self.command.clone()];
        Ok(match take_apart(&self.command)? {
            CommandLine::Program(words) => words,
            CommandLine::Joined(_) | CommandLine::Shell => shell(),
        })
    }
}

impl Tool for RunCommand {
    const NAME: &'static str = NAME;
    const DESCRIPTION: &'static str = "Runs a command in the workspace, in a sandbox: it sees the workspace and the \
        system's programs, has no network, and may write in the workspace and in /tmp alone.";
    const EFFECT: Effect = Effect::Once;
    const USUALLY: Usually = Usually::Ask;
    const IN_WORKSPACE: bool = true;

    fn subject(&self) -> Result<Subject, String> {
        let written = Some(self.command.trim().to_owned());
        Ok(match take_apart(&self.command)? {
            CommandLine::Program(words) => Subject::programs(NAME, vec![words], None),
            CommandLine::Joined(programs) => Subject::programs(NAME, programs, written),
            CommandLine::Shell => Subject::programs(NAME, vec![self.argv()?], written),
        })
    }

    fn call(self, doing: &Doing<'_>) -> Output {
        let folder = match doing.workspace() {
            Ok(folder) => folder.to_owned(),
            Err(output) => return output,
        };
        let argv = match self.argv() {
            Ok(argv) => argv.into_iter().map(OsString::from).collect(),
            Err(why) => return Output::failed(why),
        };
        let seconds = self.timeout_seconds.unwrap_or(USUAL_SECONDS).clamp(1, MOST_SECONDS);
        run(doing, Job { argv, stdin: self.stdin.unwrap_or_default().into_bytes(), seconds, ..Job::within(folder) })
    }
}

/// What is to be run in the sandbox.
pub(super) struct Job {
    pub(super) argv: Vec<OsString>,
    pub(super) folder: PathBuf,
    pub(super) stdin: Vec<u8>,
    pub(super) environment: Vec<(OsString, OsString)>,
    /// What it may read beside the system's folders.
    pub(super) read: Vec<PathBuf>,
    /// What it may write.
    pub(super) write: Vec<PathBuf>,
    pub(super) seconds: u64,
    pub(super) network: Network,
}

impl Job {
    /// A job that works in a folder, and may write there.
    pub(super) fn within(folder: PathBuf) -> Self {
        Self {
            argv: Vec::new(),
            write: vec![folder.clone()],
            folder,
            stdin: Vec::new(),
            environment: Vec::new(),
            read: Vec::new(),
            seconds: USUAL_SECONDS,
            network: Network::None,
        }
    }
}

/// Runs it, and says what it printed and how it ended.
pub(super) fn run(doing: &Doing<'_>, job: Job) -> Output {
    let limits = Limits { wall: Duration::from_secs(job.seconds), output_bytes: MOST_OUTPUT, ..Limits::default() };
    let mut environment = job.environment;
    for (name, value) in [("PATH", "/usr/local/bin:/usr/bin:/bin"), ("LANG", "C.UTF-8"), ("HOME", "/tmp")] {
        if !environment.iter().any(|(there, _)| there == name) {
            environment.push((name.into(), value.into()));
        }
    }
    let command = Command {
        argv: job.argv,
        folder: job.folder,
        environment,
        stdin: job.stdin,
        policy: Policy { read: job.read, write: job.write, network: job.network, limits },
    };
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let finished = doing.engine.sandbox.run(&command, &mut |output| {
        match output {
            zo_sandbox::Output::Stdout(bytes) => stdout.extend_from_slice(bytes),
            zo_sandbox::Output::Stderr(bytes) => stderr.extend_from_slice(bytes),
            zo_sandbox::Output::Nothing => {}
        }
        if (doing.stop)() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    let finished = match finished {
        Ok(finished) => finished,
        Err(error) => return refused(&error),
    };
    let (status, how) = match finished.ending {
        Ending::Exited(0) => (ToolStatus::Done, None),
        Ending::Exited(code) => (ToolStatus::Failed, Some(format!("exit code {code}"))),
        Ending::Signalled(signal) => (ToolStatus::Failed, Some(format!("killed by signal {signal}"))),
        Ending::TimedOut => (ToolStatus::Failed, Some(format!("killed after {} s", job.seconds))),
        Ending::Stopped => (ToolStatus::Cancelled, Some("stopped".to_owned())),
        other => (ToolStatus::Failed, Some(format!("killed: {other:?}"))),
    };
    let mut text = String::from_utf8_lossy(&stdout).into_owned();
    if !stderr.is_empty() {
        let separator = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
        text.push_str(&format!("{separator}--- stderr\n{}", String::from_utf8_lossy(&stderr)));
    }
    if let Some(how) = how {
        let separator = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
        text.push_str(&format!("{separator}--- {how}\n"));
    }
    Output { status, ..Output::untrusted(text) }
}

fn refused(error: &SandboxError) -> Output {
    Output::failed(error.to_string())
}

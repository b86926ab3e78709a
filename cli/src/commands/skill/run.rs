//! `zo skill run`.

use std::env;
use std::ffi::OsString;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use clap::Args;
use serde::Serialize;
use serde_json::Value;
use zo_engine::protocol::{FailureKind, SkillLine};
use zo_sandbox::{Command, Ending, Finished, Level, Output as Printed, Policy, Sandbox};
use zo_skills::{Invocation, ScriptResult, Skill, result_of};

use super::super::sandbox::run::{exit_code, keep_out, note, refused};
use super::{find, version};
use crate::context::Context;
use crate::error::{CliError, Kind};
use crate::interrupt::Interrupt;

/// Variables that a script has from here, if they are set, beside those that its skill asks for.
const PASSED_ON: [&str; 3] = ["PATH", "LANG", "TZ"];

/// Run a script of a skill in the sandbox
///
/// Examples:
///   zo skill run text-stats text_stats --args '{"path": "README.md"}'
///   zo skill run daily-note note --args '["add", "Called the plumber."]'
///   zo skill run csv-report csv_report --args '{"path": "sales.csv"}' --json | jq .result.value
///
/// It works in the folder you are in, reads that and its own, and writes there only if its skill says that it writes
/// (`zo skill show`). A Python script's run() gets arguments by name; others get an object as JSON on stdin, and a list
/// as words. Its result goes to stdout, what it says beside that to stderr; the exit code is that of `zo sandbox run`.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Run {
    /// The skill's name
    skill: String,
    /// The script's name
    script: String,
    /// What it is given, as JSON
    #[arg(long, value_name = "JSON", default_value = "{}")]
    args: String,
    /// Stop it after so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    timeout: u64,
    /// Run it without protection, with nothing but the limits
    #[arg(long)]
    unsandboxed: bool,
}

/// What a script came to, as JSON has it.
#[derive(Serialize)]
struct RanJson<'a> {
    skill: &'a str,
    script: &'a str,
    version: &'a str,
    result: ScriptResult,
    stderr: String,
    ending: Ending,
    exit_code: u8,
    level: Level,
    wall_ms: u64,
}

impl Run {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let arguments: Value = serde_json::from_str(&self.args).map_err(|error| {
            CliError::usage(format!("--args is not JSON: {error}")).hint("quote it: --args '{\"path\": \"x\"}'")
        })?;
        let (line, skill) = find(context, &self.skill)?;
        usable(&line, &skill)?;
        let here = env::current_dir().map_err(|error| CliError::io("cannot tell the current folder", &error))?;
        let invocation = zo_skills::invocation(&skill, &self.script, &arguments, &here)
            .map_err(|error| CliError::invalid(error.to_string()).hint(format!("`zo skill show {}`", skill.name)))?;
        if !skill.requires.network.is_empty() {
            let hosts = skill.requires.network.join(", ");
            context
                .output
                .warn(&CliError::invalid(format!("it says that it talks to {hosts}: there is no network here")));
        }
        let command = self.command(&context.home, &skill, invocation, &here)?;
        let (finished, stdout, stderr) = self.confined(&command)?;
        self.print(context, &line, &finished, &stdout, stderr)
    }

    fn command(&self, home: &Path, skill: &Skill, invocation: Invocation, here: &Path) -> Result<Command, CliError> {
        let Invocation { mut argv, stdin, folder, read } = invocation;
        let mut policy = Policy::default();
        policy.limits.wall = Duration::from_secs(self.timeout);
        policy.limits.cpu = policy.limits.cpu.max(policy.limits.wall);
        let places = if skill.requires.write { &mut policy.write } else { &mut policy.read };
        places.push(here.to_owned());
        if !self.unsandboxed {
            keep_out(home, &policy)?;
        }
        policy.read.extend(read);
        // An interpreter that lives in a home may be a launcher, and is no use without what belongs to it.
        if let Some(program) = zo_sandbox::interpreter(Path::new(&argv[0])) {
            policy.read.extend(zo_sandbox::interpreter_roots(&program));
            argv[0] = program.into();
        }
        let names = PASSED_ON.into_iter().chain(skill.requires.environment.iter().map(String::as_str));
        let environment = names.filter_map(|name| Some((OsString::from(name), env::var_os(name)?))).collect();
        Ok(Command { argv, folder, environment, stdin, policy })
    }

    /// Runs it, and collects what it prints; that much is bounded by the sandbox.
    fn confined(&self, command: &Command) -> Result<(Finished, Vec<u8>, Vec<u8>), CliError> {
        let mut sandbox = Sandbox::new().allow_unsandboxed(self.unsandboxed);
        if self.unsandboxed {
            sandbox = sandbox.at_level(Level::None);
        }
        let interrupt = Interrupt::watch()?;
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let finished = sandbox.run(command, &mut |printed| {
            match printed {
                Printed::Stdout(bytes) => stdout.extend_from_slice(bytes),
                Printed::Stderr(bytes) => stderr.extend_from_slice(bytes),
                Printed::Nothing => {}
            }
            if interrupt.is_set() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        Ok((finished.map_err(refused)?, stdout, stderr))
    }

    fn print(
        &self,
        context: &mut Context,
        line: &SkillLine,
        finished: &Finished,
        stdout: &[u8],
        stderr: Vec<u8>,
    ) -> Result<(), CliError> {
        let output = &mut context.output;
        let code = exit_code(finished.ending);
        if output.is_json() {
            output.data(&RanJson {
                skill: &line.name,
                script: &self.script,
                version: &line.version,
                result: result_of(stdout),
                stderr: String::from_utf8_lossy(&stderr).into_owned(),
                ending: finished.ending,
                exit_code: code,
                level: finished.level,
                wall_ms: u64::try_from(finished.wall.as_millis()).unwrap_or(u64::MAX),
            })?;
        } else {
            output.error_bytes(&stderr);
            output.bytes(stdout)?;
            if let Some(note) = note(finished.ending) {
                output.note(format!("note: {note}"));
            }
        }
        match code {
            0 => Ok(()),
            code => Err(CliError::new(Kind::Child(code), "the script did not succeed")),
        }
    }
}

/// Whether a skill may be run as it was just read.
fn usable(line: &SkillLine, skill: &Skill) -> Result<(), CliError> {
    let refuse = |message: String| {
        let hint = format!("look at it, then `zo skill trust {}`", line.folder);
        CliError::new(Kind::Engine(FailureKind::Refused), message).hint(hint)
    };
    if let Some(why) = &line.why {
        return Err(refuse(format!("the skill {} is not used: {why}", line.name)));
    }
    if version(skill) != line.version {
        return Err(refuse(format!("the skill {} is being changed", line.name)));
    }
    let missing: Vec<String> = zo_skills::missing(skill).into_iter().map(|one| one.hint).collect();
    if !missing.is_empty() {
        let message = format!("the skill {} needs what is not there: {}", line.name, missing.join("; "));
        return Err(CliError::new(Kind::Engine(FailureKind::Refused), message));
    }
    Ok(())
}

//! Skills: told to the model when it asks for one, their scripts run in the sandbox.

use std::ffi::OsString;
use std::fmt::Write;
use std::path::{Component, Path};

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use zo_egress::{Egress, EgressError, HostPattern, Policy, Proxy};
use zo_projections::event::run::agent::Effect;
use zo_projections::{Actor, Command, Submission};
use zo_sandbox::Network;
use zo_skills::Skill;

use super::commands::{Job, run};
use super::rules::Subject;
use super::{Doing, Output, Tool, Usually};
use crate::skills::{record_version, usable, version_of};

/// Bytes of a resource that are told.
const MOST_RESOURCE: u64 = 256 * 1024;
/// Seconds that a script may take.
const SECONDS: u64 = 300;

/// Arguments of `use_skill`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct UseSkill {
    /// The skill's name.
    name: String,
    /// A file of the skill that its instructions name; the instructions themselves if not said.
    #[serde(default)]
    resource: Option<String>,
}

impl Tool for UseSkill {
    const NAME: &'static str = "use_skill";
    const DESCRIPTION: &'static str = "Gives the instructions of a skill, or a file that they name. Read them before \
        you do what the skill is for.";
    const EFFECT: Effect = Effect::Pure;
    const USUALLY: Usually = Usually::Allow;

    fn subject(&self) -> Result<Subject, String> {
        Ok(Subject::text(Self::NAME, &self.name))
    }

    fn call(self, doing: &Doing<'_>) -> Output {
        let skill = match used(doing, &self.name) {
            Ok(skill) => skill,
            Err(why) => return Output::failed(why),
        };
        match self.resource {
            None => Output::done(instructions(&skill)),
            Some(resource) => match resource_of(&skill, &resource) {
                Ok(text) => Output::done(text),
                Err(why) => Output::failed(why),
            },
        }
    }
}

/// Arguments of `run_skill`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RunSkill {
    /// The skill's name.
    name: String,
    /// The script, as the skill's instructions name it.
    script: String,
    /// What the script is given: an object.
    #[serde(default)]
    arguments: Option<serde_json::Map<String, Value>>,
}

impl Tool for RunSkill {
    const NAME: &'static str = "run_skill";
    const DESCRIPTION: &'static str = "Runs a script of a skill in the sandbox, with arguments as JSON.";
    const EFFECT: Effect = Effect::Once;
    const USUALLY: Usually = Usually::Ask;

    fn subject(&self) -> Result<Subject, String> {
        Ok(Subject::text(Self::NAME, &format!("{}/{}", self.name, self.script)))
    }

    fn details(&self) -> Option<String> {
        self.arguments.as_ref().map(|arguments| format!("with {}", Value::Object(arguments.clone())))
    }

    fn call(self, doing: &Doing<'_>) -> Output {
        let skill = match used(doing, &self.name) {
            Ok(skill) => skill,
            Err(why) => return Output::failed(why),
        };
        let missing = zo_skills::missing(&skill);
        if !missing.is_empty() {
            let missing: Vec<String> = missing.iter().map(|it| format!("{} ({})", it.name, it.hint)).collect();
            return Output::failed(format!("{} needs what is not there: {}", skill.name, missing.join("; ")));
        }
        let scratch = tempfile_folder();
        let scratch = match &scratch {
            Ok(folder) => folder.path(),
            Err(error) => return Output::failed(format!("no folder to work in: {error}")),
        };
        let folder = doing.options.workspace.as_deref().map_or(scratch, Path::new);
        let arguments = Value::Object(self.arguments.unwrap_or_default());
        let invocation = match zo_skills::invocation(&skill, &self.script, &arguments, folder) {
            Ok(invocation) => invocation,
            Err(error) => return Output::failed(error.to_string()),
        };
        let mut job = Job {
            argv: invocation.argv,
            stdin: invocation.stdin,
            read: invocation.read,
            environment: variables_of(doing, &skill),
            seconds: SECONDS,
            ..Job::within(folder.to_owned())
        };
        if folder != scratch && !skill.requires.write {
            // It has not said that it writes: so it only reads.
            job.read.push(folder.to_owned());
            job.write.clear();
        }
        let _proxy = match proxy(&skill, scratch) {
            Ok(None) => None,
            Ok(Some(proxy)) => {
                job.network = Network::Proxy(proxy.path().to_owned());
                Some(proxy)
            }
            Err(error) => return Output::failed(error.to_string()),
        };
        run(doing, job)
    }
}

/// The way to the hosts that a skill says it talks to, and to no other; none if it talks to none.
fn proxy(skill: &Skill, scratch: &Path) -> Result<Option<Proxy>, EgressError> {
    let allow_hosts: Vec<HostPattern> =
        skill.requires.network.iter().filter_map(|host| HostPattern::parse(host).ok()).collect();
    if allow_hosts.is_empty() {
        return Ok(None);
    }
    let egress = Egress::new(Policy { allow_hosts, ..Policy::default() })?;
    egress.proxy(&scratch.join("proxy")).map(Some)
}

/// The variables that a skill says it needs; what is in them gets into no event.
fn variables_of(doing: &Doing<'_>, skill: &Skill) -> Vec<(OsString, OsString)> {
    let variable = |name: &String| {
        let value = std::env::var_os(name)?;
        if let Some(text) = value.to_str() {
            doing.engine.writer.redactor().learn(text);
        }
        Some((OsString::from(name), value))
    };
    skill.requires.environment.iter().filter_map(variable).collect()
}

fn tempfile_folder() -> std::io::Result<tempfile::TempDir> {
    tempfile::Builder::new().prefix("zo-skill-").tempdir()
}

/// The skill of this name, and that the run was given it is recorded.
fn used(doing: &Doing<'_>, name: &str) -> Result<Skill, String> {
    let skill = skill(doing, name)?;
    record_use(doing, &skill)?;
    Ok(skill)
}

/// The skill of this name that the agent may use.
fn skill(doing: &Doing<'_>, name: &str) -> Result<Skill, String> {
    let skills = usable(doing.engine, &doing.options.skills).map_err(|failure| failure.message)?.skills;
    let names: Vec<&str> = skills.iter().map(|skill| skill.name.as_str()).collect();
    let missing = match names.is_empty() {
        true => format!("there is no skill {name:?}, nor any other"),
        false => format!("there is no skill {name:?}; there are {}", names.join(", ")),
    };
    skills.into_iter().find(|skill| skill.name == name).ok_or(missing)
}

/// Records which version of the skill the run was given.
fn record_use(doing: &Doing<'_>, skill: &Skill) -> Result<(), String> {
    let seen = record_version(doing.engine, skill).map_err(|failure| failure.message)?;
    let command =
        Command::RecordSkillUse { run: doing.run, name: skill.name.clone(), version: version_of(skill), seen };
    let submission =
        Submission { correlation: Some(doing.run.0), causation: Some(seen), ..Submission::new(Actor::Engine, command) };
    doing.engine.writer.submit_one(submission).map(drop).map_err(|error| error.to_string())
}

/// What a skill says, and what lies beside it.
fn instructions(skill: &Skill) -> String {
    let mut text = skill.body.trim().to_owned();
    if !skill.scripts.is_empty() {
        text.push_str("\n\nScripts of this skill, to be run with run_skill:");
        for script in &skill.scripts {
            let _ = write!(text, "\n- {} ({})", script.name, script.path.display());
        }
    }
    if !skill.resources.is_empty() {
        text.push_str("\n\nFiles of this skill, to be read with use_skill and `resource`:");
        for resource in skill.resources.iter().take(100) {
            let _ = write!(text, "\n- {}", resource.display());
        }
    }
    text
}

/// A file of a skill.
fn resource_of(skill: &Skill, named: &str) -> Result<String, String> {
    let path = Path::new(named);
    let plain = path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    let file = skill.folder.join(path);
    let inside = file.canonicalize().ok().zip(skill.folder.canonicalize().ok());
    match inside {
        Some((file, folder)) if plain && file.starts_with(&folder) => {
            let length = file.metadata().map_err(|error| format!("{named}: {error}"))?.len();
            if length > MOST_RESOURCE {
                return Err(format!("{named} has {length} bytes, more than the {MOST_RESOURCE} that are told"));
            }
            std::fs::read_to_string(&file).map_err(|error| format!("{named}: {error}"))
        }
        _ => Err(format!("the skill {} has no file {named}", skill.name)),
    }
}

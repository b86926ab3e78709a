//! Scripts of skills.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde_json::Value;
use zo_sandbox::{Command, Network, Policy, interpreter, interpreter_roots};
use zo_skills::{MissingKind, Skill, invocation, missing};

use super::confined::limits;
use super::reach::{Way, patterns};
use super::{AttemptContext, Executor, Outcome, Sink};
use crate::spec::SkillSpec;

impl Executor {
    pub(super) fn skill(&self, spec: &SkillSpec, attempt: &AttemptContext, sink: Sink<'_>) -> Outcome {
        match self.run_skill(spec, attempt, sink) {
            Ok(outcome) | Err(outcome) => outcome,
        }
    }

    fn run_skill(&self, spec: &SkillSpec, attempt: &AttemptContext, sink: Sink<'_>) -> Result<Outcome, Outcome> {
        let skill = (self.find_skill)(&spec.name).map_err(Outcome::hopeless)?;
        let script = script_of(&skill, spec.script.as_deref()).map_err(Outcome::hopeless)?;
        let environment = self.environment_of(&skill)?;
        let given = self.named(&spec.folder.iter().map(PathBuf::from).collect::<Vec<_>>())?.pop();
        let own = self.own_folder()?;
        let folder = given.clone().unwrap_or_else(|| own.path().to_owned());
        let invocation = invocation(&skill, &script, &Value::Object(spec.arguments.clone()), &folder)
            .map_err(|error| Outcome::hopeless(error.to_string()))?;
        let (mut argv, mut read, mut write) = (invocation.argv, invocation.read, Vec::new());
        // One that has not said that it writes only reads what is somebody's; its own folder is nobody's.
        let writes = given.is_none() || skill.requires.write;
        if writes { &mut write } else { &mut read }.push(folder.clone());
        if let Some(program) = interpreter(Path::new(&argv[0])) {
            read.extend(interpreter_roots(&program));
            argv[0] = program.into();
        }
        let hosts = patterns(&skill.requires.network).map_err(Outcome::hopeless)?;
        let way = if hosts.is_empty() { None } else { Some(Way::to(&self.egress, hosts)?) };
        let network = way.as_ref().map_or(Network::None, |way| Network::Proxy(way.socket()));
        let policy = Policy { read, write, network, limits: limits(&spec.limits, attempt) };
        let command = Command { argv, folder, environment, stdin: invocation.stdin, policy };
        Ok(self.confined(&command, true, attempt, sink))
    }

    /// The variables that a skill says it needs, of those that this node hands on.
    fn environment_of(&self, skill: &Skill) -> Result<Vec<(OsString, OsString)>, Outcome> {
        let not_handed_on: Vec<&str> = skill
            .requires
            .environment
            .iter()
            .filter(|name| !self.handed_on.contains(name))
            .map(String::as_str)
            .collect();
        if !not_handed_on.is_empty() {
            let names = not_handed_on.join(", ");
            return Err(Outcome::hopeless(format!("{} needs {names}, which this node hands to no job", skill.name)));
        }
        let lacking: Vec<String> = missing(skill)
            .into_iter()
            .map(|lack| match lack.kind {
                MissingKind::Variable => format!("the variable {}", lack.name),
                MissingKind::Program | MissingKind::PythonModule => format!("{} ({})", lack.name, lack.hint),
            })
            .collect();
        if !lacking.is_empty() {
            let message = format!("{} needs what is not on this node: {}", skill.name, lacking.join("; "));
            return Err(Outcome::hopeless(message));
        }
        let value = |name: &String| Some((OsString::from(name), env::var_os(name)?));
        Ok(skill.requires.environment.iter().filter_map(value).collect())
    }
}

/// The script that is meant: the one that is named, the only one, or the one that is called as the skill is.
fn script_of(skill: &Skill, named: Option<&str>) -> Result<String, String> {
    if let Some(named) = named {
        return Ok(named.to_owned()); // whether there is such a one, the invocation tells
    }
    let names: Vec<&str> = skill.scripts.iter().map(|script| script.name.as_str()).collect();
    let alike = |name: &&&str| name.replace('_', "-") == skill.name;
    match names.as_slice() {
        [] => Err(format!("the skill {} has no scripts: an agent can use it", skill.name)),
        [only] => Ok((*only).to_owned()),
        several => {
            several.iter().find(alike).map(|name| (*name).to_owned()).ok_or_else(|| {
                format!("the skill {} has several scripts, say which: {}", skill.name, several.join(", "))
            })
        }
    }
}

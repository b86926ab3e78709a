//! What a skill needs and is not there.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::invocation::{PYTHON_OPTIONS, interpreter};
use crate::programs::Surroundings;
use crate::skill::Skill;

/// Longest that Python may take to look for modules: it looks at files and imports nothing; a cold start takes a
/// second.
const MAX_TIME: Duration = Duration::from_secs(10);
/// Between two looks at whether it is done.
const PAUSE: Duration = Duration::from_millis(5);
/// Most bytes of its answer.
const MAX_ANSWER_BYTES: u64 = 64 * 1024;
/// Prints which of the modules on stdin cannot be found. Packages within packages would have to be imported to know, so
/// only what is outermost is asked for.
const LOOK_FOR_MODULES: &str = "import importlib.util, json, sys
print(json.dumps([n for n in json.load(sys.stdin) if importlib.util.find_spec(n.split('.')[0]) is None]))";

/// Something that a skill needs and that is not there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Missing {
    /// What sort of thing.
    pub kind: MissingKind,
    /// What it is called.
    pub name: String,
    /// Why, and what to do about it: lower case, no full stop.
    pub hint: String,
}

/// Sorts of things that a skill needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MissingKind {
    /// A program on the path.
    Program,
    /// A Python module.
    PythonModule,
    /// An environment variable.
    Variable,
}

/// What of a skill's [`Requires`](crate::Requires), and of what its scripts are run by, is not there for this process.
/// Python is asked for its modules in one child, at most ten seconds long.
pub fn missing(skill: &Skill) -> Vec<Missing> {
    missing_in(skill, &Surroundings::of_process())
}

/// The same in other surroundings.
pub fn missing_in(skill: &Skill, surroundings: &Surroundings) -> Vec<Missing> {
    let mut programs: BTreeSet<String> = skill.requires.programs.iter().cloned().collect();
    programs.extend(skill.scripts.iter().filter_map(|script| interpreter(script, &skill.folder.join(&script.path))));
    if !skill.requires.python.is_empty() {
        programs.insert("python3".to_owned());
    }
    let not_there = |name: &String| surroundings.program(name).is_none();
    let mut missing: Vec<Missing> = programs.into_iter().filter(not_there).map(missing_program).collect();
    if let (Some(python), false) = (surroundings.program("python3"), skill.requires.python.is_empty()) {
        missing.extend(missing_modules(&python, &skill.requires.python, surroundings, MAX_TIME));
    }
    let unset = skill.requires.environment.iter().filter(|name| !surroundings.variables.contains(*name));
    missing.extend(unset.map(|name| Missing {
        kind: MissingKind::Variable,
        name: name.clone(),
        hint: format!("the environment variable {name} is not set: `export {name}=…` sets it"),
    }));
    missing
}

fn missing_program(name: String) -> Missing {
    let hint = format!("the program {name} is not on the path: install it");
    Missing { kind: MissingKind::Program, name, hint }
}

/// Asks Python which modules it does not find; if it does not answer, all count as missing.
fn missing_modules(python: &Path, modules: &[String], surroundings: &Surroundings, limit: Duration) -> Vec<Missing> {
    let missing = |name: &String, hint: String| Missing { kind: MissingKind::PythonModule, name: name.clone(), hint };
    match not_found(python, modules, surroundings, limit) {
        Ok(names) => {
            let hint =
                |name: &String| format!("{} finds no module {name}: install the package that has it", python.display());
            names.iter().filter(|name| modules.contains(name)).map(|name| missing(name, hint(name))).collect()
        }
        Err(why) => {
            let hint = format!("{} could not be asked for its modules: {why}", python.display());
            modules.iter().map(|name| missing(name, hint.clone())).collect()
        }
    }
}

fn not_found(
    python: &Path,
    modules: &[String],
    surroundings: &Surroundings,
    limit: Duration,
) -> Result<Vec<String>, String> {
    let mut child = Command::new(python)
        .args(PYTHON_OPTIONS)
        .args(["-c", LOOK_FOR_MODULES])
        .env_clear()
        .env("PATH", &surroundings.path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| error.to_string())?;
    let question = serde_json::to_vec(modules).map_err(|error| error.to_string())?;
    let deadline = Instant::now() + limit;
    let (answered, answer) = mpsc::channel();
    if let (Some(mut stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) {
        // Neither is waited for on this thread: a child that does not read, or leaves its output open, holds up nobody.
        thread::spawn(move || {
            let mut bytes = Vec::new();
            // What does not read its input shows in what it answers.
            let _ = stdin.write_all(&question);
            drop(stdin);
            let read = stdout.take(MAX_ANSWER_BYTES).read_to_end(&mut bytes);
            // Nobody listens any more when the time was over.
            let _ = answered.send(read.map(|_| bytes));
        });
    }
    let exited = wait_until(&mut child, deadline);
    let bytes = match exited {
        true => answer.recv_timeout(deadline.saturating_duration_since(Instant::now()) + PAUSE),
        false => return Err(format!("no answer within {limit:?}")),
    };
    let bytes = bytes.map_err(|_| format!("no answer within {limit:?}"))?.map_err(|error| error.to_string())?;
    serde_json::from_slice(&bytes).map_err(|error| format!("its answer was not understood: {error}"))
}

/// Whether the child ended in time; if not, it is killed.
fn wait_until(child: &mut Child, deadline: Instant) -> bool {
    loop {
        match child.try_wait() {
            Ok(Some(_)) => return true,
            Ok(None) if Instant::now() < deadline => thread::sleep(PAUSE),
            Ok(None) | Err(_) => {
                // It may have ended meanwhile; nothing more can be done about it here.
                let _ = child.kill();
                let _ = child.wait();
                return false;
            }
        }
    }
}

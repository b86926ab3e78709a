//! How a script is called: what is run, with which input, and what it has to be able to read.
//!
//! | script | an object | a list | its result |
//! |---|---|---|---|
//! | Python with `run()` or `execute()` | by name, or as one `dict` | by position | what it returns, as JSON |
//! | other Python, shell, JavaScript, executable | as JSON on stdin | as words | what it prints |
//!
//! For the latter, which mostly know nothing of JSON, `{"args": […], "stdin": "…"}` is the command line and what is on
//! stdin.
//!
//! Nothing is run here. Of time, memory, output and everything that a script must not do, the sandbox it is put into
//! takes care.

#[cfg(test)]
mod tests;

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use serde_json::Value;
use thiserror::Error;

use crate::programs::Surroundings;
use crate::skill::{Script, ScriptKind, Skill};

/// Calls the function of a Python script.
const SHIM: &str = include_str!("invocation/shim.py");
/// Python as it is run: nothing from variables, the user's own packages or the folder it is run in, and no bytecode
/// written, which would change the skill.
pub(crate) const PYTHON_OPTIONS: [&str; 2] = ["-I", "-B"];
/// Most bytes of arguments: what a model writes in one go is far less.
const MAX_ARGUMENTS_BYTES: usize = 1024 * 1024;
/// Most bytes of one argument on a command line: Linux takes 128 KiB less one.
const MAX_ARGUMENT_BYTES: usize = 128 * 1024 - 1;
/// Most bytes of a first line that names an interpreter.
const MAX_FIRST_LINE_BYTES: u64 = 256;

/// What is to be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    /// The program, absolute, and its arguments.
    pub argv: Vec<OsString>,
    /// What it is given on stdin.
    pub stdin: Vec<u8>,
    /// The folder it is run in.
    pub folder: PathBuf,
    /// What it has to be able to read beside the system's own: the skill, and where its interpreter lies; absolute.
    pub read: Vec<PathBuf>,
}

/// Why a script cannot be called.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum InvocationError {
    /// There is none by this name.
    #[error("the skill {skill} has no script `{script}`; it has {known}")]
    NoSuchScript {
        /// The skill.
        skill: String,
        /// The name that was given.
        script: String,
        /// Those there are.
        known: String,
    },
    /// Its interpreter is not on the path.
    #[error("{script} needs {program}, which is not on the path")]
    NoInterpreter {
        /// The script's file.
        script: PathBuf,
        /// The program.
        program: String,
    },
    /// It cannot be called with these.
    #[error("the arguments of {script} {why}")]
    Arguments {
        /// The script's file.
        script: PathBuf,
        /// What is wrong with them.
        why: String,
    },
    /// It is no longer where it was, or leads out of the skill.
    #[error("{path}: {why}")]
    Script {
        /// The script's file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
}

/// How `script` of `skill` is called with `arguments` in the folder `work`, with the programs on this process's path.
///
/// # Errors
/// That it cannot be, and why.
pub fn invocation(skill: &Skill, script: &str, arguments: &Value, work: &Path) -> Result<Invocation, InvocationError> {
    invocation_in(skill, script, arguments, work, &Surroundings::of_process())
}

/// The same with the programs of other surroundings.
///
/// # Errors
/// That it cannot be called, and why.
pub fn invocation_in(
    skill: &Skill,
    script: &str,
    arguments: &Value,
    work: &Path,
    surroundings: &Surroundings,
) -> Result<Invocation, InvocationError> {
    let script = skill.script(script).ok_or_else(|| no_such_script(skill, script))?;
    let (root, file) = located(skill, script)?;
    let mut read = vec![root];
    let mut argv = Vec::new();
    if let Some(name) = interpreter(script, &file) {
        let program = surroundings
            .program(&name)
            .ok_or_else(|| InvocationError::NoInterpreter { script: script.path.clone(), program: name })?;
        read.extend(read_by(&program));
        argv.push(program.into_os_string());
    }
    if let ScriptKind::Python { shim } = script.kind {
        argv.extend(PYTHON_OPTIONS.map(OsString::from));
        if shim {
            argv.extend([OsStr::new("-c"), OsStr::new(SHIM)].map(OsStr::to_owned));
        }
    }
    argv.push(file.into_os_string());
    let stdin = if script.kind == (ScriptKind::Python { shim: true }) {
        as_json(script, arguments)?
    } else {
        let (words, stdin) = given(script, arguments)?;
        argv.extend(words);
        stdin
    };
    Ok(Invocation { argv, stdin, folder: work.to_owned(), read })
}

fn no_such_script(skill: &Skill, script: &str) -> InvocationError {
    let names: Vec<&str> = skill.scripts.iter().map(|script| script.name.as_str()).collect();
    let known = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    InvocationError::NoSuchScript { skill: skill.name.clone(), script: crate::names::shown(script), known }
}

/// The skill's folder and the script's file, without links.
fn located(skill: &Skill, script: &Script) -> Result<(PathBuf, PathBuf), InvocationError> {
    let path = skill.folder.join(&script.path);
    let wrong = |why: String| InvocationError::Script { path: path.clone(), why };
    let canonical = |path: &Path| fs::canonicalize(path).map_err(|error: io::Error| wrong(error.to_string()));
    let (root, file) = (canonical(&skill.folder)?, canonical(&path)?);
    if !file.starts_with(&root) || !file.is_file() {
        return Err(wrong("not a file within the skill's folder".to_owned()));
    }
    Ok((root, file))
}

/// The program that runs a script, if it is not its own.
pub(crate) fn interpreter(script: &Script, file: &Path) -> Option<String> {
    match script.kind {
        ScriptKind::Python { .. } => Some("python3".to_owned()),
        ScriptKind::JavaScript => Some("node".to_owned()),
        ScriptKind::Shell => {
            let bash = script.path.extension().is_some_and(|ending| ending == "bash") || names_bash(file);
            Some(if bash { "bash" } else { "sh" }.to_owned())
        }
        ScriptKind::Executable => None,
    }
}

fn names_bash(file: &Path) -> bool {
    let mut line = Vec::new();
    let read = fs::File::open(file)
        .and_then(|file| BufReader::new(file.take(MAX_FIRST_LINE_BYTES)).read_until(b'\n', &mut line));
    let line = String::from_utf8_lossy(&line);
    read.is_ok() && line.strip_prefix("#!").is_some_and(|rest| rest.contains("bash"))
}

/// Where an interpreter and what belongs to it lie, as it is called and as links lead to it: `/opt/py` of
/// `/opt/py/bin/python3`. A prefix that would be everything, or somebody's whole home, is left at the program itself.
fn read_by(program: &Path) -> Vec<PathBuf> {
    let mut read = Vec::new();
    for program in [Some(program.to_owned()), fs::canonicalize(program).ok()].into_iter().flatten() {
        let prefix = program.parent().filter(|bin| bin.ends_with("bin")).and_then(Path::parent);
        let is_narrow = |prefix: &&Path| prefix.parent().is_some() && std::env::home_dir().as_deref() != Some(*prefix);
        let path = prefix.filter(is_narrow).map_or_else(|| program.clone(), Path::to_owned);
        if !read.contains(&path) {
            read.push(path);
        }
    }
    read
}

/// What a script that knows nothing of the shim is given: words on its command line, and stdin.
fn given(script: &Script, arguments: &Value) -> Result<(Vec<OsString>, Vec<u8>), InvocationError> {
    match arguments {
        Value::Null => Ok((Vec::new(), Vec::new())),
        Value::Array(values) => Ok((as_words(script, values)?, Vec::new())),
        Value::Object(fields) if fields.keys().all(|key| key == "args" || key == "stdin") => {
            match (fields.get("args"), fields.get("stdin").unwrap_or(&Value::Null)) {
                (Some(Value::Array(values)), Value::Null) => Ok((as_words(script, values)?, Vec::new())),
                (Some(Value::Array(values)), Value::String(text)) if text.len() <= MAX_ARGUMENTS_BYTES => {
                    Ok((as_words(script, values)?, text.clone().into_bytes()))
                }
                _ => Ok((Vec::new(), as_json(script, arguments)?)),
            }
        }
        other => Ok((Vec::new(), as_json(script, other)?)),
    }
}

fn as_json(script: &Script, arguments: &Value) -> Result<Vec<u8>, InvocationError> {
    let wrong = |why: String| InvocationError::Arguments { script: script.path.clone(), why };
    let bytes = serde_json::to_vec(arguments).map_err(|error| wrong(format!("cannot be written: {error}")))?;
    if bytes.len() > MAX_ARGUMENTS_BYTES {
        return Err(wrong(format!("have {} bytes, at most {MAX_ARGUMENTS_BYTES} are taken", bytes.len())));
    }
    Ok(bytes)
}

fn as_words(script: &Script, values: &[Value]) -> Result<Vec<OsString>, InvocationError> {
    let wrong = |why: String| InvocationError::Arguments { script: script.path.clone(), why };
    let mut bytes = 0;
    let mut words = Vec::new();
    for (number, value) in (1..).zip(values) {
        let word = match value {
            Value::String(text) => text.clone(),
            Value::Number(_) | Value::Bool(_) => value.to_string(),
            Value::Null | Value::Array(_) | Value::Object(_) => {
                return Err(wrong(format!(
                    "are a list: its texts and numbers go on the command line, number {number} is neither"
                )));
            }
        };
        if word.contains('\0') {
            return Err(wrong(format!("have a NUL in number {number}")));
        }
        bytes += word.len() + 1;
        if word.len() > MAX_ARGUMENT_BYTES || bytes > MAX_ARGUMENTS_BYTES {
            let why = format!("are too long for a command line, at number {number}: an object goes to stdin");
            return Err(wrong(why));
        }
        words.push(word.into());
    }
    Ok(words)
}

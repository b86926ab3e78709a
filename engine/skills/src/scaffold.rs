//! A new skill, to be filled in.

#[cfg(test)]
mod tests;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::check::{Reader, read_text};
use crate::names;
use crate::problem::Severity;
use crate::skill::ScriptKind;

/// Why no skill was made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ScaffoldError {
    /// Its name or description would be rejected.
    #[error("{0}")]
    Invalid(String),
    /// There is something by this name.
    #[error("{0} is there already")]
    Exists(PathBuf),
    /// The system refused.
    #[error("{path} cannot be made: {source}")]
    Io {
        /// What was made.
        path: PathBuf,
        /// Why it could not be.
        source: io::Error,
    },
}

/// Makes a folder `name` in `into` with a `SKILL.md` and, if `kind` says so, a script `scripts/run.*`. What it makes
/// passes [`validate`](crate::validate). Without a description, one stands there that is to be replaced.
///
/// # Errors
/// That a skill cannot be called or described so, that there is something already, or what the system refused. Nothing
/// is left behind unless the system refuses that too.
pub fn scaffold(
    into: &Path,
    name: &str,
    kind: Option<ScriptKind>,
    description: Option<&str>,
) -> Result<PathBuf, ScaffoldError> {
    if let Some(complaint) = names::complaints(name).into_iter().next() {
        return Err(ScaffoldError::Invalid(complaint));
    }
    let name = names::normalised(name);
    let text = skill_file(&name, description, kind);
    let mut remarks = Vec::new();
    let read = read_text(text.as_bytes(), &name, Reader::Strict, &mut remarks);
    let wrong = read.err().into_iter().chain(remarks).find(|remark| remark.severity == Severity::Error);
    if let Some(remark) = wrong {
        return Err(ScaffoldError::Invalid(remark.message));
    }
    let folder = into.join(&name);
    let failed = |path: &Path| {
        let path = path.to_owned();
        |source: io::Error| ScaffoldError::Io { path, source }
    };
    fs::create_dir_all(into).map_err(failed(into))?;
    fs::create_dir(&folder).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => ScaffoldError::Exists(folder.clone()),
        _ => failed(&folder)(error),
    })?;
    if let Err(error) = fill(&folder, &text, kind) {
        // Half of it would be in the way of another try.
        let _ = fs::remove_dir_all(&folder);
        return Err(failed(&folder)(error));
    }
    Ok(folder)
}

fn fill(folder: &Path, text: &str, kind: Option<ScriptKind>) -> io::Result<()> {
    fs::write(folder.join("SKILL.md"), text)?;
    let Some((file, content)) = kind.map(script) else { return Ok(()) };
    let scripts = folder.join("scripts");
    fs::create_dir(&scripts)?;
    let file = scripts.join(file);
    fs::write(&file, content)?;
    if content.starts_with("#!") { make_executable(&file) } else { Ok(()) }
}

#[cfg(unix)]
pub(crate) fn make_executable(file: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(file, fs::Permissions::from_mode(0o755))
}

#[cfg(not(unix))]
pub(crate) fn make_executable(_file: &Path) -> io::Result<()> {
    Ok(())
}

fn skill_file(name: &str, description: Option<&str>, kind: Option<ScriptKind>) -> String {
    let description = description
        .unwrap_or("Says what this skill does. Use when somebody asks for it: name the words they would use.");
    // A JSON text is one of YAML too.
    let description = serde_json::Value::from(description.trim());
    let title = name.replace('-', " ");
    let usage = match kind.map(script) {
        None => "1. Say what to do first.\n2. Say what to look at, and what to leave alone.\n".to_owned(),
        Some((file, _)) => {
            format!(
                "Run `scripts/{file}` with what was given:\n\n```json\n{{\"text\": \"some words\"}}\n```\n\nIt answers \
                 `{{\"words\": 2}}`.\n"
            )
        }
    };
    format!("---\nname: {name}\ndescription: {description}\n---\n\n# {title}\n\n{usage}")
}

/// A script that works as it is, and shows how arguments arrive.
fn script(kind: ScriptKind) -> (&'static str, &'static str) {
    match kind {
        ScriptKind::Python { .. } => ("run.py", PYTHON),
        ScriptKind::Shell => ("run.sh", SHELL),
        ScriptKind::JavaScript => ("run.js", JAVASCRIPT),
        ScriptKind::Executable => ("run", SHELL),
    }
}

const PYTHON: &str = r#""""Counts words. Arguments come by name; what is returned has to be JSON."""


def run(text):
    return {"words": len(text.split())}
"#;

const SHELL: &str = r#"#!/bin/sh
# Counts words. Arguments come as JSON on stdin, or as a list on the command line; what is printed is the result.
set -eu
if [ $# -gt 0 ]; then
    text=$*
else
    text=$(sed 's/.*"text" *: *"\([^"]*\)".*/\1/')
fi
set -f
# shellcheck disable=SC2086 # to be split into words
set -- $text
printf '{"words": %d}\n' $#
"#;

const JAVASCRIPT: &str = r#"// Counts words. Arguments come as JSON on stdin; what is printed is the result.
const { text } = JSON.parse(require("fs").readFileSync(0, "utf8"));
console.log(JSON.stringify({ words: text.split(/\s+/).filter(Boolean).length }));
"#;

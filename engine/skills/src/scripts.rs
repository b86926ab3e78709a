//! Which of a skill's files can be run, and how.

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use crate::folder::{self, Entry, Sort};
use crate::problem::Problem;
use crate::skill::{Script, ScriptKind};

/// The folder whose files are scripts.
pub(crate) const SCRIPTS: &str = "scripts";
/// Most bytes of a script that are looked at for its functions; a longer one is run as a file.
const MAX_LOOKED_AT_BYTES: u64 = 1024 * 1024;

/// The scripts among `files`; of two with one name, the second is told apart by its ending alone.
pub(crate) fn among(folder: &Path, files: &[Entry], problems: &mut Vec<Problem>) -> Vec<Script> {
    let mut scripts: Vec<Script> = Vec::new();
    for entry in files {
        let Some((name, kind)) = script(folder, entry) else { continue };
        if let Some(other) = scripts.iter().find(|script| script.name == name) {
            let message =
                format!("a script `{name}` as {} is: it is found by its whole name alone", other.path.display());
            problems.push(Problem::warning(&folder.join(&entry.path), message));
        }
        scripts.push(Script { name, path: entry.path.clone(), kind });
    }
    scripts
}

fn script(folder: &Path, entry: &Entry) -> Option<(String, ScriptKind)> {
    let parent: PathBuf = entry.path.parent()?.into();
    let name = entry.path.file_stem()?.to_str()?.to_owned();
    if parent != Path::new(SCRIPTS) || name.starts_with('.') || name == "__init__" {
        return None;
    }
    let kind = match entry.path.extension().and_then(|ending| ending.to_str()) {
        Some("py") => ScriptKind::Python { shim: has_function_to_call(&folder.join(&entry.path)) },
        Some("sh" | "bash") => ScriptKind::Shell,
        Some("js" | "mjs" | "cjs") => ScriptKind::JavaScript,
        _ if entry.sort == Sort::Executable => ScriptKind::Executable,
        _ => return None,
    };
    Some((name, kind))
}

/// Whether a Python file is in ZoClone's form: it has a function `run` or `execute`, and if it can also be run as a
/// file, that calls the same function. Otherwise `run` is a helper of something else.
fn has_function_to_call(path: &Path) -> bool {
    let Ok(content) = folder::read_at_most(path, MAX_LOOKED_AT_BYTES) else { return false };
    let text = String::from_utf8_lossy(&content);
    let defines = |line: &str| {
        let rest = line.strip_prefix("async ").unwrap_or(line).strip_prefix("def ")?.trim_start();
        let name = rest.split(|letter: char| !(letter.is_alphanumeric() || letter == '_')).next()?;
        matches!(name, "run" | "execute").then(|| name.to_owned())
    };
    let Some(function) = text.lines().find_map(defines) else { return false };
    let main = text.lines().position(|line| line.starts_with("if __name__"));
    let calls = |line: &str| line.contains(&format!("{function}("));
    main.is_none_or(|main| text.lines().skip(main).any(calls))
}

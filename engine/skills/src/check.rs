//! One skill folder: checked strictly, or read leniently. Both look at the same things.

#[cfg(test)]
mod tests;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::fields::{self, Fields, MAX_DESCRIPTION_CHARS};
use crate::folder::{self, Budget, Contents};
use crate::frontmatter::{self, MAX_SKILL_FILE_BYTES};
use crate::names;
use crate::problem::{Problem, Remark, Severity};
use crate::scripts;
use crate::skill::{Origin, Skill};
use crate::yaml;

/// What the file of a skill is called; the second is tolerated, as the reference validator does.
pub(crate) const SKILL_FILES: [&str; 2] = ["SKILL.md", "skill.md"];
/// Most lines of a body that the specification recommends.
const RECOMMENDED_LINES: usize = 500;

/// Checks a skill folder strictly: what the specification's reference validator rejects is an error, and so is what
/// keeps a skill from being used. Warnings are recommendations. In the order of files and lines; nothing if all is
/// well.
pub fn validate(folder: &Path) -> Vec<Problem> {
    let mut problems = Vec::new();
    match read(folder, Reader::Strict, &mut Budget::of_one(), &mut problems) {
        Ok(_) => {}
        Err(problem) => problems.push(problem),
    }
    problems.sort_by(|one, other| (&one.file, one.line.unwrap_or(0)).cmp(&(&other.file, other.line.unwrap_or(0))));
    problems
}

/// Reads a skill folder leniently: everything that can be used is, and what is not as it should be is in its problems,
/// as warnings. Without a name it is called as its folder, without a description the first paragraph of its body is
/// taken.
///
/// # Errors
/// What keeps it from being used: no SKILL.md, no frontmatter, nothing that describes it, files that cannot be read or
/// that are more than a skill may have.
pub fn load(folder: &Path, origin: Origin) -> Result<Skill, Problem> {
    load_within(folder, origin, &mut Budget::of_one())
}

/// The same, reading no more than a budget allows.
pub(crate) fn load_within(folder: &Path, origin: Origin, budget: &mut Budget) -> Result<Skill, Problem> {
    let mut problems = Vec::new();
    let (file, text, contents) = read(folder, Reader::Lenient, budget, &mut problems)?;
    let folder_name = name_of(folder);
    let Text { fields, body } = text;
    let name = [fields.name, Some(names::normalised(&folder_name))].into_iter().flatten();
    let Some(name) = name.into_iter().find(|name| names::is_usable(name)) else {
        let message = format!("neither its name nor that of its folder, `{}`, can be used", names::shown(&folder_name));
        return Err(Problem::error(&file, message));
    };
    let Some(description) = fields.description.or_else(|| first_paragraph(&body)) else {
        return Err(Problem::error(&file, "there is no description, and no text to take one from"));
    };
    let scripts = scripts::among(folder, &contents.files, &mut problems);
    let is_resource = |path: &&PathBuf| {
        SKILL_FILES.iter().all(|name| *path != Path::new(name)) && scripts.iter().all(|script| script.path != **path)
    };
    let resources = contents.files.iter().map(|entry| &entry.path).filter(is_resource).cloned().collect();
    for problem in &mut problems {
        problem.severity = Severity::Warning;
    }
    Ok(Skill {
        name,
        description: description.chars().take(MAX_DESCRIPTION_CHARS).collect(),
        license: fields.license,
        compatibility: fields.compatibility,
        metadata: fields.metadata,
        allowed_tools: fields.allowed_tools,
        triggers: fields.triggers,
        requires: fields.requires,
        body,
        folder: folder.to_owned(),
        origin,
        digest: contents.digest,
        scripts,
        resources,
        problems,
    })
}

/// Whether what is no YAML ends the reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reader {
    Strict,
    Lenient,
}

/// What a SKILL.md says.
#[derive(Debug)]
pub(crate) struct Text {
    pub(crate) fields: Fields,
    pub(crate) body: String,
}

fn read(
    folder: &Path,
    reader: Reader,
    budget: &mut Budget,
    problems: &mut Vec<Problem>,
) -> Result<(PathBuf, Text, Contents), Problem> {
    let metadata = fs::metadata(folder).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Problem::error(folder, "there is no such folder"),
        _ => folder::unreadable(folder, &error),
    })?;
    if !metadata.is_dir() {
        return Err(Problem::error(folder, "not a folder: a skill is a folder with a SKILL.md"));
    }
    let file = skill_file(folder)?;
    if file.file_name().is_none_or(|name| name != SKILL_FILES[0]) {
        problems.push(Problem::warning(&file, "the file should be called SKILL.md"));
    }
    let bytes = folder::read_at_most(&file, MAX_SKILL_FILE_BYTES).map_err(|error| match error.kind() {
        io::ErrorKind::FileTooLarge => {
            let size = fs::metadata(&file).map_or(0, |metadata| metadata.len());
            Problem::error(&file, format!("{size} bytes, at most {MAX_SKILL_FILE_BYTES} are read of a SKILL.md"))
        }
        _ => folder::unreadable(&file, &error),
    })?;
    let mut remarks = Vec::new();
    let text = read_text(&bytes, &name_of(folder), reader, &mut remarks);
    problems.extend(remarks.into_iter().map(|remark| remark.within(&file)));
    // Also of a file that cannot be used: the folder is looked at, so that all its problems are told at once.
    let contents = folder::read(folder, budget);
    let text = text.map_err(|remark| remark.within(&file));
    if let (Ok(contents), Reader::Strict) = (&contents, reader) {
        scripts::among(folder, &contents.files, problems);
    }
    let contents = match contents {
        Ok(mut contents) => {
            problems.append(&mut contents.problems);
            contents
        }
        Err(problem) => {
            if let Err(first) = text {
                problems.push(problem);
                return Err(first);
            }
            return Err(problem);
        }
    };
    Ok((file, text?, contents))
}

/// Reads the bytes of a SKILL.md.
///
/// # Errors
/// What keeps it from being read: there is no frontmatter, or to a strict reader one that is no YAML.
pub(crate) fn read_text(
    bytes: &[u8],
    folder_name: &str,
    reader: Reader,
    remarks: &mut Vec<Remark>,
) -> Result<Text, Remark> {
    let parts = frontmatter::cut(bytes, remarks)?;
    let entries = match (yaml::parse(&parts.frontmatter, parts.first_line, remarks), reader) {
        (Ok(entries), _) => entries,
        (Err(remark), Reader::Strict) => return Err(remark),
        (Err(remark), Reader::Lenient) => {
            remarks.push(remark);
            yaml::parse_by_lines(&parts.frontmatter, parts.first_line)
        }
    };
    let fields = fields::read(&entries, folder_name, remarks);
    if parts.body.is_empty() {
        let line = parts.first_line.saturating_add(u32::try_from(parts.frontmatter.lines().count()).unwrap_or(0));
        remarks.push(Remark::warning(line, "there are no instructions behind the frontmatter"));
    } else if parts.body_lines > RECOMMENDED_LINES {
        let message = format!(
            "{} lines of instructions, at most {RECOMMENDED_LINES} are recommended: move what is seldom needed to \
             other files",
            parts.body_lines
        );
        remarks.push(Remark { line: None, message, severity: Severity::Warning });
    }
    Ok(Text { fields, body: parts.body })
}

/// The SKILL.md of a folder: a file of its own, not a link to elsewhere nor anything that one could wait for.
pub(crate) fn skill_file(folder: &Path) -> Result<PathBuf, Problem> {
    for name in SKILL_FILES {
        let file = folder.join(name);
        match fs::metadata(&file) {
            Ok(metadata) if metadata.is_file() => {
                let target = fs::canonicalize(&file).map_err(|error| folder::unreadable(&file, &error))?;
                let root = fs::canonicalize(folder).map_err(|error| folder::unreadable(folder, &error))?;
                if !target.starts_with(&root) {
                    let message = format!("a link out of the skill's folder, to {}", target.display());
                    return Err(Problem::error(&file, message));
                }
                return Ok(file);
            }
            Ok(_) => return Err(Problem::error(&file, "not a file")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(folder::unreadable(&file, &error)),
        }
    }
    Err(Problem::error(folder, "there is no SKILL.md in it"))
}

/// What a folder is called, also if it is given as `.`.
pub(crate) fn name_of(folder: &Path) -> String {
    let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
    name(folder).or_else(|| fs::canonicalize(folder).ok().as_deref().and_then(name)).unwrap_or_default()
}

/// The first lines of a body that are neither a heading nor code, as one line.
fn first_paragraph(body: &str) -> Option<String> {
    let is_text = |paragraph: &&str| !paragraph.is_empty() && !paragraph.starts_with(['#', '`', '|', '<', '!']);
    let paragraph = body.split("\n\n").map(str::trim).find(is_text)?;
    Some(paragraph.split_whitespace().collect::<Vec<_>>().join(" "))
}

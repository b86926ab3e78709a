//! Files of the workspace.

use std::fmt::Write;

use rustix::fs::FileType;
use schemars::JsonSchema;
use serde::Deserialize;
use zo_projections::event::run::agent::Effect;

use super::rules::Subject;
use super::workspace::Workspace;
use super::{Doing, Output, Tool, Usually};

/// Entries that one listing shows at the most.
const MOST_ENTRIES: usize = 2_000;
/// Levels of folders that one listing goes down at the most.
const MOST_LEVELS: u32 = 16;

/// Arguments of `read_file`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReadFile {
    /// The file, relative to the workspace.
    path: String,
    /// The first line to read, from 1.
    #[serde(default)]
    from_line: Option<u64>,
    /// How many lines at most.
    #[serde(default)]
    lines: Option<u64>,
}

impl Tool for ReadFile {
    const NAME: &'static str = "read_file";
    const DESCRIPTION: &'static str = "Reads a text file of the workspace, all of it or some of its lines.";
    const EFFECT: Effect = Effect::Pure;
    const USUALLY: Usually = Usually::Allow;
    const IN_WORKSPACE: bool = true;

    fn subject(&self) -> Result<Subject, String> {
        Ok(Subject::text(Self::NAME, &named(&self.path)?))
    }

    fn call(self, doing: &Doing<'_>) -> Output {
        in_workspace(doing, |workspace| {
            let bytes = workspace.read(&self.path)?;
            let text = text_of(&self.path, bytes)?;
            let (from, count) = (self.from_line.unwrap_or(1).max(1), self.lines);
            if from == 1 && count.is_none() {
                return Ok(Output::untrusted(text));
            }
            let skip = usize::try_from(from - 1).unwrap_or(usize::MAX);
            let take = count.map_or(usize::MAX, |count| usize::try_from(count).unwrap_or(usize::MAX));
            let lines: Vec<&str> = text.split_inclusive('\n').skip(skip).take(take).collect();
            if lines.is_empty() {
                return Err(format!("{} has {} lines", self.path, text.lines().count()));
            }
            Ok(Output::untrusted(lines.concat()))
        })
    }
}

/// Arguments of `list_files`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ListFiles {
    /// The folder, relative to the workspace; the workspace itself if not said.
    #[serde(default)]
    path: Option<String>,
    /// How many levels to go down; 1 if not said: only what is directly in it.
    #[serde(default)]
    levels: Option<u32>,
    /// Only what has this in its path.
    #[serde(default)]
    containing: Option<String>,
}

impl Tool for ListFiles {
    const NAME: &'static str = "list_files";
    const DESCRIPTION: &'static str = "Lists files and folders of the workspace with their sizes.";
    const EFFECT: Effect = Effect::Pure;
    const USUALLY: Usually = Usually::Allow;
    const IN_WORKSPACE: bool = true;

    fn subject(&self) -> Result<Subject, String> {
        Ok(Subject::text(Self::NAME, &named(self.path.as_deref().unwrap_or("."))?))
    }

    fn call(self, doing: &Doing<'_>) -> Output {
        let root = self.path.unwrap_or_else(|| ".".to_owned());
        let levels = self.levels.unwrap_or(1).clamp(1, MOST_LEVELS);
        in_workspace(doing, |workspace| {
            let mut text = String::new();
            let mut count = 0;
            // Folders yet to be listed, the next one last.
            let mut open = vec![(root.clone(), String::new(), 1)];
            while let Some((folder, prefix, level)) = open.pop() {
                if (doing.stop)() {
                    return Ok(Output::cancelled(text));
                }
                let found = match workspace.list(&folder) {
                    Ok(found) => found,
                    Err(error) if level == 1 => return Err(error),
                    // One that may not be read, or is gone by now.
                    Err(_) => continue,
                };
                let mut below = Vec::new();
                for entry in found {
                    let path = format!("{prefix}{}", entry.name);
                    if self.containing.as_ref().is_none_or(|wanted| path.contains(wanted)) {
                        count += 1;
                        if count > MOST_ENTRIES {
                            let _ = writeln!(text, "… there are more than {MOST_ENTRIES}: list a folder of it");
                            return Ok(Output::untrusted(text));
                        }
                        let _ = match entry.kind {
                            FileType::Directory => writeln!(text, "{path}/"),
                            FileType::Symlink => writeln!(text, "{path} (link)"),
                            _ => writeln!(text, "{path} ({} bytes)", entry.bytes),
                        };
                    }
                    if entry.kind == FileType::Directory && level < levels {
                        below.push((format!("{folder}/{}", entry.name), format!("{path}/"), level + 1));
                    }
                }
                open.extend(below.into_iter().rev());
            }
            // Names are whoever's made the files.
            Ok(if text.is_empty() { Output::done("there is nothing") } else { Output::untrusted(text) })
        })
    }
}

/// Arguments of `write_file`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WriteFile {
    /// The file, relative to the workspace; folders on the way are made.
    path: String,
    /// All that is to be in it.
    content: String,
}

impl Tool for WriteFile {
    const NAME: &'static str = "write_file";
    const DESCRIPTION: &'static str = "Writes a file of the workspace: a new one, or in place of what was in it.";
    const EFFECT: Effect = Effect::Idempotent;
    const USUALLY: Usually = Usually::Ask;
    const IN_WORKSPACE: bool = true;

    fn subject(&self) -> Result<Subject, String> {
        Ok(Subject::text(Self::NAME, &named(&self.path)?))
    }

    fn details(&self) -> Option<String> {
        Some(format!("{} bytes:\n{}", self.content.len(), shown(&self.content)))
    }

    fn call(self, doing: &Doing<'_>) -> Output {
        in_workspace(doing, |workspace| {
            workspace.write(&self.path, self.content.as_bytes())?;
            Ok(Output::done(format!("{} has {} bytes now", self.path, self.content.len())))
        })
    }
}

/// Arguments of `edit_file`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct EditFile {
    /// The file, relative to the workspace.
    path: String,
    /// The text to replace, exactly as it stands there, with enough around it to be there once.
    old: String,
    /// What is to stand in its place.
    new: String,
    /// Replace it wherever it stands.
    #[serde(default)]
    all: bool,
}

impl Tool for EditFile {
    const NAME: &'static str = "edit_file";
    const DESCRIPTION: &'static str = "Replaces a text in a file of the workspace by another one.";
    // Once it is replaced, it is not there any more: made again after a crash, that is noticed.
    const EFFECT: Effect = Effect::Idempotent;
    const USUALLY: Usually = Usually::Ask;
    const IN_WORKSPACE: bool = true;

    fn effect(&self) -> Effect {
        // Where the new text has the old one in it, or is nothing, one cannot see whether it was done.
        if self.new.is_empty() || self.new.contains(&self.old) { Effect::Once } else { Effect::Idempotent }
    }

    fn subject(&self) -> Result<Subject, String> {
        if self.old.is_empty() {
            return Err("the text to replace is empty; write_file makes a new file".to_owned());
        }
        if self.old == self.new {
            return Err("the new text is the old one".to_owned());
        }
        Ok(Subject::text(Self::NAME, &named(&self.path)?))
    }

    fn details(&self) -> Option<String> {
        Some(format!("replace:\n{}\nby:\n{}", shown(&self.old), shown(&self.new)))
    }

    fn call(self, doing: &Doing<'_>) -> Output {
        in_workspace(doing, |workspace| {
            let text = text_of(&self.path, workspace.read(&self.path)?)?;
            match text.matches(&self.old).count() {
                0 if self.effect() == Effect::Idempotent && text.contains(&self.new) => {
                    Ok(Output::done(format!("{}: the new text stands there, and the old one nowhere", self.path)))
                }
                0 => Err(format!("{}: the text to replace stands nowhere in it; read it anew", self.path)),
                1 => {
                    workspace.write(&self.path, text.replacen(&self.old, &self.new, 1).as_bytes())?;
                    Ok(Output::done(format!("{}: replaced", self.path)))
                }
                count if self.all => {
                    workspace.write(&self.path, text.replace(&self.old, &self.new).as_bytes())?;
                    Ok(Output::done(format!("{}: replaced {count} times", self.path)))
                }
                count => Err(format!("{}: the text to replace stands in {count} places: say more of it", self.path)),
            }
        })
    }
}

/// A text for who is asked to permit it, cut.
fn shown(text: &str) -> String {
    /// Bytes that fit a terminal.
    const MOST: usize = 800;
    match text.len() {
        length if length > MOST => {
            format!("{}\n… {} bytes more", &text[..text.floor_char_boundary(MOST)], length - MOST)
        }
        _ => text.to_owned(),
    }
}

/// A path as rules look at it: without `.` and `..`, so that one file has one name.
fn named(path: &str) -> Result<String, String> {
    if path.is_empty() || path.contains('\0') {
        return Err(format!("{path:?} names no file"));
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    let absolute = if path.starts_with('/') { "/" } else { "" };
    Ok(format!("{absolute}{}", parts.join("/")))
}

fn text_of(path: &str, bytes: Vec<u8>) -> Result<String, String> {
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        format!("{path} is no text: at byte {at} there is no UTF-8")
    })
}

fn in_workspace(doing: &Doing<'_>, work: impl FnOnce(&Workspace) -> Result<Output, String>) -> Output {
    let folder = match doing.workspace() {
        Ok(folder) => folder,
        Err(output) => return output,
    };
    Workspace::open(folder).and_then(|workspace| work(&workspace)).unwrap_or_else(Output::failed)
}

//! Many skill folders: which are there, which goes before which, and which a text calls for.
//!
//! - [`search`]: where they are looked for. - `matching`: triggers in a text, and the listing for a prompt.

mod matching;
pub mod search;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;

use self::search::SearchPath;
use crate::check::{self, SKILL_FILES};
use crate::folder::{self, Budget};
use crate::problem::Problem;
use crate::skill::{Origin, Skill};

/// Most skills: a prompt that lists more helps no model.
pub(crate) const MAX_SKILLS: usize = 500;
/// Most folders that are looked into.
const MAX_FOLDERS: usize = 5_000;
/// Most names that are read of one folder.
const MAX_NAMES: usize = 20_000;
/// Deepest place of a skill below a folder of skills: `group/part/skill`.
const MAX_DEPTH: usize = 3;
/// Most bytes that are read for all digests together.
const MAX_BYTES: u64 = 512 * 1024 * 1024;

/// The skills there are.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Catalogue {
    /// Those that can be used, each name once, the nearest first.
    pub skills: Vec<Skill>,
    /// Those that a nearer one goes before.
    pub shadowed: Vec<Shadowed>,
    /// What cannot be used, or was not looked at, and why. What is wrong with a skill that can be used is in the skill.
    pub problems: Vec<Problem>,
}

/// A skill that another one with its name goes before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Shadowed {
    /// The name.
    pub name: String,
    /// Where it lies.
    pub folder: PathBuf,
    /// Whose it is.
    pub origin: Origin,
    /// The folder of the one that goes before it.
    pub by: PathBuf,
}

impl Catalogue {
    /// The skill of this name; names are compared in NFKC.
    pub fn get(&self, name: &str) -> Option<&Skill> {
        let name = crate::names::normalised(name);
        self.skills.iter().find(|skill| skill.name == name)
    }
}

/// Looks for skills: folders with a SKILL.md, in the folders of skills and up to two folders deeper, nearest first and
/// each in the order of names. Of two with one name the nearer is used, and a warning says so. Folders that are not
/// there are not missed. However much there is, the time it takes is bounded; what was not looked at is a problem.
pub fn discover(search: &SearchPath) -> Catalogue {
    let mut discovery = Discovery {
        catalogue: Catalogue::default(),
        visited: HashSet::new(),
        budget: Budget { bytes: MAX_BYTES },
        folders: 0,
        is_full: false,
    };
    for (folder, origin) in &search.folders {
        discovery.look_into(folder, *origin);
    }
    discovery.catalogue
}

struct Discovery {
    catalogue: Catalogue,
    /// Folders without links, so that none is looked into twice, however links lead.
    visited: HashSet<PathBuf>,
    budget: Budget,
    folders: usize,
    is_full: bool,
}

impl Discovery {
    fn look_into(&mut self, folder: &Path, origin: Origin) {
        // Last in, first out: the names of a folder are put in backwards.
        let mut waiting = vec![(folder.to_owned(), 0)];
        while let Some((folder, depth)) = waiting.pop() {
            let Ok(canonical) = fs::canonicalize(&folder) else { continue };
            if self.is_full || !canonical.is_dir() || !self.visited.insert(canonical) {
                continue;
            }
            self.folders += 1;
            if self.folders > MAX_FOLDERS {
                let message = format!("more than {MAX_FOLDERS} folders: from this one on they were not looked at");
                return self.stop(&folder, message);
            }
            if depth > 0 && SKILL_FILES.iter().any(|name| fs::symlink_metadata(folder.join(name)).is_ok()) {
                self.add(&folder, origin);
            } else if depth < MAX_DEPTH {
                let below = self.folders_in(&folder);
                waiting.extend(below.into_iter().rev().map(|below| (folder.join(below), depth + 1)));
            }
        }
    }

    /// The names of folders in a folder, in order.
    fn folders_in(&mut self, folder: &Path) -> Vec<OsString> {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) => {
                if error.kind() != io::ErrorKind::NotFound {
                    self.catalogue.problems.push(folder::unreadable(folder, &error));
                }
                return Vec::new();
            }
        };
        let mut names = Vec::new();
        for (number, entry) in (1..).zip(entries.flatten()) {
            if number > MAX_NAMES {
                let message = format!("more than {MAX_NAMES} names in it: the others were not looked at");
                self.catalogue.problems.push(Problem::warning(folder, message));
                break;
            }
            let is_folder = entry.file_type().is_ok_and(|sort| sort.is_dir() || sort.is_symlink());
            let name = entry.file_name();
            if is_folder && !name.as_encoded_bytes().starts_with(b".") && name != "node_modules" {
                names.push(name);
            }
        }
        names.sort();
        names
    }

    fn add(&mut self, folder: &Path, origin: Origin) {
        if self.catalogue.skills.len() >= MAX_SKILLS {
            let message = format!("more than {MAX_SKILLS} skills: from this one on they were not looked at");
            return self.stop(folder, message);
        }
        if self.budget.bytes == 0 {
            let message = format!("more than {} MiB in all skills: not looked at", MAX_BYTES / (1024 * 1024));
            return self.stop(folder, message);
        }
        match check::load_within(folder, origin, &mut self.budget) {
            Ok(skill) => self.put(skill),
            Err(problem) => self.catalogue.problems.push(problem),
        }
    }

    fn put(&mut self, skill: Skill) {
        let Some(nearer) = self.catalogue.skills.iter().find(|nearer| nearer.name == skill.name) else {
            self.catalogue.skills.push(skill);
            return;
        };
        let by = nearer.folder.clone();
        let message = format!("the skill {} is not used: the one in {} goes before it", skill.name, by.display());
        self.catalogue.problems.push(Problem::warning(&skill.folder, message));
        let Skill { name, folder, origin, .. } = skill;
        self.catalogue.shadowed.push(Shadowed { name, folder, origin, by });
    }

    fn stop(&mut self, folder: &Path, message: String) {
        if !self.is_full {
            self.catalogue.problems.push(Problem::warning(folder, message));
        }
        self.is_full = true;
    }
}

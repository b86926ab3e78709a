//! The files of a skill, and the digest over them.

#[cfg(test)]
mod tests;

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use crate::problem::Problem;
use crate::skill::Digest;

/// Most files and folders in a skill: a repository cloned as one has some hundred.
pub(crate) const MAX_ENTRIES: usize = 4_096;
/// Most bytes of all files of a skill, for all of them are read for its digest.
pub(crate) const MAX_FOLDER_BYTES: u64 = 64 * 1024 * 1024;
/// Deepest folder within a skill.
const MAX_DEPTH: usize = 16;
/// What is hashed first, so that a digest of anything else is never one of a skill.
const CONTEXT: &[u8] = b"zo skill 1\n";

/// How much may still be read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    pub(crate) bytes: u64,
}

impl Budget {
    /// For one skill alone.
    pub(crate) fn of_one() -> Self {
        Self { bytes: MAX_FOLDER_BYTES }
    }
}

/// What lies in a skill's folder.
#[derive(Debug)]
pub(crate) struct Contents {
    pub(crate) digest: Digest,
    /// In the order of their paths; links to elsewhere are not among them.
    pub(crate) files: Vec<Entry>,
    /// What is not as it should be and does not keep the rest from being used.
    pub(crate) problems: Vec<Problem>,
}

/// A file, or a link to one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entry {
    /// Relative to the skill's folder.
    pub(crate) path: PathBuf,
    pub(crate) sort: Sort,
    /// Of the file itself, when it was listed.
    pub(crate) bytes: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Sort {
    File,
    Executable,
    Link,
}

/// Lists and hashes a skill's folder.
///
/// # Errors
/// If it cannot be read as a whole, or is larger than a skill may be.
pub(crate) fn read(folder: &Path, budget: &mut Budget) -> Result<Contents, Problem> {
    let mut listing = Listing { folder, entries: Vec::new(), problems: Vec::new(), seen: 0 };
    let mut waiting = vec![(PathBuf::new(), 0)];
    while let Some((below, depth)) = waiting.pop() {
        if depth > MAX_DEPTH {
            return Err(Problem::error(
                &folder.join(below),
                format!("deeper than {MAX_DEPTH} folders within the skill"),
            ));
        }
        listing.list(&below, depth, &mut waiting)?;
    }
    let Listing { mut entries, mut problems, .. } = listing;
    entries
        .sort_by(|one, other| one.path.as_os_str().as_encoded_bytes().cmp(other.path.as_os_str().as_encoded_bytes()));
    let digest = hashed(folder, &entries, budget)?;
    let root = fs::canonicalize(folder).map_err(|error| unreadable(folder, &error))?;
    entries.retain(|entry| entry.sort != Sort::Link || stays_within(folder, &root, entry, &mut problems));
    Ok(Contents { digest, files: entries, problems })
}

struct Listing<'a> {
    folder: &'a Path,
    entries: Vec<Entry>,
    problems: Vec<Problem>,
    seen: usize,
}

impl Listing<'_> {
    fn list(&mut self, below: &Path, depth: usize, waiting: &mut Vec<(PathBuf, usize)>) -> Result<(), Problem> {
        let folder = self.folder.join(below);
        for entry in fs::read_dir(&folder).map_err(|error| unreadable(&folder, &error))? {
            self.seen += 1;
            if self.seen > MAX_ENTRIES {
                let message = format!("more than {MAX_ENTRIES} files and folders: a skill has to be smaller");
                return Err(Problem::error(self.folder, message));
            }
            let entry = entry.map_err(|error| unreadable(&folder, &error))?;
            let path = below.join(entry.file_name());
            let whole = self.folder.join(&path);
            let metadata = fs::symlink_metadata(&whole).map_err(|error| unreadable(&whole, &error))?;
            let sort = match metadata.file_type() {
                sort if sort.is_dir() => {
                    waiting.push((path, depth + 1));
                    continue;
                }
                sort if sort.is_symlink() => Sort::Link,
                sort if sort.is_file() && is_executable(&metadata) => Sort::Executable,
                sort if sort.is_file() => Sort::File,
                _ => {
                    self.problems.push(Problem::error(&whole, "neither a file nor a folder: it is left out"));
                    continue;
                }
            };
            self.entries.push(Entry { path, sort, bytes: metadata.len() });
        }
        Ok(())
    }
}

fn hashed(folder: &Path, entries: &[Entry], budget: &mut Budget) -> Result<Digest, Problem> {
    let mut hasher = blake3::Hasher::new();
    hasher.update(CONTEXT);
    let mut left = MAX_FOLDER_BYTES.min(budget.bytes);
    let before = left;
    for entry in entries {
        let whole = folder.join(&entry.path);
        let (kind, content) = match entry.sort {
            Sort::Link => {
                let target = fs::read_link(&whole).map_err(|error| unreadable(&whole, &error))?;
                (b'l', target.as_os_str().as_encoded_bytes().to_vec())
            }
            Sort::File | Sort::Executable => {
                let content = read_at_most(&whole, left).map_err(|error| match error.kind() {
                    io::ErrorKind::FileTooLarge => {
                        let mebibytes = MAX_FOLDER_BYTES / (1024 * 1024);
                        Problem::error(folder, format!("larger than the {mebibytes} MiB that are read of a skill"))
                    }
                    _ => unreadable(&whole, &error),
                })?;
                left -= content.len() as u64;
                (if entry.sort == Sort::Executable { b'x' } else { b'f' }, content)
            }
        };
        hasher.update(&[kind]);
        let path = with_slashes(&entry.path);
        hasher.update(&(path.len() as u64).to_le_bytes()).update(&path);
        hasher.update(&(content.len() as u64).to_le_bytes()).update(&content);
    }
    budget.bytes -= before - left;
    Ok(Digest(*hasher.finalize().as_bytes()))
}

/// Reads a file of at most so many bytes; also one that grows meanwhile is not read further.
///
/// # Errors
/// `FileTooLarge` if it has more.
pub(crate) fn read_at_most(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    if length > most {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let mut content = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
    file.take(most + 1).read_to_end(&mut content)?;
    if content.len() as u64 > most {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(content)
}

/// Whether a link leads to a file within the skill; what else it does is a problem.
fn stays_within(folder: &Path, root: &Path, entry: &Entry, problems: &mut Vec<Problem>) -> bool {
    let whole = folder.join(&entry.path);
    match fs::canonicalize(&whole) {
        Ok(target) if target.starts_with(root) => target.is_file(),
        Ok(target) => {
            let message = format!("a link out of the skill's folder, to {}: it is left out", target.display());
            problems.push(Problem::error(&whole, message));
            false
        }
        Err(error) => {
            problems.push(Problem::error(&whole, format!("a link that leads nowhere: {error}")));
            false
        }
    }
}

/// The path with the same separators everywhere.
fn with_slashes(path: &Path) -> Vec<u8> {
    let parts = path.components().filter_map(|part| match part {
        Component::Normal(name) => Some(name.as_encoded_bytes()),
        _ => None,
    });
    parts.collect::<Vec<_>>().join(&b'/')
}

/// Whether anybody may execute it.
#[cfg(unix)]
fn is_executable(metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o111 != 0
}

/// Whether anybody may execute it: this system does not say.
#[cfg(not(unix))]
fn is_executable(_metadata: &fs::Metadata) -> bool {
    false
}

pub(crate) fn unreadable(path: &Path, error: &io::Error) -> Problem {
    Problem::error(path, format!("cannot be read: {error}"))
}

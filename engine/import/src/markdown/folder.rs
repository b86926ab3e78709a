//! Which files of a folder are read, in which order, and reading them one at a time.

use std::collections::{HashSet, VecDeque};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{FileNames, Format, passages_of};
use crate::error::{ImportError, Place};
use crate::item::{Imported, ImportedMemory};

/// The largest file that is read, in bytes: 64 MiB. A file is read whole, and prose is never this long.
pub const MAX_FILE_BYTES: u64 = 64 << 20;

/// Folders of generated or foreign text.
const SKIPPED_FOLDERS: &[&str] = &["target", "node_modules"];

/// The Markdown and text files of a folder, or a single file.
#[derive(Debug)]
pub struct MarkdownFolder {
    /// The files, as paths below the folder that was opened; ordered by their relative path, so that the same folder
    /// gives the same passages in the same order everywhere.
    pub files: Vec<PathBuf>,
    root: PathBuf,
    root_name: String,
    problems: VecDeque<ImportError>,
}

impl MarkdownFolder {
    /// Lists the files below `path`; nothing is read yet.
    ///
    /// Taken are `.md`, `.markdown`, `.mdx`, `.txt`, `.text` and `.rst`, in any case. Left out are hidden files and folders,
    /// `target` and `node_modules`. A symbolic link is followed only where it leads out of the folder, and never twice
    /// to the same place. If `path` is itself a file, it is the only one, whatever its ending; its names are those it
    /// would have if its folder had been opened.
    ///
    /// # Errors
    /// [`ImportError::Open`] where there is nothing at `path`. A subfolder that cannot be read is no error here: it is
    /// yielded as one when iterating.
    pub fn open(path: &Path) -> Result<MarkdownFolder, ImportError> {
        let canonical = path.canonicalize().map_err(|cause| ImportError::open(path, cause))?;
        let metadata = fs::metadata(&canonical).map_err(|cause| ImportError::open(path, cause))?;
        if metadata.is_file() {
            let file_name = path.file_name().or(canonical.file_name()).expect("a file has a name");
            let root = path.with_file_name("");
            let parent = canonical.parent().unwrap_or(Path::new("/"));
            return Ok(MarkdownFolder {
                files: vec![PathBuf::from(file_name)],
                root,
                root_name: name_of(parent),
                problems: VecDeque::new(),
            });
        }
        let mut walk =
            Walk { inside: canonical.clone(), visited: HashSet::new(), files: Vec::new(), problems: VecDeque::new() };
        let entries = fs::read_dir(path).map_err(|cause| ImportError::open(path, cause))?;
        walk.visited.insert(canonical.clone());
        walk.take_entries(entries, path, Path::new(""));
        // Components, not bytes: `a/b.md` comes before `a-b.md`, as in a listing of folders.
        walk.files.sort();
        Ok(MarkdownFolder {
            files: walk.files,
            root: path.to_path_buf(),
            root_name: name_of(&canonical),
            problems: walk.problems,
        })
    }

    /// Reads one of [`files`](Self::files) and cuts it into passages.
    ///
    /// # Errors
    /// [`ImportError::Open`] and [`ImportError::Read`] from the system, [`ImportError::TooLong`] beyond
    /// [`MAX_FILE_BYTES`], [`ImportError::NotUtf8`] and [`ImportError::Nul`] for what is not text.
    pub fn read(&self, file: &Path) -> Result<Vec<ImportedMemory>, ImportError> {
        let path = self.root.join(file);
        let shown = path.display().to_string();
        let text = read_text(&path, &shown)?;
        let relative = file.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/");
        let stem = file.file_stem().unwrap_or_default().to_string_lossy();
        let extension = file.extension().unwrap_or_default().to_string_lossy();
        let id = format!("{}/{relative}", self.root_name);
        let names = FileNames { id: &id, relative: &relative, shown: &shown, stem: &stem };
        Ok(passages_of(&text, Format::of_extension(&extension).unwrap_or(Format::Text), &names))
    }
}

impl IntoIterator for MarkdownFolder {
    type Item = Result<Imported, ImportError>;
    type IntoIter = Passages;

    fn into_iter(self) -> Passages {
        Passages { folder: self, files_read: 0, pending: Vec::new().into_iter() }
    }
}

/// The passages of all files of a [`MarkdownFolder`], file by file.
pub struct Passages {
    folder: MarkdownFolder,
    files_read: usize,
    pending: std::vec::IntoIter<ImportedMemory>,
}

impl Passages {
    /// How many files have been read or have failed, for a progress bar; of [`files_total`](Self::files_total).
    pub fn files_read(&self) -> usize {
        self.files_read
    }

    /// How many files there are.
    pub fn files_total(&self) -> usize {
        self.folder.files.len()
    }
}

impl Iterator for Passages {
    type Item = Result<Imported, ImportError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(memory) = self.pending.next() {
                return Some(Ok(Imported::Memory(memory)));
            }
            if let Some(problem) = self.folder.problems.pop_front() {
                return Some(Err(problem));
            }
            let file = self.folder.files.get(self.files_read)?;
            self.files_read += 1;
            match self.folder.read(file) {
                Ok(memories) => self.pending = memories.into_iter(),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

struct Walk {
    /// The canonical path of the folder that was opened.
    inside: PathBuf,
    /// Canonical paths of folders and of files outside that a link has led to.
    visited: HashSet<PathBuf>,
    files: Vec<PathBuf>,
    problems: VecDeque<ImportError>,
}

impl Walk {
    fn take_folder(&mut self, path: &Path, relative: &Path) {
        match fs::read_dir(path) {
            Ok(entries) => self.take_entries(entries, path, relative),
            Err(cause) => self.problems.push_back(ImportError::open(path, cause)),
        }
    }

    fn take_entries(&mut self, entries: fs::ReadDir, folder: &Path, relative: &Path) {
        for entry in entries {
            let taken = entry.and_then(|entry| {
                let kind = entry.file_type()?;
                Ok((entry.file_name(), kind))
            });
            let (name, kind) = match taken {
                Ok(taken) => taken,
                Err(cause) => {
                    self.problems.push_back(ImportError::open(folder, cause));
                    continue;
                }
            };
            if name.as_encoded_bytes().starts_with(b".") {
                continue;
            }
            let path = folder.join(&name);
            let relative = relative.join(&name);
            // A link to nowhere is nobody's text.
            let leads_out = kind.is_symlink() && self.leads_out(&path);
            if kind.is_symlink() && !leads_out {
                continue;
            }
            let is_folder = if leads_out { path.is_dir() } else { kind.is_dir() };
            if is_folder {
                if !SKIPPED_FOLDERS.iter().any(|skipped| name == *skipped) {
                    self.take_folder(&path, &relative);
                }
            } else if relative
                .extension()
                .is_some_and(|ending| Format::of_extension(&ending.to_string_lossy()).is_some())
            {
                self.files.push(relative);
            }
        }
    }

    /// Whether a link leads to a place outside of the folder that has not been seen yet. Inside, what it leads to is met
    /// anyway; above, it would lead back here.
    fn leads_out(&mut self, link: &Path) -> bool {
        let Ok(target) = link.canonicalize() else { return false };
        !target.starts_with(&self.inside) && !self.inside.starts_with(&target) && self.visited.insert(target)
    }
}

fn name_of(folder: &Path) -> String {
    folder.file_name().map_or_else(|| "root".to_string(), |name| name.to_string_lossy().into_owned())
}

/// A whole file as text with `\n` line ends and without a byte order mark.
fn read_text(path: &Path, shown: &str) -> Result<String, ImportError> {
    let metadata = fs::metadata(path).map_err(|cause| ImportError::open(path, cause))?;
    if !metadata.is_file() {
        // A named pipe would block for ever.
        return Err(ImportError::open(path, io::Error::other("not a regular file")));
    }
    if metadata.len() > MAX_FILE_BYTES {
        return Err(ImportError::TooLong { place: Place::file(shown), limit: MAX_FILE_BYTES });
    }
    let bytes = fs::read(path).map_err(|cause| match cause.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied => ImportError::open(path, cause),
        _ => ImportError::Read { place: Place::file(shown), cause },
    })?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let offset = error.utf8_error().valid_up_to();
        ImportError::NotUtf8 { place: Place::byte(shown, offset as u64), byte: error.as_bytes()[offset] }
    })?;
    if let Some(offset) = text.bytes().position(|byte| byte == 0) {
        return Err(ImportError::Nul { place: Place::byte(shown, offset as u64) });
    }
    let text = match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_string(),
        None => text,
    };
    Ok(if text.contains('\r') { text.replace("\r\n", "\n").replace('\r', "\n") } else { text })
}

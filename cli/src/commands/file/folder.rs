//! What is in a folder that is put: ordinary files, by the names they get.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::CliError;

/// The most files that are put at once.
const MAX_FILES: usize = 1_000_000;

/// A file to put.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// Where it is.
    pub(super) path: PathBuf,
    /// The name that it gets: a relative path with `/`.
    pub(super) name: String,
    /// Bytes.
    pub(super) size: u64,
}

/// What was found, and what was left out and why.
#[derive(Debug, Default)]
pub(super) struct Contents {
    /// By name.
    pub(super) files: Vec<Found>,
    /// Links and other things that are no files.
    pub(super) left_out: Vec<String>,
}

/// Everything below `folder`, named below `name`. What begins with a dot is left out unless `hidden` says otherwise;
/// links are not followed, so that nothing from elsewhere gets in.
///
/// # Errors
/// If a folder cannot be read, or a name is not UTF-8.
pub(super) fn contents(folder: &Path, name: &str, hidden: bool) -> Result<Contents, CliError> {
    let mut contents = Contents::default();
    let mut folders = vec![(folder.to_owned(), name.to_owned())];
    while let Some((folder, name)) = folders.pop() {
        let cannot = |error: io::Error| CliError::io(format!("cannot read {}", folder.display()), &error);
        for entry in fs::read_dir(&folder).map_err(cannot)? {
            let entry = entry.map_err(cannot)?;
            let path = entry.path();
            let own = entry.file_name().into_string();
            let own = own.map_err(|_| CliError::invalid(format!("the name of {} is not UTF-8", path.display())))?;
            if own.starts_with('.') && !hidden {
                continue;
            }
            let name = if name.is_empty() { own } else { format!("{name}/{own}") };
            let metadata =
                entry.metadata().map_err(|error| CliError::io(format!("cannot read {}", path.display()), &error))?;
            if metadata.is_dir() {
                folders.push((path, name));
            } else if metadata.is_file() {
                contents.files.push(Found { path, name, size: metadata.len() });
            } else {
                let what = if metadata.is_symlink() { "a link" } else { "no file" };
                contents.left_out.push(format!("{} is {what}", path.display()));
            }
            if contents.files.len() > MAX_FILES {
                return Err(CliError::invalid(format!("{} has more than {MAX_FILES} files", folder.display())));
            }
        }
    }
    contents.files.sort_by(|one, other| one.name.cmp(&other.name));
    contents.left_out.sort();
    Ok(contents)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_folder_is_its_files_by_name() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let file = |name: &str| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().expect("a folder")).and_then(|()| fs::write(path, "x")).expect("a file");
        };
        ["index.html", "css/main.css", ".git/config"].into_iter().for_each(file);
        symlink("/etc/passwd", folder.path().join("link")).expect("a link");
        let names = |contents: &Contents| contents.files.iter().map(|file| file.name.clone()).collect::<Vec<_>>();
        let found = contents(folder.path(), "site", false).expect("it can be read");
        assert_eq!(names(&found), ["site/css/main.css", "site/index.html"]);
        assert_eq!(found.left_out, [format!("{} is a link", folder.path().join("link").display())]);
        let found = contents(folder.path(), "", true).expect("it can be read");
        assert_eq!(names(&found), [".git/config", "css/main.css", "index.html"]);
        assert!(contents(&folder.path().join("none"), "", false).is_err());
    }
}

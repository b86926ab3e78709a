//! Reading files that nobody else may read, in folders that nobody else may change.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};

use rustix::fs::OFlags;
use zeroize::Zeroizing;

use crate::error::{VaultError, Which};

/// Larger than any vault or identity; what is larger is something else.
const MAX_FILE_BYTES: u64 = 4 << 20;

/// What the group or others may do with a file: nothing.
const FILE_MODE: u32 = 0o077;
/// What they may not do with a folder: put something else in the place of a file.
const FOLDER_MODE: u32 = 0o022;

/// The whole file, `None` if it is not there. A symbolic link is followed; file and folder at its end are held to the
/// same as the folder that it stands in.
///
/// # Errors
/// If others may read the file or change its folder; if it is no file, or too large; of the disk.
pub(crate) fn read(which: Which, path: &Path) -> Result<Option<Zeroizing<Vec<u8>>>, VaultError> {
    let Some(real) = real_file(path)? else { return Ok(None) };
    // Opening is not to wait, as it does for a pipe that nobody writes to.
    let opened = OpenOptions::new().read(true).custom_flags(OFlags::NONBLOCK.bits().cast_signed()).open(&real);
    let file = match opened {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(VaultError::io(path, "open"))?,
    };
    // Asked of what was opened, so that it holds for what is read.
    let metadata = file.metadata().map_err(VaultError::io(path, "look at"))?;
    let mode = metadata.permissions().mode() & 0o7777;
    if !metadata.is_file() {
        return Err(which.damaged(path, "it is not a file"));
    }
    if mode & FILE_MODE != 0 {
        return Err(which.too_wide(&real, mode));
    }
    if metadata.len() > MAX_FILE_BYTES {
        return Err(which.damaged(path, format!("it has {} bytes, more than {MAX_FILE_BYTES}", metadata.len())));
    }
    read_open(file, metadata.len()).map(Some).map_err(VaultError::io(path, "read"))
}

/// Where the file is that the path leads to, once the folders on both ends of a link have been looked at; `None` if
/// there is none.
pub(crate) fn real_file(path: &Path) -> Result<Option<PathBuf>, VaultError> {
    let real = match fs::canonicalize(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        real => real.map_err(VaultError::io(path, "find"))?,
    };
    check_folder(folder_of(path))?;
    check_folder(folder_of(&real))?;
    Ok(Some(real))
}

/// Whether only the owner can change what is in the folder. One that is not there is none that others can change.
pub(crate) fn check_folder(folder: &Path) -> Result<(), VaultError> {
    let metadata = match fs::metadata(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        metadata => metadata.map_err(VaultError::io(folder, "look at"))?,
    };
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & FOLDER_MODE == 0 { Ok(()) } else { Err(VaultError::FolderTooWide { path: folder.to_owned(), mode }) }
}

/// The folder that a file lies in.
pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder.as_os_str().is_empty() => Path::new("."),
        Some(folder) => folder,
        None => path,
    }
}

/// Whether `path` lies in `folder`, by its name or by where links lead.
pub(crate) fn lies_in(path: &Path, folder: &Path) -> Result<bool, VaultError> {
    let absolute = |path: &Path| std::path::absolute(path).map_err(VaultError::io(path, "find"));
    let (path, folder) = (absolute(path)?, absolute(folder)?);
    Ok(tidy(&path).starts_with(tidy(&folder)) || real(&path).starts_with(real(&folder)))
}

/// Where an absolute path leads, as far as it is there, and the rest of it by name.
fn real(path: &Path) -> PathBuf {
    for known in path.ancestors() {
        if let Ok(real) = fs::canonicalize(known) {
            let rest = path.strip_prefix(known).unwrap_or(Path::new(""));
            return tidy(&real.join(rest));
        }
    }
    tidy(path)
}

/// The path without `..`.
fn tidy(path: &Path) -> PathBuf {
    let mut tidied = PathBuf::new();
    for component in path.components() {
        if component == Component::ParentDir {
            tidied.pop();
        } else {
            tidied.push(component);
        }
    }
    tidied
}

fn read_open(file: File, length: u64) -> io::Result<Zeroizing<Vec<u8>>> {
    // Room for all of it, so that the buffer never moves and leaves a copy behind.
    let mut content = Zeroizing::new(Vec::with_capacity(usize::try_from(length).unwrap_or_default() + 1));
    file.take(length).read_to_end(&mut content)?;
    Ok(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_in_a_folder_is_found_by_name_and_by_link() {
        let place = tempfile::tempdir().expect("there is room");
        let home = place.path().join("home");
        fs::create_dir_all(home.join("keys")).expect("there is room");
        std::os::unix::fs::symlink(&home, place.path().join("link")).expect("there is room");
        std::os::unix::fs::symlink(place.path(), home.join("out")).expect("there is room");
        let lies = |path: &str| lies_in(&place.path().join(path), &home).expect("it can be looked at");
        for inside in ["home", "home/id", "home/keys/new/id", "link/keys/id", "other/../home/id", "home/out/id"] {
            assert!(lies(inside), "{inside}");
        }
        for outside in ["id", "home-2/id", "home/../id", "link/../id", "new/folder/id"] {
            assert!(!lies(outside), "{outside}");
        }
    }

    #[test]
    fn a_relative_path_has_a_folder() {
        assert_eq!(folder_of(Path::new("id")), Path::new("."));
        assert_eq!(folder_of(Path::new("/id")), Path::new("/"));
        assert_eq!(folder_of(Path::new("a/id")), Path::new("a"));
    }
}

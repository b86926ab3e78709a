//! The skills within the binary.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

use include_dir::{Dir, include_dir};

use crate::scaffold::make_executable;

/// `skills/` of the source.
static SHIPPED: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../skills");
/// So that two threads of a process do not write to the same place.
static WRITTEN: AtomicU32 = AtomicU32::new(0);

/// Puts the shipped skills below `into/DIGEST/`, where DIGEST names this very content, unless they are there already,
/// and tells that folder. It is complete or not there, whatever happens; one that was changed since is replaced. Other
/// digests, of other versions of the program, are left alone.
///
/// # Errors
/// What the system refuses.
pub fn materialise_shipped(into: &Path) -> io::Result<PathBuf> {
    let files = files();
    let folder = into.join(digest(&files));
    if is_complete(&folder, &files) {
        return Ok(folder);
    }
    fs::create_dir_all(into)?;
    let unique = format!("{}-{}", process::id(), WRITTEN.fetch_add(1, Ordering::Relaxed));
    let unfinished = into.join(format!(".unfinished-{unique}"));
    let written = write(&unfinished, &files).and_then(|()| put_in_place(&unfinished, &folder, &files, into, &unique));
    if written.is_err() {
        // Whatever is wrong, it is not made worse by what is left.
        let _ = fs::remove_dir_all(&unfinished);
    }
    written.map(|()| folder)
}

/// The shipped files by their paths.
fn files() -> BTreeMap<&'static Path, &'static [u8]> {
    let mut files = BTreeMap::new();
    let mut folders = vec![&SHIPPED];
    while let Some(folder) = folders.pop() {
        folders.extend(folder.dirs());
        files.extend(folder.files().map(|file| (file.path(), file.contents())));
    }
    files
}

/// The folder's name: blake3 over paths and contents, 32 digits of it.
fn digest(files: &BTreeMap<&Path, &[u8]>) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"zo shipped skills 1\n");
    for (path, content) in files {
        let path = path.as_os_str().as_encoded_bytes();
        hasher.update(&(path.len() as u64).to_le_bytes()).update(path);
        hasher.update(&(content.len() as u64).to_le_bytes()).update(content);
    }
    hasher.finalize().to_hex()[..32].to_owned()
}

/// Whether a folder has these files and no others.
fn is_complete(folder: &Path, files: &BTreeMap<&Path, &[u8]>) -> bool {
    let same = |(path, content): (&&Path, &&[u8])| fs::read(folder.join(path)).is_ok_and(|there| there == *content);
    files.iter().all(same) && count(folder, files.len()).is_ok_and(|there| there == files.len())
}

/// How many files are in a folder, or somewhat more than `enough`.
fn count(folder: &Path, enough: usize) -> io::Result<usize> {
    let mut found = 0;
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            } else {
                found += 1;
            }
            if found > enough || folders.len() > enough {
                return Ok(enough + 1);
            }
        }
    }
    Ok(found)
}

fn write(folder: &Path, files: &BTreeMap<&Path, &[u8]>) -> io::Result<()> {
    for (path, content) in files {
        let file = folder.join(path);
        if let Some(parent) = file.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(&file, content)?;
        if content.starts_with(b"#!") {
            make_executable(&file)?;
        }
    }
    Ok(())
}

/// Renames the finished folder to its place. Who comes at the same time may have been faster.
fn put_in_place(
    unfinished: &Path,
    folder: &Path,
    files: &BTreeMap<&Path, &[u8]>,
    into: &Path,
    unique: &str,
) -> io::Result<()> {
    if fs::rename(unfinished, folder).is_ok() {
        return Ok(());
    }
    if is_complete(folder, files) {
        return fs::remove_dir_all(unfinished);
    }
    let changed = into.join(format!(".changed-{unique}"));
    fs::rename(folder, &changed)?;
    let renamed = fs::rename(unfinished, folder);
    // What was changed is in nobody's way.
    let _ = fs::remove_dir_all(&changed);
    if renamed.is_err() && is_complete(folder, files) {
        return fs::remove_dir_all(unfinished);
    }
    renamed
}

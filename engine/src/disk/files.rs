//! What every file of a home needs: durable renames, folders that are synced, and how much space there is.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::DiskError;

/// Ending of a file that is being written; whatever still has it at the next open is removed.
pub const TEMPORARY: &str = "tmp";

/// Zeros to write from.
pub(crate) static ZEROS: [u8; 256 * 1024] = [0; 256 * 1024];

/// Makes what happened to the entries of `folder` durable.
///
/// # Errors
/// If the folder cannot be opened or synced.
pub fn sync_folder(folder: &Path) -> Result<(), DiskError> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(DiskError::on("sync", folder))
}

/// Makes `folder`, with those above it that are missing, and its entry durable. It may be there already.
///
/// # Errors
/// If it cannot be made, or something else lies in its place.
pub fn make_folder(folder: &Path) -> Result<(), DiskError> {
    let missing: Vec<&Path> = folder.ancestors().take_while(|path| !path.is_dir()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    fs::create_dir_all(folder).map_err(DiskError::on("create", folder))?;
    missing.into_iter().rev().try_for_each(sync_parent)
}

/// Makes the entry of `path` in the folder above it durable.
///
/// # Errors
/// If that folder cannot be opened or synced.
pub fn sync_parent(path: &Path) -> Result<(), DiskError> {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => sync_folder(parent),
        Some(_) => sync_folder(Path::new(".")),
        None => Ok(()),
    }
}

/// Writes `bytes` to `path` so that after a crash there is the old file or the new one, whole and durable.
///
/// # Errors
/// If it cannot be written; then the old file is as it was.
pub fn write_atomic(path: &Path, bytes: &[u8], mode: u32) -> Result<(), DiskError> {
    let temporary = temporary_of(path);
    let written = write_new(&temporary, bytes, mode).and_then(|()| replace(&temporary, path));
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written
}

/// Writes `bytes` to a new file and makes its content durable, though not yet its name.
///
/// # Errors
/// If it cannot be written.
pub fn write_new(path: &Path, bytes: &[u8], mode: u32) -> Result<(), DiskError> {
    let mut options = OpenOptions::new();
    let mut file =
        options.write(true).create(true).truncate(true).mode(mode).open(path).map_err(DiskError::on("create", path))?;
    // The mode given to open is narrowed by the umask, and an old temporary file keeps its own.
    file.set_permissions(Permissions::from_mode(mode)).map_err(DiskError::on("set the mode of", path))?;
    file.write_all(bytes).map_err(DiskError::on("write", path))?;
    file.sync_all().map_err(DiskError::on("sync", path))
}

/// Renames `from` to `to` in the same folder, durably.
///
/// # Errors
/// If the rename or the sync of the folder fails.
pub fn replace(from: &Path, to: &Path) -> Result<(), DiskError> {
    fs::rename(from, to).map_err(DiskError::on("rename", from))?;
    sync_parent(to)
}

/// The name under which `path` is written before it is renamed.
pub fn temporary_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(TEMPORARY);
    name.into()
}

/// Whether `path` has the name of a file that is being written.
pub fn is_temporary(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == TEMPORARY)
}

/// Removes what was being written into `folder` when the process died. Returns how many files that were.
///
/// # Errors
/// If the folder cannot be listed or a file not removed.
pub fn remove_temporaries(folder: &Path) -> Result<usize, DiskError> {
    let mut removed = 0;
    for path in list(folder)? {
        if is_temporary(&path) && path.is_file() {
            fs::remove_file(&path).map_err(DiskError::on("remove", &path))?;
            removed += 1;
        }
    }
    Ok(removed)
}

/// The entries of `folder`, sorted by name; none if there is no such folder.
///
/// # Errors
/// If it cannot be listed.
pub fn list(folder: &Path) -> Result<Vec<PathBuf>, DiskError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(DiskError::on("list", folder)(error)),
    };
    let mut paths = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<Vec<_>>>()
        .map_err(DiskError::on("list", folder))?;
    paths.sort();
    Ok(paths)
}

/// Copies the files of `from`, and of the folders in it, to the folder `to`. Nothing is synced.
///
/// # Errors
/// If something cannot be read or written; what was copied stays.
pub fn copy_folder(from: &Path, to: &Path) -> Result<(), DiskError> {
    fs::create_dir_all(to).map_err(DiskError::on("create", to))?;
    for path in list(from)? {
        let target = to.join(path.file_name().unwrap_or_default());
        if path.is_dir() {
            copy_folder(&path, &target)?;
        } else {
            fs::copy(&path, &target).map_err(DiskError::on("copy", &path))?;
        }
    }
    Ok(())
}

/// Reads up to `length` bytes from `at`: fewer if the file ends before.
///
/// # Errors
/// If the file cannot be read.
pub fn read_range(file: &File, at: u64, length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    let mut filled = 0;
    while filled < length {
        match file.read_at(&mut bytes[filled..], at + filled as u64) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

/// Writes zeros over `from..to` of `file`.
///
/// # Errors
/// If they cannot be written.
pub fn write_zeros(file: &File, from: u64, to: u64) -> io::Result<()> {
    let mut at = from;
    while at < to {
        let chunk = usize::try_from(to - at).unwrap_or(usize::MAX).min(ZEROS.len());
        file.write_all_at(&ZEROS[..chunk], at)?;
        at += chunk as u64;
    }
    Ok(())
}

/// Bytes that this user can still write on the filesystem of `path`.
///
/// # Errors
/// If the filesystem does not tell.
pub fn free_bytes(path: &Path) -> Result<u64, DiskError> {
    let stat = rustix::fs::statvfs(path).map_err(|error| DiskError::on("ask for the space of", path)(error.into()))?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// As [`free_bytes`], for the filesystem of an open file or folder: it costs one system call.
///
/// # Errors
/// If the filesystem does not tell.
pub fn free_bytes_of(handle: &File) -> io::Result<u64> {
    let stat = rustix::fs::fstatvfs(handle)?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// Whether `path` lies on a filesystem that forgets everything at power-off.
///
/// # Errors
/// If the filesystem does not tell.
#[cfg(target_os = "linux")]
pub fn is_tmpfs(path: &Path) -> Result<bool, DiskError> {
    const TMPFS_MAGIC: u64 = 0x0102_1994;
    const RAMFS_MAGIC: u64 = 0x8584_58f6;
    let stat = rustix::fs::statfs(path).map_err(|error| DiskError::on("ask for the kind of", path)(error.into()))?;
    let kind = stat.f_type as u64 & 0xffff_ffff;
    Ok(kind == TMPFS_MAGIC || kind == RAMFS_MAGIC)
}

/// Whether `path` lies on a filesystem that forgets everything at power-off. Not known on this system.
///
/// # Errors
/// None.
#[cfg(not(target_os = "linux"))]
pub fn is_tmpfs(_path: &Path) -> Result<bool, DiskError> {
    Ok(false)
}

/// Moves `path` into `folder` under its own name and a number that is not taken. Returns where it lies now.
///
/// # Errors
/// If it cannot be moved.
pub fn set_aside(path: &Path, folder: &Path) -> Result<PathBuf, DiskError> {
    make_folder(folder)?;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let to = untaken(folder, &name);
    fs::rename(path, &to).map_err(DiskError::on("move aside", path))?;
    sync_folder(folder)?;
    Ok(to)
}

/// Keeps `bytes` in `folder` under `name` and a number that is not taken. Returns where they lie.
///
/// # Errors
/// If they cannot be written.
pub fn set_bytes_aside(bytes: &[u8], folder: &Path, name: &str) -> Result<PathBuf, DiskError> {
    make_folder(folder)?;
    let to = untaken(folder, name);
    write_new(&to, bytes, 0o600)?;
    sync_folder(folder)?;
    Ok(to)
}

fn untaken(folder: &Path, name: &str) -> PathBuf {
    let mut numbers = 1_u64..;
    numbers
        .by_ref()
        .map(|number| folder.join(format!("{name}.{number}")))
        .find(|path| fs::symlink_metadata(path).is_err())
        .expect("no folder holds 2^64 files")
}

/// Bytes of all files below a folder; what cannot be read counts as nothing.
pub fn folder_bytes(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let bytes = entries.map(|entry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => folder_bytes(&entry.path()),
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    });
    bytes.sum()
}

#[cfg(test)]
mod tests;

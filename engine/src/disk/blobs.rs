//! Large bodies: one file each, named by the blake3 of its bytes.
//!
//! ```text
//! blobs/ab/cdef…   64 hex digits of the hash, the first two as the folder
//! ```
//!
//! A blob is durable before the commit that refers to it. One that no event refers to (its commit failed) is
//! swept after a time of grace. The bytes are opaque here: they are sealed already.

use std::fs::{self, File, FileTimes};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::DiskError;
use super::files::{TEMPORARY, list, make_folder, replace, sync_folder, temporary_of, write_new};

/// blake3 of a blob's bytes.
pub type BlobHash = [u8; 32];

/// The blobs of a home.
#[derive(Debug)]
pub struct Blobs {
    folder: PathBuf,
}

/// Why a blob cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// There is no such file.
    #[error("blob {} is missing", hex(.hash))]
    Missing {
        /// Its name.
        hash: BlobHash,
    },
    /// The bytes are not those it was named after.
    #[error("blob {} is damaged", hex(.hash))]
    Damaged {
        /// Its name.
        hash: BlobHash,
    },
    /// The file cannot be read.
    #[error(transparent)]
    Io(#[from] DiskError),
}

/// What a sweep removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// How many blobs.
    pub blobs: usize,
    /// How many bytes they had.
    pub bytes: u64,
}

impl Blobs {
    /// The blobs in `folder`, which is made if it is missing.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn open(folder: &Path) -> Result<Self, DiskError> {
        make_folder(folder)?;
        Ok(Self { folder: folder.to_owned() })
    }

    /// Keeps `bytes` and returns their hash. They are durable on return. What is there already is not written
    /// again, but its time of grace begins anew.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn put(&self, bytes: &[u8]) -> Result<BlobHash, DiskError> {
        let hash = *blake3::hash(bytes).as_bytes();
        let path = self.path(&hash);
        let folder = path.parent().expect("a blob lies in a folder of two digits");
        if is_there(&path, bytes.len() as u64) {
            // It may be there since a moment ago, and its name not be durable yet.
            sync_folder(folder)?;
            return Ok(hash);
        }
        make_folder(folder)?;
        let temporary = temporary_of(&path);
        let written = write_new(&temporary, bytes, 0o600).and_then(|()| replace(&temporary, &path));
        if written.is_err() {
            let _ = fs::remove_file(&temporary);
        }
        written.map(|()| hash)
    }

    /// The bytes of a blob, verified.
    ///
    /// # Errors
    /// See [`BlobError`].
    pub fn get(&self, hash: &BlobHash) -> Result<Vec<u8>, BlobError> {
        let path = self.path(hash);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(BlobError::Missing { hash: *hash });
            }
            Err(error) => return Err(DiskError::on("read", &path)(error).into()),
        };
        if *blake3::hash(&bytes).as_bytes() == *hash { Ok(bytes) } else { Err(BlobError::Damaged { hash: *hash }) }
    }

    /// Every blob that is there, by name only, folder by folder.
    ///
    /// # Errors
    /// The iterator yields an error where a folder cannot be listed.
    pub fn iter(&self) -> impl Iterator<Item = Result<BlobHash, DiskError>> {
        let folders = (0..=u8::MAX).map(|first| self.folder.join(format!("{first:02x}")));
        folders.flat_map(|folder| match list(&folder) {
            Ok(paths) => paths.iter().filter_map(|path| hash_of(path)).map(Ok).collect::<Vec<_>>(),
            Err(error) => vec![Err(error)],
        })
    }

    /// Reads every blob and tells `found` the result, in the order of their names.
    ///
    /// # Errors
    /// If a folder cannot be listed. What is wrong with a blob is told, not returned.
    pub fn verify(&self, found: &mut dyn FnMut(BlobHash, Result<u64, BlobError>)) -> Result<(), DiskError> {
        for hash in self.iter() {
            let hash = hash?;
            found(hash, self.get(&hash).map(|bytes| bytes.len() as u64));
        }
        Ok(())
    }

    /// Removes the blobs that are not `referenced` and were put before `before`, and what was being written
    /// then.
    ///
    /// # Errors
    /// If a folder cannot be listed or a file not removed.
    pub fn sweep(&self, referenced: &dyn Fn(&BlobHash) -> bool, before: SystemTime) -> Result<Swept, DiskError> {
        let mut swept = Swept::default();
        for folder in (0..=u8::MAX).map(|first| self.folder.join(format!("{first:02x}"))) {
            for path in list(&folder)? {
                let unfinished = path.extension().is_some_and(|extension| extension == TEMPORARY);
                if !unfinished && hash_of(&path).is_none_or(|hash| referenced(&hash)) {
                    continue;
                }
                let metadata = fs::metadata(&path).map_err(DiskError::on("look at", &path))?;
                if metadata.modified().is_ok_and(|modified| modified < before) {
                    fs::remove_file(&path).map_err(DiskError::on("remove", &path))?;
                    swept.blobs += usize::from(!unfinished);
                    swept.bytes += metadata.len();
                }
            }
        }
        Ok(swept)
    }

    /// Copies every blob that `to` lacks; returns how many. Each is verified when it is read.
    ///
    /// # Errors
    /// If one cannot be read or written.
    pub fn backup(&self, to: &Self) -> Result<usize, BlobError> {
        let mut copied = 0;
        for hash in self.iter() {
            let hash = hash?;
            let length = fs::metadata(self.path(&hash)).map_or(0, |metadata| metadata.len());
            if !fs::metadata(to.path(&hash)).is_ok_and(|metadata| metadata.len() == length) {
                to.put(&self.get(&hash)?)?;
                copied += 1;
            }
        }
        Ok(copied)
    }

    fn path(&self, hash: &BlobHash) -> PathBuf {
        let name = hex(hash);
        let (folder, file) = name.split_at(2);
        self.folder.join(folder).join(file)
    }
}

/// Whether the blob is there with its whole length; if so, its time of grace begins anew.
fn is_there(path: &Path, length: u64) -> bool {
    let Ok(file) = File::open(path) else { return false };
    let there = file.metadata().is_ok_and(|metadata| metadata.len() == length);
    // The clock of the filesystem, which also dated the file: a sweep compares with nothing else.
    there && file.set_times(FileTimes::new().set_modified(SystemTime::now())).is_ok()
}

/// The 64 digits of a hash.
pub fn hex(hash: &BlobHash) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn hash_of(path: &Path) -> Option<BlobHash> {
    let folder = path.parent()?.file_name()?.to_str()?;
    let text = format!("{folder}{}", path.file_name()?.to_str()?);
    if text.len() != 64 || !text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        return None;
    }
    let mut hash = [0; 32];
    for (byte, digits) in hash.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(hash)
}

#[cfg(test)]
mod tests;

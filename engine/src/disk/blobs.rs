//! The blob store: bytes too long for the log, in files named by their hash.
//!
//! `blobs/ab/cdef…` holds the bytes whose blake3 is `abcdef…` in hex. A blob is written before the commit that refers to
//! it, and durable before that commit begins; one that nothing refers to, which a crash in between leaves, can be swept.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{DiskError, files};

/// A blob that nothing refers to is kept for so long: a commit may still be on its way.
pub const GRACE: Duration = Duration::from_secs(24 * 3600);

/// blake3 of a blob's bytes.
pub type BlobHash = [u8; 32];

/// The blobs of a home.
#[derive(Clone, Debug)]
pub struct Blobs {
    folder: PathBuf,
}

/// Why a blob could not be had or kept.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// It is not there.
    #[error("blob {hash} is gone: {} is not there", .path.display())]
    Missing {
        /// Its hash, in hex.
        hash: String,
        /// Where it should be.
        path: PathBuf,
    },
    /// Its bytes are not those that its name says.
    #[error("blob {hash} is damaged: the bytes of {} have another hash", .path.display())]
    Damaged {
        /// Its hash, in hex.
        hash: String,
        /// Where it lies.
        path: PathBuf,
    },
    /// The disk says no.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

impl Blobs {
    /// The blobs in `folder`, which need not exist yet.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Keeps `bytes`, durably on return. Keeping the same twice writes it once.
    ///
    /// # Errors
    /// If the disk says no.
    pub fn put(&self, bytes: &[u8]) -> Result<BlobHash, BlobError> {
        let hash = *blake3::hash(bytes).as_bytes();
        let path = self.path(&hash);
        // An equal length is not enough: what lies there may be damaged, and is then written anew.
        if fs::metadata(&path).is_ok_and(|found| found.len() == bytes.len() as u64) && self.get(&hash).is_ok() {
            return Ok(hash);
        }
        let parent = path.parent().expect("a blob lies two folders below the home");
        files::make_folder(parent)?;
        files::write_atomic(&path, bytes, 0o600)?;
        Ok(hash)
    }

    /// The bytes of a blob, verified.
    ///
    /// # Errors
    /// If it is gone, damaged, or cannot be read.
    pub fn get(&self, hash: &BlobHash) -> Result<Vec<u8>, BlobError> {
        let path = self.path(hash);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(BlobError::Missing { hash: hex(hash), path });
            }
            Err(error) => return Err(DiskError::on("read", &path)(error).into()),
        };
        if blake3::hash(&bytes).as_bytes() != hash {
            return Err(BlobError::Damaged { hash: hex(hash), path });
        }
        Ok(bytes)
    }

    /// Hashes of all blobs that are there, in order. Files that are no blobs are passed over.
    ///
    /// # Errors
    /// If a folder cannot be read.
    pub fn list(&self) -> Result<Vec<BlobHash>, DiskError> {
        let mut hashes = Vec::new();
        if !self.folder.is_dir() {
            return Ok(hashes);
        }
        for folder in files::list(&self.folder)? {
            if !folder.is_dir() {
                continue;
            }
            let Some(front) = folder.file_name().and_then(|name| name.to_str()).map(str::to_owned) else { continue };
            for path in files::list(&folder)? {
                let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
                hashes.extend(blake3::Hash::from_hex(format!("{front}{name}")).map(|hash| *hash.as_bytes()));
            }
        }
        hashes.sort_unstable();
        Ok(hashes)
    }

    /// Removes the blobs that are not in `referenced` and older than `grace`; returns how many.
    ///
    /// # Errors
    /// If one cannot be removed.
    pub fn sweep(&self, referenced: &HashSet<BlobHash>, grace: Duration) -> Result<usize, DiskError> {
        let mut swept = 0;
        for hash in self.list()? {
            let path = self.path(&hash);
            let age = fs::metadata(&path).and_then(|found| found.modified()).ok().and_then(|at| at.elapsed().ok());
            if !referenced.contains(&hash) && age.is_some_and(|age| age >= grace) {
                fs::remove_file(&path).map_err(DiskError::on("remove", &path))?;
                swept += 1;
            }
        }
        Ok(swept)
    }

    /// Where the blob of this hash lies.
    pub fn path(&self, hash: &BlobHash) -> PathBuf {
        let hex = hex(hash);
        self.folder.join(&hex[..2]).join(&hex[2..])
    }
}

fn hex(hash: &BlobHash) -> String {
    blake3::Hash::from_bytes(*hash).to_hex().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blobs() -> (tempfile::TempDir, Blobs) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let blobs = Blobs::new(folder.path().join("blobs"));
        (folder, blobs)
    }

    #[test]
    fn what_was_put_is_got() {
        let (_folder, blobs) = blobs();
        let hash = blobs.put(b"some bytes").expect("put");
        assert_eq!(blobs.put(b"some bytes").expect("put again"), hash);
        assert_eq!(blobs.get(&hash).expect("get"), b"some bytes");
        assert_eq!(blobs.list().expect("list"), [hash]);
    }

    #[test]
    fn damage_and_loss_are_told_apart_and_mended_by_putting_again() {
        let (_folder, blobs) = blobs();
        let hash = blobs.put(b"some bytes").expect("put");
        fs::write(blobs.path(&hash), b"same lengt").expect("damage it");
        assert!(matches!(blobs.get(&hash), Err(BlobError::Damaged { .. })));
        blobs.put(b"some bytes").expect("put again");
        assert_eq!(blobs.get(&hash).expect("get"), b"some bytes");
        fs::remove_file(blobs.path(&hash)).expect("remove it");
        assert!(matches!(blobs.get(&hash), Err(BlobError::Missing { .. })));
    }

    #[test]
    fn only_old_and_unreferenced_blobs_are_swept() {
        let (_folder, blobs) = blobs();
        let (kept, gone) = (blobs.put(b"kept").expect("put"), blobs.put(b"gone").expect("put"));
        let referenced = HashSet::from([kept]);
        assert_eq!(blobs.sweep(&referenced, GRACE).expect("sweep"), 0);
        assert_eq!(blobs.sweep(&referenced, Duration::ZERO).expect("sweep"), 1);
        assert!(blobs.get(&kept).is_ok() && blobs.get(&gone).is_err());
    }
}

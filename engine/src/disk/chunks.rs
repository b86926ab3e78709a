//! The contents of hosted files: cut into chunks, each stored once, sealed.
//!
//! ```text
//! files/ab/cdef…     [24] nonce, the chunk sealed under the home's key; named by the keyed digest of what is in it
//! ```
//!
//! The name of a chunk is sealed with it, so no chunk can stand for another. A chunk is written and durable before the event
//! that refers to it is.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{Key, KeyInit, XChaCha20Poly1305, XNonce};
use zo_projections::Digest;

use super::{DiskError, files};

/// Bytes of a chunk.
pub const CHUNK_BYTES: u32 = 1 << 20;
const NONCE_BYTES: usize = 24;

/// The chunks of a home.
#[derive(Clone)]
pub struct Chunks {
    folder: PathBuf,
    key: [u8; 32],
}

/// A content that was stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Its chunks in order.
    pub chunks: Vec<Digest>,
    /// Bytes in all.
    pub size: u64,
    /// blake3 of all of it.
    pub blake3: blake3::Hash,
    /// The first bytes: from which is told what it is.
    pub beginning: Vec<u8>,
}

/// Why a chunk could not be had or kept.
#[derive(Debug, thiserror::Error)]
pub enum ChunkError {
    /// It is not there.
    #[error("{} is gone: a part of a hosted file", .0.display())]
    Missing(PathBuf),
    /// It is not what was stored.
    #[error("{} is damaged: a part of a hosted file", .0.display())]
    Damaged(PathBuf),
    /// The content cannot be read.
    #[error("the content cannot be read: {0}")]
    Content(io::Error),
    /// The disk says no.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

impl Chunks {
    /// The chunks in `folder`, sealed under a key that follows from `key`.
    pub fn new(folder: PathBuf, key: &[u8; 32]) -> Self {
        Self { folder, key: blake3::derive_key("zo hosted files 2026-11-21 chunks", key) }
    }

    /// Stores a content, chunk by chunk; durable when this returns.
    ///
    /// # Errors
    /// If it cannot be read, or the disk says no.
    pub fn store(&self, content: &mut dyn Read) -> Result<Stored, ChunkError> {
        let mut hasher = blake3::Hasher::new();
        let mut stored = Stored { chunks: Vec::new(), size: 0, blake3: hasher.finalize(), beginning: Vec::new() };
        loop {
            let mut chunk = Vec::new();
            content.take(CHUNK_BYTES.into()).read_to_end(&mut chunk).map_err(ChunkError::Content)?;
            if chunk.is_empty() {
                break;
            }
            hasher.update(&chunk);
            stored.size += chunk.len() as u64;
            if stored.beginning.is_empty() {
                stored.beginning = chunk[..chunk.len().min(512)].to_vec();
            }
            let name = self.name(&chunk);
            self.keep(name, &chunk)?;
            stored.chunks.push(name);
            if chunk.len() < CHUNK_BYTES as usize {
                break;
            }
        }
        stored.blake3 = hasher.finalize();
        Ok(stored)
    }

    /// Copies the chunks in the folder `from` that are not in the folder `to`, or of another length there, as they are: sealed.
    /// Returns how many were copied, and their bytes.
    ///
    /// # Errors
    /// If the disk says no.
    pub fn copy(from: &Path, to: &Path) -> Result<(u32, u64), DiskError> {
        let (mut copied, mut bytes) = (0, 0);
        for folder in names_in(from)? {
            for name in names_in(&from.join(&folder))? {
                let (here, there) = (from.join(&folder).join(&name), to.join(&folder).join(&name));
                let length = |path: &Path| fs::metadata(path).map(|found| found.len()).ok();
                let is_chunk = format!("{folder}{name}").len() == 32 && !name.contains('.');
                if !is_chunk || length(&here).is_some() && length(&here) == length(&there) {
                    continue;
                }
                let chunk = fs::read(&here).map_err(DiskError::on("read", &here))?;
                files::make_folder(&to.join(&folder))?;
                files::write_atomic(&there, &chunk, 0o600)?;
                (copied, bytes) = (copied + 1, bytes + chunk.len() as u64);
            }
        }
        Ok((copied, bytes))
    }

    /// A chunk.
    ///
    /// # Errors
    /// If it is gone or damaged, or the disk says no.
    pub fn read(&self, name: Digest) -> Result<Vec<u8>, ChunkError> {
        let path = self.path(name);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(ChunkError::Missing(path)),
            Err(error) => return Err(DiskError::on("read", &path)(error).into()),
        };
        let damaged = || ChunkError::Damaged(path.clone());
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE_BYTES>().ok_or_else(damaged)?;
        let payload = Payload { msg: sealed, aad: &name.0.to_be_bytes() };
        self.cipher().decrypt(&XNonce::from(*nonce), payload).map_err(|_| damaged())
    }

    fn keep(&self, name: Digest, chunk: &[u8]) -> Result<(), ChunkError> {
        // What is damaged is made anew.
        if self.path(name).exists() && self.read(name).is_ok() {
            return Ok(());
        }
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce).map_err(|error| ChunkError::Content(io::Error::other(error.to_string())))?;
        let payload = Payload { msg: chunk, aad: &name.0.to_be_bytes() };
        let sealed = self.cipher().encrypt(&XNonce::from(nonce), payload);
        let sealed = sealed.map_err(|error| ChunkError::Content(io::Error::other(error.to_string())))?;
        let path = self.path(name);
        if let Some(folder) = path.parent() {
            files::make_folder(folder)?;
        }
        files::write_atomic(&path, &[&nonce[..], &sealed].concat(), 0o600)?;
        Ok(())
    }

    fn name(&self, chunk: &[u8]) -> Digest {
        let hash = blake3::keyed_hash(&self.key, chunk);
        Digest(u128::from_be_bytes(*hash.as_bytes().first_chunk().expect("a hash has 32 bytes")))
    }

    fn path(&self, name: Digest) -> PathBuf {
        let hex = format!("{:032x}", name.0);
        self.folder.join(&hex[..2]).join(&hex[2..])
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&Key::from(self.key))
    }
}

/// The names in a folder, in order; none if there is no such folder.
fn names_in(folder: &Path) -> Result<Vec<String>, DiskError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        Err(error) => return Err(DiskError::on("read", folder)(error)),
    };
    let name = |entry: io::Result<fs::DirEntry>| entry.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let names = entries.map(name).collect::<io::Result<Vec<String>>>();
    let mut names = names.map_err(DiskError::on("read", folder))?;
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests;

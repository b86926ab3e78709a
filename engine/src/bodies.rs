//! Bodies: what people wrote and models said, sealed under the key of its stream.
//!
//! This is the only place where keys, sealing and the blob store meet. Small bodies lie in the log behind their event;
//! those longer than [`MAX_INLINE_BYTES`] go into the blob store, by the hash of their sealed bytes.

use zo_projections::KeyId;
use zo_projections::record::{BodyPlace, Header, RawRecord};

use crate::disk::blobs::{BlobError, Blobs};
use crate::disk::keys::{KeyError, KeyRing};
use crate::disk::seal::{self, SealError};

/// The longest body, sealed, that lies in the log itself.
pub const MAX_INLINE_BYTES: usize = 256 * 1024;

/// Seals and opens bodies.
pub struct Bodies {
    keys: KeyRing,
    blobs: Blobs,
}

/// Why a body could not be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// Its key is missing or damaged.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Its blob is missing or damaged, or could not be written.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// The sealed bytes do not fit the key.
    #[error("the body of the event at position {position} cannot be opened: {source}")]
    Seal {
        /// The event.
        position: zo_projections::Position,
        /// Why.
        source: SealError,
    },
}

impl Bodies {
    /// Bodies under these keys, with this blob store.
    pub fn new(keys: KeyRing, blobs: Blobs) -> Self {
        Self { keys, blobs }
    }

    /// The keys.
    pub fn keys(&self) -> &KeyRing {
        &self.keys
    }

    /// The blob store.
    pub fn blobs(&self) -> &Blobs {
        &self.blobs
    }

    /// Makes sure that every key up to `last` is on the disk before a body is sealed under it.
    ///
    /// # Errors
    /// If keys could not be written.
    pub fn ensure_keys(&self, last: KeyId) -> Result<(), BodyError> {
        if last == KeyId::NONE {
            return Ok(());
        }
        Ok(self.keys.ensure(last)?)
    }

    /// Seals `plain` under `header.key` and says in `header.body` where it lies. Returns what lies in the log.
    ///
    /// # Errors
    /// If the key cannot be read, or a blob cannot be written. A blob is durable on return.
    pub fn seal(&self, header: &mut Header, plain: &[u8]) -> Result<Vec<u8>, BodyError> {
        let key = self.keys.get(header.key)?;
        let sealed = seal::seal(&key, header.id.0, header.position, header.stream, plain);
        if sealed.len() <= MAX_INLINE_BYTES {
            header.body = BodyPlace::Inline(u32::try_from(sealed.len()).expect("at most 256 KiB"));
            return Ok(sealed);
        }
        let hash = self.blobs.put(&sealed)?;
        header.body = BodyPlace::Blob { hash, length: sealed.len() as u64 };
        Ok(Vec::new())
    }

    /// Opens the body of a record; `None` if it has none.
    ///
    /// # Errors
    /// If its key or blob is gone or damaged.
    pub fn open(&self, record: &RawRecord<'_>) -> Result<Option<Vec<u8>>, BodyError> {
        let header = &record.header;
        let blob;
        let sealed = match header.body {
            BodyPlace::None => return Ok(None),
            BodyPlace::Inline(_) => record.body,
            BodyPlace::Blob { hash, .. } => {
                blob = self.blobs.get(&hash)?;
                &blob
            }
        };
        let key = self.keys.get(header.key)?;
        seal::open(&key, header.id.0, header.position, header.stream, sealed)
            .map(Some)
            .map_err(|source| BodyError::Seal { position: header.position, source })
    }
}

//! The keys of a home: its own, and those of its streams, which are wrapped by it.
//!
//! ```text
//! keys/home.key, home.key.copy          "zo-home-key-1:" 64 hex digits ":" 8 hex digits of checksum, newline
//! keys/streams.key, streams.key.copy    header, then 80 bytes for every key, from number 1 on
//!
//! header    0 "ZOKEYS\r\n"   8 u16 format, [6] zero   16 [16] home   32 zeros   96 [32] blake3 of the above
//! key       0 [24] nonce   24 [48] XChaCha20-Poly1305(wrapping key, stream key), bound to its number and the home
//!          72 [8] front of the blake3 of the number and the above
//! ```
//!
//! Everything exists twice, and a copy that is damaged or missing is written anew from the other. Stream
//! keys are made in pools, and are durable in both files before the first of them may be used: so a commit
//! that uses a new one costs no fsync of its own. Nothing is loaded at open; keys are read when they are asked
//! for. Erasing by destroying a key is not here yet.

mod home;
mod pool;

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use zo_projections::KeyId;

use super::DiskError;
use super::files::make_folder;
use crate::log::HomeId;
use home::HomeKey;
use pool::Pool;

/// How many keys are made at once.
pub const POOL_KEYS: u32 = 1024;
/// With fewer left the next pool is made, behind the writer.
pub const LOW_KEYS: u32 = 256;
/// How many keys are kept unwrapped in memory.
const CACHED_KEYS: usize = 4096;

/// The key of one stream.
#[derive(Clone, PartialEq, Eq)]
pub struct StreamKey([u8; 32]);

impl StreamKey {
    /// The key with these bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for StreamKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StreamKey(…)")
    }
}

/// Why a key cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Others can read the file.
    #[error("{} can be read by others (mode {mode:03o}): run `chmod {} {}`", .path.display(), .right, .path.display())]
    TooOpen {
        /// The file or folder.
        path: PathBuf,
        /// Its mode.
        mode: u32,
        /// The mode it must have.
        right: &'static str,
    },
    /// Neither copy of the home's key can be read, though there are stream keys that it wraps.
    #[error("the home's key is lost: neither {} nor its copy can be read, and what is sealed cannot be opened", .path.display())]
    HomeKeyLost {
        /// The file.
        path: PathBuf,
    },
    /// Neither copy of a stream key can be read.
    #[error("stream key {} is lost: neither copy can be read", .id.0)]
    Lost {
        /// Its number.
        id: KeyId,
    },
    /// There is no such key.
    #[error("there is no stream key {}: the last is {}", .id.0, .last.0)]
    Unknown {
        /// The number asked for.
        id: KeyId,
        /// The last there is.
        last: KeyId,
    },
    /// Written by a newer version of zo.
    #[error("{} was written by a newer version of zo (format {found})", .path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u16,
    },
    /// A file belongs to another home.
    #[error("{} belongs to another home", .path.display())]
    OtherHome {
        /// The file.
        path: PathBuf,
    },
    /// The system has no random numbers.
    #[error("the system gives no random numbers: {0}")]
    Random(String),
    /// A file cannot be read or written.
    #[error(transparent)]
    Io(#[from] DiskError),
}

/// All keys of a home.
#[derive(Debug)]
pub struct KeyRing {
    home_key: HomeKey,
    shared: Arc<Shared>,
    cache: Mutex<Cache>,
    maker: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug)]
struct Shared {
    pool: Mutex<Pool>,
    /// The last key that is durable in both files.
    last: AtomicU32,
    making: AtomicBool,
    findings: Mutex<Vec<String>>,
}

#[derive(Debug, Default)]
struct Cache {
    keys: HashMap<u32, StreamKey>,
    order: VecDeque<u32>,
}

impl KeyRing {
    /// Opens the keys in `folder`, or makes the first ones of a new home. What was repaired is in
    /// [`Self::findings`].
    ///
    /// # Errors
    /// See [`KeyError`].
    pub fn open(folder: &Path, home: HomeId) -> Result<Self, KeyError> {
        make_folder(folder)?;
        home::restrict_folder(folder)?;
        let mut findings = Vec::new();
        let wraps = Pool::exists(folder);
        let home_key = HomeKey::open(folder, wraps, &mut findings)?;
        let mut pool = Pool::open(folder, home, home_key.wrapping_key(), &mut findings)?;
        if pool.last() == 0 {
            pool.grow(POOL_KEYS)?;
        }
        let last = AtomicU32::new(pool.last());
        let shared =
            Shared { pool: Mutex::new(pool), last, making: AtomicBool::new(false), findings: Mutex::new(findings) };
        Ok(Self { home_key, shared: Arc::new(shared), cache: Mutex::default(), maker: Mutex::new(None) })
    }

    /// The last stream key that may be used.
    pub fn last(&self) -> KeyId {
        KeyId(self.shared.last.load(Ordering::Acquire))
    }

    /// What was repaired so far, in sentences.
    pub fn findings(&self) -> Vec<String> {
        self.shared.findings.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Checks that the keys up to `used`, the highest number in the log, are there. To be called at open: a number
    /// that is missing then is lost, and must not be given to a new key.
    ///
    /// # Errors
    /// [`KeyError::Unknown`] if they are not.
    pub fn check_used(&self, used: KeyId) -> Result<(), KeyError> {
        let last = self.last();
        if used.0 > last.0 { Err(KeyError::Unknown { id: used, last }) } else { Ok(()) }
    }

    /// Sees to it that the keys up to `up_to` are durable and may be used. It waits for the disk only if the pool
    /// has run out; when it runs low, the next one is made on a thread of its own.
    ///
    /// # Errors
    /// If keys had to be made and could not be.
    pub fn ensure(&self, up_to: KeyId) -> Result<(), KeyError> {
        let last = self.shared.last.load(Ordering::Acquire);
        if up_to.0 > last {
            return self.shared.grow(up_to.0.saturating_add(POOL_KEYS));
        }
        if last - up_to.0 < LOW_KEYS && !self.shared.making.swap(true, Ordering::AcqRel) {
            self.make_behind(last.saturating_add(POOL_KEYS));
        }
        Ok(())
    }

    /// The key `id`.
    ///
    /// # Errors
    /// If there is no such key, or both its copies are damaged.
    pub fn get(&self, id: KeyId) -> Result<StreamKey, KeyError> {
        let last = self.last();
        if id == KeyId::NONE || id.0 > last.0 {
            return Err(KeyError::Unknown { id, last });
        }
        if let Some(key) = self.cache().keys.get(&id.0) {
            return Ok(key.clone());
        }
        let key = {
            let mut findings = Vec::new();
            let key = self.shared.pool().get(id, &mut findings);
            self.shared.findings.lock().unwrap_or_else(PoisonError::into_inner).extend(findings);
            key?
        };
        let mut cache = self.cache();
        if cache.keys.insert(id.0, key.clone()).is_none() {
            cache.order.push_back(id.0);
        }
        if cache.order.len() > CACHED_KEYS
            && let Some(oldest) = cache.order.pop_front()
        {
            cache.keys.remove(&oldest);
        }
        Ok(key)
    }

    /// Reads every key in both files and tells what is wrong; nothing is repaired.
    ///
    /// # Errors
    /// If a file cannot be read at all.
    pub fn verify(&self) -> Result<Vec<String>, KeyError> {
        Ok(self.shared.pool().verify()?)
    }

    /// The key of digests by which equal texts of this home are recognised.
    pub fn digest_key(&self) -> [u8; 32] {
        self.home_key.derive("zo 1 digests of contents")
    }

    /// The key of digests by which equal names of this home are recognised.
    pub fn name_key(&self) -> [u8; 32] {
        self.home_key.derive("zo 1 digests of names")
    }

    fn make_behind(&self, up_to: u32) {
        let shared = Arc::clone(&self.shared);
        let spawned = std::thread::Builder::new().name("key-maker".to_owned()).spawn(move || {
            // If it fails, the next to run out of keys makes them itself and is told why it cannot.
            let _ = shared.grow(up_to);
            shared.making.store(false, Ordering::Release);
        });
        match spawned {
            Ok(thread) => {
                let before = self.maker().replace(thread);
                // The one before has ended: it let us begin.
                before.map(JoinHandle::join);
            }
            Err(_) => self.shared.making.store(false, Ordering::Release),
        }
    }

    fn maker(&self) -> MutexGuard<'_, Option<JoinHandle<()>>> {
        self.maker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn cache(&self) -> MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for KeyRing {
    fn drop(&mut self) {
        let maker = self.maker().take();
        maker.map(JoinHandle::join);
    }
}

impl Shared {
    fn pool(&self) -> MutexGuard<'_, Pool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn grow(&self, up_to: u32) -> Result<(), KeyError> {
        let mut pool = self.pool();
        pool.grow(up_to)?;
        self.last.store(pool.last(), Ordering::Release);
        Ok(())
    }
}

#[cfg(test)]
mod tests;

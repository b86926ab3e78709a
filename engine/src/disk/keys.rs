//! The keys of a home: its own, and one for every stream that has sealed bodies.
//!
//! ```text
//! keys/home.key          "zo home key 1", the key in hex, a checksum      0600     with an identical home.key.copy
//! keys/streams.key       header, then records of 96 bytes                 0600     with an identical streams.key.copy
//!
//! header (96 B)  "ZOSK", u32 format, [16] home id, zeros, u32 crc32 of the 92 bytes before
//! record i (96 B) from 1, at 96·i:
//!      0 u32 i     4 u32 state: 1 = a key, 2 = destroyed     8 [24] nonce     32 [48] the key, sealed under the home's
//!     80 [12] zeros                                          92 u32 crc32 of the 92 bytes before
//! ```
//!
//! Stream keys are made in pools ahead of their use, and are durable in both files before the first of them is used: a
//! commit that begins a stream needs no further sync. Which stream has which key is in the log. What is damaged or
//! missing in one file is written anew from the other.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::{FileExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{Key, KeyInit, XChaCha20Poly1305, XNonce};
use zo_projections::KeyId;

use super::{DiskError, files};

const MAGIC: [u8; 4] = *b"ZOSK";
const FORMAT: u32 = 1;
const RECORD: usize = 96;
const STATE_KEY: u32 = 1;
const STATE_DESTROYED: u32 = 2;
/// So many stream keys are made at a time: 96 KiB, one sync in a thousand new streams.
pub const POOL: u32 = 1024;
/// The first pool of a home is smaller, so that a new home is quick.
const FIRST_POOL: u32 = 64;
/// So many opened keys are remembered.
const CACHED: usize = 4096;

/// The key of a stream.
#[derive(Clone)]
pub struct StreamKey([u8; 32]);

impl StreamKey {
    /// A key from its bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub(super) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Something that was wrong with the key files, and what was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFinding {
    /// The file.
    pub path: PathBuf,
    /// What was wrong and what was done.
    pub what: String,
}

impl std::fmt::Display for KeyFinding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.what)
    }
}

/// Why keys cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Other users may read a key file.
    #[error("{} has mode {mode:03o}, and others may read it; `chmod 600 {}` mends that", .path.display(), .path.display())]
    TooWide {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// Both copies of the home's key are gone or damaged, and there are stream keys that need it.
    #[error("the home's key is lost: neither {} nor its copy can be read", .path.display())]
    HomeKeyLost {
        /// The file.
        path: PathBuf,
    },
    /// Both files of stream keys are gone, and the log has events.
    #[error("the stream keys are gone: neither {} nor its copy is there", .path.display())]
    StreamKeysLost {
        /// The file.
        path: PathBuf,
    },
    /// The files have fewer keys than the log uses.
    #[error("the log uses {used} stream keys, and {} and its copy have {made}", .path.display())]
    Behind {
        /// Keys in use.
        used: u32,
        /// Keys in the files.
        made: u32,
        /// The file.
        path: PathBuf,
    },
    /// Both copies of a stream key are gone or damaged.
    #[error("stream key {} is lost: it is damaged or gone in {} and in its copy", .id.0, .path.display())]
    Lost {
        /// The key.
        id: KeyId,
        /// The file.
        path: PathBuf,
    },
    /// The key was destroyed on purpose.
    #[error("stream key {} was destroyed, and what it sealed is erased", .id.0)]
    Destroyed {
        /// The key.
        id: KeyId,
    },
    /// A newer version of zo has written the key files.
    #[error("{} has format {found}, and this version of zo knows {FORMAT}", .path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u32,
    },
    /// The key files are those of another home.
    #[error("{} belongs to another home", .path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The disk says no.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

/// The keys of one home, shared among threads.
pub struct KeyRing {
    home_key: [u8; 32],
    home: [u8; 16],
    /// The key file and its copy.
    files: [(PathBuf, File); 2],
    /// Keys up to this id are durable in both files.
    made: AtomicU32,
    making: Mutex<()>,
    cache: Mutex<HashMap<KeyId, StreamKey>>,
    report: Vec<KeyFinding>,
}

impl KeyRing {
    /// Opens the keys in `folder` and mends one copy from the other. They are made if there are none and the home is not
    /// `in_use`. Stream keys are read when they are needed.
    ///
    /// # Errors
    /// If a key file is readable by others, of another home or a newer version, or the home's key is lost.
    pub fn open(folder: &Path, home: [u8; 16], in_use: bool) -> Result<Self, KeyError> {
        let streams = [folder.join("streams.key"), folder.join("streams.key.copy")];
        let streams_there = streams.iter().any(|path| path.exists());
        if in_use && !streams_there {
            return Err(KeyError::StreamKeysLost { path: streams[0].clone() });
        }
        files::make_folder(folder)?;
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).map_err(DiskError::on("protect", folder))?;
        let mut report = Vec::new();
        let home_key = open_home_key(folder, in_use || streams_there, &mut report)?;
        let (files, made) = open_stream_keys(streams, home, &mut report)?;
        let ring = Self {
            home_key,
            home,
            files,
            made: AtomicU32::new(made),
            making: Mutex::new(()),
            cache: Mutex::default(),
            report,
        };
        Ok(ring)
    }

    /// What was wrong on opening.
    pub fn report(&self) -> &[KeyFinding] {
        &self.report
    }

    /// Key for digests of contents.
    pub fn digest_key(&self) -> [u8; 32] {
        blake3::derive_key("zo 1 digests of contents", &self.home_key)
    }

    /// Key for ids of names.
    pub fn name_key(&self) -> [u8; 32] {
        blake3::derive_key("zo 1 ids of names", &self.home_key)
    }

    /// Key for replies that are on their way.
    pub fn arriving_key(&self) -> [u8; 32] {
        blake3::derive_key("zo 1 replies on their way", &self.home_key)
    }

    /// Makes sure that every key up to `last` is durable in both files.
    ///
    /// # Errors
    /// If the disk says no.
    pub fn ensure(&self, last: KeyId) -> Result<(), KeyError> {
        if last.0 <= self.made.load(Ordering::Acquire) {
            return Ok(());
        }
        let _making = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        let made = self.made.load(Ordering::Acquire);
        if last.0 <= made {
            return Ok(());
        }
        let pool = if made == 0 { FIRST_POOL } else { POOL };
        let upto = last.0.max(made.saturating_add(pool));
        let mut bytes = Vec::with_capacity((upto - made) as usize * RECORD);
        for id in made + 1..=upto {
            bytes.extend_from_slice(&self.make_record(KeyId(id)));
        }
        for (path, file) in &self.files {
            file.write_all_at(&bytes, offset(KeyId(made + 1))).map_err(DiskError::on("write", path))?;
            file.sync_data().map_err(DiskError::on("sync", path))?;
        }
        self.made.store(upto, Ordering::Release);
        Ok(())
    }

    /// Checks that every key up to `last`, the highest that the log uses, has its place in the files: a key that is
    /// lost must never be made again under the same number.
    ///
    /// # Errors
    /// If the files end before it.
    pub fn check(&self, last: KeyId) -> Result<(), KeyError> {
        let made = self.made.load(Ordering::Acquire);
        if last.0 > made {
            return Err(KeyError::Behind { used: last.0, made, path: self.files[0].0.clone() });
        }
        Ok(())
    }

    /// Gives a home whose keys are lost for good new ones: those up to `last` count as destroyed, and what they sealed can
    /// never be read again. Key files that are there are set aside.
    ///
    /// # Errors
    /// If the disk says no.
    pub fn give_up(folder: &Path, home: [u8; 16], last: KeyId) -> Result<(), KeyError> {
        for name in ["home.key", "home.key.copy", "streams.key", "streams.key.copy"] {
            let path = folder.join(name);
            if path.exists() {
                files::replace(&path, &folder.join(format!("{name}.set-aside")))?;
            }
        }
        let ring = Self::open(folder, home, false)?;
        let mut bytes = Vec::with_capacity(last.0 as usize * RECORD);
        for id in 1..=last.0 {
            let mut record = [0; RECORD];
            record[..4].copy_from_slice(&id.to_le_bytes());
            record[4..8].copy_from_slice(&STATE_DESTROYED.to_le_bytes());
            finish(&mut record);
            bytes.extend_from_slice(&record);
        }
        for (path, file) in &ring.files {
            file.write_all_at(&bytes, offset(KeyId(1))).map_err(DiskError::on("write", path))?;
            file.sync_data().map_err(DiskError::on("sync", path))?;
        }
        Ok(())
    }

    /// A stream key.
    ///
    /// # Errors
    /// If it was never made, is lost or was destroyed.
    pub fn get(&self, id: KeyId) -> Result<StreamKey, KeyError> {
        if let Some(key) = self.cache.lock().unwrap_or_else(PoisonError::into_inner).get(&id) {
            return Ok(key.clone());
        }
        let mut destroyed = false;
        let mut key = None;
        for (_, file) in &self.files {
            let mut record = [0; RECORD];
            if id == KeyId::NONE || file.read_exact_at(&mut record, offset(id)).is_err() {
                continue;
            }
            match self.open_record(id, &record) {
                Some(Record::Key(opened)) => {
                    key = Some(opened);
                    break;
                }
                // A destroyed key stays destroyed, also if the crash came before the second copy.
                Some(Record::Destroyed) => {
                    destroyed = true;
                    break;
                }
                None => {}
            }
        }
        if destroyed {
            return Err(KeyError::Destroyed { id });
        }
        let key = key.ok_or_else(|| KeyError::Lost { id, path: self.files[0].0.clone() })?;
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        if cache.len() >= CACHED {
            cache.clear();
        }
        cache.insert(id, key.clone());
        Ok(key)
    }

    /// Checks every record of both files: `(path, what)` of those that are damaged. Nothing is changed.
    pub fn verify(&self) -> Vec<KeyFinding> {
        let mut findings = Vec::new();
        let made = self.made.load(Ordering::Acquire);
        for (path, file) in &self.files {
            let mut damaged = Vec::new();
            for id in (1..=made).map(KeyId) {
                let mut record = [0; RECORD];
                let readable = file.read_exact_at(&mut record, offset(id)).is_ok();
                if !readable || self.open_record(id, &record).is_none() {
                    damaged.push(id.0);
                }
            }
            if let (Some(first), Some(last)) = (damaged.first(), damaged.last()) {
                let what = format!("{} stream keys between {first} and {last} are damaged", damaged.len());
                findings.push(KeyFinding { path: path.clone(), what });
            }
        }
        findings
    }

    fn make_record(&self, id: KeyId) -> [u8; RECORD] {
        let mut random = [0; 56];
        getrandom::fill(&mut random).expect("the system has random numbers");
        let (key, nonce) = random.split_at(32);
        let mut record = [0; RECORD];
        record[..4].copy_from_slice(&id.0.to_le_bytes());
        record[4..8].copy_from_slice(&STATE_KEY.to_le_bytes());
        record[8..32].copy_from_slice(nonce);
        let payload = Payload { msg: key, aad: &self.additional(id) };
        let wrapped = self.cipher().encrypt(&nonce_of(&record), payload).expect("32 bytes can be sealed");
        record[32..80].copy_from_slice(&wrapped);
        finish(&mut record);
        record
    }

    fn open_record(&self, id: KeyId, record: &[u8; RECORD]) -> Option<Record> {
        if !is_whole(record) || u32_at(record, 0) != id.0 {
            return None;
        }
        if u32_at(record, 4) == STATE_DESTROYED {
            return Some(Record::Destroyed);
        }
        let payload = Payload { msg: &record[32..80], aad: &self.additional(id) };
        let key = self.cipher().decrypt(&nonce_of(record), payload).ok()?;
        Some(Record::Key(StreamKey(key.try_into().ok()?)))
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&Key::from(blake3::derive_key("zo 1 wrapping of stream keys", &self.home_key)))
    }

    fn additional(&self, id: KeyId) -> [u8; 20] {
        let mut additional = [0; 20];
        additional[..16].copy_from_slice(&self.home);
        additional[16..].copy_from_slice(&id.0.to_le_bytes());
        additional
    }
}

enum Record {
    Key(StreamKey),
    Destroyed,
}

fn offset(id: KeyId) -> u64 {
    u64::from(id.0) * RECORD as u64
}

fn nonce_of(record: &[u8; RECORD]) -> XNonce {
    let nonce: [u8; 24] = *record[8..].first_chunk().expect("a record has 96 bytes");
    nonce.into()
}

fn finish(record: &mut [u8; RECORD]) {
    let checksum = crc32fast::hash(&record[..RECORD - 4]);
    record[RECORD - 4..].copy_from_slice(&checksum.to_le_bytes());
}

fn is_whole(record: &[u8; RECORD]) -> bool {
    crc32fast::hash(&record[..RECORD - 4]) == u32_at(record, RECORD - 4)
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(*bytes[at..].first_chunk().expect("within a record"))
}

/// The home's key, from whichever copy is whole; a new one if the home is new.
fn open_home_key(folder: &Path, in_use: bool, report: &mut Vec<KeyFinding>) -> Result<[u8; 32], KeyError> {
    let paths = [folder.join("home.key"), folder.join("home.key.copy")];
    let mut texts = Vec::with_capacity(2);
    for path in &paths {
        check_mode(path)?;
        texts.push(match fs::read(path) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(DiskError::on("read", path)(error).into()),
        });
    }
    let keys: Vec<Option<[u8; 32]>> = texts.iter().map(|text| parse_home_key(text.as_deref()?)).collect();
    let key = match keys.iter().flatten().next() {
        Some(key) => *key,
        None if in_use => return Err(KeyError::HomeKeyLost { path: paths[0].clone() }),
        None => {
            let mut key = [0; 32];
            getrandom::fill(&mut key).expect("the system has random numbers");
            key
        }
    };
    let is_new = keys.iter().all(Option::is_none);
    for ((path, text), found) in paths.iter().zip(&texts).zip(&keys) {
        if found.is_none() {
            files::write_atomic(path, &render_home_key(&key), 0o600)?;
            if !is_new {
                let state = if text.is_some() { "it was damaged" } else { "it was gone" };
                let what = format!("{state}; written anew from its copy");
                report.push(KeyFinding { path: path.clone(), what });
            }
        }
    }
    Ok(key)
}

fn render_home_key(key: &[u8; 32]) -> Vec<u8> {
    let lines = format!("zo home key 1\n{}\n", blake3::Hash::from_bytes(*key).to_hex());
    format!("{lines}{:08x}\n", crc32fast::hash(lines.as_bytes())).into_bytes()
}

fn parse_home_key(text: &[u8]) -> Option<[u8; 32]> {
    let text = std::str::from_utf8(text).ok()?;
    let key = blake3::Hash::from_hex(text.lines().nth(1)?).ok()?;
    (text.as_bytes() == render_home_key(key.as_bytes())).then_some(*key.as_bytes())
}

type KeyFiles = [(PathBuf, File); 2];

/// Opens both files, mends each from the other, and says up to which id both have keys.
fn open_stream_keys(
    paths: [PathBuf; 2],
    home: [u8; 16],
    report: &mut Vec<KeyFinding>,
) -> Result<(KeyFiles, u32), KeyError> {
    let mut contents = Vec::with_capacity(2);
    let mut missing = Vec::with_capacity(2);
    for path in &paths {
        check_mode(path)?;
        let content = match fs::read(path) {
            Ok(content) => Some(content),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(DiskError::on("read", path)(error).into()),
        };
        missing.push(content.is_none());
        let content = content.unwrap_or_default();
        check_header(path, &content, home)?;
        contents.push(content);
    }
    let is_new = missing.iter().all(|missing| *missing);
    let merged = merge(&contents, home);
    for ((path, content), missing) in paths.iter().zip(&contents).zip(&missing) {
        // Beyond the whole records there may be a pool that a crash cut short: never used, and made again.
        if content.get(..merged.len()) != Some(&merged[..]) {
            files::write_atomic(path, &merged, 0o600)?;
            if !is_new {
                let state = if *missing { "it was gone" } else { "it was damaged or behind" };
                let what = format!("{state}; written anew from its copy");
                report.push(KeyFinding { path: path.clone(), what });
            }
        }
    }
    let open = |path: PathBuf| -> Result<(PathBuf, File), DiskError> {
        let file = OpenOptions::new().read(true).write(true).mode(0o600).open(&path);
        file.map_err(DiskError::on("open", &path)).map(|file| (path, file))
    };
    let [first, second] = paths;
    let made = u32::try_from(merged.len() / RECORD - 1).expect("a key id has 32 bits");
    Ok(([open(first)?, open(second)?], made))
}

/// A header that is whole says which home and format the file is of; one that is damaged is mended.
fn check_header(path: &Path, content: &[u8], home: [u8; 16]) -> Result<(), KeyError> {
    let Some(header) = content.first_chunk::<RECORD>() else { return Ok(()) };
    if !is_whole(header) || header[..4] != MAGIC {
        return Ok(());
    }
    let found = u32_at(header, 4);
    if found > FORMAT {
        return Err(KeyError::Newer { path: path.to_owned(), found });
    }
    if header[8..24] != home {
        return Err(KeyError::Foreign { path: path.to_owned() });
    }
    Ok(())
}

/// The records of both files, each from whichever has it whole. A destroyed key wins over one that is not. A record that
/// is whole in neither stays as it is in the first, so that the keys behind it keep their places.
fn merge(contents: &[Vec<u8>], home: [u8; 16]) -> Vec<u8> {
    let mut header = [0; RECORD];
    header[..4].copy_from_slice(&MAGIC);
    header[4..8].copy_from_slice(&FORMAT.to_le_bytes());
    header[8..24].copy_from_slice(&home);
    finish(&mut header);
    let record_at = |content: &[u8], index: usize| -> Option<[u8; RECORD]> {
        content.get(index * RECORD..(index + 1) * RECORD)?.first_chunk().copied()
    };
    let whole_at = |content: &[u8], index: usize| {
        record_at(content, index).filter(|record| is_whole(record) && u32_at(record, 0) as usize == index)
    };
    let count = contents.iter().map(|content| content.len() / RECORD).max().unwrap_or(0);
    let last = (1..count).rev().find(|&index| contents.iter().any(|content| whole_at(content, index).is_some()));
    let mut merged = header.to_vec();
    for index in 1..=last.unwrap_or(0) {
        let whole: Vec<[u8; RECORD]> = contents.iter().filter_map(|content| whole_at(content, index)).collect();
        let destroyed = whole.iter().find(|record| u32_at(&record[..], 4) == STATE_DESTROYED);
        let record = destroyed.or(whole.first()).copied();
        merged.extend_from_slice(&record.or_else(|| record_at(&contents[0], index)).unwrap_or([0; RECORD]));
    }
    merged
}

fn check_mode(path: &Path) -> Result<(), KeyError> {
    match fs::metadata(path) {
        Ok(found) if found.permissions().mode() & 0o077 != 0 => {
            Err(KeyError::TooWide { path: path.to_owned(), mode: found.permissions().mode() & 0o777 })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;

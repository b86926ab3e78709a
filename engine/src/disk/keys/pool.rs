//! The file of stream keys and its copy.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use zo_projections::KeyId;

use super::home::{check_mode, fill_random};
use super::{KeyError, StreamKey};
use crate::disk::DiskError;
use crate::disk::files::{read_range, sync_folder};
use crate::log::HomeId;

/// The version of the format written by this code. Readers refuse a higher one.
pub(super) const FORMAT: u16 = 1;
/// Bytes of one key in the file.
pub(super) const RECORD_BYTES: usize = 80;

const NAMES: [&str; 2] = ["streams.key", "streams.key.copy"];
const MAGIC: [u8; 8] = *b"ZOKEYS\r\n";
const HEADER: usize = 128;
const NONCE: usize = 24;
const CHECK_AT: usize = 72;

/// Both files, open.
#[derive(Debug)]
pub(super) struct Pool {
    files: [(PathBuf, File); 2],
    home: HomeId,
    cipher: Cipher,
    /// The last key that is whole in both files.
    last: u32,
}

struct Cipher(XChaCha20Poly1305);

impl std::fmt::Debug for Cipher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Cipher(…)")
    }
}

impl Pool {
    /// Whether there are stream keys in `folder`.
    pub(super) fn exists(folder: &Path) -> bool {
        NAMES.iter().any(|name| folder.join(name).metadata().is_ok_and(|metadata| metadata.len() > HEADER as u64))
    }

    /// Opens both files, makes them if they are missing, and makes them equally long.
    pub(super) fn open(
        folder: &Path,
        home: HomeId,
        wrapping_key: [u8; 32],
        findings: &mut Vec<String>,
    ) -> Result<Self, KeyError> {
        let existed = Self::exists(folder);
        let mut opened = Vec::new();
        for name in NAMES {
            let path = folder.join(name);
            check_mode(&path)?;
            let mut options = OpenOptions::new();
            options.read(true).write(true).create(true).truncate(false).mode(0o600);
            let file = options.open(&path).map_err(DiskError::on("open", &path))?;
            opened.push((path, file));
        }
        let files: [(PathBuf, File); 2] = opened.try_into().expect("there are two names");
        for (path, file) in &files {
            let header = read_range(file, 0, HEADER).map_err(DiskError::on("read", path))?;
            match decode_header(&header, &home) {
                Header::Ours => continue,
                Header::Newer(found) => return Err(KeyError::Newer { path: path.clone(), found }),
                Header::Other => return Err(KeyError::OtherHome { path: path.clone() }),
                Header::Damaged => {}
            }
            file.write_all_at(&encode_header(&home), 0).map_err(DiskError::on("write", path))?;
            file.sync_all().map_err(DiskError::on("sync", path))?;
            if existed {
                findings.push(format!("{}: its header was damaged or missing; written anew", path.display()));
            }
        }
        sync_folder(folder)?;
        let cipher = Cipher(XChaCha20Poly1305::new(&wrapping_key.into()));
        let mut pool = Self { files, home, cipher, last: 0 };
        pool.level(findings)?;
        Ok(pool)
    }

    /// The last key.
    pub(super) fn last(&self) -> u32 {
        self.last
    }

    /// The key `id`, from whichever file has it whole; the other one is repaired.
    pub(super) fn get(&self, id: KeyId, findings: &mut Vec<String>) -> Result<StreamKey, KeyError> {
        for (index, (path, file)) in self.files.iter().enumerate() {
            let record = read_record(path, file, id.0)?;
            let Some(key) = self.unwrap(id.0, &record) else { continue };
            if index == 1 {
                let (damaged, file) = &self.files[0];
                write_records(damaged, file, id.0, &record)?;
                let key = format!("stream key {} was damaged; written anew from the other copy", id.0);
                findings.push(format!("{}: {key}", damaged.display()));
            }
            return Ok(key);
        }
        Err(KeyError::Lost { id })
    }

    /// Makes keys until `up_to` is the last. They are durable in both files on return.
    pub(super) fn grow(&mut self, up_to: u32) -> Result<(), KeyError> {
        if up_to <= self.last {
            return Ok(());
        }
        let mut records = Vec::new();
        for number in self.last + 1..=up_to {
            let mut random = [0; 32 + NONCE];
            fill_random(&mut random)?;
            let (key, nonce) = random.split_at(32);
            records.extend_from_slice(&self.wrap(number, key, nonce));
        }
        for (path, file) in &self.files {
            write_records(path, file, self.last + 1, &records)?;
        }
        self.last = up_to;
        Ok(())
    }

    /// What is wrong with any key in either file.
    pub(super) fn verify(&self) -> Result<Vec<String>, DiskError> {
        let mut wrong = Vec::new();
        for (path, file) in &self.files {
            for number in 1..=self.last {
                if self.unwrap(number, &read_record(path, file, number)?).is_none() {
                    wrong.push(format!("{}: stream key {number} is damaged", path.display()));
                }
            }
        }
        Ok(wrong)
    }

    /// Finds the last key, and gives the shorter file what only the longer one has. A pool that was not finished
    /// when the process died has never been used: what is left of it is dropped.
    fn level(&mut self, findings: &mut Vec<String>) -> Result<(), KeyError> {
        let mut counts = [0; 2];
        for (count, (path, file)) in counts.iter_mut().zip(&self.files) {
            let length = file.metadata().map_err(DiskError::on("look at", path))?.len();
            let records = length.saturating_sub(HEADER as u64) / RECORD_BYTES as u64;
            *count = u32::try_from(records).unwrap_or(u32::MAX);
        }
        let mut last = counts[0].max(counts[1]);
        while last > 0 && !self.has(last)? {
            last -= 1;
        }
        for (index, count) in counts.into_iter().enumerate() {
            if count >= last {
                continue;
            }
            let (path, file) = &self.files[index];
            let (other, longer) = &self.files[1 - index];
            let from = HEADER + count as usize * RECORD_BYTES;
            let missing = (last - count) as usize * RECORD_BYTES;
            let records = read_range(longer, from as u64, missing).map_err(DiskError::on("read", other))?;
            write_records(path, file, count + 1, &records)?;
            findings.push(format!(
                "{}: keys {} to {last} were missing; copied from the other",
                path.display(),
                count + 1
            ));
        }
        self.last = last;
        Ok(())
    }

    fn has(&self, number: u32) -> Result<bool, DiskError> {
        for (path, file) in &self.files {
            if self.unwrap(number, &read_record(path, file, number)?).is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn wrap(&self, number: u32, key: &[u8], nonce: &[u8]) -> Vec<u8> {
        let bound_to = self.bound_to(number);
        let sealed = self.cipher.0.encrypt(XNonce::from_slice(nonce), Payload { msg: key, aad: &bound_to });
        let mut record = nonce.to_vec();
        record.extend_from_slice(&sealed.expect("32 bytes can be encrypted"));
        record.extend_from_slice(&checksum(number, &record));
        record
    }

    fn unwrap(&self, number: u32, record: &[u8]) -> Option<StreamKey> {
        let record = record.first_chunk::<RECORD_BYTES>()?;
        if checksum(number, &record[..CHECK_AT]) != record[CHECK_AT..] {
            return None;
        }
        let payload = Payload { msg: &record[NONCE..CHECK_AT], aad: &self.bound_to(number) };
        let key = self.cipher.0.decrypt(XNonce::from_slice(&record[..NONCE]), payload).ok()?;
        Some(StreamKey(key.try_into().ok()?))
    }

    fn bound_to(&self, number: u32) -> [u8; 20] {
        let mut bytes = [0; 20];
        bytes[..4].copy_from_slice(&number.to_le_bytes());
        bytes[4..].copy_from_slice(&self.home);
        bytes
    }
}

fn checksum(number: u32, record: &[u8]) -> [u8; 8] {
    let hash = blake3::Hasher::new().update(&number.to_le_bytes()).update(record).finalize();
    *hash.as_bytes().first_chunk().expect("a hash is 32 bytes")
}

fn read_record(path: &Path, file: &File, number: u32) -> Result<Vec<u8>, DiskError> {
    let at = HEADER + (number as usize - 1) * RECORD_BYTES;
    read_range(file, at as u64, RECORD_BYTES).map_err(DiskError::on("read", path))
}

fn write_records(path: &Path, file: &File, first: u32, records: &[u8]) -> Result<(), DiskError> {
    let at = HEADER + (first as usize - 1) * RECORD_BYTES;
    file.write_all_at(records, at as u64).map_err(DiskError::on("write", path))?;
    file.sync_data().map_err(DiskError::on("sync", path))
}

enum Header {
    Ours,
    Other,
    Newer(u16),
    Damaged,
}

fn encode_header(home: &HomeId) -> [u8; HEADER] {
    let mut bytes = [0; HEADER];
    bytes[..8].copy_from_slice(&MAGIC);
    bytes[8..10].copy_from_slice(&FORMAT.to_le_bytes());
    bytes[16..32].copy_from_slice(home);
    let hash = blake3::hash(&bytes[..96]);
    bytes[96..].copy_from_slice(hash.as_bytes());
    bytes
}

fn decode_header(bytes: &[u8], home: &HomeId) -> Header {
    let Some(bytes) = bytes.first_chunk::<HEADER>() else { return Header::Damaged };
    if bytes[..8] != MAGIC || blake3::hash(&bytes[..96]).as_bytes() != &bytes[96..] {
        return Header::Damaged;
    }
    match u16::from_le_bytes([bytes[8], bytes[9]]) {
        FORMAT if bytes[16..32] == *home => Header::Ours,
        FORMAT => Header::Other,
        found => Header::Newer(found),
    }
}

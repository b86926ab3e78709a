//! The home's key: 32 random bytes in a text file, twice.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::KeyError;
use crate::disk::DiskError;
use crate::disk::files::write_atomic;

const NAME: &str = "home.key";
const COPY: &str = "home.key.copy";
const PREFIX: &str = "zo-home-key-1:";

/// The key that everything else is derived from or wrapped by.
pub(super) struct HomeKey([u8; 32]);

impl HomeKey {
    /// Reads the key in `folder`, or makes it. If it `wraps` keys already and cannot be read, it is lost: a new
    /// one would hide that.
    pub(super) fn open(folder: &Path, wraps: bool, findings: &mut Vec<String>) -> Result<Self, KeyError> {
        let (path, copy) = (folder.join(NAME), folder.join(COPY));
        let (first, second) = (read(&path)?, read(&copy)?);
        let key = match (&first, &second) {
            (Read::Key(key), _) | (_, Read::Key(key)) => *key,
            (Read::Missing, Read::Missing) if !wraps => random()?,
            _ => return Err(KeyError::HomeKeyLost { path }),
        };
        let is_new = matches!((&first, &second), (Read::Missing, Read::Missing));
        for (path, found) in [(&path, first), (&copy, second)] {
            if !matches!(found, Read::Key(found) if found == key) {
                write_atomic(path, encode(&key).as_bytes(), 0o600)?;
                if !is_new {
                    findings.push(format!(
                        "{}: it was {}; written anew from the other copy",
                        path.display(),
                        found.word()
                    ));
                }
            }
        }
        Ok(Self(key))
    }

    /// The key that wraps stream keys.
    pub(super) fn wrapping_key(&self) -> [u8; 32] {
        self.derive("zo 1 wrapping of stream keys")
    }

    /// A key for the purpose `context` (blake3's key derivation).
    pub(super) fn derive(&self, context: &str) -> [u8; 32] {
        blake3::derive_key(context, &self.0)
    }
}

impl std::fmt::Debug for HomeKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HomeKey(…)")
    }
}

enum Read {
    Key([u8; 32]),
    Damaged,
    Missing,
}

impl Read {
    fn word(&self) -> &'static str {
        match self {
            Self::Key(_) => "another key",
            Self::Damaged => "damaged",
            Self::Missing => "missing",
        }
    }
}

fn read(path: &Path) -> Result<Read, KeyError> {
    check_mode(path)?;
    match fs::read(path) {
        Ok(bytes) => Ok(decode(&bytes).map_or(Read::Damaged, Read::Key)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Read::Missing),
        Err(error) => Err(DiskError::on("read", path)(error).into()),
    }
}

/// Refuses a key file that others can read.
pub(super) fn check_mode(path: &Path) -> Result<(), KeyError> {
    let Ok(metadata) = fs::metadata(path) else { return Ok(()) };
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o177 == 0 { Ok(()) } else { Err(KeyError::TooOpen { path: path.to_owned(), mode, right: "600" }) }
}

/// Closes the folder to others. It holds nothing that they should see, but its files say so themselves.
pub(super) fn restrict_folder(folder: &Path) -> Result<(), KeyError> {
    let metadata = fs::metadata(folder).map_err(DiskError::on("look at", folder))?;
    if metadata.permissions().mode() & 0o077 != 0 {
        let mode = fs::Permissions::from_mode(0o700);
        fs::set_permissions(folder, mode).map_err(DiskError::on("set the mode of", folder))?;
    }
    Ok(())
}

/// Fills `bytes` from the system's source of random numbers.
pub(super) fn fill_random(bytes: &mut [u8]) -> Result<(), KeyError> {
    getrandom::fill(bytes).map_err(|error| KeyError::Random(error.to_string()))
}

fn random() -> Result<[u8; 32], KeyError> {
    let mut key = [0; 32];
    fill_random(&mut key)?;
    Ok(key)
}

fn encode(key: &[u8; 32]) -> String {
    let digits: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{PREFIX}{digits}:{}\n", checksum(key))
}

fn decode(bytes: &[u8]) -> Option<[u8; 32]> {
    let text = str::from_utf8(bytes).ok()?;
    let (digits, check) = text.strip_suffix('\n')?.strip_prefix(PREFIX)?.split_once(':')?;
    let mut key = [0; 32];
    let canonical = digits.len() == 64 && digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
    if !canonical {
        return None;
    }
    for (byte, digits) in key.iter_mut().zip(digits.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()?;
    }
    (checksum(&key) == check).then_some(key)
}

fn checksum(key: &[u8; 32]) -> String {
    // Of a derived key: what is shown of it tells nothing about the key itself.
    blake3::derive_key("zo 1 checksum of the home key", key)[..4].iter().map(|byte| format!("{byte:02x}")).collect()
}

//! age: the identity's file, and encrypting for it.
//!
//! Formats: age-encryption.org/v1 (C2SP, c2sp.org/age). What age says when it cannot decrypt is matched and never
//! formatted: of `DecryptError`, the text of `ExcessiveWork` computes `1 << (required - target)` from a number that
//! stands in the file, and panics where overflow is checked.

use std::fmt;
use std::io::{self, Read, Write};

use age::secrecy::{ExposeSecret, SecretString};
use age::{DecryptError, Decryptor, Encryptor, scrypt, x25519};
use zeroize::Zeroizing;

use crate::secret::Secret;

/// scrypt's work factor for a passphrase, as a power of two: N = 2^17, r = 8, p = 1, which takes 128 MiB and about 0.3 s;
/// with p = 1 the least that is recommended for passwords (OWASP, Password Storage Cheat Sheet). Fixed, because age would otherwise
/// measure the machine: an identity made on a fast one is to open on a small one too. Every command that uses a key
/// pays it once.
pub(crate) const WORK_FACTOR: u8 = 17;
/// The highest work factor that is accepted, 1 GiB of memory: the `age` tool writes 18.
pub(crate) const MAX_WORK_FACTOR: u8 = 20;

/// How every file that age has encrypted begins; the version follows, and a line break.
const MAGIC: &[u8] = b"age-encryption.org/";

/// What opens a vault, opened itself. `Debug` shows nothing of it.
pub(crate) struct Identity {
    text: Zeroizing<Vec<u8>>,
    keys: Vec<x25519::Identity>,
}

/// Why something that is encrypted was not opened.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unopened {
    /// It is under a passphrase, and none was given.
    PassphraseNeeded,
    /// Another passphrase opens it.
    WrongPassphrase,
    /// It is not for this identity.
    WrongIdentity,
    /// It is not what it should be; this says why.
    Damaged(String),
    /// A version of age's format that is not known.
    Newer(String),
}

impl Identity {
    /// A new one.
    pub(crate) fn generate() -> Self {
        let key = x25519::Identity::generate();
        let secret = key.to_string();
        let public = key.to_public().to_string();
        let mut text = Zeroizing::new(Vec::with_capacity(64 + public.len() + secret.expose_secret().len()));
        for part in ["# public key: ", &public, "\n", secret.expose_secret(), "\n"] {
            text.extend_from_slice(part.as_bytes());
        }
        Self { text, keys: vec![key] }
    }

    /// Reads an identity's file, as [`Self::seal`] or age's tools have written it. A passphrase that is not needed is
    /// not looked at.
    pub(crate) fn open(file: &[u8], passphrase: Option<&Secret>) -> Result<Self, Unopened> {
        if !is_sealed(file) {
            return Self::parse(Zeroizing::new(file.to_vec()));
        }
        let decryptor = decryptor(file)?;
        if !decryptor.is_scrypt() {
            return Err(Unopened::Damaged("it is encrypted, but not with a passphrase".to_owned()));
        }
        let passphrase = passphrase.ok_or(Unopened::PassphraseNeeded)?;
        let mut identity = scrypt::Identity::new(SecretString::from(passphrase.expose()));
        identity.set_max_work_factor(MAX_WORK_FACTOR);
        Self::parse(read(decryptor, &[&identity], file.len())?)
    }

    fn parse(text: Zeroizing<Vec<u8>>) -> Result<Self, Unopened> {
        let damaged = |why: &str| Unopened::Damaged(why.to_owned());
        let lines = std::str::from_utf8(&text).map_err(|_| damaged("it is not text"))?;
        let mut keys = Vec::new();
        for (number, line) in lines.lines().enumerate() {
            let line = line.trim();
            if line.starts_with("-----BEGIN AGE ENCRYPTED FILE") {
                return Err(damaged("it is in age's armour, which zo does not read: only binary files"));
            }
            if !line.is_empty() && !line.starts_with('#') {
                // The parser's message is left out: the line may be a secret.
                let key =
                    line.parse().map_err(|_| damaged(&format!("line {} is no X25519 identity of age", number + 1)))?;
                keys.push(key);
            }
        }
        if keys.is_empty() {
            return Err(damaged("there is no identity in it"));
        }
        Ok(Self { text, keys })
    }

    /// The identity's file: in clear, or under a passphrase.
    pub(crate) fn seal(&self, passphrase: Option<&Secret>) -> Zeroizing<Vec<u8>> {
        match passphrase {
            None => self.text.clone(),
            Some(passphrase) => Zeroizing::new(self.seal_at(passphrase, WORK_FACTOR)),
        }
    }

    fn seal_at(&self, passphrase: &Secret, work_factor: u8) -> Vec<u8> {
        let mut recipient = scrypt::Recipient::new(SecretString::from(passphrase.expose()));
        recipient.set_work_factor(work_factor);
        encrypt(&self.text, &[&recipient])
    }

    /// Encrypts for this identity: every key in it can open the result.
    pub(crate) fn encrypt(&self, plaintext: &[u8]) -> Vec<u8> {
        let recipients: Vec<_> = self.keys.iter().map(x25519::Identity::to_public).collect();
        encrypt(plaintext, &recipients.iter().map(|recipient| recipient as &dyn age::Recipient).collect::<Vec<_>>())
    }

    /// Decrypts what was encrypted for this identity.
    pub(crate) fn decrypt(&self, file: &[u8]) -> Result<Zeroizing<Vec<u8>>, Unopened> {
        let keys: Vec<_> = self.keys.iter().map(|key| key as &dyn age::Identity).collect();
        read(decryptor(file)?, &keys, file.len())
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[identity]")
    }
}

/// Whether an identity's file is under a passphrase; fails as [`Identity::open`] would with any passphrase.
pub(crate) fn needs_passphrase(file: &[u8]) -> Result<bool, Unopened> {
    match Identity::open(file, None) {
        Ok(_) => Ok(false),
        Err(Unopened::PassphraseNeeded) => Ok(true),
        Err(other) => Err(other),
    }
}

fn is_sealed(file: &[u8]) -> bool {
    file.starts_with(MAGIC)
}

fn encrypt(plaintext: &[u8], recipients: &[&dyn age::Recipient]) -> Vec<u8> {
    let encryptor =
        Encryptor::with_recipients(recipients.iter().copied()).expect("there are recipients, and they are of one kind");
    let mut file = Vec::with_capacity(plaintext.len() + 1024);
    let mut writer = encryptor.wrap_output(&mut file).expect("memory takes everything");
    writer.write_all(plaintext).and_then(|()| writer.finish()).expect("memory takes everything");
    file
}

fn decryptor(file: &[u8]) -> Result<Decryptor<&[u8]>, Unopened> {
    if !is_sealed(file) {
        return Err(Unopened::Damaged("it does not begin as a file of age does".to_owned()));
    }
    Decryptor::new_buffered(file).map_err(|error| match error {
        // age says so too of a header of its own version that it cannot parse.
        DecryptError::UnknownFormat => match version(file) {
            Some(version) if version != "v1" => Unopened::Newer(format!("age {version}")),
            _ => Unopened::Damaged("its header is damaged".to_owned()),
        },
        other => unopened(&other),
    })
}

/// The plaintext, in a buffer that never moves: there is room for as much as was encrypted.
fn read(
    decryptor: Decryptor<&[u8]>,
    identities: &[&dyn age::Identity],
    room: usize,
) -> Result<Zeroizing<Vec<u8>>, Unopened> {
    let mut plaintext = Zeroizing::new(Vec::with_capacity(room));
    let mut reader = decryptor.decrypt(identities.iter().copied()).map_err(|error| unopened(&error))?;
    reader.read_to_end(&mut plaintext).map_err(|error| unopened_by(&error))?;
    Ok(plaintext)
}

/// The version in the first line, if it looks like one.
fn version(file: &[u8]) -> Option<&str> {
    let line = file.strip_prefix(MAGIC)?.split(|byte| *byte == b'\n').next()?;
    let digits = line.strip_prefix(b"v")?;
    let looks = (1..=4).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(line).ok().filter(|_| looks)
}

fn unopened(error: &DecryptError) -> Unopened {
    let why = match error {
        // Only a passphrase fails like this: a key that does not fit is no matching one.
        DecryptError::DecryptionFailed | DecryptError::KeyDecryptionFailed => return Unopened::WrongPassphrase,
        DecryptError::NoMatchingKeys => return Unopened::WrongIdentity,
        DecryptError::Io(error) => return unopened_by(error),
        DecryptError::ExcessiveWork { required, .. } => {
            let why =
                format!("its passphrase costs 2^{required} rounds of scrypt, and 2^{MAX_WORK_FACTOR} are the most");
            return Unopened::Damaged(why);
        }
        DecryptError::InvalidHeader => "its header is damaged",
        DecryptError::InvalidMac => "its header has been changed",
        DecryptError::UnknownFormat => "its format is not known",
        _ => "age cannot read it",
    };
    Unopened::Damaged(why.to_owned())
}

/// Reading from memory fails only where what is there is not what was written.
fn unopened_by(error: &io::Error) -> Unopened {
    let why = match error.kind() {
        io::ErrorKind::UnexpectedEof => "it is cut short",
        _ => "its content has been changed",
    };
    Unopened::Damaged(why.to_owned())
}

#[cfg(test)]
mod tests;

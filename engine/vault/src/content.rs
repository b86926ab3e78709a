//! What is in the vault, `{"version":1,"keys":{"openai":"…"}}`, and which names and keys are accepted.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::{Serialize, Serializer};
use zeroize::Zeroizing;

use crate::error::VaultError;
use crate::secret::Secret;

/// The version of the content that is written; a higher one is refused.
pub(crate) const VERSION: u32 = 1;
/// Longer than any provider's name.
pub(crate) const MAX_NAME_BYTES: usize = 64;
/// Longer than any key, and short enough for a header; the longest known are signed tokens of about 2 KiB.
pub(crate) const MAX_KEY_BYTES: usize = 4096;

/// All keys, by provider.
pub(crate) type Keys = BTreeMap<String, Secret>;

/// Why a plaintext is no content.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// It is no content at all.
    Damaged(String),
    /// Its version is higher than ours.
    Newer(u32),
}

#[derive(serde::Deserialize)]
struct Head {
    version: u32,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Read {
    #[serde(rename = "version")]
    _version: u32,
    keys: Keys,
}

#[derive(serde::Serialize)]
struct Written<'a> {
    version: u32,
    keys: &'a Keys,
}

/// Reads a decrypted vault. Keys are taken as they are: the rules of an older version may have been others.
pub(crate) fn read(plaintext: &[u8]) -> Result<Keys, Unreadable> {
    // A message of the parser quotes what it has met, which may be a key: only the place is passed on.
    let damaged = |error: serde_json::Error| {
        Unreadable::Damaged(format!(
            "its content is not what zo writes (line {}, column {})",
            error.line(),
            error.column()
        ))
    };
    let head: Head = serde_json::from_slice(plaintext).map_err(damaged)?;
    if head.version > VERSION {
        return Err(Unreadable::Newer(head.version));
    }
    Ok(serde_json::from_slice::<Read>(plaintext).map_err(damaged)?.keys)
}

/// Writes the content. The buffer is as large as it may become, so that it never moves and leaves a copy behind.
pub(crate) fn write(keys: &Keys) -> Zeroizing<Vec<u8>> {
    // JSON needs up to six bytes for a byte, and a few for its punctuation.
    let room = keys.iter().map(|(name, key)| 6 * (name.len() + key.expose().len()) + 6).sum::<usize>() + 64;
    let mut plaintext = Zeroizing::new(Vec::with_capacity(room));
    serde_json::to_writer(&mut *plaintext, &Written { version: VERSION, keys }).expect("texts can be written as JSON");
    debug_assert!(plaintext.len() <= room, "the buffer has not moved");
    plaintext
}

/// Whether a provider can be called that.
pub(crate) fn check_name(name: &str) -> Result<(), VaultError> {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let valid = name.len() <= MAX_NAME_BYTES
        && name.bytes().next().is_some_and(inner)
        && name.bytes().all(|byte| inner(byte) || b"._-".contains(&byte));
    if valid { Ok(()) } else { Err(VaultError::InvalidName { name: name.to_owned() }) }
}

/// Whether a provider can have given that out: it has to pass through an HTTP header.
pub(crate) fn check_key(key: &Secret) -> Result<(), VaultError> {
    let text = key.expose();
    let why = if text.is_empty() {
        "it is empty"
    } else if text.len() > MAX_KEY_BYTES {
        "it is too long"
    } else if text.chars().any(char::is_whitespace) {
        "there are blanks or line breaks in it"
    } else if text.chars().any(char::is_control) {
        "there are control characters in it"
    } else if !text.is_ascii() {
        "there are characters in it that are not ASCII"
    } else {
        return Ok(());
    };
    Err(VaultError::InvalidKey { why })
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.expose())
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl Visitor<'_> for Text {
            type Value = Secret;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a key")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Secret, E> {
                Ok(Secret::new(text))
            }
        }

        // As borrowed text, so that no copy of it is made in between.
        deserializer.deserialize_str(Text)
    }
}

#[cfg(test)]
mod tests;

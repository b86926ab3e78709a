//! From a key and a value to one term of the index: `key`, a NUL, `value`.
//!
//! Keys and values that are too long for a term stand in it as their beginning and a hash of the
//! whole, so they are compared exactly (to 128 bits), but only the beginning can be read back. A NUL
//! within a key becomes a replacement character: nothing else may stand before the first NUL.

use std::borrow::Cow;
use std::collections::HashSet;

use crate::document::Document;

/// What stands between key and value.
pub(crate) const SEPARATOR: char = '\0';

/// Longer names and values are shortened and hashed, in bytes.
const MAX_BYTES: usize = 200;

/// So much of one that is too long stays readable, in bytes.
const KEPT_BYTES: usize = 100;

/// The term for a key and a value.
pub(crate) fn term(key: &str, value: &str) -> String {
    let mut term = prefix(key);
    term.push_str(&bounded(value));
    term
}

/// What the terms of a key begin with.
pub(crate) fn prefix(key: &str) -> String {
    let mut prefix = bounded(key).replace(SEPARATOR, "\u{FFFD}");
    prefix.push(SEPARATOR);
    prefix
}

/// The different terms of a document's facets.
pub(crate) fn terms(document: &Document) -> HashSet<String> {
    document.facets.iter().map(|(key, value)| term(key, value)).collect()
}

/// The key that a term stands for.
pub(crate) fn key_of(term: &str) -> &str {
    term.split(SEPARATOR).next().unwrap_or_default()
}

/// A name or value, if it is too long as its beginning and a hash.
pub(crate) fn bounded(value: &str) -> Cow<'_, str> {
    if value.len() <= MAX_BYTES {
        return Cow::Borrowed(value);
    }
    let beginning = &value[..value.floor_char_boundary(KEPT_BYTES)];
    let hash = blake3::hash(value.as_bytes()).to_hex();
    Cow::Owned(format!("{beginning}\u{1}{}", &hash[..32]))
}

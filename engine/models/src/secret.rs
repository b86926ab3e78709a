//! Keys, and how they are kept out of everything that is shown.

use std::fmt;

use zeroize::Zeroizing;

/// What stands where a secret was.
pub(crate) const REDACTED: &str = "[secret]";

/// A key that never shows itself: printed it is `[secret]`, dropped it is overwritten with zeros.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Wraps a key; white space around it (a line end from a file, say) does not belong to it.
    pub fn new(text: impl Into<String>) -> Self {
        let text = Zeroizing::new(text.into());
        Secret(if text.trim().len() == text.len() { text } else { Zeroizing::new(text.trim().to_string()) })
    }

    /// The key itself, for the one header that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

/// `text` without the key, wherever a provider quoted it; also as JSON or a URL would write it.
pub(crate) fn redact(text: &str, key: Option<&Secret>) -> String {
    let Some(key) = key.map(Secret::expose).filter(|key| !key.is_empty()) else { return text.to_string() };
    let mut clean = text.replace(key, REDACTED);
    let in_url = percent_encoded(key);
    if in_url != key {
        clean = clean.replace(&in_url, REDACTED);
    }
    let in_json = serde_json::Value::from(key).to_string();
    let in_json = in_json.trim_matches('"');
    if in_json != key && !in_json.is_empty() {
        clean = clean.replace(in_json, REDACTED);
    }
    clean
}

fn percent_encoded(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(byte as char),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
        out
    })
}

#[cfg(test)]
mod tests;

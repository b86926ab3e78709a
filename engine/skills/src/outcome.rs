//! What a script said.

#[cfg(test)]
mod tests;

use serde::Serialize;
use serde_json::Value;

/// Most bytes of a result that are read as JSON: more than any model could be told.
pub(crate) const MAX_RESULT_BYTES: usize = 8 * 1024 * 1024;

/// What a script printed.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ScriptResult {
    /// One JSON value.
    Json {
        /// The value.
        value: Value,
    },
    /// Something else.
    Text {
        /// What was printed; bytes that are not UTF-8 are replaced by U+FFFD.
        text: String,
        /// Why it is no JSON, for whoever expected it.
        why: String,
    },
    /// Nothing, or nothing but space.
    Nothing,
}

/// Reads what a script printed to stdout: JSON if that is what it is, else text, with the reason.
pub fn result_of(stdout: &[u8]) -> ScriptResult {
    let text = |why: String| ScriptResult::Text { text: String::from_utf8_lossy(stdout).into_owned(), why };
    if stdout.iter().all(u8::is_ascii_whitespace) {
        return ScriptResult::Nothing;
    }
    if stdout.len() > MAX_RESULT_BYTES {
        let why = format!("{} bytes, at most {MAX_RESULT_BYTES} are read as JSON", stdout.len());
        return text(why);
    }
    match serde_json::from_slice(stdout) {
        Ok(value) => ScriptResult::Json { value },
        Err(error) => text(format!("not JSON: {error}")),
    }
}

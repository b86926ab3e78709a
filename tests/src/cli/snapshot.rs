//! JSON as a snapshot: what differs from run to run is replaced by what it is.

use serde_json::Value;

/// Length of a ULID.
const ULID_LENGTH: usize = 26;

/// The value on one line, with ids as `<id>`, times as `<time>` and hashes as `<hash>`. Positions and versions stay: in a
/// scratch home they are the same every time.
pub fn snapshot(value: &Value) -> String {
    normalised(value).to_string()
}

fn normalised(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(normalised_text(text)),
        Value::Array(values) => Value::Array(values.iter().map(normalised).collect()),
        Value::Object(object) => {
            Value::Object(object.iter().map(|(key, value)| (key.clone(), normalised(value))).collect())
        }
        other => other.clone(),
    }
}

/// Replaces every word that is an id, a time or a hash.
fn normalised_text(text: &str) -> String {
    let mut out = String::new();
    for piece in text.split_inclusive(|letter: char| !is_of_word(letter)) {
        let word = piece.trim_end_matches(|letter: char| !is_of_word(letter));
        out.push_str(match word {
            _ if is_ulid(word) => "<id>",
            _ if is_time(word) => "<time>",
            _ if is_hash(word) => "<hash>",
            _ => word,
        });
        out.push_str(&piece[word.len()..]);
    }
    out
}

fn is_of_word(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '-' | ':' | '.')
}

fn is_ulid(word: &str) -> bool {
    let of_ulid = |byte: u8| byte.is_ascii_digit() || (byte.is_ascii_uppercase() && !b"ILOU".contains(&byte));
    word.len() == ULID_LENGTH && word.bytes().all(of_ulid)
}

fn is_time(word: &str) -> bool {
    word.len() == "2026-11-21T08:30:00.000Z".len() && word.ends_with('Z') && word.as_bytes()[10] == b'T'
}

fn is_hash(word: &str) -> bool {
    matches!(word.len(), 32 | 64) && word.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::snapshot;

    #[test]
    fn ids_times_and_hashes_are_replaced_and_nothing_else() {
        let value = json!({
            "stream": "memory/01J9ZQ4R1M3V8K2T6W5X7Y0ABC",
            "at": "2026-11-21T08:30:00.000Z",
            "hash": "0123456789abcdef0123456789abcdef",
            "text": "2026, a word and 12.5",
            "position": 7,
        });
        let expected =
            r#"{"stream":"memory/<id>","at":"<time>","hash":"<hash>","text":"2026, a word and 12.5","position":7}"#;
        assert_eq!(snapshot(&value), expected);
    }
}

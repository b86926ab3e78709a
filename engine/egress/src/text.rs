//! What of an answer can be read.

mod charset;
mod html;
mod json;

/// A body as text: HTML as its text with headings, lists and links marked as in Markdown, JSON indented, other text as it is. What is no
/// text is said to be none, with its size.
///
/// `media_type` is a `content-type` with its parameters, of which `charset` counts; if it is empty or says nothing, the bytes decide.
pub fn text_of(media_type: &str, bytes: &[u8]) -> String {
    let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match kind_of(&essence, bytes) {
        Kind::Html => {
            html::text(&charset::decode(charset::named_by(media_type).or_else(|| charset::named_in_html(bytes)), bytes))
        }
        Kind::Json => json::indented(&charset::decode(charset::named_by(media_type), bytes)),
        Kind::Plain => charset::decode(charset::named_by(media_type), bytes),
        Kind::Binary => {
            let named = if essence.is_empty() { "of no type that is named" } else { essence.as_str() };
            format!("(no text: {} bytes, {named})", bytes.len())
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Html,
    Json,
    Plain,
    Binary,
}

/// Types that are text though their names do not begin with `text/`.
const TEXTS: [&str; 12] = [
    "application/javascript",
    "application/ecmascript",
    "application/x-javascript",
    "application/xml",
    "application/x-ndjson",
    "application/jsonl",
    "application/x-yaml",
    "application/yaml",
    "application/toml",
    "application/x-sh",
    "application/x-www-form-urlencoded",
    "application/sql",
];

fn kind_of(essence: &str, bytes: &[u8]) -> Kind {
    match essence {
        "text/html" | "application/xhtml+xml" => Kind::Html,
        "application/json" | "text/json" => Kind::Json,
        _ if essence.ends_with("+json") => Kind::Json,
        _ if TEXTS.contains(&essence) || essence.ends_with("+xml") || essence.ends_with("+yaml") => Kind::Plain,
        // Servers call what they do not know text, too.
        _ if essence.starts_with("text/") && !looks_binary(bytes) => Kind::Plain,
        "" | "application/octet-stream" | "binary/octet-stream" | "unknown/unknown" if !looks_binary(bytes) => {
            guessed(bytes)
        }
        _ => Kind::Binary,
    }
}

fn guessed(bytes: &[u8]) -> Kind {
    let start = String::from_utf8_lossy(&bytes[..bytes.len().min(512)]).trim_start().to_ascii_lowercase();
    if start.starts_with("<!doctype html") || start.starts_with("<html") {
        return Kind::Html;
    }
    let json = start.starts_with(['{', '[']) && serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_ok();
    if json { Kind::Json } else { Kind::Plain }
}

/// Whether bytes are no text in any encoding that has a mark or is UTF-8 or one byte per character.
fn looks_binary(bytes: &[u8]) -> bool {
    /// As much as tells.
    const SAMPLE: usize = 4096;
    let sample = &bytes[..bytes.len().min(SAMPLE)];
    if charset::marked(sample).is_some() {
        return false;
    }
    let controls = sample.iter().filter(|byte| matches!(byte, 0..=8 | 14..=26 | 28..=31 | 127)).count();
    sample.contains(&0) || controls * 20 > sample.len()
}

#[cfg(test)]
mod tests;

//! What a message of ChatGPT says, as text.
//!
//! Contents come in a dozen types, and new ones appear without notice; what is not known here is searched for the fields
//! that most types have, and at worst leaves a note with its type.

use serde_json::{Map, Value};

/// The text of a `content` object, without blanks around it; empty where nothing is said.
pub(super) fn text_of(content: &Value) -> String {
    let content = match content {
        Value::Object(content) => content,
        Value::String(text) => return cleaned(text),
        _ => return String::new(),
    };
    let text = match content_type_of(content) {
        "text" | "multimodal_text" => parts_of(content),
        "code" => fenced(string(content, "text"), string(content, "language")),
        "execution_output" => fenced(string(content, "text"), ""),
        "tether_quote" | "sonic_webpage" => {
            let source = joined(&[string(content, "title"), string(content, "url")], " — ");
            let quote = [string(content, "text"), string(content, "snippet")].into_iter().find(|text| !text.is_empty());
            joined(&[&source, quote.unwrap_or_default()], "\n\n")
        }
        "tether_browsing_display" => joined(&[string(content, "summary"), string(content, "result")], "\n\n"),
        "thoughts" => thoughts_of(content),
        "user_editable_context" => {
            joined(&[string(content, "user_profile"), string(content, "user_instructions")], "\n\n")
        }
        "system_error" => joined(&[string(content, "name"), string(content, "text")], ": "),
        _ => anything_in(content),
    };
    cleaned(&text)
}

/// The `content_type`; `text` where there is none.
pub(super) fn content_type_of(content: &Map<String, Value>) -> &str {
    match string(content, "content_type") {
        "" => "text",
        content_type => content_type,
    }
}

/// The parts, one below the other; what is not text as a note.
fn parts_of(content: &Map<String, Value>) -> String {
    let parts: Vec<String> = match content.get("parts") {
        Some(Value::Array(parts)) => parts.iter().map(part_of).collect(),
        Some(Value::String(text)) => vec![text.clone()],
        _ => vec![string(content, "text").to_string()],
    };
    parts.into_iter().filter(|part| !part.trim().is_empty()).collect::<Vec<_>>().join("\n\n")
}

fn part_of(part: &Value) -> String {
    let part = match part {
        Value::String(text) => return text.clone(),
        Value::Object(part) => part,
        _ => return String::new(),
    };
    match string(part, "content_type") {
        "audio_transcription" => string(part, "text").to_string(),
        "image_asset_pointer" => "[image]".to_string(),
        "audio_asset_pointer" => "[audio]".to_string(),
        content_type if content_type.contains("audio_video") => "[audio]".to_string(),
        content_type => match string(part, "text") {
            "" if content_type.is_empty() => String::new(),
            "" => format!("[{}]", content_type.trim_end_matches("_asset_pointer").replace('_', " ")),
            text => text.to_string(),
        },
    }
}

fn thoughts_of(content: &Map<String, Value>) -> String {
    let Some(Value::Array(thoughts)) = content.get("thoughts") else { return anything_in(content) };
    let texts: Vec<String> = thoughts
        .iter()
        .filter_map(Value::as_object)
        .map(|thought| joined(&[string(thought, "summary"), string(thought, "content")], "\n"))
        .filter(|text| !text.is_empty())
        .collect();
    texts.join("\n\n")
}

/// For a type nobody knows: the fields in which text is usually found, else a note.
fn anything_in(content: &Map<String, Value>) -> String {
    let parts = parts_of(content);
    let found = std::iter::once(parts.as_str())
        .chain(["content", "result", "summary"].iter().map(|name| string(content, name)))
        .find(|text| !text.trim().is_empty());
    match found {
        Some(text) => text.to_string(),
        None if content_type_of(content) == "text" => String::new(),
        None => format!("[{}]", content_type_of(content).replace('_', " ")),
    }
}

/// A field's string; empty where it is missing or something else.
pub(super) fn string<'a>(fields: &'a Map<String, Value>, name: &str) -> &'a str {
    fields.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn joined(parts: &[&str], separator: &str) -> String {
    parts.iter().filter(|part| !part.trim().is_empty()).copied().collect::<Vec<_>>().join(separator)
}

/// Code between fences that do not occur in it.
fn fenced(code: &str, language: &str) -> String {
    if code.trim().is_empty() {
        return String::new();
    }
    let mut fence = "```".to_string();
    while code.contains(&fence) {
        fence.push('`');
    }
    let language = if language == "unknown" { "" } else { language };
    format!("{fence}{language}\n{}\n{fence}", code.trim_end())
}

/// Text without blanks around it, without NULs, and with ChatGPT's marks replaced by what they show.
///
/// The marks stand between U+E200 and U+E201 with U+E202 between their parts: `cite` and its like point into the search
/// results of a turn and show nothing here, `entity` and `url` carry a name.
fn cleaned(text: &str) -> String {
    const OPEN: char = '\u{e200}';
    const CLOSE: char = '\u{e201}';
    const BETWEEN: char = '\u{e202}';
    let mut text = text.replace('\0', "\u{fffd}");
    if text.contains(OPEN) {
        let mut shown = String::with_capacity(text.len());
        let mut rest = text.as_str();
        while let Some(start) = rest.find(OPEN) {
            shown.push_str(&rest[..start]);
            let inside = &rest[start + OPEN.len_utf8()..];
            let Some(end) = inside.find(CLOSE) else {
                rest = inside;
                continue;
            };
            let mut parts = inside[..end].split(BETWEEN);
            match (parts.next(), parts.next()) {
                (Some("url"), Some(title)) => shown.push_str(title),
                (Some("entity"), Some(json)) => shown.push_str(&entity_name(json)),
                _ => {}
            }
            rest = &inside[end + CLOSE.len_utf8()..];
        }
        shown.push_str(rest);
        text = shown;
    }
    text.trim().to_string()
}

/// The name in `["company","Acme","…"]`.
fn entity_name(json: &str) -> String {
    match serde_json::from_str::<Vec<Value>>(json) {
        Ok(fields) => fields.get(1).and_then(Value::as_str).unwrap_or_default().to_string(),
        Err(_) => String::new(),
    }
}

/// Replaces `\ud83d` and its like by `\ufffd` where the other half is missing; `false` where there was none.
///
/// Such halves are legal for JSON and are found in real exports, but are no text.
pub(super) fn mend_surrogates(json: &mut [u8]) -> bool {
    let mut mended = false;
    let mut index = 0;
    while index < json.len() {
        if json[index] != b'\\' {
            index += 1;
            continue;
        }
        match surrogate_at(json, index) {
            Some(0xd800..=0xdbff) if matches!(surrogate_at(json, index + 6), Some(0xdc00..=0xdfff)) => index += 12,
            Some(0xd800..=0xdfff) => {
                json[index + 2..index + 6].copy_from_slice(b"fffd");
                mended = true;
                index += 6;
            }
            _ => index += 2,
        }
    }
    mended
}

/// The number in `\uXXXX` at `index`.
fn surrogate_at(json: &[u8], index: usize) -> Option<u16> {
    let digits = json.get(index..index + 6)?.strip_prefix(b"\\u")?;
    u16::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()
}

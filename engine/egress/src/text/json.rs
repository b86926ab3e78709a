//! JSON, indented. Values stay as they are written: numbers are not read, for the long ones would come out changed.

use serde::de::IgnoredAny;

/// How much longer indenting may make a text; deep nesting would make it many times as long.
const MOST_GROWTH: usize = 4;

/// The same JSON over several lines; any other text as it is.
pub(super) fn indented(text: &str) -> String {
    let text = text.trim();
    if serde_json::from_str::<IgnoredAny>(text).is_err() {
        return text.to_string();
    }
    let limit = text.len().saturating_mul(MOST_GROWTH).max(1024);
    reindent(text, limit).unwrap_or_else(|| text.to_string())
}

/// Lays out valid JSON; `None` if it gets longer than `limit`.
fn reindent(text: &str, limit: usize) -> Option<String> {
    let mut out = String::with_capacity(text.len() * 2);
    let (mut depth, mut in_string, mut escaped, mut opened) = (0_usize, false, false, false);
    for c in text.chars() {
        if in_string {
            out.push(c);
            in_string = escaped || c != '"';
            escaped = c == '\\' && !escaped;
            continue;
        }
        if c.is_ascii_whitespace() {
            continue;
        }
        let closes = matches!(c, '}' | ']');
        if closes {
            depth = depth.saturating_sub(1);
        }
        // Nothing between brackets stays between them.
        if opened != closes {
            line(&mut out, depth);
        }
        opened = matches!(c, '{' | '[');
        out.push(c);
        match c {
            '{' | '[' => depth += 1,
            ',' => line(&mut out, depth),
            ':' => out.push(' '),
            '"' => in_string = true,
            _ => {}
        }
        if out.len() > limit {
            return None;
        }
    }
    Some(out)
}

fn line(out: &mut String, depth: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n("  ", depth));
}

//! The `---` block at the head of a file.

use super::Format;

/// No front matter is longer than this, in lines; a rule far below is only a rule.
const MAX_LINES: usize = 200;

/// What was found at the head of a file.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct FrontMatter {
    /// Its length in bytes with both fences; 0 where there is none.
    pub(super) length: usize,
    pub(super) title: Option<String>,
    pub(super) date: Option<String>,
}

/// Finds YAML between `---` or TOML between `+++` at the very start of `text`.
pub(super) fn read(text: &str, format: Format) -> FrontMatter {
    let mut found = FrontMatter::default();
    if !matches!(format, Format::Markdown | Format::Mdx) {
        return found;
    }
    let mut lines = text.split_inclusive('\n');
    let Some(first) = lines.next() else { return found };
    let fence = first.trim_end();
    if !matches!(fence, "---" | "+++") {
        return found;
    }
    let mut length = first.len();
    let mut has_field = false;
    for line in lines.take(MAX_LINES) {
        length += line.len();
        let bare = line.trim_end();
        if bare == fence || (fence == "---" && bare == "...") {
            // Between two rules there may also be prose; that stays.
            return if has_field { FrontMatter { length, ..found } } else { FrontMatter::default() };
        }
        let Some((key, value)) = bare.split_once([':', '=']) else { continue };
        has_field |= !key.is_empty()
            && key.trim_end().bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
        match key.trim_end() {
            "title" => found.title = scalar(value),
            "date" => found.date = scalar(value),
            _ => {}
        }
    }
    FrontMatter::default()
}

/// A plain or quoted value on one line; `None` for anything that only a YAML parser would understand.
fn scalar(value: &str) -> Option<String> {
    let value = value.trim();
    let unquoted = ['"', '\''].iter().find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote));
    let plain = match unquoted {
        Some(inner) => inner.trim(),
        None if value.starts_with(['|', '>', '[', '{', '&', '*', '!', '"', '\'']) => return None,
        None => value.split(" #").next().unwrap_or(value).trim_end(),
    };
    (!plain.is_empty()).then(|| plain.to_string())
}

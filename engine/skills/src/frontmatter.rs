//! The bytes of a SKILL.md cut into frontmatter and body.

use crate::problem::Remark;

/// Most bytes of a SKILL.md: it is meant to be read by a model as a whole, for which a tenth would be much.
pub(crate) const MAX_SKILL_FILE_BYTES: u64 = 1024 * 1024;
/// Most bytes of the frontmatter: six fields, of which the longest has 1024 characters.
const MAX_FRONTMATTER_BYTES: usize = 64 * 1024;
/// What begins and ends the frontmatter.
const FENCE: &str = "---";

/// A SKILL.md in two.
#[derive(Debug, PartialEq)]
pub(crate) struct Parts {
    /// What is between the fences.
    pub(crate) frontmatter: String,
    /// The line it begins in.
    pub(crate) first_line: u32,
    /// What is behind them, without space around it.
    pub(crate) body: String,
    /// Lines of the body, counted from the fence.
    pub(crate) body_lines: usize,
}

/// Cuts a file. What can be lived with is added to `remarks`.
///
/// # Errors
/// That there is no frontmatter.
pub(crate) fn cut(bytes: &[u8], remarks: &mut Vec<Remark>) -> Result<Parts, Remark> {
    let text = decoded(bytes, remarks);
    let lines: Vec<&str> = text.lines().collect();
    let opening = lines.iter().position(|line| !line.trim().is_empty());
    let Some(opening) = opening.filter(|&line| lines[line].trim_end() == FENCE) else {
        let line = opening.unwrap_or(0);
        let found = lines.get(line).map_or("", |line| *line);
        let found = if found.is_empty() { "nothing".to_owned() } else { format!("`{}`", crate::names::shown(found)) };
        return Err(Remark::error(number(line), format!("`---` is expected in the first line, found {found}")));
    };
    if opening > 0 {
        remarks.push(Remark::error(1, "`---` is expected in the first line, found an empty one"));
    }
    let closing = lines.iter().skip(opening + 1).position(|line| line.trim_end() == FENCE);
    let Some(closing) = closing.map(|distance| opening + 1 + distance) else {
        let message = "the frontmatter that begins here is not closed: a line with `---` alone is expected";
        return Err(Remark::error(number(opening), message));
    };
    let within = &lines[opening + 1..closing];
    let bytes: usize = within.iter().map(|line| line.len() + 1).sum();
    if bytes > MAX_FRONTMATTER_BYTES {
        let message = format!("the frontmatter has {bytes} bytes, at most {MAX_FRONTMATTER_BYTES} are read");
        return Err(Remark::error(number(opening), message));
    }
    // The reference reader ends the frontmatter at the first `---`, wherever it is.
    if let Some(line) = within.iter().position(|line| line.contains(FENCE)) {
        let message = "`---` within the frontmatter: other readers take it for the end; write it with other dashes";
        remarks.push(Remark::error(number(opening + 1 + line), message));
    }
    let mut frontmatter = within.join("\n");
    frontmatter.push('\n');
    let frontmatter = without_controls(frontmatter, number(opening + 1), remarks);
    let body = lines[closing + 1..].join("\n").trim().to_owned();
    Ok(Parts { frontmatter, first_line: number(opening + 1), body, body_lines: lines.len() - closing - 1 })
}

/// The text, with line ends as they should be.
fn decoded(bytes: &[u8], remarks: &mut Vec<Remark>) -> String {
    let mut bytes = bytes;
    if let Some(rest) = bytes.strip_prefix(b"\xef\xbb\xbf") {
        remarks.push(Remark::error(1, "a byte order mark before `---`: other readers find no frontmatter behind it"));
        bytes = rest;
    }
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(error) => {
            let line = 1 + bytes[..error.valid_up_to()].iter().filter(|&&byte| byte == b'\n').count();
            remarks.push(Remark::error(number(line - 1), "not UTF-8"));
            String::from_utf8_lossy(bytes).into_owned()
        }
    };
    if !text.contains('\r') {
        return text;
    }
    let before = text.split('\r').next().unwrap_or_default();
    let line = before.matches('\n').count();
    remarks.push(Remark::warning(number(line), "the line ends with CR LF: LF alone is expected"));
    text.replace("\r\n", "\n").replace('\r', "\n")
}

/// Without the characters that YAML does not allow: spaces stand in their place.
fn without_controls(text: String, first_line: u32, remarks: &mut Vec<Remark>) -> String {
    // YAML 1.2.2, 5.1: the printable characters.
    let refused = |letter: char| {
        (letter.is_control() && !matches!(letter, '\t' | '\n' | '\u{85}')) || matches!(letter, '\u{fffe}' | '\u{ffff}')
    };
    let Some(at) = text.find(refused) else { return text };
    let line = first_line + number(text[..at].matches('\n').count()) - 1;
    let letter = text[at..].chars().next().map_or(0, u32::from);
    remarks.push(Remark::error(line, format!("the control character U+{letter:04X} in the frontmatter")));
    text.replace(refused, " ")
}

/// The number of a line, counted from 0, as people count.
fn number(line: usize) -> u32 {
    u32::try_from(line).unwrap_or(u32::MAX - 1) + 1
}

//! Cuts a text into sentences and lines.

use std::ops::Range;

/// Abbreviations whose full stop ends no sentence, besides single letters (`e.g.`, `J. Doe`).
const ABBREVIATIONS: [&str; 9] = ["Dr", "Mr", "Mrs", "Ms", "Prof", "St", "vs", "cf", "No"];

/// Bytes of the longest characters.
const MAX_CHAR_BYTES: usize = 4;

/// A sentence, a line, or a part of one that is too long.
pub(crate) struct Piece {
    /// Where it is in the text.
    pub(crate) bytes: Range<usize>,
    /// The same in characters.
    pub(crate) chars: Range<usize>,
}

/// The sentences and lines of a text, blank ones left out. Those longer than `max_chars` are cut
/// between words into parts of half that, so that a passage can begin shortly before what it is
/// quoted for.
pub(crate) fn pieces(text: &str, max_chars: usize) -> Vec<Piece> {
    let max_chars = max_chars.max(1);
    let max_bytes = max_chars.saturating_mul(MAX_CHAR_BYTES);
    let mut pieces = Vec::new();
    let (mut byte, mut char) = (0, 0);
    let mut line_start = 0;
    while byte < text.len() {
        // One character more than fits is enough to see that a sentence is too long.
        let ahead = text.floor_char_boundary(byte.saturating_add(max_bytes).saturating_add(1));
        let sentence = &text[byte..sentence_end(&text[..ahead], byte, line_start)];
        let part = &sentence[..part_end(sentence, max_chars)];
        let chars = part.chars().count();
        if !part.trim().is_empty() {
            pieces.push(Piece { bytes: byte..byte + part.len(), chars: char..char + chars });
        }
        if let Some(line_end) = part.rfind('\n') {
            line_start = byte + line_end + 1;
        }
        byte += part.len();
        char += chars;
    }
    pieces
}

/// Where the sentence or line that begins at `start` ends; behind `start` if the text goes on
/// there. `line_start` is where the line of `start` begins.
fn sentence_end(text: &str, start: usize, mut line_start: usize) -> usize {
    const STOPS: [char; 7] = ['.', '!', '?', '…', '。', '！', '？'];
    const CLOSING: [char; 8] = ['"', '\'', ')', ']', '”', '’', '*', '_'];
    let mut at = start;
    while let Some(found) = text[at..].find(|c| c == '\n' || STOPS.contains(&c)) {
        let stop = at + found;
        let after = text[stop..].trim_start_matches(STOPS);
        if after.len() == text.len() - stop {
            at = stop + '\n'.len_utf8();
            if !is_wrapped(&text[line_start..stop], &text[at..]) {
                return at;
            }
            line_start = at;
            continue;
        }
        let behind = after.trim_start_matches(CLOSING);
        at = text.len() - behind.len();
        let wide = text[stop..].starts_with(['。', '！', '？']);
        let ends = wide || behind.is_empty() || behind.starts_with(char::is_whitespace);
        if ends && !(text[stop..].starts_with('.') && is_abbreviation(&text[start..stop])) {
            return at;
        }
    }
    text.len()
}

/// Whether a sentence goes on over the end of `line` into `rest`: in text that was wrapped at some
/// width, but not in lists, headings, verse, chats and logs.
fn is_wrapped(line: &str, rest: &str) -> bool {
    const WRAPPED_CHARS: Range<usize> = 50..121;
    let next = rest.trim_start_matches([' ', '\t']);
    let begins_anew = next.starts_with(['\r', '\n', '#', '-', '*', '+', '>', '|', '`', '~', '=', '[', '<', '•'])
        || next.starts_with(|c: char| c.is_ascii_digit());
    let chars = line.chars().take(WRAPPED_CHARS.end).count();
    WRAPPED_CHARS.contains(&chars) && !begins_anew && !line.trim_start().starts_with(['#', '|'])
}

/// Whether the full stop behind `before` belongs to an abbreviation or to a list's number.
fn is_abbreviation(before: &str) -> bool {
    let word = before.rsplit(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    let mut letters = word.chars();
    let single_letter = letters.next().is_some_and(char::is_alphabetic) && letters.next().is_none();
    let is_number = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
    single_letter || ABBREVIATIONS.contains(&word) || (is_number && before.trim_start() == word)
}

/// Bytes of a sentence, or of the part of it to take if it is longer than `max_chars`.
fn part_end(sentence: &str, max_chars: usize) -> usize {
    if sentence.char_indices().nth(max_chars).is_none() {
        return sentence.len();
    }
    let half = sentence.char_indices().nth(max_chars.div_ceil(2));
    let (end, _) = half.expect("it has more than `max_chars`, so more than half of that");
    match sentence[..end].rfind(char::is_whitespace) {
        Some(gap) if !sentence[..gap].trim().is_empty() => gap,
        _ => end,
    }
}

//! Cuts a text into the passages that are embedded one by one.
//!
//! An embedder reads a few hundred tokens and passes over the rest, and one vector for many topics
//! is near to none of them. So a passage is at most [`MAX_CHARS`] characters and [`MAX_PARTS`] words
//! and marks long. It consists of whole paragraphs where these are short enough, else of whole
//! sentences or lines, else of words, and only in an endless word of parts of that. Passages do not
//! overlap, and together they hold all of the text but the blanks between them.
//!
//! A change here changes which vector belongs to what: raise [`PASSAGES_VERSION`] and
//! `schema::SCHEMA_VERSION` with it.

use std::ops::Range;

use crate::passage::pieces::{Piece, pieces};

/// Raised whenever [`passages`] or [`embedding_texts`](crate::embedding_texts) gives something else
/// for some text. Vectors made under another version must not be used with this one.
pub const PASSAGES_VERSION: u32 = 1;

/// Length of a passage at most, in characters.
pub(crate) const MAX_CHARS: usize = 1_200;

/// A text's passages beyond this many are not embedded: its rest is found by its words only.
pub const MAX_PASSAGES: usize = 16_384;

/// Length of a passage at most in parts, which are what an embedder's tokens come to roughly: words
/// (a long one counts more than once), punctuation marks, and each letter of scripts that are not
/// Latin. About 180 words of prose. With shorter passages whole abstracts were found worse by meaning, by 1 point
/// of nDCG@10; with longer ones, an embedder that reads 256 tokens would miss their ends.
const MAX_PARTS: usize = 230;

/// So many letters of a Latin word count as one part.
const LETTERS_PER_PART: usize = 10;

/// The passages of a text, in order, as byte ranges without surrounding blanks. At least one: that
/// of a blank text is empty. At most [`MAX_PASSAGES`].
pub fn passages(text: &str) -> Vec<Range<usize>> {
    let whole = trimmed(text, 0..text.len());
    // No text of so few bytes has too many characters, and most are.
    if whole.len() <= MAX_CHARS && parts(&text[whole.clone()]) <= MAX_PARTS {
        return vec![whole];
    }
    let longest = MAX_PASSAGES * MAX_CHARS * char::MAX_LEN_UTF8;
    let units = units(&text[..text.floor_char_boundary(longest)]);
    let mut passages = Vec::new();
    let mut start = 0;
    while start < units.len() && passages.len() < MAX_PASSAGES {
        let end = passage_end(&units, start);
        passages.push(trimmed(text, units[start].bytes.start..units[end - 1].bytes.end));
        start = end;
    }
    if passages.is_empty() {
        passages.push(whole);
    }
    passages
}

/// What is not cut any further: a sentence, a line, or a part of one that is too long.
struct Unit {
    bytes: Range<usize>,
    /// The same in characters.
    chars: Range<usize>,
    parts: usize,
    /// Whether a paragraph or a section begins here.
    begins_paragraph: bool,
}

fn units(text: &str) -> Vec<Unit> {
    let mut units: Vec<Unit> = Vec::new();
    for Piece { bytes, chars } in pieces(text, MAX_CHARS) {
        let behind = units.last().map_or(0, |unit| unit.bytes.end);
        let begins_paragraph = begins_paragraph(&text[behind..bytes.start], &text[bytes.clone()]);
        let mut start = (bytes.start, chars.start);
        while start.0 < bytes.end {
            let (length, count, parts) = fitting(&text[start.0..bytes.end]);
            units.push(Unit {
                bytes: start.0..start.0 + length,
                chars: start.1..start.1 + count,
                parts,
                begins_paragraph: begins_paragraph && start.0 == bytes.start,
            });
            start = (start.0 + length, start.1 + count);
        }
    }
    units
}

/// Whether the line breaks before a sentence, left out or at its beginning, or a heading's mark make
/// it the beginning of a paragraph. Sentences keep the line end that they end with.
fn begins_paragraph(gap: &str, sentence: &str) -> bool {
    let content = sentence.trim_start();
    let leading = &sentence[..sentence.len() - content.len()];
    gap.contains('\n') || leading.contains('\n') || content.starts_with('#')
}

/// How much of the beginning of a unit fits into a passage: bytes, characters, parts. It ends between
/// words if it has any, and is not empty.
fn fitting(unit: &str) -> (usize, usize, usize) {
    let mut counter = PartCounter::default();
    // The last gap between words that fits, and what there is before it.
    let mut gap = None;
    let mut chars = 0;
    for (at, c) in unit.char_indices() {
        let before = counter.parts;
        counter.add(c);
        if counter.parts > MAX_PARTS {
            return gap.unwrap_or((at, chars, before));
        }
        if c.is_whitespace() && before > 0 {
            gap = Some((at, chars, before));
        }
        chars += 1;
    }
    (unit.len(), chars, counter.parts)
}

/// The unit behind the last one of the passage that begins with `start`.
fn passage_end(units: &[Unit], start: usize) -> usize {
    let chars = |end: usize| units[end - 1].chars.end - units[start].chars.start;
    let mut parts = 0;
    let mut most = start;
    while most < units.len() {
        parts += units[most].parts;
        if most > start && (parts > MAX_PARTS || chars(most + 1) > MAX_CHARS) {
            break;
        }
        most += 1;
    }
    if most == units.len() {
        return most;
    }
    // What is left may be too much for one passage and less than two: then it is halved, so that no
    // crumb remains. Otherwise as much is taken as fits.
    let rest = chars(units.len());
    let aim = if rest < 2 * chars(most) { rest / 2 } else { chars(most) };
    let ends = || (start + 1..=most).filter(|end| chars(*end) * 3 >= chars(most));
    let distance = |end: &usize| (chars(*end).abs_diff(aim), *end);
    let paragraphs = ends().filter(|end| units[*end].begins_paragraph).min_by_key(distance);
    paragraphs.or_else(|| ends().min_by_key(distance)).unwrap_or(most)
}

/// The parts of a text.
fn parts(text: &str) -> usize {
    let mut counter = PartCounter::default();
    text.chars().for_each(|c| counter.add(c));
    counter.parts
}

/// Counts parts character by character.
#[derive(Default)]
struct PartCounter {
    parts: usize,
    /// Letters so far of the Latin word that is being read.
    letters: usize,
}

impl PartCounter {
    fn add(&mut self, c: char) {
        const LATIN_ENDS: char = '\u{24F}';
        if c.is_whitespace() {
            self.letters = 0;
        } else if c.is_alphanumeric() && c <= LATIN_ENDS {
            self.parts += usize::from(self.letters.is_multiple_of(LETTERS_PER_PART));
            self.letters += 1;
        } else {
            self.parts += 1;
            self.letters = 0;
        }
    }
}

/// A range without the blanks at its ends; of nothing but blanks, the empty range at its beginning.
fn trimmed(text: &str, range: Range<usize>) -> Range<usize> {
    let slice = &text[range.clone()];
    let content = slice.trim_start();
    if content.is_empty() {
        return range.start..range.start;
    }
    let start = range.end - content.len();
    start..start + content.trim_end().len()
}

#[cfg(test)]
mod tests;

//! A block as the pieces between which it may be torn.

use super::blocks::{Block, BlockKind};

/// A passage shorter than this looks for company, in characters.
pub(super) const MIN_PASSAGE: usize = 400;
/// A passage is not filled beyond this, in characters.
pub(super) const MAX_PASSAGE: usize = 1200;
/// A code block, table or list item up to this size stays whole, in characters.
pub(super) const MAX_WHOLE: usize = 3000;

/// What is never torn.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Piece {
    pub(super) text: String,
    /// What stands between it and the piece before it in the same passage.
    pub(super) gap: &'static str,
    /// Offset of the block it is from.
    pub(super) start: usize,
    /// Length in characters.
    pub(super) size: usize,
}

impl Piece {
    fn new(text: String, gap: &'static str, start: usize) -> Piece {
        let size = text.chars().count();
        Piece { text, gap, start, size }
    }

    /// Whether it says "what follows is":
    pub(super) fn leads_in(&self) -> bool {
        self.size < MIN_PASSAGE && self.text.trim_end_matches(['*', '_', '"', ' ']).ends_with(':')
    }
}

/// The pieces of a block in their order; the first one's gap is a blank line.
pub(super) fn pieces_of(block: &Block) -> Vec<Piece> {
    let start = block.start;
    let texts: Vec<(String, &'static str)> = match &block.kind {
        BlockKind::Heading { title, .. } => vec![(title.clone(), "\n\n")],
        BlockKind::Prose(text) if size_of(text) <= MAX_PASSAGE => vec![(text.clone(), "\n\n")],
        BlockKind::Prose(text) => sentences(text),
        BlockKind::Solid(text) => whole_or(text, |text| line_runs(text, "\n")),
        BlockKind::Code { text, language } => whole_or(text, |text| fenced_runs(text, language)),
        BlockKind::Table(text) => whole_or(text, table_runs),
        BlockKind::List { items, loose } => {
            let gap = if *loose { "\n\n" } else { "\n" };
            items
                .iter()
                .flat_map(|item| {
                    let mut runs = whole_or(item, |item| line_runs(item, "\n"));
                    runs[0].1 = gap;
                    runs
                })
                .collect()
        }
    };
    let mut pieces: Vec<Piece> = texts.into_iter().map(|(text, gap)| Piece::new(text, gap, start)).collect();
    if let Some(first) = pieces.first_mut() {
        first.gap = "\n\n";
    }
    pieces
}

fn size_of(text: &str) -> usize {
    text.chars().count()
}

fn whole_or(text: &str, tear: impl Fn(&str) -> Vec<(String, &'static str)>) -> Vec<(String, &'static str)> {
    if size_of(text) <= MAX_WHOLE { vec![(text.to_string(), "\n\n")] } else { tear(text) }
}

/// Runs of lines of about a passage each; a longer line is torn between words.
fn line_runs(text: &str, gap: &'static str) -> Vec<(String, &'static str)> {
    let lines: Vec<String> = text.lines().flat_map(|line| words(line, MAX_PASSAGE)).collect();
    runs(&lines, 0).into_iter().map(|run| (run, gap)).collect()
}

/// Like [`line_runs`], each with fences of its own.
fn fenced_runs(text: &str, language: &str) -> Vec<(String, &'static str)> {
    let fence: String = {
        let mark = text.chars().next().filter(|mark| matches!(mark, '`' | '~')).unwrap_or('`');
        text.chars().take_while(|next| *next == mark).collect()
    };
    let mut lines: Vec<String> = text.lines().skip(1).flat_map(|line| words(line, MAX_PASSAGE)).collect();
    if lines.last().is_some_and(|last| last.trim_start().starts_with(fence.as_str())) {
        lines.pop();
    }
    runs(&lines, 0).into_iter().map(|run| (format!("{fence}{language}\n{run}\n{fence}"), "\n\n")).collect()
}

/// Runs of rows, each under the table's head.
fn table_runs(text: &str) -> Vec<(String, &'static str)> {
    let lines: Vec<String> = text.lines().map(str::to_string).collect();
    let (head, rows) = lines.split_at(2.min(lines.len()));
    let head = head.join("\n");
    runs(rows, size_of(&head)).into_iter().map(|run| (format!("{head}\n{run}"), "\n\n")).collect()
}

/// Joins lines until a passage is full; `overhead` is what each run gets besides. A blank line ends a run that is half
/// full, so that functions and stanzas stay together.
fn runs(lines: &[String], overhead: usize) -> Vec<String> {
    let mut runs: Vec<String> = Vec::new();
    let mut run = String::new();
    let mut size = overhead;
    for line in lines {
        let line_size = size_of(line) + 1;
        let full = size + line_size > MAX_PASSAGE || (line.trim().is_empty() && size > MAX_PASSAGE / 2);
        if full && !run.trim().is_empty() {
            runs.push(std::mem::take(&mut run));
            size = overhead;
        }
        if run.is_empty() && line.trim().is_empty() {
            continue;
        }
        if !run.is_empty() {
            run.push('\n');
        }
        run.push_str(line);
        size += line_size;
    }
    if !run.trim().is_empty() {
        runs.push(run);
    }
    runs
}

/// A paragraph as its sentences, each with the blank or line end that stood before it; a longer sentence is torn between
/// words.
fn sentences(text: &str) -> Vec<(String, &'static str)> {
    let mut found = Vec::new();
    let mut from = 0;
    let mut gap = " ";
    let mut letters = text.char_indices().peekable();
    while let Some((_, letter)) = letters.next() {
        let ends = matches!(letter, '.' | '!' | '?' | '…' | '。' | '！' | '？' | ';');
        let Some(&(next_at, next)) = letters.peek() else { break };
        let full_width = matches!(letter, '。' | '！' | '？');
        if !ends || !(next.is_whitespace() || full_width) {
            continue;
        }
        found.extend(words(&text[from..next_at], MAX_PASSAGE).into_iter().map(|part| (part, gap)));
        gap = match next {
            '\n' => "\n",
            _ if next.is_whitespace() => " ",
            _ => "",
        };
        from = next_at + if next.is_whitespace() { next.len_utf8() } else { 0 };
    }
    found.extend(words(&text[from..], MAX_PASSAGE).into_iter().map(|part| (part, gap)));
    found.retain(|(sentence, _)| !sentence.trim().is_empty());
    found
}

/// `text` itself when it is short enough, else parts of at most `most` characters, torn at blanks where there are any.
fn words(text: &str, most: usize) -> Vec<String> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((limit, _)) = rest.char_indices().nth(most) {
        let end = rest[..limit].rfind(char::is_whitespace).filter(|end| *end > limit / 2).unwrap_or(limit);
        parts.push(rest[..end].trim_end().to_string());
        rest = rest[end..].trim_start();
    }
    parts.push(rest.to_string());
    parts
}

//! Text that is not Markdown, as blocks: `.txt` by its paragraphs, `.rst` by paragraphs, underlined headings, literal
//! blocks and the few directives that hold text.

use super::blocks::{Block, BlockKind};
use super::cleaning::has_words;

/// The paragraphs of a plain text.
pub(super) fn text_blocks(text: &str) -> Vec<Block> {
    paragraphs(&lines_of(text)).into_iter().filter_map(|lines| prose(&lines)).collect()
}

/// The blocks of a reStructuredText. Not a parser of the whole language: what it does not know stays as it is written.
pub(super) fn rst_blocks(text: &str) -> Vec<Block> {
    let lines = lines_of(text);
    let mut reader = RstReader { lines: &lines, next: 0, adornments: Vec::new(), blocks: Vec::new() };
    while reader.next < lines.len() {
        reader.take_block();
    }
    reader.blocks
}

#[derive(Clone, Copy)]
struct Line<'a> {
    text: &'a str,
    start: usize,
}

impl Line<'_> {
    fn is_blank(&self) -> bool {
        self.text.is_empty()
    }

    fn indent(&self) -> usize {
        self.text.len() - self.text.trim_start().len()
    }
}

/// The lines of a text without blanks at their ends.
fn lines_of(text: &str) -> Vec<Line<'_>> {
    let mut start = 0;
    text.split_inclusive('\n')
        .map(|line| {
            let found = Line { text: line.trim_end(), start };
            start += line.len();
            found
        })
        .collect()
}

fn paragraphs<'a>(lines: &[Line<'a>]) -> Vec<Vec<Line<'a>>> {
    lines.split(Line::is_blank).filter(|lines| !lines.is_empty()).map(<[Line<'_>]>::to_vec).collect()
}

/// Lines that were laid out by hand (indented, tabular, a list) are torn between lines only, others between sentences.
fn prose(lines: &[Line<'_>]) -> Option<Block> {
    let laid_out = |line: &Line<'_>| {
        line.text.starts_with([' ', '\t', '|', '+', '-', '*', '#', '>'])
            || line.text.contains("  ")
            || line.text.contains('\t')
    };
    let text = lines.iter().map(|line| line.text).collect::<Vec<_>>().join("\n");
    if !has_words(&text) {
        return None;
    }
    let kind = if lines.iter().any(laid_out) { BlockKind::Solid(text) } else { BlockKind::Prose(text) };
    Some(Block { kind, start: lines[0].start })
}

struct RstReader<'a> {
    lines: &'a [Line<'a>],
    next: usize,
    /// Underline characters (with whether there is an overline) in the order they were met: the first is level 1.
    adornments: Vec<(char, bool)>,
    blocks: Vec<Block>,
}

impl RstReader<'_> {
    fn take_block(&mut self) {
        let line = self.lines[self.next];
        if line.is_blank() {
            self.next += 1;
        } else if let Some((title_index, adornment)) = self.heading_here() {
            let title = self.lines[title_index].text.trim().to_string();
            let level = self.level_of(adornment);
            self.blocks.push(Block { kind: BlockKind::Heading { level, title }, start: line.start });
            self.next = title_index + 2;
        } else if line.text == ".." || line.text.starts_with(".. ") {
            self.take_directive();
        } else {
            self.take_paragraph();
        }
    }

    /// A title with a line of one punctuation character below it, at least as long, and maybe one above.
    fn heading_here(&self) -> Option<(usize, (char, bool))> {
        let line = self.lines[self.next];
        let below = |index: usize| self.lines.get(index).and_then(|line| adornment_of(line.text));
        let fits = |title: &Line<'_>, length: usize| {
            has_words(title.text) && length >= title.text.trim().chars().count().max(3)
        };
        if let Some((above, length)) = adornment_of(line.text) {
            let title = self.lines.get(self.next + 1)?;
            let (under, _) = below(self.next + 2)?;
            return (above == under && fits(title, length)).then_some((self.next + 1, (above, true)));
        }
        let (under, length) = below(self.next + 1)?;
        (line.indent() == 0 && fits(&line, length)).then_some((self.next, (under, false)))
    }

    fn level_of(&mut self, adornment: (char, bool)) -> u8 {
        let index = self.adornments.iter().position(|known| *known == adornment).unwrap_or_else(|| {
            self.adornments.push(adornment);
            self.adornments.len() - 1
        });
        (index + 1).min(6) as u8
    }

    /// `.. name:: argument` with its indented body. Code and admonitions are text; images, link targets, comments and
    /// lists of contents are not.
    fn take_directive(&mut self) {
        let head = self.lines[self.next];
        self.next += 1;
        let body = self.take_indented();
        let (name, argument) = head.text[2..].trim().split_once("::").unwrap_or_default();
        let first = body.iter().position(|line| !line.is_blank() && !is_option(line.text.trim())).unwrap_or(body.len());
        let Some(text) = dedented(&body[first..]) else {
            if [
                "note",
                "warning",
                "tip",
                "hint",
                "important",
                "caution",
                "danger",
                "versionadded",
                "versionchanged",
                "deprecated",
            ]
            .contains(&name)
                && has_words(argument)
            {
                let text = format!("{name}: {}", argument.trim());
                self.blocks.push(Block { kind: BlockKind::Prose(text), start: head.start });
            }
            return;
        };
        let kind = match name {
            "code-block" | "code" | "sourcecode" | "parsed-literal" | "prompt" => {
                let language = argument.trim().to_string();
                BlockKind::Code { text: format!("```{language}\n{text}\n```"), language }
            }
            "note" | "warning" | "tip" | "hint" | "important" | "caution" | "danger" | "error" | "attention"
            | "admonition" | "seealso" | "topic" | "sidebar" | "versionadded" | "versionchanged" | "deprecated" => {
                let argument = argument.trim();
                let label = if argument.is_empty() { name.to_string() } else { format!("{name} {argument}") };
                BlockKind::Solid(format!("{label}: {text}"))
            }
            _ => return,
        };
        self.blocks.push(Block { kind, start: head.start });
    }

    fn take_paragraph(&mut self) {
        let from = self.next;
        while self.next < self.lines.len() && !self.lines[self.next].is_blank() {
            if self.next > from && self.heading_here().is_some() {
                break;
            }
            self.next += 1;
        }
        let mut lines = self.lines[from..self.next].to_vec();
        let last = lines.last_mut().expect("there is at least the first");
        let announces = last.text.ends_with("::");
        if announces {
            // As it is shown: one colon of two, none of two that stand alone.
            last.text = last.text.strip_suffix(" ::").unwrap_or(&last.text[..last.text.len() - 1]);
        }
        self.blocks.extend(prose(&lines));
        if announces {
            let start = self.lines.get(self.next).map_or(0, |line| line.start);
            if let Some(text) = dedented(&self.take_indented()) {
                let text = format!("```\n{text}\n```");
                self.blocks.push(Block { kind: BlockKind::Code { text, language: String::new() }, start });
            }
        }
    }

    /// The lines that follow and are indented or blank.
    fn take_indented(&mut self) -> Vec<Line<'_>> {
        let from = self.next;
        while self.next < self.lines.len() && (self.lines[self.next].is_blank() || self.lines[self.next].indent() > 0) {
            self.next += 1;
        }
        self.lines[from..self.next].to_vec()
    }
}

fn adornment_of(text: &str) -> Option<(char, usize)> {
    let first = text.chars().next().filter(char::is_ascii_punctuation)?;
    (text.len() >= 3 && text.chars().all(|next| next == first)).then_some((first, text.len()))
}

/// `:name: value` at the head of a directive's body.
fn is_option(text: &str) -> bool {
    text.strip_prefix(':')
        .and_then(|rest| rest.split_once(':'))
        .is_some_and(|(name, _)| !name.is_empty() && !name.contains(' '))
}

/// The lines without their common indent and without blank lines around them; `None` when there is nothing to read.
fn dedented(lines: &[Line<'_>]) -> Option<String> {
    let indent = lines.iter().filter(|line| !line.is_blank()).map(Line::indent).min()?;
    let text: Vec<&str> = lines.iter().map(|line| line.text.get(indent..).unwrap_or_default()).collect();
    let text = text.join("\n");
    let text = text.trim_end().trim_start_matches('\n');
    has_words(text).then(|| text.to_string())
}

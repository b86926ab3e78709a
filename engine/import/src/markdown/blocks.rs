//! A Markdown text as a flat list of its top-level blocks, each with the text that is worth keeping.
//!
//! pulldown-cmark says where each block begins and ends and what lies in it; the text itself is taken from the source
//! with a few edits (`cleaning`), so that what is quoted later looks as its author wrote it. What is no block (blank
//! lines, link definitions) is left out by that alone.

use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag};

use super::Format;
use super::cleaning::{Cleaner, has_words, text_of_html};

/// A block of a text.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Block {
    pub(super) kind: BlockKind,
    /// Offset of its first byte.
    pub(super) start: usize,
}

/// What a block is, with its text.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum BlockKind {
    Heading {
        /// 1 to 6.
        level: u8,
        /// As plain text, never blank.
        title: String,
    },
    /// Running text, to be torn between sentences.
    Prose(String),
    /// Code, a quotation or the like: to be torn between lines, and only when it is very long.
    Solid(String),
    /// A fenced code block; when it must be torn, each piece is fenced again.
    Code {
        /// The whole block with its fences.
        text: String,
        /// What stands after the opening fence.
        language: String,
    },
    /// A table; when it must be torn, each piece begins with its first two lines.
    Table(String),
    List {
        /// The items with their markers.
        items: Vec<String>,
        /// Whether blank lines stand between the items.
        loose: bool,
    },
}

/// The blocks of a Markdown text.
pub(super) fn markdown_blocks(text: &str, format: Format) -> Vec<Block> {
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_HEADING_ATTRIBUTES;
    let mut blocks = Vec::new();
    let mut open: Option<OpenBlock<'_>> = None;
    for (event, range) in Parser::new_ext(text, options).into_offset_iter() {
        match &mut open {
            Some(block) => {
                if block.take(&event, &range, text) {
                    let finished = open.take().expect("it is open here");
                    blocks.extend(finished.finish(text, format));
                }
            }
            None => {
                if let Event::Start(tag) = event {
                    open = Some(OpenBlock::new(tag, range));
                }
            }
        }
    }
    blocks
}

/// A top-level block between its start and its end.
struct OpenBlock<'a> {
    tag: Tag<'a>,
    range: Range<usize>,
    depth: usize,
    items: Vec<Range<usize>>,
    /// Plain text, for a heading's title.
    plain: String,
    html: String,
    cleaner: Cleaner,
}

impl<'a> OpenBlock<'a> {
    fn new(tag: Tag<'a>, range: Range<usize>) -> OpenBlock<'a> {
        OpenBlock {
            tag,
            range,
            depth: 0,
            items: Vec::new(),
            plain: String::new(),
            html: String::new(),
            cleaner: Cleaner::default(),
        }
    }

    /// Takes one event; `true` when it was the block's end.
    fn take(&mut self, event: &Event<'_>, range: &Range<usize>, source: &str) -> bool {
        match event {
            Event::Start(tag) => {
                if self.depth == 0 && matches!(tag, Tag::Item) {
                    self.items.push(range.clone());
                }
                self.depth += 1;
            }
            Event::End(_) if self.depth == 0 => return true,
            Event::End(_) => self.depth -= 1,
            Event::Text(text) | Event::Code(text) if !self.cleaner.in_image() => self.plain.push_str(text),
            Event::SoftBreak | Event::HardBreak => self.plain.push(' '),
            Event::Html(html) if matches!(self.tag, Tag::HtmlBlock) => self.html.push_str(html),
            _ => {}
        }
        self.cleaner.take(event, range, source);
        false
    }

    fn finish(self, source: &str, format: Format) -> Option<Block> {
        let start = self.range.start;
        let edits = self.cleaner.finish();
        // The text after cleaning; nothing where nothing but badges and tags was there.
        let cleaned = || {
            let text = edits.apply(source, self.range.clone());
            let text = text.trim_end().trim_start_matches('\n');
            (edits.found_words && has_words(text)).then(|| text.to_string())
        };
        let kind = match &self.tag {
            Tag::Heading { level, .. } => {
                let title = self.plain.split_whitespace().collect::<Vec<_>>().join(" ");
                if !has_words(&title) {
                    return None;
                }
                BlockKind::Heading { level: *level as u8, title }
            }
            Tag::HtmlBlock => BlockKind::Prose(text_of_html(&self.html)?),
            Tag::CodeBlock(kind) => {
                let text = source[self.range.clone()].trim_end();
                if !has_words(text) {
                    return None;
                }
                match kind {
                    CodeBlockKind::Fenced(info) => {
                        BlockKind::Code { text: unindented(text, source, start), language: info.to_string() }
                    }
                    // An indented block's range begins after the indent of its first line.
                    CodeBlockKind::Indented => BlockKind::Code {
                        text: format!("```\n{}\n```", self.plain.trim_end().trim_start_matches('\n')),
                        language: String::new(),
                    },
                }
            }
            Tag::List(_) => {
                let items: Vec<String> = self
                    .items
                    .iter()
                    .map(|item| edits.apply(source, item.clone()).trim_end().to_string())
                    .filter(|item| has_words(item))
                    .collect();
                if items.is_empty() || !edits.found_words {
                    return None;
                }
                let loose =
                    self.items.windows(2).any(|pair| ends_with_blank_line(&source[pair[0].start..pair[1].start]));
                BlockKind::List { items, loose }
            }
            Tag::Table(_) => BlockKind::Table(cleaned()?),
            Tag::Paragraph => {
                let text = cleaned()?;
                if format == Format::Mdx && is_module_line(&text) {
                    return None;
                }
                BlockKind::Prose(text)
            }
            _ => BlockKind::Solid(cleaned()?),
        };
        Some(Block { kind, start })
    }
}

/// A fence that is itself indented keeps its lines under each other when the first line's indent is given back.
fn unindented(text: &str, source: &str, start: usize) -> String {
    let line_start = source[..start].rfind('\n').map_or(0, |end| end + 1);
    let indent = source[line_start..start].len();
    if indent == 0 || indent > 3 {
        return text.to_string();
    }
    let strip = |line: &str| {
        let blank = line.len() - line.trim_start_matches(' ').len();
        line[blank.min(indent)..].to_string()
    };
    text.lines().map(strip).collect::<Vec<_>>().join("\n")
}

fn ends_with_blank_line(text: &str) -> bool {
    let mut lines = text.rsplit('\n');
    lines.next();
    lines.next().is_some_and(|line| line.trim().is_empty())
}

/// `import X from "…"` and `export const …` of MDX.
fn is_module_line(text: &str) -> bool {
    (text.starts_with("import ") && (text.contains(" from ") || text.contains(['"', '\''])))
        || ["export const ", "export default ", "export function ", "export {"]
            .iter()
            .any(|start| text.starts_with(start))
}

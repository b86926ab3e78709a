//! Markdown and plain text, cut into passages that stand alone.
//!
//! [`MarkdownFolder::open`] lists the files of a folder (or takes a single file); iterating over it reads one file at a
//! time. A file is cut along its headings: a section becomes a passage, a long one several on paragraph borders, and
//! tiny ones go together with their parent or their neighbours. The first line of a passage is the path of headings
//! that leads to it (`Tokio › Getting started › Windows`), so that it can be read, found and quoted without its file.
//! Where the headings do not say what the file is about (`0.3.1 › Fixed`, `Changelog`), its title, folder or file name
//! comes before them.
//!
//! Passages aim at 400–1200 characters. A code block, table or list item is only torn when it is longer than 3000.
//!
//! What carries no meaning is left out: front matter (its `title` and `date` go to `meta`), comments, link
//! definitions, HTML tags, images (their description stays within running text) and paragraphs of badges.
//!
//! A passage's name is `folder/relative/path.md#slug`, with the slug as GitHub makes it, and `:2`, `:3` for further
//! passages of the same section; text before the first heading has no `#slug`.
//!
//! - [`folder`](self::MarkdownFolder): which files, in which order, and reading one.
//! - `blocks`, `plain`: a text as a list of blocks, from Markdown and from `.txt` or `.rst`.
//! - `sections`: blocks as a tree of sections; `passages`: sections as passages.

mod blocks;
mod cleaning;
mod folder;
mod front_matter;
mod passages;
mod plain;
mod sections;
mod splitting;
#[cfg(test)]
mod tests;

pub use folder::{MAX_FILE_BYTES, MarkdownFolder, Passages};

use serde_json::{Map, Value};

use crate::item::ImportedMemory;

/// Between the headings of a path.
pub const HEADING_SEPARATOR: &str = " › ";

/// How a file is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Markdown,
    /// Markdown with JSX: its import and export lines say nothing.
    Mdx,
    /// Paragraphs only.
    Text,
    /// Paragraphs and underlined headings.
    Rst,
}

impl Format {
    fn of_extension(extension: &str) -> Option<Format> {
        match extension.to_ascii_lowercase().as_str() {
            "md" | "markdown" => Some(Format::Markdown),
            "mdx" => Some(Format::Mdx),
            "txt" | "text" => Some(Format::Text),
            "rst" => Some(Format::Rst),
            _ => None,
        }
    }
}

/// What a file is called in names, in `meta` and in messages.
struct FileNames<'a> {
    /// `folder/relative/path.md`
    id: &'a str,
    /// `relative/path.md`
    relative: &'a str,
    /// The path as the caller would write it.
    shown: &'a str,
    /// The file's name without its ending; the title of last resort.
    stem: &'a str,
}

/// Cuts the text of one file into passages.
fn passages_of(text: &str, format: Format, names: &FileNames<'_>) -> Vec<ImportedMemory> {
    let front = front_matter::read(text, format);
    let blocks = match format {
        Format::Markdown | Format::Mdx => blocks::markdown_blocks(&text[front.length..], format),
        Format::Text => plain::text_blocks(&text[front.length..]),
        Format::Rst => plain::rst_blocks(&text[front.length..]),
    };
    let root = sections::tree_of(blocks);
    let front_title = front.title;
    let title = front_title.as_deref().or_else(|| root.first_title()).unwrap_or(names.stem);
    let subject = subject_of(&root, front_title.as_deref(), names);
    let lines = LineNumbers::of(text);
    passages::passages_of(&root, subject.as_deref())
        .into_iter()
        .map(|passage| {
            let mut meta = Map::new();
            meta.insert("path".to_string(), Value::from(names.relative));
            meta.insert("heading".to_string(), Value::from(passage.path.join(HEADING_SEPARATOR)));
            meta.insert("title".to_string(), Value::from(title));
            meta.insert("kind".to_string(), Value::from("passage"));
            if let Some(date) = &front.date {
                meta.insert("date".to_string(), Value::from(date.as_str()));
            }
            ImportedMemory {
                name: Some(format!("{}{}", names.id, passage.fragment)),
                content: passage.text,
                meta,
                occurred_at_ms: None,
                source: format!("{}:{}", names.shown, lines.of_byte(front.length + passage.start)),
            }
        })
        .collect()
}

/// What stands before the headings where they do not say what the text is about: the title from the front matter; nothing
/// where one heading spans the file; else the file's path, or its folder where a heading like `Changelog` names the file.
fn subject_of(root: &sections::Section, front_title: Option<&str>, names: &FileNames<'_>) -> Option<String> {
    let spanning = match root.children.as_slice() {
        [only] => only.path.last().map(String::as_str),
        _ => None,
    };
    if let Some(title) = front_title {
        return (spanning != Some(title)).then(|| title.to_string());
    }
    match spanning {
        Some(title) if says_little(title) => names.id.rsplit('/').nth(1).map(str::to_string),
        Some(_) => None,
        None if names.relative.contains('/') => Some(names.relative.to_string()),
        None => Some(names.id.to_string()),
    }
}

/// Whether a title is one that every project has.
fn says_little(title: &str) -> bool {
    const COMMON: &[&str] = &[
        "about",
        "architecture",
        "authors",
        "building",
        "change log",
        "changelog",
        "changes",
        "code of conduct",
        "contributing",
        "contributors",
        "design",
        "examples",
        "faq",
        "getting started",
        "guide",
        "history",
        "index",
        "installation",
        "introduction",
        "license",
        "licence",
        "migration guide",
        "news",
        "notes",
        "overview",
        "readme",
        "release notes",
        "releases",
        "roadmap",
        "security",
        "security policy",
        "summary",
        "table of contents",
        "todo",
        "tutorial",
        "upgrading",
        "usage",
        "versions",
    ];
    let title = title.to_lowercase();
    COMMON.contains(&title.trim_matches(|letter: char| !letter.is_alphanumeric()))
}

/// Byte offset to line, counted from 1.
struct LineNumbers {
    starts: Vec<usize>,
}

impl LineNumbers {
    fn of(text: &str) -> LineNumbers {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(end, _)| end + 1)).collect();
        LineNumbers { starts }
    }

    fn of_byte(&self, offset: usize) -> usize {
        self.starts.partition_point(|start| *start <= offset)
    }
}

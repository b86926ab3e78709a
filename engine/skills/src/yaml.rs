//! The YAML of a frontmatter, with lines. Only this module knows the parser.
//!
//! A frontmatter is read as the specification's reference reader does: everything is text, and what gives YAML its
//! surprises (anchors, tags, flow style, keys that are there twice) is refused by strict readers, so it is remarked on
//! here.

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use crate::names::shown;
use crate::problem::Remark;

/// Deepest nesting: the specification needs two.
const MAX_DEPTH: usize = 16;
/// Most keys of one mapping: the specification has six, and `metadata` seldom more than twenty.
const MAX_KEYS: usize = 500;

/// A value and the line it begins in.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    pub(crate) line: u32,
    pub(crate) value: Value,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Text {
        text: String,
        /// What other readers of YAML would take it for, if not for a text.
        taken_for: Option<&'static str>,
    },
    List(Vec<Node>),
    Map(Vec<Entry>),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) key: String,
    /// The line of the key.
    pub(crate) line: u32,
    pub(crate) node: Node,
}

/// Reads a frontmatter that begins in `first_line` of its file. Keys are there once: of two, the first.
///
/// # Errors
/// Where it is no YAML, or no mapping.
pub(crate) fn parse(text: &str, first_line: u32, remarks: &mut Vec<Remark>) -> Result<Vec<Entry>, Remark> {
    let mut reading =
        Reading { first_line, letters: text.chars().collect(), frames: Vec::new(), root: None, quoted: vec![] };
    let is_content = |line: &&str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
    if let Some((line, _)) =
        text.lines().enumerate().find(|(_, line)| is_content(line)).filter(|(_, line)| line.trim_end() == "...")
    {
        return Err(Remark::error(reading.line_at(line + 1), "the end of the document (`...`) before its beginning"));
    }
    let mut parser = Parser::new_from_str(text);
    while let Some(event) = parser.next_event() {
        let (event, span) = event.map_err(|error| reading.fault(text, error.marker().line(), error.info()))?;
        reading.take(event, span, remarks)?;
    }
    reading.remark_on_tabs(remarks);
    match reading.root {
        Some(Node { value: Value::Map(entries), .. }) => Ok(entries),
        Some(node) => Err(Remark::error(
            node.line,
            format!("`name: …` and other fields are expected, found {}", node.value.sort()),
        )),
        None => Err(Remark::error(first_line, "the frontmatter is empty: `name` and `description` are expected")),
    }
}

/// Reads what is no YAML line by line: `key: value`, and what is indented below belongs to the key. Takes what most
/// writers mean who get YAML wrong, such as a colon within a text without quotes.
pub(crate) fn parse_by_lines(text: &str, first_line: u32) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    for (line, content) in (first_line..).zip(text.lines()) {
        let inner = content.trim();
        if inner.is_empty() || inner.starts_with('#') {
            continue;
        }
        let indented = content.starts_with([' ', '\t']) || inner.starts_with("- ");
        match (indented, key_and_rest(inner)) {
            (true, pair) => {
                if let Some(entry) = entries.last_mut() {
                    add_below(&mut entry.node, inner, pair, line);
                }
            }
            (false, Some((key, rest))) => {
                if entries.len() < MAX_KEYS && entries.iter().all(|entry| entry.key != key) {
                    entries.push(Entry { key: key.to_owned(), line, node: plain(unquoted(rest), line) });
                }
            }
            (false, None) => {}
        }
    }
    entries
}

/// Adds an indented line to the value above it.
fn add_below(node: &mut Node, inner: &str, pair: Option<(&str, &str)>, line: u32) {
    let is_empty = matches!(&node.value, Value::Text { text, .. } if text.is_empty());
    if let Some(item) = inner.strip_prefix("- ") {
        if is_empty {
            node.value = Value::List(Vec::new());
        }
        if let Value::List(items) = &mut node.value {
            items.push(plain(unquoted(item), line));
        }
    } else if let (Some((key, rest)), true) = (pair, is_empty || matches!(node.value, Value::Map(_))) {
        if is_empty {
            node.value = Value::Map(Vec::new());
        }
        if let Value::Map(entries) = &mut node.value {
            entries.push(Entry { key: key.to_owned(), line, node: plain(unquoted(rest), line) });
        }
    } else if let Value::Text { text, .. } = &mut node.value {
        if matches!(text.as_str(), "|" | ">" | "|-" | ">-" | "|+" | ">+") {
            text.clear();
        }
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(inner);
    }
}

fn plain(text: &str, line: u32) -> Node {
    Node { line, value: Value::Text { text: text.to_owned(), taken_for: None } }
}

fn key_and_rest(line: &str) -> Option<(&str, &str)> {
    let (key, rest) = line.split_once(':')?;
    let is_key =
        !key.is_empty() && key.chars().all(|letter| letter.is_alphanumeric() || matches!(letter, '-' | '_' | '.'));
    (is_key && (rest.is_empty() || rest.starts_with([' ', '\t']))).then(|| (key, rest.trim()))
}

fn unquoted(text: &str) -> &str {
    let text = text.trim();
    let within = |quote| text.strip_prefix(quote).and_then(|text: &str| text.strip_suffix(quote));
    within('"').or_else(|| within('\'')).unwrap_or(text)
}

impl Value {
    /// What it is, in a message.
    pub(crate) fn sort(&self) -> &'static str {
        match self {
            Self::Text { .. } => "a text",
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
        }
    }
}

/// A list or mapping that is not complete yet.
enum Frame {
    List { line: u32, items: Vec<Node> },
    Map { line: u32, entries: Vec<Entry>, key: Option<(String, u32)> },
}

/// What was understood so far.
struct Reading {
    first_line: u32,
    letters: Vec<char>,
    frames: Vec<Frame>,
    root: Option<Node>,
    /// Where texts in quotes and blocks are: from and to, in letters.
    quoted: Vec<(usize, usize)>,
}

impl Reading {
    fn take(&mut self, event: Event<'_>, span: Span, remarks: &mut Vec<Remark>) -> Result<(), Remark> {
        let line = self.line_at(span.start.line());
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
            Event::DocumentStart(_) if self.root.is_some() => {
                Err(Remark::error(line, "a second YAML document: one is expected"))
            }
            Event::DocumentStart(_) => Ok(()),
            Event::Alias(_) => Err(Remark::error(line, "an alias (`*…`) is not allowed: write the value out")),
            Event::Scalar(text, style, anchor, tag) => {
                self.remark_on(anchor > 0, tag.is_some(), line, remarks);
                if style != ScalarStyle::Plain {
                    self.quoted.push((span.start.index(), span.end.index()));
                }
                let taken_for = if style == ScalarStyle::Plain { taken_for(&text) } else { None };
                self.complete(Node { line, value: Value::Text { text: text.into_owned(), taken_for } }, remarks)
            }
            Event::SequenceStart(anchor, tag) => {
                self.open(Frame::List { line, items: Vec::new() }, line)?;
                self.remark_on(anchor > 0, tag.is_some(), line, remarks);
                self.remark_on_flow('[', span, line, remarks);
                Ok(())
            }
            Event::MappingStart(anchor, tag) => {
                self.open(Frame::Map { line, entries: Vec::new(), key: None }, line)?;
                self.remark_on(anchor > 0, tag.is_some(), line, remarks);
                self.remark_on_flow('{', span, line, remarks);
                Ok(())
            }
            Event::SequenceEnd | Event::MappingEnd => match self.frames.pop() {
                Some(Frame::List { line, items }) => self.complete(Node { line, value: Value::List(items) }, remarks),
                Some(Frame::Map { line, entries, .. }) => {
                    self.complete(Node { line, value: Value::Map(entries) }, remarks)
                }
                None => Ok(()),
            },
        }
    }

    fn open(&mut self, frame: Frame, line: u32) -> Result<(), Remark> {
        if let Some(Frame::Map { key: None, .. }) = self.frames.last() {
            return Err(Remark::error(line, "a key has to be a text, found a list or mapping"));
        }
        if self.frames.len() >= MAX_DEPTH {
            return Err(Remark::error(line, format!("nested deeper than {MAX_DEPTH} levels")));
        }
        self.frames.push(frame);
        Ok(())
    }

    /// Puts a value where it belongs.
    fn complete(&mut self, node: Node, remarks: &mut Vec<Remark>) -> Result<(), Remark> {
        match self.frames.last_mut() {
            None => self.root = Some(node),
            Some(Frame::List { items, .. }) => items.push(node),
            Some(Frame::Map { entries, key, .. }) => match (key.take(), node.value) {
                (None, Value::Text { text, .. }) => *key = Some((text, node.line)),
                (None, value) => {
                    return Err(Remark::error(node.line, format!("a key has to be a text, found {}", value.sort())));
                }
                (Some((key, line)), value) => {
                    if let Some(first) = entries.iter().find(|entry| entry.key == key) {
                        let message = format!("`{}` is there already, in line {}", shown(&key), first.line);
                        remarks.push(Remark::error(line, message));
                    } else if entries.len() >= MAX_KEYS {
                        return Err(Remark::error(line, format!("more than {MAX_KEYS} keys")));
                    } else {
                        entries.push(Entry { key, line, node: Node { line: node.line, value } });
                    }
                }
            },
        }
        Ok(())
    }

    fn remark_on(&self, anchor: bool, tag: bool, line: u32, remarks: &mut Vec<Remark>) {
        if anchor {
            remarks.push(Remark::error(line, "an anchor (`&…`) is not allowed: put texts that begin with & in quotes"));
        }
        if tag {
            remarks.push(Remark::error(line, "a tag (`!…`) is not allowed: put texts that begin with ! in quotes"));
        }
    }

    fn remark_on_flow(&self, bracket: char, span: Span, line: u32, remarks: &mut Vec<Remark>) {
        if self.letters.get(span.start.index()) == Some(&bracket) {
            let message = format!("`{bracket}…` is not allowed: one item a line is expected, or a text in quotes");
            let remark = Remark::error(line, message);
            // Once for however many are within each other.
            if remarks.last() != Some(&remark) {
                remarks.push(remark);
            }
        }
    }

    /// Tabs between key, value and comment are YAML, but other readers stop at them.
    fn remark_on_tabs(&self, remarks: &mut Vec<Remark>) {
        let (mut line, mut in_comment, mut last) = (0, false, '\n');
        for (index, &letter) in self.letters.iter().enumerate() {
            let quoted = || {
                let before = self.quoted.partition_point(|&(from, _)| from <= index);
                before.checked_sub(1).is_some_and(|last| index < self.quoted[last].1)
            };
            match letter {
                '\n' => (line, in_comment) = (line + 1, false),
                '#' if last.is_whitespace() && !quoted() => in_comment = true,
                '\t' if !in_comment && !quoted() => {
                    let message = "a tab outside of quotes: other readers of YAML stop at it; use spaces";
                    remarks.push(Remark::error(self.first_line.saturating_add(line), message));
                    return;
                }
                _ => {}
            }
            last = letter;
        }
    }

    /// What is wrong where the parser stopped, in `line` of the frontmatter, from 1.
    fn fault(&self, text: &str, line: usize, info: &str) -> Remark {
        // The parser stops in front of a tab: at the end of the line before, at times.
        let tab = text.lines().enumerate().skip(line.saturating_sub(1)).take(2).find(|(_, line)| tab_before_text(line));
        if let Some((tab, _)) = tab {
            let message = "a tab at the beginning of the line: YAML is indented with spaces";
            return Remark::error(self.line_at(tab + 1), message);
        }
        let here = text.lines().nth(line.saturating_sub(1)).unwrap_or_default();
        let hint = match info {
            _ if here.contains('\t') => "; spaces are expected, not tabs",
            _ if info.contains("mapping values are not allowed") || info.contains("illegal placement of ':'") => {
                "; a text with `: ` in it belongs in quotes"
            }
            _ => "",
        };
        Remark::error(self.line_at(line), format!("not YAML: {info}{hint}"))
    }

    /// A line of the file; `line` counts from 1 within the frontmatter.
    fn line_at(&self, line: usize) -> u32 {
        self.first_line.saturating_add(u32::try_from(line).unwrap_or(u32::MAX).saturating_sub(1))
    }
}

fn tab_before_text(line: &str) -> bool {
    line.chars().take_while(|letter| letter.is_whitespace()).any(|letter| letter == '\t')
}

/// What YAML's core schema, or the older one that many readers have, takes a text without quotes for.
fn taken_for(text: &str) -> Option<&'static str> {
    let lower = text.to_ascii_lowercase();
    match lower.as_str() {
        "" | "~" | "null" => return Some("nothing"),
        "true" | "false" | "yes" | "no" | "on" | "off" => return Some("a truth value"),
        _ => {}
    }
    let digits = lower.trim_start_matches(['+', '-']);
    let is_number = digits.starts_with(|first: char| first.is_ascii_digit() || first == '.')
        && (digits.parse::<f64>().is_ok()
            || matches!(digits, ".inf" | ".nan")
            || digits.strip_prefix("0x").is_some_and(|hex| i128::from_str_radix(hex, 16).is_ok())
            || digits.strip_prefix("0o").is_some_and(|octal| i128::from_str_radix(octal, 8).is_ok()));
    if is_number {
        return Some("a number");
    }
    let is_date = text.len() == 10
        && text
            .bytes()
            .enumerate()
            .all(|(at, byte)| if at == 4 || at == 7 { byte == b'-' } else { byte.is_ascii_digit() });
    is_date.then_some("a date")
}

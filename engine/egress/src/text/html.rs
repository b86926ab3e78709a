//! HTML as text: what a person would see of a page, with headings, lists, links and code marked as in Markdown.
//!
//! There is no tree: a tokenizer, and the stack of the elements that are open. So a page of any size and any nesting costs one pass. What
//! a page hides is left out, for it is not what its reader agreed to read: scripts, and elements that are `hidden` or have a style
//! that says so. Style sheets are not read.

mod element;

use html5gum::{DefaultEmitter, StartTag, Token, Tokenizer};

use element::Kind;

/// How deep elements are followed, as in browsers; what is deeper is text of the one around it.
const DEEPEST: usize = 512;

/// The longest address of a link that is shown; images within an address are longer.
const LONGEST_LINK: usize = 500;

/// How far up a link is looked for around a word: headings and a few spans are within links, whole pages are not.
const LINK_REACH: usize = 16;

/// The text of a page.
pub(super) fn text(html: &str) -> String {
    let mut page = Page::default();
    let mut emitter = DefaultEmitter::default();
    emitter.naively_switch_states(true);
    for Ok(token) in Tokenizer::new_with_emitter(html, emitter) {
        match token {
            Token::StartTag(tag) => page.start(&tag),
            Token::EndTag(tag) => page.end(&String::from_utf8_lossy(&tag.name)),
            Token::String(text) => page.text(&String::from_utf8_lossy(&text)),
            _ => {}
        }
    }
    page.finish()
}

/// An element that is open.
struct Open {
    name: String,
    kind: Kind,
    /// Whether what is in it is not to be seen.
    hides: bool,
    /// Items of the list so far, or cells of the row.
    count: usize,
    /// Where a link leads.
    link: Option<String>,
    /// Whether something of the link was written.
    begun: bool,
    /// How long the text was before it.
    start: usize,
}

/// The text so far.
#[derive(Default)]
struct Page {
    out: String,
    open: Vec<Open>,
    /// How many open elements hide what is in them, keep their blanks, are foreign (SVG), are lists.
    hiding: usize,
    kept: usize,
    foreign: usize,
    lists: usize,
    /// What comes before the next word: line ends, else perhaps a blank.
    lines: usize,
    blank: bool,
    /// What stands before the first word of the element that just began.
    marker: String,
}

impl Page {
    fn start(&mut self, tag: &StartTag<()>) {
        let name = String::from_utf8_lossy(&tag.name).into_owned();
        let kind = element::kind(&name);
        self.close_implied(kind);
        self.lines = self.lines.max(kind.lines());
        match kind {
            Kind::LineBreak => self.lines = (self.lines + 1).min(2),
            Kind::Rule => {
                self.word("---");
                self.lines = 2;
            }
            Kind::Image => {
                if let Some(alt) = attribute(tag, "alt") {
                    self.text(&format!(" (image: {alt}) "));
                }
            }
            Kind::Heading(level) => self.marker = format!("{} ", "#".repeat(level)),
            Kind::Item => self.marker = self.item(),
            Kind::Cell => self.cell(),
            Kind::Preformatted => self.marker = "```\n".to_string(),
            _ => {}
        }
        let hides = kind == Kind::Unseen || is_hidden(tag);
        // The tree builder of HTML takes "/>" seriously only in foreign elements.
        let childless = kind.is_void() || (tag.self_closing && (self.foreign > 0 || name == "svg"));
        if childless || (self.open.len() >= DEEPEST && (self.hiding > 0 || !hides)) {
            return;
        }
        let link = (kind == Kind::Link).then(|| attribute(tag, "href")).flatten().filter(|href| is_worth_showing(href));
        self.push(Open { name, kind, hides, count: 0, link, begun: false, start: self.out.len() });
    }

    fn end(&mut self, name: &str) {
        match self.open.iter().rposition(|open| open.name == name) {
            // Text behind the end of the page is text of the page.
            Some(_) if matches!(name, "body" | "html") => {}
            Some(at) => {
                while self.open.len() > at {
                    self.pop();
                }
            }
            None => self.lines = self.lines.max(element::kind(name).lines().min(1)),
        }
    }

    fn push(&mut self, open: Open) {
        self.hiding += usize::from(open.hides);
        self.kept += usize::from(open.kind == Kind::Preformatted);
        self.foreign += usize::from(open.name == "svg" || open.name == "math");
        self.lists += usize::from(open.kind.is_list());
        self.open.push(open);
    }

    fn pop(&mut self) {
        let Some(open) = self.open.pop() else { return };
        self.hiding -= usize::from(open.hides);
        self.kept -= usize::from(open.kind == Kind::Preformatted);
        self.foreign -= usize::from(open.name == "svg" || open.name == "math");
        self.lists -= usize::from(open.kind.is_list());
        if let Some(href) = open.link.filter(|_| open.begun) {
            self.out.push_str("](");
            self.out.push_str(&href);
            self.out.push(')');
        }
        if open.kind == Kind::Preformatted && self.out.len() > open.start {
            if !self.out.ends_with('\n') {
                self.out.push('\n');
            }
            self.out.push_str("```");
        }
        if open.kind.has_marker() {
            self.marker.clear();
        }
        self.lines = self.lines.max(open.kind.lines());
    }

    /// Ends what HTML lets authors leave open: paragraphs before blocks, items before items, cells before cells.
    fn close_implied(&mut self, kind: Kind) {
        let mut first = None;
        for (at, open) in self.open.iter().enumerate().rev() {
            if kind.stops_at(open.kind) {
                break;
            }
            if kind.ends(open.kind) {
                first = Some(at);
            }
        }
        while first.is_some_and(|first| self.open.len() > first) {
            self.pop();
        }
    }

    /// The mark of the next item of the list around.
    fn item(&mut self) -> String {
        let indent = "  ".repeat(self.lists.saturating_sub(1).min(8));
        match self.open.iter_mut().rev().find(|open| open.kind.is_list()) {
            Some(list) if list.kind == Kind::Ordered => {
                list.count += 1;
                format!("{indent}{}. ", list.count)
            }
            _ => format!("{indent}- "),
        }
    }

    fn cell(&mut self) {
        let Some(row) = self.open.iter_mut().rev().find(|open| open.kind == Kind::Row) else { return };
        row.count += 1;
        if row.count > 1 {
            self.text(" | ");
            self.blank = true;
        }
    }

    fn text(&mut self, text: &str) {
        if self.hiding > 0 {
            return;
        }
        if self.kept > 0 {
            return self.keep(text);
        }
        self.blank |= text.starts_with(|c: char| c.is_ascii_whitespace());
        for (number, word) in text.split_ascii_whitespace().enumerate() {
            self.blank |= number > 0;
            self.word(word);
        }
        self.blank |= text.ends_with(|c: char| c.is_ascii_whitespace());
    }

    /// Text whose blanks count.
    fn keep(&mut self, text: &str) {
        // A line end right behind the tag is not part of it.
        let text = if self.marker.is_empty() { text } else { text.strip_prefix('\n').unwrap_or(text) };
        if !text.is_empty() {
            self.before();
            self.out.push_str(text);
        }
    }

    fn word(&mut self, word: &str) {
        if self.hiding == 0 {
            self.before();
            self.out.push_str(word);
        }
    }

    /// Writes what stands between the text so far and what comes now.
    fn before(&mut self) {
        if self.lines > 0 {
            if !self.out.is_empty() {
                self.out.push_str(if self.lines > 1 { "\n\n" } else { "\n" });
            }
        } else if self.blank && self.kept == 0 && !self.out.is_empty() && !self.out.ends_with(['\n', ' ']) {
            self.out.push(' ');
        }
        (self.lines, self.blank) = (0, false);
        self.out.push_str(&self.marker);
        self.marker.clear();
        let mut near = self.open.iter_mut().rev().take(LINK_REACH);
        if let Some(link) = near.find(|open| open.link.is_some() && !open.begun) {
            link.begun = true;
            self.out.push('[');
        }
    }

    fn finish(mut self) -> String {
        while !self.open.is_empty() {
            self.pop();
        }
        self.out.truncate(self.out.trim_end().len());
        self.out
    }
}

fn attribute(tag: &StartTag<()>, name: &str) -> Option<String> {
    let value = tag.attributes.get(name.as_bytes())?;
    let value = String::from_utf8_lossy(value).trim().to_string();
    (!value.is_empty()).then_some(value)
}

fn is_hidden(tag: &StartTag<()>) -> bool {
    let style = attribute(tag, "style").unwrap_or_default().to_ascii_lowercase();
    let style: String = style.chars().filter(|c| !c.is_whitespace()).collect();
    tag.attributes.contains_key(b"hidden".as_slice())
        || style.contains("display:none")
        || style.contains("visibility:hidden")
}

fn is_worth_showing(href: &str) -> bool {
    let lower = href.get(..11).unwrap_or(href).to_ascii_lowercase();
    href.len() <= LONGEST_LINK
        && !href.starts_with('#')
        && !lower.starts_with("javascript:")
        && !lower.starts_with("data:")
}

//! Taking out of a source text what carries no meaning: HTML, images, link targets that lead nowhere.
//!
//! The cleaner listens to the events of a block, collects edits of its source range, and applies them at the end.

use std::ops::Range;

use pulldown_cmark::{Event, LinkType, Tag, TagEnd};

/// Edits of one block.
#[derive(Debug, Default)]
pub(super) struct Cleaner {
    /// Byte ranges of the source and what stands there instead; in the order of
    /// their ends.
    edits: Vec<(Range<usize>, String)>,
    /// What is open, innermost last.
    open: Vec<OpenSpan>,
    found_words: bool,
}

#[derive(Debug)]
struct OpenSpan {
    range: Range<usize>,
    kind: SpanKind,
    /// The plain text in it.
    plain: String,
    /// From the first to the last byte of what is in it.
    inner: Option<Range<usize>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum SpanKind {
    Image,
    /// `[text](target)`, `<target>`: stays as it is.
    Link,
    /// `[text][reference]`, whose target stands elsewhere and is put in.
    Reference(String),
    /// `[text]`, `[text][]`, which are written so as to be read without a target; and `[#7](…/issues/7)`, whose target says
    /// no more than its text. Only the text stays.
    Bare,
}

impl Cleaner {
    /// Whether the events that come are an image's description.
    pub(super) fn in_image(&self) -> bool {
        self.open.iter().any(|span| span.kind == SpanKind::Image)
    }

    pub(super) fn take(&mut self, event: &Event<'_>, range: &Range<usize>, source: &str) {
        if !matches!(event, Event::End(TagEnd::Image | TagEnd::Link)) {
            for span in &mut self.open {
                let inner = span.inner.get_or_insert(range.clone());
                *inner = inner.start.min(range.start)..inner.end.max(range.end);
            }
        }
        match event {
            Event::Start(Tag::Image { .. }) => self.begin(SpanKind::Image, range),
            Event::Start(Tag::Link { link_type, dest_url, .. }) => {
                self.begin(link_kind(*link_type, dest_url), range);
            }
            Event::End(TagEnd::Image | TagEnd::Link) => self.end(source),
            Event::Text(text) | Event::Code(text) => {
                if !self.in_image() {
                    self.found_words |= has_words(text);
                }
                for span in &mut self.open {
                    span.plain.push_str(text);
                }
            }
            Event::InlineHtml(html) if is_known_tag(html) => {
                let before = source[..range.start].chars().next_back();
                let instead = match html.to_ascii_lowercase() {
                    tag if tag.starts_with("<br") => " ",
                    // 2<sup>b</sup> is not 2b.
                    tag if tag == "<sup>" && before.is_some_and(char::is_alphanumeric) => "^",
                    _ => "",
                };
                self.edits.push((range.clone(), instead.to_string()));
            }
            Event::InlineHtml(_) => self.found_words = true,
            Event::Html(html) => {
                let text = text_of_html(html);
                self.found_words |= text.is_some();
                let line_end = if html.ends_with('\n') { "\n" } else { "" };
                self.edits.push((range.clone(), text.map_or_else(String::new, |text| text + line_end)));
            }
            Event::FootnoteReference(_) => self.edits.push((range.clone(), String::new())),
            _ => {}
        }
    }

    fn begin(&mut self, kind: SpanKind, range: &Range<usize>) {
        self.open.push(OpenSpan { range: range.clone(), kind, plain: String::new(), inner: None });
    }

    fn end(&mut self, source: &str) {
        let Some(mut span) = self.open.pop() else { return };
        if span.kind == SpanKind::Bare && source[span.range.end..].starts_with("[]") {
            // pulldown-cmark 0.13 leaves the brackets of `[text][]` outside of the link.
            span.range.end += 2;
        }
        match span.kind {
            SpanKind::Image => self.replace(span.range, span.plain),
            // A link around nothing but an image without a description.
            SpanKind::Link | SpanKind::Reference(_) if span.plain.trim().is_empty() => {
                self.replace(span.range, String::new())
            }
            SpanKind::Link => {}
            SpanKind::Reference(target) => match span.inner {
                Some(inner) => self.edits.push((inner.end..span.range.end, format!("]({target})"))),
                None => self.replace(span.range, String::new()),
            },
            SpanKind::Bare => match span.inner {
                Some(inner) => {
                    self.edits.push((span.range.start..inner.start, String::new()));
                    self.edits.push((inner.end..span.range.end, String::new()));
                }
                None => self.replace(span.range, String::new()),
            },
        }
    }

    /// Puts `instead` in the place of `range` and of all edits within it, which are the last ones.
    fn replace(&mut self, range: Range<usize>, instead: String) {
        while self.edits.last().is_some_and(|(inner, _)| inner.start >= range.start) {
            self.edits.pop();
        }
        self.edits.push((range, instead));
    }

    /// The edits, when the block has ended.
    pub(super) fn finish(mut self) -> Edits {
        self.edits.sort_by_key(|(edit, _)| (edit.start, edit.end));
        Edits { edits: self.edits, found_words: self.found_words }
    }
}

/// What is taken out of a block.
pub(super) struct Edits {
    /// Sorted, never overlapping.
    edits: Vec<(Range<usize>, String)>,
    /// Whether any word was met outside of images and tags.
    pub(super) found_words: bool,
}

impl Edits {
    /// The source at `range`, a part of the block, with the edits that lie in it.
    pub(super) fn apply(&self, source: &str, range: Range<usize>) -> String {
        let first = self.edits.partition_point(|(edit, _)| edit.start < range.start);
        let mut text = String::with_capacity(range.len());
        let mut done = range.start;
        for (edit, instead) in &self.edits[first..] {
            if edit.end > range.end {
                break;
            }
            if edit.start < done {
                continue;
            }
            text.push_str(&source[done..edit.start]);
            text.push_str(instead);
            done = edit.end;
        }
        text.push_str(&source[done..range.end]);
        if done == range.start { text } else { without_emptied_lines(&text) }
    }
}

/// Edits leave blanks at line ends and empty lines where a tag or a badge stood; a paragraph must not fall apart on them.
fn without_emptied_lines(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut blank_before = true;
    for line in text.split('\n') {
        let line = line.trim_end();
        let blank = line.is_empty();
        if !(blank && blank_before) {
            kept.push_str(line);
            kept.push('\n');
        }
        blank_before = blank;
    }
    kept.truncate(kept.trim_end().len());
    kept
}

fn link_kind(link_type: LinkType, target: &str) -> SpanKind {
    match link_type {
        LinkType::Inline | LinkType::Reference if is_ticket(target) => SpanKind::Bare,
        LinkType::Reference => SpanKind::Reference(target.to_string()),
        LinkType::Inline | LinkType::Autolink | LinkType::Email => SpanKind::Link,
        _ => SpanKind::Bare,
    }
}

/// Whether a link leads to a numbered issue, change or commit; changelogs consist of them.
fn is_ticket(target: &str) -> bool {
    let mut parts = target.rsplit('/');
    let (Some(number), Some(kind)) = (parts.next(), parts.next()) else { return false };
    matches!(kind, "issues" | "pull" | "pulls" | "commit" | "compare" | "merge_requests")
        && !number.is_empty()
        && (kind == "compare" || number.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Whether there is anything to read in `text`.
pub(super) fn has_words(text: &str) -> bool {
    text.chars().any(char::is_alphanumeric)
}

/// What a reader sees of an HTML block; `None` where that is nothing.
pub(super) fn text_of_html(html: &str) -> Option<String> {
    let mut text = String::new();
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        text.push_str(&rest[..start]);
        rest = &rest[start..];
        let lower_start: String = rest.chars().take(8).collect::<String>().to_ascii_lowercase();
        let end = if rest.starts_with("<!--") {
            rest.find("-->").map(|end| end + 3)
        } else if lower_start.starts_with("<script") {
            rest.find("</script>").map(|end| end + 9)
        } else if lower_start.starts_with("<style") {
            rest.find("</style>").map(|end| end + 8)
        } else if rest[1..].starts_with(|next: char| next.is_ascii_alphabetic() || matches!(next, '/' | '!' | '?')) {
            rest.find('>').map(|end| end + 1)
        } else {
            text.push('<');
            Some(1)
        };
        if is_breaking(&lower_start) {
            text.push('\n');
        }
        match end {
            Some(end) => rest = &rest[end..],
            // A tag that never ends takes the rest with it, as in a browser.
            None => rest = "",
        }
    }
    text.push_str(rest);
    let lines: Vec<String> = unescaped(&text)
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|line| !line.is_empty())
        .collect();
    let text = lines.join("\n");
    has_words(&text).then_some(text)
}

/// Whether a tag begins a new line on the page.
fn is_breaking(tag: &str) -> bool {
    [
        "<br", "<p", "</p", "<div", "</div", "<li", "<tr", "<h1", "<h2", "<h3", "<h4", "<h5", "<h6", "</h", "</summ",
        "<td",
    ]
    .iter()
    .any(|breaking| tag.starts_with(breaking))
}

fn unescaped(text: &str) -> String {
    if !text.contains('&') {
        return text.to_string();
    }
    let mut text = text.to_string();
    for (escaped, plain) in [
        ("&nbsp;", " "),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#39;", "'"),
        ("&apos;", "'"),
        ("&amp;", "&"),
    ] {
        text = text.replace(escaped, plain);
    }
    text
}

/// Whether `html` is a tag that a page would show nothing of, or a comment. `Vec<T>` outside of code looks like a tag
/// too, and must stay.
fn is_known_tag(html: &str) -> bool {
    const TAGS: &[&str] = &[
        "a",
        "abbr",
        "b",
        "big",
        "blockquote",
        "br",
        "center",
        "cite",
        "code",
        "dd",
        "del",
        "details",
        "div",
        "dl",
        "dt",
        "em",
        "font",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "hr",
        "i",
        "img",
        "ins",
        "kbd",
        "li",
        "mark",
        "ol",
        "p",
        "picture",
        "pre",
        "q",
        "s",
        "samp",
        "small",
        "source",
        "span",
        "strong",
        "sub",
        "summary",
        "sup",
        "table",
        "tbody",
        "td",
        "th",
        "thead",
        "tr",
        "tt",
        "u",
        "ul",
        "var",
        "video",
    ];
    if html.starts_with("<!--") {
        return true;
    }
    let name = html.trim_start_matches(['<', '/']);
    let end = name.find(|next: char| !next.is_ascii_alphanumeric()).unwrap_or(name.len());
    TAGS.contains(&name[..end].to_ascii_lowercase().as_str())
}

//! A tree of sections as passages: long sections are cut, tiny ones go together.

use std::collections::HashMap;

use super::HEADING_SEPARATOR;
use super::cleaning::has_words;
use super::sections::Section;
use super::splitting::{MAX_PASSAGE, MAX_WHOLE, MIN_PASSAGE, Piece, pieces_of};

/// The text of a section that is shorter than this joins its first subsection, in characters.
const SHORT_OPENING: usize = 200;

/// A text that stands alone.
#[derive(Debug, PartialEq)]
pub(super) struct Passage {
    /// `#slug`, `#slug:2`, …; unique within the file.
    pub(super) fragment: String,
    /// The headings that lead to it.
    pub(super) path: Vec<String>,
    /// The subject and the path on a line of its own, a blank line, and what is said.
    pub(super) text: String,
    /// Offset of its first block.
    pub(super) start: usize,
}

/// The passages of a file in the order of its text; `subject` comes before their headings.
pub(super) fn passages_of(root: &Section, subject: Option<&str>) -> Vec<Passage> {
    let mut met: HashMap<&str, usize> = HashMap::new();
    let mut passages = Vec::new();
    for draft in drafts_of(root) {
        if !has_words(&draft.body) {
            continue;
        }
        let count = met.entry(draft.slug).or_default();
        *count += 1;
        let mark = if draft.slug.is_empty() { "" } else { "#" };
        let ordinal = if *count > 1 { format!(":{count}") } else { String::new() };
        let first_line: Vec<&str> = subject.into_iter().chain(draft.path.iter().map(String::as_str)).collect();
        let text = match first_line.is_empty() {
            true => draft.body,
            false => format!("{}\n\n{}", first_line.join(HEADING_SEPARATOR), draft.body),
        };
        let fragment = format!("{mark}{}{ordinal}", draft.slug);
        passages.push(Passage { fragment, path: draft.path.to_vec(), text, start: draft.start });
    }
    passages
}

/// A passage in the making.
struct Draft<'a> {
    slug: &'a str,
    path: &'a [String],
    body: String,
    /// Length of the body in characters.
    size: usize,
    start: usize,
}

/// The passages of a section and of all sections below it.
fn drafts_of(section: &Section) -> Vec<Draft<'_>> {
    let mut drafts: Vec<Draft<'_>> = bodies_of(section)
        .into_iter()
        .map(|body| Draft {
            slug: &section.slug,
            path: &section.path,
            body: body.text,
            size: body.size,
            start: body.start,
        })
        .collect();
    if let Some(first) = drafts.first_mut().filter(|_| section.level > 0) {
        first.start = section.start;
    }
    // Whether the last draft may take a tiny section that follows: it is the section's own text, or a tiny section too.
    let mut takes_more = !drafts.is_empty();
    for (index, child) in section.children.iter().enumerate() {
        let mut of_child = drafts_of(child);
        if of_child.is_empty() {
            // A heading over nothing is still worth its words where there is a passage to keep it in.
            let size = child.path.last().map_or(0, |title| title.chars().count());
            of_child.push(Draft {
                slug: &child.slug,
                path: &child.path,
                body: String::new(),
                size,
                start: child.start,
            });
        }
        let tiny = of_child.len() == 1 && of_child[0].size < MIN_PASSAGE;
        match drafts.last_mut() {
            Some(last)
                if takes_more
                    && last.size + of_child[0].size <= MAX_PASSAGE
                    && (tiny || (index == 0 && last.size < SHORT_OPENING)) =>
            {
                let first = of_child.remove(0);
                last.absorb(first, &section.path);
                takes_more = of_child.is_empty();
            }
            _ => takes_more = tiny,
        }
        drafts.append(&mut of_child);
    }
    drafts
}

impl<'a> Draft<'a> {
    /// Appends a draft from below `path`, under its own headings. If this draft is from below `path` too, it gets its
    /// headings as well, and both lie under `path` from now on; the name stays that of the first.
    fn absorb(&mut self, other: Draft<'_>, path: &'a [String]) {
        if self.path.len() > path.len() {
            self.body = under_headings(&self.path[path.len()..], path.len(), &self.body);
            self.path = path;
        }
        self.body.push_str("\n\n");
        self.body.push_str(&under_headings(&other.path[path.len()..], path.len(), &other.body));
        self.size = self.body.chars().count();
    }
}

/// `body` under one heading line for each of `titles`, the first of which lies `depth` levels down.
fn under_headings(titles: &[String], depth: usize, body: &str) -> String {
    let mut text = String::new();
    for (index, title) in titles.iter().enumerate() {
        text.push_str(&format!("{} {title}\n\n", "#".repeat(depth + index + 1)));
    }
    text.push_str(body);
    text.truncate(text.trim_end().len());
    text
}

struct Body {
    text: String,
    size: usize,
    start: usize,
}

/// A section's own text, without its subsections, cut into bodies of passages.
fn bodies_of(section: &Section) -> Vec<Body> {
    let mut cutter = Cutter::default();
    for block in &section.blocks {
        cutter.take_block(pieces_of(block));
    }
    cutter.finish()
}

/// Fills bodies with pieces.
#[derive(Default)]
struct Cutter {
    bodies: Vec<Vec<Piece>>,
    current: Vec<Piece>,
}

impl Cutter {
    fn take_block(&mut self, pieces: Vec<Piece>) {
        let size = size_of(&pieces);
        let filled = size_of(&self.current);
        if filled + size <= MAX_PASSAGE {
            self.current.extend(pieces);
        } else if pieces.len() == 1 && filled < MIN_PASSAGE && filled + size <= MAX_WHOLE {
            // A few lines and the long example they explain.
            self.current.extend(pieces);
        } else if pieces.len() == 1 || size <= MAX_PASSAGE {
            self.close_with_lead_in();
            self.current.extend(pieces);
        } else {
            for piece in pieces {
                let filled = size_of(&self.current);
                let short = filled < MIN_PASSAGE && filled + piece.size <= MAX_WHOLE;
                if filled + piece.size > MAX_PASSAGE && !short {
                    self.close_with_lead_in();
                }
                self.current.push(piece);
            }
        }
    }

    /// Closes the current body; a last "as follows:" goes on into the next one.
    fn close_with_lead_in(&mut self) {
        if self.current.is_empty() {
            return;
        }
        let lead_in = if self.current.len() > 1 && self.current.last().is_some_and(Piece::leads_in) {
            self.current.pop()
        } else {
            None
        };
        self.bodies.push(std::mem::take(&mut self.current));
        self.current.extend(lead_in);
    }

    fn finish(mut self) -> Vec<Body> {
        if size_of(&self.current) < MIN_PASSAGE / 2
            && let Some(last) = self.bodies.last_mut()
        {
            // The rest is too short to stand alone, and too short to make the last one much longer.
            last.append(&mut self.current);
        }
        if !self.current.is_empty() {
            self.bodies.push(self.current);
        }
        self.bodies.iter().map(|pieces| body_of(pieces)).collect()
    }
}

fn size_of(pieces: &[Piece]) -> usize {
    pieces.iter().map(|piece| piece.size + piece.gap.len()).sum()
}

fn body_of(pieces: &[Piece]) -> Body {
    let mut text = String::new();
    for piece in pieces {
        if !text.is_empty() {
            text.push_str(piece.gap);
        }
        text.push_str(&piece.text);
    }
    let size = text.chars().count();
    Body { text, size, start: pieces.first().map_or(0, |piece| piece.start) }
}

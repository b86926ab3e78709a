//! A list of blocks as a tree of sections, each with the path of headings that leads to it and GitHub's slug.

use std::collections::HashMap;

use super::blocks::{Block, BlockKind};

/// A heading with what stands under it, up to the next heading; deeper headings are its children.
#[derive(Debug, Default)]
pub(super) struct Section {
    /// 1 to 6; 0 is the file itself, which holds the text before the first heading.
    pub(super) level: u8,
    /// The titles from the outermost heading to this one.
    pub(super) path: Vec<String>,
    /// The part of an address after `#`; empty for the file itself.
    pub(super) slug: String,
    /// Offset of the heading.
    pub(super) start: usize,
    /// No headings among them.
    pub(super) blocks: Vec<Block>,
    pub(super) children: Vec<Section>,
}

impl Section {
    /// The first title of the highest level that occurs.
    pub(super) fn first_title(&self) -> Option<&str> {
        let highest = self.children.iter().map(|child| child.level).min()?;
        let first = self.children.iter().find(|child| child.level == highest)?;
        first.path.last().map(String::as_str)
    }
}

/// Builds the tree; the root is the file itself.
pub(super) fn tree_of(blocks: Vec<Block>) -> Section {
    let mut slugs = Slugs::default();
    // From the root to the section that is being filled; each level is higher than the one before.
    let mut open = vec![Section::default()];
    for block in blocks {
        match block.kind {
            BlockKind::Heading { level, title } => {
                close_down_to(&mut open, level);
                let mut path = open.last().expect("the root stays open").path.clone();
                let slug = slugs.of(&title);
                path.push(title);
                open.push(Section { level, path, slug, start: block.start, ..Section::default() });
            }
            _ => open.last_mut().expect("the root stays open").blocks.push(block),
        }
    }
    close_down_to(&mut open, 1);
    open.pop().expect("the root stays open")
}

/// Moves sections of `level` and deeper into their parents.
fn close_down_to(open: &mut Vec<Section>, level: u8) {
    while open.len() > 1 && open.last().is_some_and(|section| section.level >= level) {
        let section = open.pop().expect("there are at least two");
        open.last_mut().expect("the root stays open").children.push(section);
    }
}

/// The slugs of one file: lower case, no punctuation, `-` for blanks, `-1`, `-2` for those that come again.
#[derive(Default)]
struct Slugs {
    /// Every slug given, with the number to try next when it comes again.
    given: HashMap<String, usize>,
}

impl Slugs {
    fn of(&mut self, title: &str) -> String {
        let slug: String = title
            .to_lowercase()
            .chars()
            .filter_map(|letter| match letter {
                ' ' => Some('-'),
                '-' | '_' => Some(letter),
                _ if letter.is_alphanumeric() => Some(letter),
                _ => None,
            })
            .collect();
        let Some(&last) = self.given.get(&slug) else {
            self.given.insert(slug.clone(), 0);
            return slug;
        };
        // `a-1` may also be a title of its own.
        let mut number = last + 1;
        while self.given.contains_key(&format!("{slug}-{number}")) {
            number += 1;
        }
        let numbered = format!("{slug}-{number}");
        self.given.insert(slug, number);
        self.given.insert(numbered.clone(), 0);
        numbered
    }
}

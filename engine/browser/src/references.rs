//! The references of snapshots: which element is `@e12`.
//!
//! An element keeps its number as long as the page's document is shown; numbers are given in document order when elements are seen first.
//! So an unchanged page that is loaded again has the same numbers again.

#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};

use crate::error::{ActError, ActErrorKind};
use crate::page::Page;

/// The references of all tabs.
#[derive(Debug, Default)]
pub(crate) struct References {
    tabs: HashMap<u32, OfDocument>,
}

/// The references of one document, its frames included.
#[derive(Debug, Default)]
pub(crate) struct OfDocument {
    document: String,
    numbers: HashMap<Place, u32>,
    places: Vec<Place>,
    interactive: HashSet<u32>,
}

/// An element: the browser's own number of it, in a frame.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    pub(crate) frame: String,
    /// The document of the frame.
    pub(crate) loader: String,
    pub(crate) node: i64,
}

impl References {
    /// Those of a document; those of the one before it are forgotten.
    pub(crate) fn of(&mut self, tab: u32, document: &str) -> &mut OfDocument {
        let references = self.tabs.entry(tab).or_default();
        if references.document != document {
            *references = OfDocument { document: document.to_owned(), ..OfDocument::default() };
        }
        references
    }

    /// The element with a number.
    pub(crate) fn get(&self, page: &Page<'_>, number: u32) -> Result<Place, ActError> {
        let document = page.look(|tab| tab.document().to_owned())?;
        let missing = |message: String| {
            ActError::new(ActErrorKind::NotFound, message)
                .hint("take a snapshot: its references hold as long as this browser runs and shows the page")
        };
        let known = self
            .tabs
            .get(&page.number)
            .ok_or_else(|| missing(format!("there was no snapshot of tab {} yet", page.number)))?;
        if known.document != document {
            return Err(missing(format!("@e{number} is of a page that is no longer shown")));
        }
        known.place(number).cloned().ok_or_else(|| missing(format!("no snapshot of this page has listed @e{number}")))
    }
}

impl OfDocument {
    /// The number of an element, which it gets if it has none.
    pub(crate) fn number(&mut self, place: Place) -> u32 {
        if let Some(number) = self.numbers.get(&place) {
            return *number;
        }
        self.places.push(place.clone());
        let number = u32::try_from(self.places.len()).unwrap_or(u32::MAX);
        self.numbers.insert(place, number);
        number
    }

    /// The numbers of elements of one frame that can be acted upon, each with the browser's own number, at most so many.
    pub(crate) fn interactive(&self, frame: &str, most: usize) -> Vec<(u32, i64)> {
        let numbered = self.places.iter().zip(1..);
        let of_frame = numbered.filter(|(place, number)| place.frame == frame && self.interactive.contains(number));
        of_frame.map(|(place, number)| (number, place.node)).take(most).collect()
    }

    /// What the last snapshot found can be acted upon.
    pub(crate) fn set_interactive(&mut self, numbers: HashSet<u32>) {
        self.interactive = numbers;
    }

    fn place(&self, number: u32) -> Option<&Place> {
        self.places.get(usize::try_from(number).ok()?.checked_sub(1)?)
    }
}

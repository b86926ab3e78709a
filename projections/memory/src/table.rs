//! What is known in memory of every document: numbers only, one entry each.
//!
//! Documents are numbered in the order of their positions, and so are their passages, through all
//! documents: the number of a document is its *ordinal*, that of a passage its *row*. The first
//! ordinals are those of the committed documents, the others those of the overlay.

mod loading;
mod rows;
mod speakers;

use std::collections::HashMap;

use crate::document::{Document, Kind};
use crate::error::Failure;
use crate::facets;

pub(crate) use loading::Segments;
use rows::RowBlocks;
pub(crate) use speakers::Speakers;

/// In place of an ordinal or a name's number: there is none.
pub(crate) const NONE: u32 = u32::MAX;

/// More people than this are not told apart in one session.
const MAX_PARTICIPANTS: usize = 32;

/// One document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) item: u128,
    pub(crate) position: u64,
    /// See [`Document::when_ms`].
    pub(crate) when_ms: i64,
    /// The row of its first passage.
    pub(crate) first_row: u32,
    /// The session that it belongs to, or [`NONE`].
    pub(crate) session: u32,
    /// Who said it, as a number of [`Speakers`], or [`NONE`].
    pub(crate) speaker: u32,
    /// The ordinals of its neighbours within the session, or [`NONE`].
    pub(crate) previous: u32,
    pub(crate) next: u32,
    /// Where tantivy keeps it; meaningless for documents of the overlay.
    pub(crate) address: Address,
    pub(crate) kind: Kind,
    /// See [`Document::asks`].
    pub(crate) asks: bool,
}

const _: () = assert!(size_of::<Entry>() <= 64, "a million documents take 64 MB");

/// A committed document within tantivy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    /// The segment's slot in [`Segments`].
    pub(crate) slot: u32,
    pub(crate) doc: u32,
}

impl Address {
    /// Not in tantivy.
    pub(crate) const NONE: Address = Address { slot: NONE, doc: NONE };
}

/// All documents, in the order of their positions.
#[derive(Debug, Default)]
pub(crate) struct Table {
    entries: Vec<Entry>,
    /// Passages in all.
    rows: u32,
    row_blocks: RowBlocks,
    sessions: Sessions,
    speakers: Speakers,
}

/// Numbers for sessions, and where each of them ends so far.
#[derive(Debug, Default)]
struct Sessions {
    numbers: HashMap<Box<str>, u32>,
    /// The ordinal of each session's last document.
    last: Vec<u32>,
    /// Who spoke in each session.
    participants: Vec<Participants>,
}

/// Who spoke in a session, in the order of appearance, up to [`MAX_PARTICIPANTS`].
#[derive(Debug)]
struct Participants {
    /// The first ones, or [`NONE`]: most conversations have two, and need no memory of their own.
    first: [u32; 2],
    others: Vec<u32>,
}

impl Participants {
    const NOBODY: Participants = Participants { first: [NONE; 2], others: Vec::new() };

    fn contains(&self, speaker: u32) -> bool {
        self.first.contains(&speaker) || self.others.contains(&speaker)
    }

    fn add(&mut self, speaker: u32) {
        if speaker == NONE || self.contains(speaker) {
            return;
        }
        if let Some(free) = self.first.iter_mut().find(|free| **free == NONE) {
            *free = speaker;
        } else if self.first.len() + self.others.len() < MAX_PARTICIPANTS {
            self.others.push(speaker);
        }
    }
}

impl Sessions {
    fn number(&mut self, name: &str) -> u32 {
        if name.is_empty() {
            return NONE;
        }
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = self.last.len() as u32;
        self.numbers.insert(name.into(), number);
        self.last.push(NONE);
        self.participants.push(Participants::NOBODY);
        number
    }
}

impl Table {
    /// Number of documents, which is the next document's ordinal.
    pub(crate) fn len(&self) -> u32 {
        self.entries.len() as u32
    }

    /// One document; the ordinal is below [`Table::len`].
    pub(crate) fn entry(&self, ordinal: u32) -> &Entry {
        &self.entries[ordinal as usize]
    }

    /// Position of the last document.
    pub(crate) fn last_position(&self) -> Option<u64> {
        self.entries.last().map(|entry| entry.position)
    }

    /// Whether there is a document at a position.
    pub(crate) fn has(&self, position: u64) -> bool {
        self.entries.binary_search_by_key(&position, |entry| entry.position).is_ok()
    }

    /// How many documents have a position of at most `position`: they have the ordinals below.
    pub(crate) fn up_to(&self, position: u64) -> u32 {
        self.entries.partition_point(|entry| entry.position <= position) as u32
    }

    /// Number of passages.
    pub(crate) fn rows(&self) -> u32 {
        self.rows
    }

    /// The rows of a document's passages. There is one at least.
    pub(crate) fn rows_of(&self, ordinal: u32) -> std::ops::Range<u32> {
        let end = self.entries.get(ordinal as usize + 1).map_or(self.rows, |next| next.first_row);
        self.entry(ordinal).first_row..end
    }

    /// The document that a row belongs to, and which of its passages it is. None for a row that no
    /// document has.
    pub(crate) fn of_row(&self, row: u32) -> Option<(u32, u32)> {
        if row >= self.rows {
            return None;
        }
        let among = self.row_blocks.ordinals(row, self.len());
        let behind =
            self.entries[among.start as usize..among.end as usize].partition_point(|entry| entry.first_row <= row);
        let ordinal = among.start + behind as u32 - 1;
        Some((ordinal, row - self.entry(ordinal).first_row))
    }

    /// The people whose names are known.
    pub(crate) fn speakers(&self) -> &Speakers {
        &self.speakers
    }

    /// Whether one of `named` alone speaks in this document's session (or is named at all, outside of
    /// sessions), and has said this.
    pub(crate) fn is_spoken_by_the_one_named(&self, ordinal: u32, named: &[u32]) -> bool {
        let entry = self.entry(ordinal);
        if !named.contains(&entry.speaker) {
            return false;
        }
        match self.sessions.participants.get(entry.session as usize) {
            Some(participants) => named.iter().filter(|number| participants.contains(**number)).count() <= 1,
            None => named.len() == 1,
        }
    }

    /// Appends a document whose position is behind all others.
    pub(crate) fn append(&mut self, document: &Document, passages: u32) {
        let session = self.sessions.number(&facets::bounded(document.session.as_deref().unwrap_or_default()));
        let speaker = self.speakers.number(&facets::bounded(document.speaker.as_deref().unwrap_or_default()));
        let ordinal = self.len();
        self.entries.push(Entry {
            item: document.item,
            position: document.position,
            when_ms: document.when_ms(),
            first_row: self.rows,
            session,
            speaker,
            previous: NONE,
            next: NONE,
            address: Address::NONE,
            kind: document.kind,
            asks: document.asks(),
        });
        self.link(ordinal);
        self.rows += passages;
        self.row_blocks.cover(self.rows, ordinal);
    }

    /// Makes the document that has just got the last ordinal a neighbour of its session's last one.
    fn link(&mut self, ordinal: u32) {
        let Entry { session, speaker, .. } = self.entries[ordinal as usize];
        if session == NONE {
            return;
        }
        self.sessions.participants[session as usize].add(speaker);
        let previous = std::mem::replace(&mut self.sessions.last[session as usize], ordinal);
        self.entries[ordinal as usize].previous = previous;
        if previous != NONE {
            self.entries[previous as usize].next = ordinal;
        }
    }

    /// Notes where tantivy keeps the committed documents of one segment, given their ordinals by
    /// number within the segment.
    ///
    /// # Errors
    /// [`Failure::Damaged`] for ordinals that no document has.
    pub(crate) fn set_addresses(&mut self, slot: u32, ordinals: &[u32]) -> Result<(), Failure> {
        for (doc, ordinal) in (0..).zip(ordinals) {
            let entry = self.entries.get_mut(*ordinal as usize);
            let entry = entry.ok_or_else(|| Failure::Damaged(format!("a document has the number {ordinal}")))?;
            entry.address = Address { slot, doc };
        }
        Ok(())
    }

    /// Bytes of memory, roughly.
    pub(crate) fn bytes_in_memory(&self) -> usize {
        const PER_SESSION: usize = 96;
        let names: usize = self.sessions.numbers.keys().map(|name| name.len() + PER_SESSION).sum();
        self.entries.capacity() * size_of::<Entry>()
            + self.row_blocks.bytes_in_memory()
            + names
            + self.speakers.bytes_in_memory()
    }
}

#[cfg(test)]
mod tests;

//! The plain types that go into the index.

use crate::chunker;

/// Words of a heading count as often as if they stood in so many places: they say what the whole is
/// about. Measured on abstracts, and flat from two on.
const HEADING_COUNTS: usize = 3;

/// A first line of more bytes is no heading.
const MAX_HEADING_BYTES: usize = 200;

/// One revision of one remembered thing: a memory's text, or a message.
///
/// A later revision is another document with another position. Neither replaces the other here:
/// which of them counts is decided by the caller when it searches. Nothing of a document can be read
/// back from the index but its numbers: who needs the text reads the log at the document's position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Position of the event that made this revision. Documents are added in the order of their
    /// positions, each of which has one document at most.
    pub position: u64,
    /// The thing this is a revision of.
    pub item: u128,
    /// What it is a revision of.
    pub kind: Kind,
    /// What is remembered, as it was given.
    pub text: String,
    /// Title or file name; searched and embedded with the text.
    pub title: Option<String>,
    /// Who said it; searched and embedded with the text.
    pub speaker: Option<String>,
    /// What it is a part of: a conversation, a file. Documents of one session are neighbours, in the
    /// order of their positions. An empty name is none.
    pub session: Option<String>,
    /// When it was said or happened, in Unix milliseconds, if that is known. Searchable as words
    /// in UTC (`may 8 2023`).
    pub date_ms: Option<i64>,
    /// When it was recorded, in Unix milliseconds: what [`Filter::since_ms`](crate::Filter::since_ms)
    /// is about where `date_ms` is not known.
    pub recorded_ms: i64,
    /// What else is known of it, as keys and values, for [`Filter::facets`](crate::Filter::facets).
    /// A key may occur more than once.
    pub facets: Vec<(String, String)>,
}

/// What a document is a revision of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Something that was memorized.
    Memory,
    /// A message of a conversation.
    Message,
}

impl Kind {
    /// As it is kept in a column.
    pub(crate) fn to_number(self) -> u64 {
        match self {
            Kind::Memory => 0,
            Kind::Message => 1,
        }
    }

    /// The reverse of [`Kind::to_number`].
    pub(crate) fn from_number(number: u64) -> Option<Kind> {
        [Kind::Memory, Kind::Message].into_iter().find(|kind| kind.to_number() == number)
    }
}

impl Document {
    /// The text whose words are indexed: title, `Speaker: text`, date in words, and the heading again.
    pub(crate) fn searchable_text(&self) -> String {
        let mut words = self.introduced(&self.text);
        if let Some(date_ms) = self.date_ms {
            words.push('\n');
            words.push_str(&crate::analysis::date_in_words(date_ms));
        }
        if let Some(heading) = self.heading() {
            for _ in 1..HEADING_COUNTS {
                words.push('\n');
                words.push_str(heading);
            }
        }
        words
    }

    /// The moment that filters compare.
    pub(crate) fn when_ms(&self) -> i64 {
        self.date_ms.unwrap_or(self.recorded_ms)
    }

    /// Whether there is a question mark in it.
    pub(crate) fn asks(&self) -> bool {
        const QUESTION_MARKS: [char; 3] = ['?', '？', '؟'];
        self.text.contains(QUESTION_MARKS)
    }

    /// The title; where there is none, the first line of what nobody said, if more than as much
    /// follows.
    fn heading(&self) -> Option<&str> {
        if self.title.is_some() || self.speaker.is_some() {
            return self.title.as_deref();
        }
        let (first, rest) = self.text.trim_start().split_once('\n')?;
        (first.len() <= MAX_HEADING_BYTES && rest.trim().len() > first.len()).then_some(first)
    }

    /// Some of the text behind the title and the speaker's name.
    fn introduced(&self, text: &str) -> String {
        let mut introduced = String::with_capacity(text.len() + 64);
        if let Some(title) = &self.title {
            introduced.push_str(title);
            introduced.push('\n');
        }
        if let Some(speaker) = &self.speaker {
            introduced.push_str(speaker);
            introduced.push_str(": ");
        }
        introduced.push_str(text);
        introduced
    }
}

/// The text to embed for each passage of a document, in order: title, `Speaker: passage`.
pub fn embedding_texts(document: &Document) -> impl Iterator<Item = String> {
    chunker::passages(&document.text).into_iter().map(|range| document.introduced(&document.text[range]))
}

#[cfg(test)]
mod tests;

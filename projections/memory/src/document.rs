//! The plain types that go into the index.

/// Words of a heading count as often as if they stood in so many places: they say what the whole is
/// about. Measured on abstracts, and flat from two on.
const HEADING_COUNTS: usize = 3;

/// A first line of more bytes is no heading.
const MAX_HEADING_BYTES: usize = 200;

/// One revision of one remembered thing: a memory's text, or a message.
///
/// A later revision is another document with another position. Neither replaces the other here:
/// which of them counts is decided by the caller when it searches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Position of the event that made this revision. Unique: a position that the index already
    /// holds is not indexed again.
    pub position: u64,
    /// The thing this is a revision of.
    pub item: u128,
    /// The thing's id as the user sees it.
    pub name: String,
    /// Position from which this revision holds.
    pub from: u64,
    /// What is remembered, as it was given. Stored, and returned with a hit.
    pub text: String,
    /// Title or file name; searchable, not stored.
    pub title: Option<String>,
    /// Who said it; searchable, not stored.
    pub speaker: Option<String>,
    /// When it was said or happened, in Unix milliseconds. Searchable as words in UTC
    /// (`may 8 2023`), not stored.
    pub date_ms: Option<i64>,
}

impl Document {
    /// The text whose words are indexed: title, `Speaker: text`, date in words, and the heading again.
    pub(crate) fn searchable_text(&self) -> String {
        let mut words = String::with_capacity(self.text.len() + 64);
        if let Some(title) = &self.title {
            words.push_str(title);
            words.push('\n');
        }
        if let Some(speaker) = &self.speaker {
            words.push_str(speaker);
            words.push_str(": ");
        }
        words.push_str(&self.text);
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

    /// The title; where there is none, the first line of what nobody said, if more than as much
    /// follows.
    fn heading(&self) -> Option<&str> {
        if self.title.is_some() || self.speaker.is_some() {
            return self.title.as_deref();
        }
        let (first, rest) = self.text.trim_start().split_once('\n')?;
        (first.len() <= MAX_HEADING_BYTES && rest.trim().len() > first.len()).then_some(first)
    }
}

#[cfg(test)]
mod tests;

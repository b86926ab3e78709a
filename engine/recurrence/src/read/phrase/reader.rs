//! The words of a phrase, read one after the other; what is wrong with them.

use chrono::{DateTime, NaiveDate, Utc};

use super::draft::Draft;
use crate::error::{RuleError, Source};
use crate::zone::Zone;

/// What can be said.
pub(super) const EXAMPLES: &str = "say it as in `every weekday at 8:30`, `every 15 minutes`, `on the last friday of every month at 17:00`, \
     `tomorrow at 9:00` or `in 20 minutes`; or write cron or an RRULE";

/// Reads words one after the other.
pub(super) struct Reader<'a, 'w> {
    pub(super) source: Source<'a>,
    words: &'w [&'a str],
    /// Of the next word.
    pub(super) position: usize,
    pub(super) today: NaiveDate,
    pub(super) draft: Draft<'a>,
}

impl<'a, 'w> Reader<'a, 'w> {
    pub(super) fn new(source: Source<'a>, words: &'w [&'a str], zone: Zone, now: DateTime<Utc>) -> Self {
        let today = zone.wall_at(now.timestamp()).date();
        Self { source, words, position: 0, today, draft: Draft::default() }
    }
}

impl<'a> Reader<'a, '_> {
    pub(super) fn following(&self, expected: &[&str]) -> bool {
        expected
            .iter()
            .enumerate()
            .all(|(ahead, expected)| self.peek_at(ahead).is_some_and(|word| word.eq_ignore_ascii_case(expected)))
    }

    pub(super) fn next(&mut self) -> Option<&'a str> {
        let word = self.words.get(self.position).copied();
        self.position += usize::from(word.is_some());
        word
    }

    pub(super) fn peek_at(&self, ahead: usize) -> Option<&'a str> {
        self.words.get(self.position + ahead).copied()
    }

    /// Passes over a word if it is the next one.
    pub(super) fn skip(&mut self, expected: &str) -> bool {
        let is_next = self.following(&[expected]);
        self.position += usize::from(is_next);
        is_next
    }

    /// Passes over what joins the entries of a list, if another entry follows.
    pub(super) fn skip_to_next(&mut self, is_entry: impl Fn(&str) -> bool) -> bool {
        let joins = |word: &str| word == "," || word.eq_ignore_ascii_case("and") || word.eq_ignore_ascii_case("or");
        let joined = (0..3).take_while(|ahead| self.peek_at(*ahead).is_some_and(joins)).count();
        let goes_on = self.peek_at(joined).is_some_and(is_entry);
        if goes_on {
            self.position += joined;
        }
        goes_on
    }

    /// Remembers where a clause began; each kind may come once.
    pub(super) fn note(&mut self, clause: &'static str, place: &'a str) -> Result<(), RuleError> {
        if self.draft.places.iter().any(|(known, _)| *known == clause) {
            return Err(self.source.invalid(place, "begins a part that was said before"));
        }
        self.draft.places.push((clause, place));
        Ok(())
    }

    pub(super) fn not_understood(&self, word: &str) -> RuleError {
        self.source.invalid_with(word, "is not understood here", EXAMPLES)
    }

    pub(super) fn ends_too_early(&self, word: &str) -> RuleError {
        self.source.invalid_with(word, "says only the beginning of something", EXAMPLES)
    }

    pub(super) fn no_time(&self, word: &str) -> RuleError {
        self.source.invalid_with(word, "is no time of day", "write 8:30, 17:30 or 5:30 pm")
    }

    pub(super) fn no_date(&self, word: &str) -> RuleError {
        self.source.invalid_with(word, "is no date", "write 2026-12-24 or 24 december 2026")
    }
}

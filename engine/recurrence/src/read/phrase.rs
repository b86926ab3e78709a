//! Plain English: `every weekday at 8:30`, `in 20 minutes`, `on the last friday of every month at 17:00`.
//!
//! A phrase is a row of clauses, each begun by a word of its own: what repeats (`every …`, `daily`, `on the … of every
//! month`), one day (`tomorrow`, `next friday`, `2026-12-24`), times (`at …`), bounds (`between …`, `from …`, `until …`,
//! `… times`, `except …`) and a zone (`in Europe/London`). [`Reader`] reads them into a [`Draft`]; [`draft`] makes the rule.
//! A word that belongs to no clause is an error at its place: nothing is guessed.

mod clauses;
mod draft;
mod words;

use chrono::{DateTime, Utc};

use crate::error::{RuleError, Source};
use crate::rule::Rule;
use crate::zone::Zone;

use clauses::Reader;

/// Reads a phrase.
///
/// # Errors
/// [`RuleError::Invalid`], [`RuleError::Past`], [`RuleError::NeverFires`] and others.
pub(crate) fn read(text: &str, zone: Zone, now: DateTime<Utc>) -> Result<Rule, RuleError> {
    // People put a full stop behind a sentence.
    let source = Source::new(text.trim_end().trim_end_matches(['.', '!']));
    let words = words::split(source.text);
    // The zone stands at the end, and is needed to know what day `today` is.
    let (zone, words) = clauses::zone_at_the_end(source, zone, &words)?;
    let draft = Reader::new(source, words, zone, now).read()?;
    draft.into_rule(source, zone, now)
}

#[cfg(test)]
mod tests;

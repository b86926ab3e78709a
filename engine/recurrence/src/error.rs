//! What can be wrong with a rule, where, and what to do about it.

use chrono::{DateTime, Utc};

use crate::limits::{MAX_TEXT_BYTES, MAX_YEAR};

/// Why a text is no rule, or a rule has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// Nothing was given.
    #[error("there is no rule: the text is empty")]
    Empty,
    /// More text than a rule may have.
    #[error("the rule has {bytes} bytes, at most {MAX_TEXT_BYTES} are allowed")]
    TooLong {
        /// How many there are.
        bytes: usize,
    },
    /// More lines or dates than a rule may have.
    #[error("the rule has {count} {what}, at most {most} are allowed")]
    TooMany {
        /// What there is too much of, as in `RRULE lines`.
        what: &'static str,
        /// How many there are.
        count: usize,
        /// How many there may be.
        most: usize,
    },
    /// No time zone has this name.
    #[error("there is no time zone {name:?}")]
    UnknownZone {
        /// What was given.
        name: String,
        /// The names that come nearest, best first; often none.
        nearest: Vec<String>,
    },
    /// A part of the text says nothing that a rule could say.
    #[error("{place}: {part:?} {why}")]
    Invalid {
        /// Where the part begins.
        place: Place,
        /// The part, as it was written.
        part: String,
        /// What is wrong with it, as in `PART is no month`.
        why: String,
        /// What to write instead.
        hint: Option<String>,
    },
    /// A rule that has no occurrence at all.
    #[error("the rule never fires: {why}")]
    NeverFires {
        /// What was tried.
        why: String,
    },
    /// One moment, and it is over.
    #[error("{when} is in the past")]
    Past {
        /// The moment, on the clock of its zone.
        when: String,
    },
    /// No occurrence was found in a bounded time: the parts of an hourly or faster rule hardly ever meet.
    #[error("no occurrence up to {reached}, and the search was given up after {steps} steps")]
    Exhausted {
        /// How many periods were tried.
        steps: u32,
        /// Until when nothing was found.
        reached: DateTime<Utc>,
    },
}

/// A place in the text of a rule, both counted from 1; columns are characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The character in the line.
    pub column: usize,
}

impl std::fmt::Display for Place {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.line > 1 {
            write!(formatter, "line {}, ", self.line)?;
        }
        write!(formatter, "column {}", self.column)
    }
}

impl RuleError {
    /// What to do about it, as a sentence without a full stop; `None` where the error says all there is.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Empty => "say when, as in `every weekday at 8:30`, `0 9 * * 1-5` or `FREQ=DAILY;BYHOUR=9`".to_owned(),
            Self::TooLong { .. } | Self::TooMany { .. } => "split it into several rules".to_owned(),
            Self::UnknownZone { nearest, .. } => match nearest.split_last() {
                None => "give the name of a zone in the IANA database, as in Europe/Berlin".to_owned(),
                Some((last, [])) => format!("did you mean {last}?"),
                Some((last, others)) => format!("did you mean {} or {last}?", others.join(", ")),
            },
            Self::Invalid { hint, .. } => return hint.clone(),
            Self::NeverFires { .. } => {
                "look for a day that does not exist, or for parts that exclude each other".to_owned()
            }
            Self::Past { .. } => "give a later time, or say `tomorrow at …`".to_owned(),
            Self::Exhausted { .. } => format!(
                "use fewer parts or FREQ=DAILY with BYHOUR and BYMINUTE, which is searched as far as the year {MAX_YEAR}"
            ),
        };
        Some(hint)
    }
}

/// A text that is being read: makes errors that say where in it they are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source<'a> {
    /// The line that is read; parts are slices of it.
    pub(crate) text: &'a str,
    /// Its number, from 1.
    pub(crate) line: usize,
}

impl<'a> Source<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, line: 1 }
    }

    /// An error about a part; its place is that of the part, or the end of the text if the part is no slice of it.
    pub(crate) fn invalid(&self, part: &str, why: impl Into<String>) -> RuleError {
        RuleError::Invalid { place: self.place(part), part: shown(part), why: why.into(), hint: None }
    }

    /// The same with a hint.
    pub(crate) fn invalid_with(&self, part: &str, why: impl Into<String>, hint: impl Into<String>) -> RuleError {
        RuleError::Invalid { place: self.place(part), part: shown(part), why: why.into(), hint: Some(hint.into()) }
    }

    fn place(&self, part: &str) -> Place {
        let offset = (part.as_ptr() as usize).checked_sub(self.text.as_ptr() as usize);
        let before = offset.and_then(|offset| self.text.get(..offset)).unwrap_or(self.text);
        let line = self.line + before.matches('\n').count();
        let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
        Place { line, column }
    }
}

/// A part as it is quoted in a message: not too long.
fn shown(part: &str) -> String {
    const MAX_SHOWN_CHARS: usize = 60;
    let mut shown: String = part.chars().take(MAX_SHOWN_CHARS).collect();
    if part.chars().nth(MAX_SHOWN_CHARS).is_some() {
        shown.push('…');
    }
    shown
}

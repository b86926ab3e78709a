//! Rules as people give them, and when they are due by both clocks.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use chrono::{DateTime, FixedOffset, SecondsFormat, TimeDelta, TimeZone, Utc};
use clap::Args;
use zo_engine::protocol::{OccurrenceLine, Preview};
use zo_projections::Timestamp;
use zo_recurrence::{Occurrence, Rule, RuleError};

use crate::error::CliError;
use crate::input;
use crate::output::Output;
use crate::output::Style;
use zo_engine::zone;

/// A rule to be given on the command line.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct RuleArgs {
    /// When: five cron fields, RFC 5545 lines, or words; `-` reads it from stdin
    #[arg(value_name = "RULE")]
    rule: Vec<OsString>,
    /// Read the rule from a file
    #[arg(long, short, value_name = "FILE", conflicts_with = "rule")]
    file: Option<PathBuf>,
    /// The time zone of a rule that names none: Europe/Berlin [default: that of this machine]
    #[arg(long, value_name = "ZONE")]
    zone: Option<String>,
}

impl RuleArgs {
    /// The rule as it was written, if there is one.
    pub(super) fn text(&self) -> Result<Option<String>, CliError> {
        let text = match (self.rule.as_slice(), &self.file) {
            ([], None) => return Ok(None),
            ([], Some(file)) => input::from_file(file)?,
            ([word], _) => input::from_argument(word)?,
            (words, _) => {
                let words: Vec<String> =
                    words.iter().map(|word| input::text_of_argument(word)).collect::<Result<_, _>>()?;
                words.join(" ")
            }
        };
        input::not_blank("the rule", text).map(Some)
    }

    /// The rule as it was written.
    pub(super) fn required(&self) -> Result<String, CliError> {
        self.text()?.ok_or_else(|| {
            CliError::usage("it is not said when").hint(
                "as in \"every weekday at 8:30\", \"0 9 * * 1-5\" or \"FREQ=MONTHLY;BYDAY=-1FR\"; --file reads it",
            )
        })
    }

    /// The zone that was given.
    pub(super) fn zone(&self) -> Option<&str> {
        self.zone.as_deref()
    }

    /// The zone of a rule that names none.
    pub(super) fn zone_or_local(&self) -> String {
        self.zone.clone().unwrap_or_else(zone::local)
    }
}

/// Reads a rule: what it says of today and tomorrow is meant at `now`.
pub(super) fn read(text: &str, zone: &str, now: DateTime<Utc>) -> Result<Rule, CliError> {
    zo_recurrence::parse(text, zone, now).map_err(refused)
}

/// The same as if it were `from` now, where an occurrence at that very instant counts.
pub(super) fn read_as_of(text: &str, zone: &str, from: DateTime<Utc>) -> Result<Rule, CliError> {
    // What is to come begins behind the moment at which it is said; but `in 20 minutes` is meant from that moment on.
    if let Some(before) = from.checked_sub_signed(TimeDelta::seconds(1))
        && let Ok(rule) = read(text, zone, before)
        && occurrences(&rule, from, 1)?.first().is_some_and(|first| first.utc == from)
    {
        return Ok(rule);
    }
    read(text, zone, from)
}

/// The first `count` occurrences from `from` on, that instant included.
pub(super) fn occurrences(rule: &Rule, from: DateTime<Utc>, count: usize) -> Result<Vec<Occurrence>, CliError> {
    // The cursor is the last instant that is not asked for.
    let cursor = from.checked_sub_signed(TimeDelta::milliseconds(1)).unwrap_or(from);
    rule.iter_after(cursor).take(count).collect::<Result<_, _>>().map_err(refused)
}

/// What a rule says, by both clocks.
pub(super) fn preview(rule: &Rule, occurrences: &[Occurrence]) -> Preview {
    let occurrences = occurrences.iter().map(line).collect();
    Preview { rule: rule.to_rfc(), tzid: rule.zone().to_owned(), occurrences }
}

/// An occurrence by both clocks.
pub(super) fn line(occurrence: &Occurrence) -> OccurrenceLine {
    let utc = occurrence.utc.to_rfc3339_opts(SecondsFormat::Secs, true);
    let offset = FixedOffset::east_opt(occurrence.offset_seconds);
    let local = offset.map(|offset| offset.from_utc_datetime(&occurrence.utc.naive_utc()));
    OccurrenceLine { local: local.map_or_else(|| utc.clone(), |local| local.to_rfc3339()), utc }
}

/// Prints a rule and when it is due: aligned on a terminal, else `local TAB utc`.
pub(super) fn print(output: &mut Output, preview: &Preview) -> Result<(), CliError> {
    for line in preview.rule.lines() {
        output.line(output.paint(Style::Dim, &output.shown(line)))?;
    }
    print_occurrences(output, &preview.occurrences)?;
    if preview.occurrences.is_empty() {
        output.note("it is never due again");
    }
    Ok(())
}

/// Prints when something is due.
fn print_occurrences(output: &mut Output, occurrences: &[OccurrenceLine]) -> Result<(), CliError> {
    let between = if output.is_terminal() { "  " } else { "\t" };
    occurrences.iter().try_for_each(|OccurrenceLine { local, utc }| output.line(format!("{local}{between}{utc}")))
}

/// An instant as rules have it.
pub(super) fn instant(at: Timestamp) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(at.0).unwrap_or(if at.0 < 0 {
        DateTime::<Utc>::MIN_UTC
    } else {
        DateTime::<Utc>::MAX_UTC
    })
}

/// Why a text is no rule.
pub(super) fn refused(error: RuleError) -> CliError {
    let refused = CliError::invalid(error.to_string());
    error.hint().into_iter().fold(refused, CliError::hint)
}

/// The file that was named, for messages.
pub(super) fn place(args: &RuleArgs) -> Option<&Path> {
    args.file.as_deref()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str, from: &str, count: usize) -> Vec<(String, String)> {
        let from = from.parse().expect("an instant");
        let rule = read_as_of(text, "Europe/Berlin", from).expect("it is a rule");
        let due = occurrences(&rule, from, count).expect("it is due");
        preview(&rule, &due).occurrences.into_iter().map(|line| (line.local, line.utc)).collect()
    }

    #[test]
    fn an_occurrence_is_shown_by_both_clocks() {
        let expected = [
            ("2026-11-23T08:30:00+01:00", "2026-11-23T07:30:00Z"),
            ("2026-11-24T08:30:00+01:00", "2026-11-24T07:30:00Z"),
        ];
        let expected = expected.map(|(local, utc)| (local.to_owned(), utc.to_owned()));
        assert_eq!(lines("every weekday at 8:30", "2026-11-20T12:00:00Z", 2), expected);
    }

    #[test]
    fn the_instant_to_begin_with_counts() {
        let rule = "DTSTART:20260101T000000Z\nRRULE:FREQ=DAILY;COUNT=3";
        assert_eq!(lines(rule, "2026-01-01T00:00:00Z", 9).len(), 3);
        assert_eq!(lines(rule, "2026-01-01T00:00:00.001Z", 9).len(), 2);
        assert_eq!(lines(rule, "2026-01-04T00:00:00Z", 9), []);
    }

    #[test]
    fn what_is_said_is_meant_at_that_instant() {
        let first = |text: &str| lines(text, "2026-11-20T08:00:00Z", 1).remove(0).1;
        assert_eq!(first("0 9 * * *"), "2026-11-20T08:00:00Z", "nine in Berlin is that very instant");
        assert_eq!(first("every day at 9:00"), "2026-11-20T08:00:00Z");
        assert_eq!(first("in 20 minutes"), "2026-11-20T08:20:00Z");
    }

    #[test]
    fn what_is_no_rule_says_what_to_write() {
        let error = read("every day", "Europe/Berln", Utc::now()).expect_err("it is refused");
        assert!(error.message.contains("Europe/Berln") && error.hints == ["did you mean Europe/Berlin?"], "{error:?}");
    }
}

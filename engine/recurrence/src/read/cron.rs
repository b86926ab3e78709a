//! Cron: five fields (minute, hour, day of month, month, day of week), or a nickname as in `@daily`.
//!
//! As cron has it since Vixie's:
//! - A day has to fit both day fields if one of them begins with `*`; if neither does, one of them is enough. Then it takes two
//!   RRULEs.
//! - A job whose minute or hour begins with `*` runs in elapsed time, also through the night when clocks change; any other
//!   runs once for each time on the wall.

use chrono::{DateTime, NaiveTime, Utc, Weekday};

use super::anchor;
use crate::error::{RuleError, Source};
use crate::recurrence::{Frequency, NthWeekday, Recurrence};
use crate::rule::{Parts, Rule};
use crate::zone::Zone;

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

const NICKNAMES: [(&str, &str); 7] = [
    ("@hourly", "0 * * * *"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@weekly", "0 0 * * 0"),
    ("@monthly", "0 0 1 * *"),
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
];

/// Whether a text is meant as cron: a nickname, or words that look like its fields.
pub(crate) fn looks_like_it(text: &str) -> bool {
    let words: Vec<&str> = text.split_whitespace().collect();
    let is_numeric = |word: &&str| word.bytes().all(|byte| byte.is_ascii_digit() || b"*,-/?".contains(&byte));
    let first_two = words.iter().take(2).filter(|word| is_numeric(word)).count() == 2;
    let has_star = words.iter().any(|word| word.starts_with('*') || *word == "?");
    text.trim_start().starts_with('@') || (first_two && words.len() >= 4 && (has_star || words.len() == 5))
}

/// Reads five fields or a nickname.
///
/// # Errors
/// [`RuleError::Invalid`], and [`RuleError::NeverFires`] for a day that does not exist.
pub(crate) fn read(text: &str, zone: Zone, now: DateTime<Utc>) -> Result<Rule, RuleError> {
    let source = Source::new(text);
    let trimmed = text.trim();
    if trimmed.starts_with('@') {
        if trimmed.eq_ignore_ascii_case("@reboot") {
            let hint = "make a service, which is started with the engine";
            return Err(source.invalid_with(trimmed, "is no time", hint));
        }
        let known = NICKNAMES.iter().find(|(nickname, _)| nickname.eq_ignore_ascii_case(trimmed));
        let hint = "there are @hourly, @daily, @weekly, @monthly and @yearly";
        let (_, fields) = known.ok_or_else(|| source.invalid_with(trimmed, "is no nickname that cron has", hint))?;
        return read(fields, zone, now);
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    let [minute, hour, month_day, month, weekday] = words[..] else {
        let why = format!("has {} fields, cron has five", words.len());
        let hint = "minute, hour, day of the month, month, day of the week, as in `30 8 * * 1-5`; there are no seconds or years";
        return Err(source.invalid_with(trimmed, why, hint));
    };
    let fields = Fields {
        minutes: Field::read(source, minute, "minute", 0..=59, &[])?,
        hours: Field::read(source, hour, "hour", 0..=23, &[])?,
        month_days: Field::read(source, month_day, "day of the month", 1..=31, &[])?,
        months: Field::read(source, month, "month", 1..=12, &MONTHS)?,
        weekdays: Field::read(source, weekday, "day of the week", 0..=7, &WEEKDAYS)?,
    };
    let recurrences = fields.recurrences();
    let now = now.timestamp();
    let today = zone.wall_at(now).date();
    let (zone, start) = anchor::start(&recurrences, today.and_time(fields.time()), zone, now)?;
    Rule::new(Parts { recurrences, ..Parts::new(zone, start) })
}

struct Fields {
    minutes: Field,
    hours: Field,
    month_days: Field,
    months: Field,
    weekdays: Field,
}

impl Fields {
    fn recurrences(&self) -> Vec<Recurrence> {
        let weekdays = self.weekdays();
        if self.month_days.is_restricted && self.weekdays.is_restricted {
            return vec![self.recurrence(&self.month_days.numbers, &[]), self.recurrence(&[], &weekdays)];
        }
        vec![self.recurrence(&self.month_days.numbers, &weekdays)]
    }

    fn recurrence(&self, month_days: &[i32], weekdays: &[NthWeekday]) -> Recurrence {
        let frequency = match (self.is_exact(), month_days, weekdays) {
            (true, ..) if self.minutes.is_restricted => Frequency::Hourly,
            (true, ..) => Frequency::Minutely,
            (false, [], []) => Frequency::Daily,
            (false, [], _) => Frequency::Weekly,
            (false, _, []) => Frequency::Monthly,
            (false, ..) => Frequency::Daily,
        };
        let mut rule = Recurrence::new(frequency);
        rule.months = self.months.numbers.clone();
        rule.month_days = month_days.to_vec();
        rule.weekdays = weekdays.to_vec();
        if self.single_time().is_none() {
            rule.hours = self.hours.numbers.clone();
            rule.minutes = self.minutes.numbers.clone();
        }
        rule
    }

    fn weekdays(&self) -> Vec<NthWeekday> {
        let days = [Weekday::Sun, Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri, Weekday::Sat];
        self.weekdays
            .numbers
            .iter()
            .map(|number| NthWeekday::every(days[number.cast_unsigned() as usize % 7]))
            .collect()
    }

    fn is_exact(&self) -> bool {
        !self.minutes.is_restricted || !self.hours.is_restricted
    }

    /// The one time of day, which DTSTART can carry.
    fn single_time(&self) -> Option<NaiveTime> {
        match (&self.hours.numbers[..], &self.minutes.numbers[..]) {
            ([hour], [minute]) if !self.is_exact() => {
                NaiveTime::from_hms_opt(hour.cast_unsigned(), minute.cast_unsigned(), 0)
            }
            _ => None,
        }
    }

    fn time(&self) -> NaiveTime {
        self.single_time().unwrap_or(NaiveTime::MIN)
    }
}

/// One field.
struct Field {
    /// Sorted, without doubles; empty: all.
    numbers: Vec<i32>,
    /// Whether it does not begin with `*`.
    is_restricted: bool,
}

impl Field {
    fn read(
        source: Source<'_>,
        text: &str,
        what: &'static str,
        range: std::ops::RangeInclusive<i32>,
        names: &[&str],
    ) -> Result<Self, RuleError> {
        let reader = Reader { source, what, range, names };
        let mut numbers = Vec::new();
        for entry in text.split(',') {
            numbers.extend(reader.entry(entry)?);
        }
        // Both 0 and 7 are Sunday.
        let is_weekday = *reader.range.end() == 7;
        if is_weekday {
            numbers.iter_mut().for_each(|number| *number %= 7);
        }
        numbers.sort_unstable();
        numbers.dedup();
        let size = reader.range.end() - reader.range.start() + 1 - i32::from(is_weekday);
        if numbers.len() == size.cast_unsigned() as usize {
            numbers.clear();
        }
        Ok(Self { numbers, is_restricted: !text.starts_with('*') })
    }
}

struct Reader<'a> {
    source: Source<'a>,
    what: &'static str,
    range: std::ops::RangeInclusive<i32>,
    names: &'a [&'a str],
}

impl Reader<'_> {
    /// `*`, `5`, `1-5`, each with `/2` behind it.
    fn entry(&self, text: &str) -> Result<Vec<i32>, RuleError> {
        let (range, step) = match text.split_once('/') {
            None => (text, 1),
            Some((range, step)) => {
                let number = step.parse().ok().filter(|step| (1..=*self.range.end()).contains(step));
                (range, number.ok_or_else(|| self.invalid(text, "has a step that is no number, 0 or too large"))?)
            }
        };
        let (first, last) = match range.split_once('-') {
            _ if range == "*" => {
                // 7 is the same day as 0, and must not be met by a step.
                let last = if *self.range.end() == 7 { 6 } else { *self.range.end() };
                (*self.range.start(), last)
            }
            Some((first, last)) => (self.number(first)?, self.number(last)?),
            None if text.contains('/') => (self.number(range)?, *self.range.end()),
            None => (self.number(range)?, self.number(range)?),
        };
        if first > last {
            return Err(self.invalid(text, "ends before it begins"));
        }
        Ok((first..=last).step_by(step as usize).collect())
    }

    fn number(&self, text: &str) -> Result<i32, RuleError> {
        let named = self.names.iter().position(|name| name.eq_ignore_ascii_case(text));
        if let Some(index) = named {
            // The names of the months begin with number 1, those of the weekdays with 0, as the ranges do.
            return Ok(self.range.start() + i32::try_from(index).unwrap_or_default());
        }
        if matches!(text, "?" | "L" | "W" | "l" | "w") || text.contains('#') {
            return Err(self.invalid(text, "belongs to other dialects of cron"));
        }
        let is_number = !text.is_empty() && text.len() <= 3 && text.bytes().all(|byte| byte.is_ascii_digit());
        let number = text.parse().ok().filter(|number| is_number && self.range.contains(number));
        number.ok_or_else(|| self.invalid(text, &format!("is no {}", self.what)))
    }

    fn invalid(&self, part: &str, why: &str) -> RuleError {
        let (first, last) = (self.range.start(), self.range.end());
        let names = match self.names {
            [] => String::new(),
            [first, .., last] => format!(" or {first} to {last}"),
            [only] => format!(" or {only}"),
        };
        let hint = format!(
            "the {} is `*`, a number from {first} to {last}{names}, a range as in {first}-{last}, or a list of them, each with a \
             step as in `*/2`",
            self.what
        );
        self.source.invalid_with(part, why, hint)
    }
}

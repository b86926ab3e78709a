//! The value of an RRULE (RFC 5545, section 3.3.10), checked part by part, and the parts against each other.

use chrono::{NaiveTime, Weekday};

use crate::error::{RuleError, Source};
use crate::limits::{MAX_COUNT, MAX_INTERVAL};
use crate::moment::{Moment, Value};
use crate::recurrence::{End, Frequency, NthWeekday, Recurrence};

const PARTS: [&str; 14] = [
    "FREQ",
    "INTERVAL",
    "COUNT",
    "UNTIL",
    "BYMONTH",
    "BYWEEKNO",
    "BYYEARDAY",
    "BYMONTHDAY",
    "BYDAY",
    "BYHOUR",
    "BYMINUTE",
    "BYSECOND",
    "BYSETPOS",
    "WKST",
];

/// Whether this is the name of a part, in whatever case.
pub(crate) fn is_part(word: &str) -> bool {
    PARTS.iter().any(|part| part.eq_ignore_ascii_case(word))
}

/// Reads `FREQ=…;…`, a slice of the source.
///
/// # Errors
/// [`RuleError::Invalid`].
pub(crate) fn read(value: &str, source: Source<'_>) -> Result<Recurrence, RuleError> {
    let parts = split(value, source)?;
    let Some(Part { value: frequency, .. }) = parts.iter().find(|part| part.name == "FREQ") else {
        return Err(source.invalid_with(value, "has no FREQ", "begin with FREQ=DAILY, for example"));
    };
    let known = Frequency::ALL.into_iter().find(|known| known.name().eq_ignore_ascii_case(frequency));
    let hint = "there are YEARLY, MONTHLY, WEEKLY, DAILY, HOURLY, MINUTELY and SECONDLY";
    let frequency = known.ok_or_else(|| source.invalid_with(frequency, "is no frequency", hint))?;
    let mut rule = Recurrence::new(frequency);
    for part in &parts {
        part.read_into(&mut rule)?;
    }
    check(&rule, &parts, source)?;
    Ok(rule)
}

fn split<'a>(value: &'a str, source: Source<'a>) -> Result<Vec<Part<'a>>, RuleError> {
    let mut parts: Vec<Part<'a>> = Vec::new();
    for text in value.split(';') {
        // A semicolon at the end is common.
        if text.trim().is_empty() && !parts.is_empty() {
            continue;
        }
        let (name, value) = text.split_once('=').unwrap_or((text, ""));
        let part = Part { source, text, name: name.trim().to_ascii_uppercase(), value: value.trim() };
        if !is_part(&part.name) {
            return Err(source.invalid_with(text, "is no part of an RRULE", format!("there are {}", PARTS.join(", "))));
        }
        if parts.iter().any(|other| other.name == part.name) {
            return Err(source.invalid_with(text, "is there a second time", "put all values into one list"));
        }
        parts.push(part);
    }
    Ok(parts)
}

/// One `NAME=VALUE`.
struct Part<'a> {
    source: Source<'a>,
    text: &'a str,
    /// In capitals.
    name: String,
    value: &'a str,
}

impl Part<'_> {
    fn read_into(&self, rule: &mut Recurrence) -> Result<(), RuleError> {
        match self.name.as_str() {
            "INTERVAL" => rule.interval = self.number(MAX_INTERVAL)?,
            "COUNT" => rule.end = End::Count(self.number(MAX_COUNT)?),
            "UNTIL" => rule.end = End::Until(self.until()?),
            "WKST" => rule.week_start = self.weekday(self.value)?,
            "BYDAY" => rule.weekdays = self.weekdays()?,
            "BYMONTH" => rule.months = self.list(1, 12)?,
            "BYWEEKNO" => rule.week_numbers = self.signed_list(53)?,
            "BYYEARDAY" => rule.year_days = self.signed_list(366)?,
            "BYMONTHDAY" => rule.month_days = self.signed_list(31)?,
            "BYSETPOS" => rule.set_positions = self.signed_list(366)?,
            "BYHOUR" => rule.hours = self.list(0, 23)?,
            "BYMINUTE" => rule.minutes = self.list(0, 59)?,
            // Who knows no leap seconds reads 60 as 59 (section 3.3.12).
            "BYSECOND" => rule.seconds = self.list(0, 60)?.into_iter().map(|second| second.min(59)).collect(),
            _ => {}
        }
        Ok(())
    }

    fn number(&self, most: u32) -> Result<u32, RuleError> {
        let number = digits(self.value).filter(|number| (1..=most).contains(number));
        number.ok_or_else(|| self.source.invalid(self.text, format!("is no number from 1 to {most}")))
    }

    fn until(&self) -> Result<Moment, RuleError> {
        match Value::parse(self.value) {
            Some(Value::Utc(instant)) => Ok(Moment::Utc(instant)),
            Some(Value::Local(wall)) => Ok(Moment::Local(wall)),
            Some(Value::Date(day)) => Ok(Moment::Local(day.and_time(NaiveTime::MIN))),
            None => Err(self.source.invalid_with(self.text, "is no date", "write UNTIL=20261231T235959Z")),
        }
    }

    fn list(&self, least: i32, most: i32) -> Result<Vec<i32>, RuleError> {
        let why = format!("is no number from {least} to {most}");
        let number = |text: &str| signed(text.trim()).filter(|number| (least..=most).contains(number));
        let read = |text| number(text).ok_or_else(|| self.source.invalid(text, format!("{why} ({})", self.name)));
        self.value.split(',').map(read).collect()
    }

    fn signed_list(&self, most: i32) -> Result<Vec<i32>, RuleError> {
        let why = format!("is no number from 1 to {most} or from -{most} to -1 ({})", self.name);
        let number = |text: &str| signed(text.trim()).filter(|number| (1..=most).contains(&number.abs()));
        self.value.split(',').map(|text| number(text).ok_or_else(|| self.source.invalid(text, why.clone()))).collect()
    }

    fn weekdays(&self) -> Result<Vec<NthWeekday>, RuleError> {
        let read = |text: &str| {
            let trimmed = text.trim();
            let letters = trimmed.trim_start_matches(|letter: char| !letter.is_ascii_alphabetic());
            let number = &trimmed[..trimmed.len() - letters.len()];
            let weekday = self.weekday(letters)?;
            let nth =
                if number.is_empty() { Some(0) } else { signed(number).filter(|nth| (1..=53).contains(&nth.abs())) };
            let hint = "write MO, 1MO for the first one or -1MO for the last one";
            let nth = nth.ok_or_else(|| self.source.invalid_with(text, "is no weekday of BYDAY", hint))?;
            Ok(NthWeekday { nth, weekday })
        };
        self.value.split(',').map(read).collect()
    }

    fn weekday(&self, text: &str) -> Result<Weekday, RuleError> {
        let days = [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri, Weekday::Sat, Weekday::Sun];
        let known = days.into_iter().find(|day| crate::recurrence::weekday_letters(*day).eq_ignore_ascii_case(text));
        let part = if text.is_empty() { self.text } else { text };
        known.ok_or_else(|| self.source.invalid_with(part, "is no weekday", "there are MO, TU, WE, TH, FR, SA and SU"))
    }
}

/// A number without a sign.
fn digits(text: &str) -> Option<u32> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

/// A number with or without a sign, of at most three digits.
fn signed(text: &str) -> Option<i32> {
    let (sign, number) = match text.as_bytes().first()? {
        b'-' => (-1, &text[1..]),
        b'+' => (1, &text[1..]),
        _ => (1, text),
    };
    let number = digits(number).filter(|_| number.len() <= 3)?;
    Some(sign * number.cast_signed())
}

/// What the RFC forbids in combination.
fn check(rule: &Recurrence, parts: &[Part<'_>], source: Source<'_>) -> Result<(), RuleError> {
    use Frequency::{Daily, Monthly, Weekly, Yearly};
    let part = |name: &str| parts.iter().find(|part| part.name == name);
    let refuse = |name: &str, why: String, hint: &str| match part(name) {
        Some(part) => Err(source.invalid_with(part.text, why, hint)),
        None => Ok(()),
    };
    let frequency = rule.frequency;
    let cannot = |name: &str| format!("cannot stand beside FREQ={name}");
    if part("COUNT").is_some() {
        refuse("UNTIL", "stands beside COUNT".to_owned(), "a rule ends by one of them")?;
    }
    if frequency != Yearly {
        refuse("BYWEEKNO", cannot(frequency.name()), "use FREQ=YEARLY")?;
    }
    if matches!(frequency, Monthly | Weekly | Daily) {
        refuse("BYYEARDAY", cannot(frequency.name()), "use FREQ=YEARLY")?;
    }
    if frequency == Weekly {
        refuse("BYMONTHDAY", cannot("WEEKLY"), "use FREQ=MONTHLY, or FREQ=DAILY with BYDAY and BYMONTHDAY")?;
    }
    if rule.weekdays.iter().any(|day| day.nth != 0) {
        if !matches!(frequency, Monthly | Yearly) {
            refuse("BYDAY", format!("counts weekdays, which {}", cannot(frequency.name())), "use FREQ=MONTHLY")?;
        }
        if !rule.week_numbers.is_empty() {
            refuse("BYDAY", "counts weekdays, which cannot stand beside BYWEEKNO".to_owned(), "leave out the numbers")?;
        }
    }
    if part("BYSETPOS").is_some() && !parts.iter().any(|part| part.name.starts_with("BY") && part.name != "BYSETPOS") {
        refuse("BYSETPOS", "chooses from nothing".to_owned(), "add the part to choose from, as in BYDAY=MO,TU")?;
    }
    Ok(())
}

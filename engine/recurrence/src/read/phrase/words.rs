//! Words, and what single words mean: numbers, weekdays, months, times and dates.

use chrono::{NaiveDate, NaiveTime, Weekday};

use crate::limits::MAX_YEAR;

/// The words of a phrase, as slices of it. A comma is a word.
pub(super) fn split(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    for piece in text.split_whitespace() {
        let mut rest = piece;
        while let Some(index) = rest.find(',') {
            if index > 0 {
                words.push(&rest[..index]);
            }
            words.push(&rest[index..=index]);
            rest = &rest[index + 1..];
        }
        if !rest.is_empty() {
            words.push(rest);
        }
    }
    words
}

/// What is counted in `every 2 …` and `in 20 …`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Year,
}

pub(super) fn unit(word: &str) -> Option<Unit> {
    Some(match word.to_ascii_lowercase().as_str() {
        "second" | "seconds" | "sec" | "secs" | "s" => Unit::Second,
        "minute" | "minutes" | "min" | "mins" | "m" => Unit::Minute,
        "hour" | "hours" | "hr" | "hrs" | "h" => Unit::Hour,
        "day" | "days" | "d" => Unit::Day,
        "week" | "weeks" | "w" => Unit::Week,
        "month" | "months" => Unit::Month,
        "year" | "years" => Unit::Year,
        _ => return None,
    })
}

/// `20minutes`, `90m`: a number and its unit in one word.
pub(super) fn number_with_unit(word: &str) -> Option<(u32, Unit)> {
    let letters = word.trim_start_matches(|letter: char| letter.is_ascii_digit());
    let number = word[..word.len() - letters.len()].parse().ok()?;
    Some((number, unit(letters)?))
}

pub(super) fn number(word: &str) -> Option<u32> {
    const WORDS: [&str; 13] =
        ["", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"];
    let lower = word.to_ascii_lowercase();
    if let Some(index) = WORDS.iter().skip(1).position(|name| *name == lower) {
        return u32::try_from(index + 1).ok();
    }
    match lower.as_str() {
        "a" | "an" => Some(1),
        "fifteen" => Some(15),
        "twenty" => Some(20),
        "thirty" => Some(30),
        "half" => None,
        _ if lower.bytes().all(|byte| byte.is_ascii_digit()) => lower.parse().ok(),
        _ => None,
    }
}

/// `first`, `2nd`, `last`: which one of several, negative from the end.
pub(super) fn ordinal(word: &str) -> Option<i32> {
    const WORDS: [&str; 5] = ["first", "second", "third", "fourth", "fifth"];
    let lower = word.to_ascii_lowercase();
    if lower == "last" {
        return Some(-1);
    }
    if let Some(index) = WORDS.iter().position(|name| *name == lower) {
        return i32::try_from(index + 1).ok();
    }
    let digits = ["st", "nd", "rd", "th"].iter().find_map(|ending| lower.strip_suffix(ending))?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

/// A weekday, and whether the word is its plural (`mondays`), which means each of them.
pub(super) fn weekday(word: &str) -> Option<(Weekday, bool)> {
    let lower = word.to_ascii_lowercase();
    let (singular, plural) = match lower.strip_suffix('s') {
        Some(singular) if singular.ends_with("day") => (singular, true),
        _ => (lower.as_str(), false),
    };
    let day = match singular {
        "monday" | "mon" => Weekday::Mon,
        "tuesday" | "tue" | "tues" => Weekday::Tue,
        "wednesday" | "wed" => Weekday::Wed,
        "thursday" | "thu" | "thur" | "thurs" => Weekday::Thu,
        "friday" | "fri" => Weekday::Fri,
        "saturday" | "sat" => Weekday::Sat,
        "sunday" | "sun" => Weekday::Sun,
        _ => return None,
    };
    Some((day, plural))
}

/// `weekday`, `weekends`: a set of weekdays, and whether it is said in the plural.
pub(super) fn weekday_set(word: &str) -> Option<(&'static [Weekday], bool)> {
    const WORKING: &[Weekday] = &[Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri];
    const WEEKEND: &[Weekday] = &[Weekday::Sat, Weekday::Sun];
    Some(match word.to_ascii_lowercase().as_str() {
        "weekday" | "workday" => (WORKING, false),
        "weekdays" | "workdays" => (WORKING, true),
        "weekend" => (WEEKEND, false),
        "weekends" => (WEEKEND, true),
        _ => return None,
    })
}

pub(super) fn month(word: &str) -> Option<u32> {
    const NAMES: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    let lower = word.to_ascii_lowercase();
    let is_it = |name: &str| name == lower || name[..3] == lower || (lower == "sept" && name == "september");
    let index = NAMES.iter().position(|name| is_it(name))?;
    u32::try_from(index + 1).ok()
}

/// `8`, `8:30`, `8:30:15`, `8am`, `noon`. Whether a separate `pm` follows is for the caller to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Clock {
    pub(super) time: NaiveTime,
    /// Whether it can still be followed by `am` or `pm`.
    pub(super) is_open: bool,
}

pub(super) fn clock(word: &str) -> Option<Clock> {
    let lower = word.to_ascii_lowercase();
    let closed = |hour| Some(Clock { time: NaiveTime::from_hms_opt(hour, 0, 0)?, is_open: false });
    match lower.as_str() {
        "noon" | "midday" => return closed(12),
        "midnight" => return closed(0),
        _ => {}
    }
    for half in ["am", "pm"] {
        if let Some(digits) = lower.strip_suffix(half) {
            return half_day(hours_minutes_seconds(digits)?, half).map(|time| Clock { time, is_open: false });
        }
    }
    hours_minutes_seconds(&lower).map(|time| Clock { time, is_open: true })
}

/// A time with `am` or `pm`: 12 am is midnight.
pub(super) fn half_day(time: NaiveTime, half: &str) -> Option<NaiveTime> {
    use chrono::Timelike;
    let hour = Some(time.hour()).filter(|hour| (1..=12).contains(hour))? % 12;
    match half.to_ascii_lowercase().trim_end_matches('.') {
        "am" | "a.m" => time.with_hour(hour),
        "pm" | "p.m" => time.with_hour(hour + 12),
        _ => None,
    }
}

fn hours_minutes_seconds(text: &str) -> Option<NaiveTime> {
    let mut parts = text.split(':');
    let mut next = |width: usize| -> Option<Option<u32>> {
        let Some(part) = parts.next() else { return Some(None) };
        let is_number = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        (is_number && (part.len() == 2 || part.len() == width)).then(|| part.parse().ok())
    };
    let hour = next(1)??;
    let (minute, second) = (next(2)?.unwrap_or(0), next(2)?.unwrap_or(0));
    if parts.next().is_some() {
        return None;
    }
    NaiveTime::from_hms_opt(hour, minute, second)
}

/// `2026-12-24`, and the time where one hangs on with a `T`.
pub(super) fn iso_date(word: &str) -> Option<(NaiveDate, Option<NaiveTime>)> {
    let (date, time) = match word.split_once(['T', 't']) {
        Some((date, time)) => (date, Some(hours_minutes_seconds(time)?)),
        None => (word, None),
    };
    let mut parts = date.split('-');
    let mut next =
        |width| parts.next().filter(|part| part.len() == width && part.bytes().all(|byte| byte.is_ascii_digit()));
    let (year, month, day) = (next(4)?, next(2)?, next(2)?);
    if parts.next().is_some() {
        return None;
    }
    let date = NaiveDate::from_ymd_opt(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?)?;
    Some((date, time))
}

/// A year as people write it within a date.
pub(super) fn year(word: &str) -> Option<i32> {
    let is_year = word.len() == 4 && word.bytes().all(|byte| byte.is_ascii_digit());
    word.parse().ok().filter(|year| is_year && (1..=MAX_YEAR).contains(year))
}

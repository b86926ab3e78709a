//! Written times as milliseconds since 1970-01-01 UTC; used by every reader.
//!
//! Lenient about form, strict about doubt: what could be something else than a time gives `None`, and the caller keeps
//! the text. A time without an offset is taken as UTC, which is what SQLite's `CURRENT_TIMESTAMP` means and the only
//! reading that is the same on every machine.

#[cfg(test)]
mod tests;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime};
use serde_json::Value;

/// Years 1 to 9999, in ms: what RFC 3339 can write.
const EARLIEST_MS: i64 = -62_135_596_800_000;
const LATEST_MS: i64 = 253_402_300_799_999;

/// A number written as text needs this many digits before the point to be a time: `2024` and `20240501` are a year and
/// a date to a person, not an hour in January 1970.
const LEAST_DIGITS: usize = 9;

/// The instant that `text` names.
///
/// Takes RFC 3339; the same with a space for the `T`, without seconds, without offset (UTC) or with `+0200`; Python's
/// `str(datetime)` and `isoformat()`; `YYYY-MM-DD` (midnight UTC); RFC 2822; unix time in digits, see
/// [`instant_of_number`].
pub fn parse_instant(text: &str) -> Option<i64> {
    let text = text.trim();
    if !text.is_ascii() || text.len() > 64 {
        return None;
    }
    if text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'+'))
        && text.parse::<f64>().is_ok()
    {
        let digits = text.trim_start_matches(['-', '+']).split('.').next().unwrap_or_default().len();
        return if digits >= LEAST_DIGITS { instant_of_number(text.parse().ok()?) } else { None };
    }
    if text.len() == 10 {
        let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
        return within(date.and_time(NaiveTime::MIN).and_utc().timestamp_millis());
    }
    if let Ok(instant) = DateTime::parse_from_rfc3339(text) {
        return within(instant.timestamp_millis());
    }
    parse_loose(text)
        .or_else(|| DateTime::parse_from_rfc2822(text).ok().map(|instant| instant.timestamp_millis()))
        .and_then(within)
}

/// The instant that a unix time names; the unit is told from the size: below 10¹¹ seconds (until the year 5138), below
/// 10¹⁴ milliseconds, below 10¹⁷ microseconds, below 10²⁰ nanoseconds. So milliseconds before March 1973 are misread as
/// seconds.
pub fn instant_of_number(number: f64) -> Option<i64> {
    let size = number.abs();
    let milliseconds = match size {
        _ if !number.is_finite() => return None,
        _ if size < 1e11 => number * 1e3,
        _ if size < 1e14 => number,
        _ if size < 1e17 => number / 1e3,
        _ if size < 1e20 => number / 1e6,
        _ => return None,
    };
    within(milliseconds.round() as i64)
}

/// The instant that a JSON string or number names; `None` for anything else.
pub fn instant_of_json(value: &Value) -> Option<i64> {
    match value {
        Value::String(text) => parse_instant(text),
        Value::Number(number) => instant_of_number(number.as_f64()?),
        _ => None,
    }
}

/// Date and time with a space or `T` between, offset optional and in any common form.
fn parse_loose(text: &str) -> Option<i64> {
    let (date, rest) = text.split_once(['T', 't', ' '])?;
    if date.len() != 10 {
        return None;
    }
    let (clock, offset_ms) = split_offset(rest.trim())?;
    let joined = format!("{date}T{clock}");
    let naive = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M"]
        .iter()
        .find_map(|format| NaiveDateTime::parse_from_str(&joined, format).ok())?;
    Some(naive.and_utc().timestamp_millis() - offset_ms)
}

/// Splits `10:20:30.5 +0200` into the clock and the offset in ms; no offset is UTC.
fn split_offset(rest: &str) -> Option<(&str, i64)> {
    for utc in ["Z", "z", "UTC", "GMT"] {
        if let Some(clock) = rest.strip_suffix(utc) {
            return Some((clock.trim_end(), 0));
        }
    }
    let Some(start) = rest.rfind(['+', '-']) else { return Some((rest, 0)) };
    let sign = if rest.as_bytes()[start] == b'-' { -1 } else { 1 };
    let digits: String = rest[start + 1..].chars().filter(|digit| *digit != ':').collect();
    if !matches!(digits.len(), 2 | 4) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let hours: i64 = digits[..2].parse().ok()?;
    let minutes: i64 = if digits.len() == 4 { digits[2..].parse().ok()? } else { 0 };
    if hours > 23 || minutes > 59 {
        return None;
    }
    Some((rest[..start].trim_end(), sign * (hours * 60 + minutes) * 60_000))
}

fn within(milliseconds: i64) -> Option<i64> {
    (EARLIEST_MS..=LATEST_MS).contains(&milliseconds).then_some(milliseconds)
}

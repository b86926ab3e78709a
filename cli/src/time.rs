//! Moments as people write them, and times as they read them.
//!
//! Written: a position, RFC 3339, a date with or without a clock in the local time zone, `now`, `today`,
//! `yesterday`, `10 minutes ago`, `1h30m ago`. Shown: the local time zone to people, UTC in JSON.

#[cfg(test)]
mod tests;

use std::time::Duration;

use chrono::{DateTime, Days, Local, LocalResult, NaiveDate, NaiveDateTime, NaiveTime, TimeZone, Utc};
use clap::Args;
use zo_engine::protocol::At;
use zo_projections::{Position, Timestamp};

use zo_engine::zone;

/// As of when a reading command looks.
#[derive(Args, Clone, Copy, Debug, Default)]
pub(crate) struct AtArgs {
    /// Look at the state as it was after this position of the log, or at this time
    ///
    /// A position (`1200`), RFC 3339 (`2026-11-21T08:30:00Z`), a date or a date and a clock in local time
    /// (`2026-11-21`, `2026-11-21 08:30`; a date is its first instant), a clock of today (`08:30`), `today`,
    /// `yesterday`, or how long ago (`10 minutes ago`, `2h ago`).
    #[arg(long, value_name = "POSITION|TIME", value_parser = parse_moment)]
    pub(crate) at: Option<At>,
}

/// Reads a position or a time, for clap.
///
/// # Errors
/// What was expected.
pub(crate) fn parse_moment(text: &str) -> Result<At, String> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        let position = text.parse().map_err(|_| "a position is at most 18446744073709551615".to_owned())?;
        return Ok(At::Position(Position(position)));
    }
    parse_time(text).map(At::Time)
}

/// Reads a time, for clap.
///
/// # Errors
/// What was expected.
pub(crate) fn parse_time(text: &str) -> Result<Timestamp, String> {
    parse_time_in(text, Local::now())
}

/// Reads how long something may take, for clap.
///
/// # Errors
/// What was expected.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let milliseconds = parse_span(&text.to_lowercase()).and_then(|span| u64::try_from(span).ok());
    milliseconds
        .map(Duration::from_millis)
        .ok_or_else(|| "a duration is expected, such as 30s, \"10 minutes\" or 1h30m".to_owned())
}

/// Reads a moment to come, for clap: a time as above, or one phrase such as `tomorrow 9:00` or `in 20 minutes`.
///
/// # Errors
/// What was expected.
pub(crate) fn parse_coming(text: &str) -> Result<Timestamp, String> {
    parse_time(text).or_else(|error| {
        let now = Utc::now();
        let rule = zo_recurrence::parse(text, &zone::local(), now).map_err(|_| error.clone())?;
        // One moment, and not the first of many.
        match rule.iter_after(now).take(2).collect::<Result<Vec<_>, _>>().as_deref() {
            Ok([once]) => Ok(Timestamp(once.utc.timestamp_millis())),
            _ => Err(error),
        }
    })
}

/// Reads until when something holds, for clap: how long from now (`7d`), or a moment to come.
///
/// # Errors
/// What was expected.
pub(crate) fn parse_expiry(text: &str) -> Result<Timestamp, String> {
    let now = Utc::now().timestamp_millis();
    let until = match parse_duration(text) {
        Ok(span) => i64::try_from(span.as_millis()).ok().and_then(|span| now.checked_add(span)).map(Timestamp),
        Err(_) => Some(parse_coming(text)?),
    };
    match until {
        Some(until) if until.0 > now => Ok(until),
        Some(_) => Err("that is over already; say how long from now, such as 7d, or a time to come".to_owned()),
        None => Err("that is further away than can be counted".to_owned()),
    }
}

const EXPECTED: &str =
    "a time is expected, such as 2026-11-21, \"2026-11-21 08:30\", 2026-11-21T08:30:00Z or \"10 minutes ago\"";

fn parse_time_in<Zone: TimeZone>(text: &str, now: DateTime<Zone>) -> Result<Timestamp, String> {
    let text = text.trim();
    if let Ok(instant) = DateTime::parse_from_rfc3339(text) {
        return Ok(Timestamp(instant.timestamp_millis()));
    }
    let today = now.date_naive();
    let zone = now.timezone();
    let lower = text.to_lowercase();
    match lower.as_str() {
        "now" => return Ok(Timestamp(now.timestamp_millis())),
        "today" => return local(&zone, today.and_time(NaiveTime::MIN)),
        "yesterday" => {
            let yesterday = today.checked_sub_days(Days::new(1)).ok_or(EXPECTED)?;
            return local(&zone, yesterday.and_time(NaiveTime::MIN));
        }
        _ => {}
    }
    if let Some(span) = lower.strip_suffix("ago") {
        let milliseconds = parse_span(span.trim()).ok_or(EXPECTED)?;
        let ago = now.timestamp_millis().checked_sub(milliseconds).ok_or(EXPECTED)?;
        return Ok(Timestamp(ago));
    }
    if let Ok(date) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        return local(&zone, date.and_time(NaiveTime::MIN));
    }
    if let Some(clock) = parse_clock(text) {
        return local(&zone, today.and_time(clock));
    }
    let (date, clock) = text.split_once(['T', 't', ' ']).ok_or(EXPECTED)?;
    let date = NaiveDate::parse_from_str(date, "%Y-%m-%d").map_err(|_| EXPECTED)?;
    local(&zone, date.and_time(parse_clock(clock.trim()).ok_or(EXPECTED)?))
}

fn parse_clock(text: &str) -> Option<NaiveTime> {
    ["%H:%M", "%H:%M:%S", "%H:%M:%S%.f"].iter().find_map(|format| NaiveTime::parse_from_str(text, format).ok())
}

/// The instant of a wall clock; of two the first, and none where clocks were put forward over it.
fn local<Zone: TimeZone>(zone: &Zone, wall: NaiveDateTime) -> Result<Timestamp, String> {
    match zone.from_local_datetime(&wall) {
        LocalResult::Single(instant) | LocalResult::Ambiguous(instant, _) => Ok(Timestamp(instant.timestamp_millis())),
        LocalResult::None => {
            Err(format!("no clock showed {wall} in the local time zone: clocks were put forward then"))
        }
    }
}

/// `10 minutes`, `1h30m`, `a week`, `2 days 3 hours` in milliseconds.
fn parse_span(text: &str) -> Option<i64> {
    let mut rest = text.trim_start();
    if rest.is_empty() {
        return None;
    }
    let mut total: i64 = 0;
    while !rest.is_empty() {
        let article = ["an ", "a "].into_iter().find_map(|article| rest.strip_prefix(article));
        let (number, behind) = match article {
            Some(behind) => (1, behind),
            None => {
                let end = rest.find(|letter: char| !letter.is_ascii_digit())?;
                (rest[..end].parse().ok()?, &rest[end..])
            }
        };
        let behind = behind.trim_start();
        let end = behind.find(|letter: char| !letter.is_ascii_alphabetic()).unwrap_or(behind.len());
        total = total.checked_add(unit_ms(&behind[..end])?.checked_mul(number)?)?;
        rest = behind[end..].trim_start_matches([' ', ',']).trim_start_matches("and ");
    }
    Some(total)
}

/// Milliseconds of a unit of time, in any of its usual names.
fn unit_ms(unit: &str) -> Option<i64> {
    Some(match unit {
        "ms" | "millisecond" | "milliseconds" => 1,
        "s" | "sec" | "secs" | "second" | "seconds" => 1000,
        "m" | "min" | "mins" | "minute" | "minutes" => 60_000,
        "h" | "hr" | "hrs" | "hour" | "hours" => 3_600_000,
        "d" | "day" | "days" => 86_400_000,
        "w" | "week" | "weeks" => 7 * 86_400_000,
        _ => return None,
    })
}

/// A time for people, to the minute: `2026-11-21 08:30`.
pub(crate) fn minute(at: Timestamp) -> String {
    shown(at, "%Y-%m-%d %H:%M")
}

/// A time for people, to the second.
pub(crate) fn second(at: Timestamp) -> String {
    shown(at, "%Y-%m-%d %H:%M:%S")
}

fn shown(at: Timestamp, format: &str) -> String {
    match DateTime::<Utc>::from_timestamp_millis(at.0) {
        Some(instant) => instant.with_timezone(&Local).format(format).to_string(),
        None => at.to_string(),
    }
}

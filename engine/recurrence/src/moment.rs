//! A date and time as RFC 5545 writes it: on the clock of the rule's zone, or in UTC (sections 3.3.4 and 3.3.5).

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};

use crate::limits::MAX_YEAR;
use crate::zone::Zone;

/// A date and time that stands in a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Moment {
    /// What the clock of the rule's zone shows.
    Local(NaiveDateTime),
    /// An instant.
    Utc(DateTime<Utc>),
}

impl Moment {
    /// The instant it means, in seconds since 1970.
    pub(crate) fn instant(self, zone: Zone) -> i64 {
        match self {
            Self::Local(wall) => zone.resolve(wall).instant,
            Self::Utc(instant) => instant.timestamp(),
        }
    }
}

/// A value of the type DATE or DATE-TIME.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// `20261224`
    Date(NaiveDate),
    /// `20261224T180000`
    Local(NaiveDateTime),
    /// `20261224T170000Z`
    Utc(DateTime<Utc>),
}

impl Value {
    /// A value, if this is one. The second 60 is read as 59, as section 3.3.12 says for those who know no leap seconds.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (date, time) = match text.split_once(['T', 't']) {
            None => return parse_date(text).map(Self::Date),
            Some((date, time)) => (parse_date(date)?, time),
        };
        match time.strip_suffix(['Z', 'z']) {
            Some(time) => Some(Self::Utc(date.and_time(parse_time(time)?).and_utc())),
            None => Some(Self::Local(date.and_time(parse_time(time)?))),
        }
    }
}

/// A wall time as the RFC writes it.
pub(crate) fn written(wall: NaiveDateTime) -> String {
    format!("{}T{}", written_date(wall.date()), wall.format("%H%M%S"))
}

/// A date as the RFC writes it.
pub(crate) fn written_date(date: NaiveDate) -> String {
    use chrono::Datelike;
    format!("{:04}{:02}{:02}", date.year(), date.month(), date.day())
}

fn parse_date(text: &str) -> Option<NaiveDate> {
    let [year, month, day] = numbers(text, [4, 2, 2])?;
    let year = i32::try_from(year).ok().filter(|year| (1..=MAX_YEAR).contains(year))?;
    NaiveDate::from_ymd_opt(year, month, day)
}

fn parse_time(text: &str) -> Option<NaiveTime> {
    let [hour, minute, second] = numbers(text, [2, 2, 2])?;
    let second = if second == 60 { 59 } else { second };
    NaiveTime::from_hms_opt(hour, minute, second)
}

/// Three numbers of fixed width, and nothing else.
fn numbers(text: &str, widths: [usize; 3]) -> Option<[u32; 3]> {
    if text.len() != widths.iter().sum::<usize>() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (first, rest) = text.split_at(widths[0]);
    let (second, third) = rest.split_at(widths[1]);
    Some([first.parse().ok()?, second.parse().ok()?, third.parse().ok()?])
}

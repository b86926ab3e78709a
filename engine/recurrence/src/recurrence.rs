//! One RRULE as data, with its text. What it means is in `expand`; how it is read from text in `read::rrule`.

use std::fmt::{self, Display, Formatter};

use chrono::{DateTime, Utc, Weekday};

use crate::moment::{Moment, written};
use crate::zone::Zone;

/// How long a period of a rule is. From the longest to the shortest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Frequency {
    Yearly,
    Monthly,
    Weekly,
    Daily,
    Hourly,
    Minutely,
    Secondly,
}

impl Frequency {
    pub(crate) const ALL: [Self; 7] =
        [Self::Yearly, Self::Monthly, Self::Weekly, Self::Daily, Self::Hourly, Self::Minutely, Self::Secondly];

    /// As FREQ has it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Yearly => "YEARLY",
            Self::Monthly => "MONTHLY",
            Self::Weekly => "WEEKLY",
            Self::Daily => "DAILY",
            Self::Hourly => "HOURLY",
            Self::Minutely => "MINUTELY",
            Self::Secondly => "SECONDLY",
        }
    }

    /// Whether its periods are counted in elapsed time instead of days on a calendar.
    pub(crate) fn is_exact(self) -> bool {
        self >= Self::Hourly
    }
}

/// When a rule ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum End {
    /// Never.
    #[default]
    Never,
    /// After so many occurrences, from DTSTART on.
    Count(u32),
    /// With the last occurrence that is not later.
    Until(Moment),
}

/// A weekday of BYDAY: every one, or the nth of a month or year, from its end if negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NthWeekday {
    /// 0: every one.
    pub(crate) nth: i32,
    pub(crate) weekday: Weekday,
}

impl NthWeekday {
    pub(crate) fn every(weekday: Weekday) -> Self {
        Self { nth: 0, weekday }
    }
}

/// One RRULE (RFC 5545, section 3.3.10). The lists are sorted and without doubles; an empty list is a part that is not
/// there. Numbers are as the RFC counts them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Recurrence {
    pub(crate) frequency: Frequency,
    pub(crate) interval: u32,
    pub(crate) end: End,
    pub(crate) months: Vec<i32>,
    pub(crate) week_numbers: Vec<i32>,
    pub(crate) year_days: Vec<i32>,
    pub(crate) month_days: Vec<i32>,
    pub(crate) weekdays: Vec<NthWeekday>,
    pub(crate) hours: Vec<i32>,
    pub(crate) minutes: Vec<i32>,
    pub(crate) seconds: Vec<i32>,
    pub(crate) set_positions: Vec<i32>,
    pub(crate) week_start: Weekday,
}

impl Recurrence {
    pub(crate) fn new(frequency: Frequency) -> Self {
        Self {
            frequency,
            interval: 1,
            end: End::Never,
            months: Vec::new(),
            week_numbers: Vec::new(),
            year_days: Vec::new(),
            month_days: Vec::new(),
            weekdays: Vec::new(),
            hours: Vec::new(),
            minutes: Vec::new(),
            seconds: Vec::new(),
            set_positions: Vec::new(),
            week_start: Weekday::Mon,
        }
    }

    /// The one form in which it is written and compared. UNTIL is in UTC, as the RFC asks for wherever there is a TZID.
    pub(crate) fn normalised(mut self, zone: Zone) -> Self {
        if let End::Until(moment) = self.end {
            self.end = End::Until(Moment::Utc(writable(moment.instant(zone))));
        }
        let lists = [
            &mut self.months,
            &mut self.week_numbers,
            &mut self.year_days,
            &mut self.month_days,
            &mut self.hours,
            &mut self.minutes,
            &mut self.seconds,
            &mut self.set_positions,
        ];
        for list in lists {
            list.sort_unstable();
            list.dedup();
        }
        self.weekdays.sort_by_key(|day| (day.nth, day.weekday.num_days_from_monday()));
        self.weekdays.dedup();
        self
    }

    /// Whether there is no BY-part.
    pub(crate) fn has_no_parts(&self) -> bool {
        let (interval, end, week_start) = (self.interval, self.end, self.week_start);
        *self == Self { interval, end, week_start, ..Self::new(self.frequency) }
    }

    /// Its text without `RRULE:`.
    pub(crate) fn text(&self) -> String {
        Text(self).to_string()
    }
}

/// An instant as the RFC can write it: within its years.
fn writable(instant: i64) -> DateTime<Utc> {
    const FIRST: i64 = -62_135_596_800;
    const LAST: i64 = 253_402_300_799;
    crate::zone::utc(instant.clamp(FIRST, LAST))
}

/// The two letters of a weekday.
pub(crate) fn weekday_letters(weekday: Weekday) -> &'static str {
    match weekday {
        Weekday::Mon => "MO",
        Weekday::Tue => "TU",
        Weekday::Wed => "WE",
        Weekday::Thu => "TH",
        Weekday::Fri => "FR",
        Weekday::Sat => "SA",
        Weekday::Sun => "SU",
    }
}

struct Text<'a>(&'a Recurrence);

impl Display for Text<'_> {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let rule = self.0;
        write!(formatter, "FREQ={}", rule.frequency.name())?;
        if rule.interval != 1 {
            write!(formatter, ";INTERVAL={}", rule.interval)?;
        }
        match rule.end {
            End::Never => {}
            End::Count(count) => write!(formatter, ";COUNT={count}")?,
            End::Until(Moment::Local(wall)) => write!(formatter, ";UNTIL={}", written(wall))?,
            End::Until(Moment::Utc(instant)) => write!(formatter, ";UNTIL={}Z", written(instant.naive_utc()))?,
        }
        let lists = [
            ("BYMONTH", &rule.months),
            ("BYWEEKNO", &rule.week_numbers),
            ("BYYEARDAY", &rule.year_days),
            ("BYMONTHDAY", &rule.month_days),
        ];
        for (name, list) in lists {
            write_list(formatter, name, list)?;
        }
        if !rule.weekdays.is_empty() {
            let days = rule.weekdays.iter().map(|day| match day.nth {
                0 => weekday_letters(day.weekday).to_owned(),
                nth => format!("{nth}{}", weekday_letters(day.weekday)),
            });
            write!(formatter, ";BYDAY={}", days.collect::<Vec<_>>().join(","))?;
        }
        let lists = [
            ("BYHOUR", &rule.hours),
            ("BYMINUTE", &rule.minutes),
            ("BYSECOND", &rule.seconds),
            ("BYSETPOS", &rule.set_positions),
        ];
        for (name, list) in lists {
            write_list(formatter, name, list)?;
        }
        if rule.week_start != Weekday::Mon {
            write!(formatter, ";WKST={}", weekday_letters(rule.week_start))?;
        }
        Ok(())
    }
}

fn write_list(formatter: &mut Formatter<'_>, name: &str, list: &[i32]) -> fmt::Result {
    if list.is_empty() {
        return Ok(());
    }
    let numbers: Vec<String> = list.iter().map(i32::to_string).collect();
    write!(formatter, ";{name}={}", numbers.join(","))
}

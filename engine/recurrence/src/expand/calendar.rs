//! Rules of days and longer, on a clock without a zone: DAILY, WEEKLY, MONTHLY and YEARLY.
//!
//! A period is a year, month, week or day. Its set is every allowed day times every time of day; BYSETPOS chooses
//! from the set; DTSTART cuts off what is before it, not the set (section 3.3.10, BYSETPOS). Periods are found by
//! arithmetic, so that a question about today costs the same however long ago DTSTART is.

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveDateTime, NaiveTime, Utc, Weekday};

use super::days::{DayParts, week_begin};
use crate::limits::MAX_YEAR;
use crate::recurrence::{End, Frequency, NthWeekday, Recurrence};
use crate::zone::{Zone, utc};

/// An RRULE of days or longer, prepared for expansion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Calendar {
    frequency: Frequency,
    interval: i64,
    start: NaiveDateTime,
    days: DayParts,
    /// Sorted, at least one.
    times: Vec<NaiveTime>,
    set_positions: Vec<i32>,
    week_start: Weekday,
    /// Whether BYSETPOS asks for more than the largest set has.
    is_empty: bool,
    /// The last wall time, where COUNT says so.
    last: Option<NaiveDateTime>,
    /// The last instant, where UNTIL says so.
    pub(super) until: Option<DateTime<Utc>>,
}

impl Calendar {
    pub(crate) fn new(rule: &Recurrence, start: NaiveDateTime, zone: Zone) -> Self {
        let rule = with_days_of_start(rule, start.date());
        let mut calendar = Self {
            frequency: rule.frequency,
            interval: i64::from(rule.interval),
            start,
            days: DayParts::new(&rule),
            times: times(&rule, start.time()),
            set_positions: rule.set_positions.clone(),
            week_start: rule.week_start,
            is_empty: false,
            last: None,
            until: None,
        };
        let most_days = match rule.frequency {
            Frequency::Yearly => 366,
            Frequency::Monthly => 31,
            Frequency::Weekly => rule.weekdays.len(),
            _ => 1,
        };
        calendar.is_empty = all_beyond(&rule.set_positions, most_days * calendar.times.len());
        match rule.end {
            End::Never => {}
            End::Until(moment) => calendar.until = Some(utc(moment.instant(zone))),
            End::Count(count) => calendar.last = calendar.walls(start).nth_wall(count as usize),
        }
        calendar
    }

    /// The wall times from this one on, in order.
    pub(crate) fn walls(&self, from: NaiveDateTime) -> Walls<'_> {
        let from = from.max(self.start);
        Walls { calendar: self, from, index: self.period_at(from.date()), current: Period::default() }
    }

    /// The number of the first period that ends on this day or later. Period 0 is that of DTSTART.
    fn period_at(&self, day: NaiveDate) -> i64 {
        let (first, this) = (self.unit_of(self.start.date()), self.unit_of(day));
        let units = this - first;
        (units.div_euclid(self.interval) + i64::from(units.rem_euclid(self.interval) != 0)).max(0)
    }

    /// The number of a day's year, month, week or day, from some beginning.
    fn unit_of(&self, day: NaiveDate) -> i64 {
        match self.frequency {
            Frequency::Yearly => i64::from(day.year()),
            Frequency::Monthly => i64::from(day.year()) * 12 + i64::from(day.month0()),
            // The days on which weeks begin are seven apart, so that each has a number of its own.
            Frequency::Weekly => i64::from(week_begin(day, self.week_start).num_days_from_ce()).div_euclid(7),
            _ => i64::from(day.num_days_from_ce()),
        }
    }

    /// First and last day of a period; `None` if it begins after the last year.
    fn bounds(&self, index: i64) -> Option<(NaiveDate, NaiveDate)> {
        if self.is_empty {
            return None;
        }
        let ahead = index.checked_mul(self.interval)?;
        let start = self.start.date();
        let (first, last) = match self.frequency {
            Frequency::Yearly => {
                let year = i32::try_from(i64::from(start.year()).checked_add(ahead)?).ok()?;
                (NaiveDate::from_ymd_opt(year, 1, 1)?, NaiveDate::from_ymd_opt(year, 12, 31)?)
            }
            Frequency::Monthly => {
                let month = self.unit_of(start).checked_add(ahead)?;
                let year = i32::try_from(month.div_euclid(12)).ok()?;
                let first = NaiveDate::from_ymd_opt(year, u32::try_from(month.rem_euclid(12)).ok()? + 1, 1)?;
                (first, first.with_day(u32::from(first.num_days_in_month()))?)
            }
            Frequency::Weekly => {
                let first = week_begin(start, self.week_start);
                let first = first.checked_add_days(Days::new(u64::try_from(ahead.checked_mul(7)?).ok()?))?;
                (first, first.checked_add_days(Days::new(6))?)
            }
            _ => {
                let day = start.checked_add_days(Days::new(u64::try_from(ahead).ok()?))?;
                (day, day)
            }
        };
        (first.year() <= MAX_YEAR).then_some((first, last))
    }

    /// The set of a period, after BYSETPOS.
    fn period(&self, first: NaiveDate, last: NaiveDate) -> Period {
        let mut days = Vec::new();
        let mut day = Some(first);
        while let Some(this) = day.and_then(|day| self.days.next_month(day)).filter(|day| *day <= last) {
            if self.days.allow(this) {
                days.push(this);
            }
            day = this.succ_opt();
        }
        let length = days.len() * self.times.len();
        let chosen = (!self.set_positions.is_empty()).then(|| chosen(&self.set_positions, length));
        let length = chosen.as_ref().map_or(length, Vec::len);
        Period { days, chosen, position: 0, length }
    }
}

/// The places in a set of this length that BYSETPOS chooses, in order, from 0.
pub(super) fn chosen(set_positions: &[i32], length: usize) -> Vec<usize> {
    let place = |wanted: &i32| {
        let distance = usize::try_from(wanted.unsigned_abs()).ok()?;
        if *wanted > 0 { distance.checked_sub(1) } else { length.checked_sub(distance) }
    };
    let mut chosen: Vec<usize> = set_positions.iter().filter_map(place).filter(|place| *place < length).collect();
    chosen.sort_unstable();
    chosen.dedup();
    chosen
}

/// Whether there are positions, and a set of this size has none of them.
pub(super) fn all_beyond(set_positions: &[i32], largest: usize) -> bool {
    !set_positions.is_empty() && set_positions.iter().all(|position| position.unsigned_abs() as usize > largest)
}

/// What the rule leaves open about its days is as it is on the day of DTSTART.
fn with_days_of_start(rule: &Recurrence, start: NaiveDate) -> Recurrence {
    let mut rule = rule.clone();
    let says_days = !rule.week_numbers.is_empty()
        || !rule.year_days.is_empty()
        || !rule.month_days.is_empty()
        || !rule.weekdays.is_empty();
    if says_days {
        return rule;
    }
    match rule.frequency {
        Frequency::Yearly => {
            if rule.months.is_empty() {
                rule.months.push(start.month().cast_signed());
            }
            rule.month_days.push(start.day().cast_signed());
        }
        Frequency::Monthly => rule.month_days.push(start.day().cast_signed()),
        Frequency::Weekly => rule.weekdays.push(NthWeekday::every(start.weekday())),
        _ => {}
    }
    rule
}

/// The times of day; what the rule leaves open is as in DTSTART.
fn times(rule: &Recurrence, start: NaiveTime) -> Vec<NaiveTime> {
    use chrono::Timelike;
    let or_start = |list: &[i32], start: u32| match list {
        [] => vec![start],
        list => list.iter().map(|number| number.cast_unsigned()).collect(),
    };
    let (hours, minutes) = (or_start(&rule.hours, start.hour()), or_start(&rule.minutes, start.minute()));
    let seconds = or_start(&rule.seconds, start.second());
    let mut times = Vec::with_capacity(hours.len() * minutes.len() * seconds.len());
    for hour in hours {
        for minute in &minutes {
            times.extend(seconds.iter().filter_map(|second| NaiveTime::from_hms_opt(hour, *minute, *second)));
        }
    }
    times
}

/// The set of one period: days times times of day, not written out.
#[derive(Debug, Default)]
struct Period {
    days: Vec<NaiveDate>,
    /// What BYSETPOS chose; `None`: all.
    chosen: Option<Vec<usize>>,
    /// How many have been given out.
    position: usize,
    length: usize,
}

impl Period {
    fn wall(&self, times: &[NaiveTime], position: usize) -> NaiveDateTime {
        let place = self.chosen.as_ref().map_or(position, |chosen| chosen[position]);
        self.days[place / times.len()].and_time(times[place % times.len()])
    }

    /// Leaves out what is before a wall time.
    fn skip_before(&mut self, times: &[NaiveTime], from: NaiveDateTime) {
        let (mut low, mut high) = (self.position, self.length);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.wall(times, middle) < from { low = middle + 1 } else { high = middle }
        }
        self.position = low;
    }
}

/// The wall times of a rule, in order.
#[derive(Debug)]
pub(crate) struct Walls<'a> {
    calendar: &'a Calendar,
    from: NaiveDateTime,
    /// The next period.
    index: i64,
    current: Period,
}

impl Walls<'_> {
    /// Makes the next period with anything in it the current one.
    fn load(&mut self) -> bool {
        while let Some((first, last)) = self.calendar.bounds(self.index) {
            let mut period = self.calendar.period(first, last);
            self.index += 1;
            if period.length > 0 {
                period.skip_before(&self.calendar.times, self.from);
            }
            if period.position < period.length {
                self.current = period;
                return true;
            }
            // A rule of days for one month of the year must not try each day of the others.
            let Some(month) = last.succ_opt().and_then(|day| self.calendar.days.next_month(day)) else { break };
            self.index = self.index.max(self.calendar.period_at(month));
        }
        false
    }

    /// The nth wall time from here on, from 1; `None` if there are fewer.
    fn nth_wall(mut self, nth: usize) -> Option<NaiveDateTime> {
        let mut left = nth;
        while self.load() {
            let here = self.current.length - self.current.position;
            if left <= here {
                return Some(self.current.wall(&self.calendar.times, self.current.position + left - 1));
            }
            left -= here;
        }
        None
    }
}

impl Iterator for Walls<'_> {
    type Item = NaiveDateTime;

    fn next(&mut self) -> Option<NaiveDateTime> {
        if self.current.position >= self.current.length && !self.load() {
            return None;
        }
        let wall = self.current.wall(&self.calendar.times, self.current.position);
        self.current.position += 1;
        let is_last = self.calendar.last.is_some_and(|last| wall > last) || wall.year() > MAX_YEAR;
        (!is_last).then_some(wall)
    }
}

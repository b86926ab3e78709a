//! Which days a rule allows: BYMONTH, BYWEEKNO, BYYEARDAY, BYMONTHDAY and BYDAY. A day has to satisfy every part that is
//! there, and one entry of it.

use chrono::{Datelike, Days, NaiveDate, Weekday};

use crate::limits::MAX_YEAR;
use crate::recurrence::{Frequency, NthWeekday, Recurrence};

/// The parts of a rule that choose days.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DayParts {
    /// Bit n: month n. 0: all.
    months: u16,
    week_numbers: Vec<i32>,
    year_days: Vec<i32>,
    /// Bit n: day n; together with the days from the end 0: all.
    month_days: u32,
    /// Bit n: the nth day from the end of the month, the last one is 1.
    month_days_from_end: u32,
    /// Bit n: the weekday that is n days from Monday.
    weekdays: u8,
    nth_weekdays: Vec<NthWeekday>,
    /// Whether `nth_weekdays` count within the year instead of the month.
    nth_of_year: bool,
    week_start: Weekday,
}

impl DayParts {
    /// Those of a rule as they are written; what DTSTART adds is the caller's business.
    pub(crate) fn new(rule: &Recurrence) -> Self {
        let bits = |list: &mut dyn Iterator<Item = i32>| list.fold(0_u32, |bits, number| bits | 1 << number);
        let plain = rule.weekdays.iter().filter(|day| day.nth == 0);
        Self {
            months: rule.months.iter().fold(0, |bits, month| bits | 1 << month),
            week_numbers: rule.week_numbers.clone(),
            year_days: rule.year_days.clone(),
            month_days: bits(&mut rule.month_days.iter().copied().filter(|day| *day > 0)),
            month_days_from_end: bits(&mut rule.month_days.iter().filter(|day| **day < 0).map(|day| -day)),
            weekdays: plain.fold(0, |bits, day| bits | 1 << day.weekday.num_days_from_monday()),
            nth_weekdays: rule.weekdays.iter().copied().filter(|day| day.nth != 0).collect(),
            nth_of_year: rule.frequency == Frequency::Yearly && rule.months.is_empty(),
            week_start: rule.week_start,
        }
    }

    /// Whether the rule allows this day.
    pub(crate) fn allow(&self, day: NaiveDate) -> bool {
        self.allow_month(day.month())
            && self.allow_month_day(day)
            && self.allow_weekday(day)
            && self.allow_year_day(day)
            && self.allow_week_number(day)
    }

    /// Whether days of this month can be allowed.
    pub(crate) fn allow_month(&self, month: u32) -> bool {
        self.months == 0 || self.months & (1 << month) != 0
    }

    /// The first day, from this one on, whose month can be allowed.
    pub(crate) fn next_month(&self, day: NaiveDate) -> Option<NaiveDate> {
        let mut day = day;
        while !self.allow_month(day.month()) {
            day = first_of_next_month(day).filter(|day| day.year() <= MAX_YEAR)?;
        }
        Some(day)
    }

    /// The first day that is allowed, from this one on; `None` if there is none up to the last year. Takes some
    /// milliseconds to say so.
    pub(crate) fn next_allowed(&self, day: NaiveDate) -> Option<NaiveDate> {
        let mut day = day;
        loop {
            day = self.next_month(day).filter(|day| day.year() <= MAX_YEAR)?;
            if self.allow(day) {
                return Some(day);
            }
            day = day.succ_opt()?;
        }
    }

    fn allow_month_day(&self, day: NaiveDate) -> bool {
        if self.month_days == 0 && self.month_days_from_end == 0 {
            return true;
        }
        let from_end = u32::from(day.num_days_in_month()) - day.day() + 1;
        self.month_days & (1 << day.day()) != 0 || self.month_days_from_end & (1 << from_end) != 0
    }

    fn allow_weekday(&self, day: NaiveDate) -> bool {
        if self.weekdays == 0 && self.nth_weekdays.is_empty() {
            return true;
        }
        let weekday = day.weekday();
        if self.weekdays & (1 << weekday.num_days_from_monday()) != 0 {
            return true;
        }
        let mut of_this = self.nth_weekdays.iter().filter(|nth| nth.weekday == weekday).peekable();
        if of_this.peek().is_none() {
            return false;
        }
        let (before, after) = if self.nth_of_year {
            (day.ordinal0(), days_in_year(day.year()) - day.ordinal())
        } else {
            (day.day0(), u32::from(day.num_days_in_month()) - day.day())
        };
        let (nth, from_end) = ((before / 7 + 1).cast_signed(), -(after / 7 + 1).cast_signed());
        of_this.any(|wanted| wanted.nth == nth || wanted.nth == from_end)
    }

    fn allow_year_day(&self, day: NaiveDate) -> bool {
        if self.year_days.is_empty() {
            return true;
        }
        let number = day.ordinal().cast_signed();
        let from_end = number - days_in_year(day.year()).cast_signed() - 1;
        self.year_days.contains(&number) || self.year_days.contains(&from_end)
    }

    fn allow_week_number(&self, day: NaiveDate) -> bool {
        if self.week_numbers.is_empty() {
            return true;
        }
        let (number, weeks) = week_of(day, self.week_start);
        self.week_numbers.contains(&number) || self.week_numbers.contains(&(number - weeks - 1))
    }
}

/// The number of a day's week, and how many weeks the year of that week has. A week belongs to the year in which at least
/// four of its days lie (section 3.3.10, BYWEEKNO).
fn week_of(day: NaiveDate, week_start: Weekday) -> (i32, i32) {
    // The fourth day of a week is always in the year that the week belongs to.
    let fourth = |day: NaiveDate| week_begin(day, week_start) + Days::new(3);
    let number = |day: NaiveDate| (fourth(day).ordinal0() / 7 + 1).cast_signed();
    // The 28th of December is always in the last week of its year.
    let in_last_week = NaiveDate::from_ymd_opt(fourth(day).year(), 12, 28).unwrap_or(day);
    (number(day), number(in_last_week))
}

/// The first day of a day's week.
pub(crate) fn week_begin(day: NaiveDate, week_start: Weekday) -> NaiveDate {
    day - Days::new(u64::from(day.weekday().days_since(week_start)))
}

fn first_of_next_month(day: NaiveDate) -> Option<NaiveDate> {
    match day.month() {
        12 => NaiveDate::from_ymd_opt(day.year() + 1, 1, 1),
        month => NaiveDate::from_ymd_opt(day.year(), month + 1, 1),
    }
}

fn days_in_year(year: i32) -> u32 {
    if NaiveDate::from_ymd_opt(year, 2, 29).is_some() { 366 } else { 365 }
}

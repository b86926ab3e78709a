//! What a phrase has said, and the rule that it makes.

use chrono::{
    DateTime, Datelike, Days, Months, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Timelike, Utc, Weekday,
};

use super::words::Unit;
use crate::error::{RuleError, Source};
use crate::limits::{MAX_COUNT, MAX_INTERVAL, MAX_YEAR};
use crate::moment::Moment;
use crate::read::anchor;
use crate::recurrence::{End, Frequency, NthWeekday, Recurrence};
use crate::rule::{Parts, Rule};
use crate::zone::{Zone, naive};

/// What a phrase has said so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Draft<'a> {
    /// `every 2 weeks`.
    pub(super) every: Option<(u32, Unit)>,
    /// `on monday and friday`, `the last friday`; those with a number count within the month.
    pub(super) weekdays: Vec<NthWeekday>,
    /// Whether the weekdays repeat, where nothing else says so.
    pub(super) weekdays_repeat: bool,
    /// `on the 1st and 15th`, `the last day`.
    pub(super) month_days: Vec<i32>,
    /// `december`.
    pub(super) months: Vec<u32>,
    /// `tomorrow`, `2026-12-24`.
    pub(super) date: Option<NaiveDate>,
    /// `in 20 minutes`.
    pub(super) ahead: Vec<(u32, Unit)>,
    pub(super) times: Vec<NaiveTime>,
    /// `between 9:00 and 17:00`.
    pub(super) between: Option<(NaiveTime, NaiveTime)>,
    /// `from 2027-01-01`.
    pub(super) from: Option<NaiveDate>,
    /// `until 2026-12-31`: with its last moment.
    pub(super) until: Option<NaiveDateTime>,
    /// `10 times`.
    pub(super) count: Option<u32>,
    /// `except 2026-12-25`.
    pub(super) except: Vec<NaiveDate>,
    /// The word where each kind of clause began, for errors.
    pub(super) places: Vec<(&'static str, &'a str)>,
}

impl<'a> Draft<'a> {
    /// The word where a clause began, or the whole text.
    fn place(&self, clause: &str, source: Source<'a>) -> &'a str {
        self.places.iter().find(|(name, _)| *name == clause).map_or(source.text, |(_, word)| *word)
    }

    fn repeats(&self) -> bool {
        self.every.is_some() || self.weekdays_repeat || !self.month_days.is_empty() || !self.months.is_empty()
    }

    pub(super) fn into_rule(self, source: Source<'a>, zone: Zone, now: DateTime<Utc>) -> Result<Rule, RuleError> {
        let now = now.timestamp();
        if !self.ahead.is_empty() {
            return self.ahead(source, zone, now);
        }
        if self.repeats() || self.weekdays.iter().any(|day| day.nth != 0) {
            return self.repeated(source, zone, now);
        }
        self.once(source, zone, now)
    }

    /// `in 20 minutes`, `in 3 days at 9:00`.
    fn ahead(&self, source: Source<'a>, zone: Zone, now: i64) -> Result<Rule, RuleError> {
        let place = self.place("in", source);
        if self.repeats() || self.date.is_some() || !self.weekdays.is_empty() {
            return Err(source.invalid(place, "says when, and another part does so too"));
        }
        self.nothing_but_times(source)?;
        let too_far = || source.invalid(place, format!("is later than the year {MAX_YEAR}"));
        let mut day = zone.wall_at(now).date();
        let (mut seconds, mut whole_days) = (0_i64, true);
        for (number, unit) in &self.ahead {
            let length = match unit {
                Unit::Second => 1,
                Unit::Minute => 60,
                Unit::Hour => 3600,
                Unit::Day | Unit::Week | Unit::Month | Unit::Year => {
                    day = later(day, *number, *unit).ok_or_else(too_far)?;
                    continue;
                }
            };
            seconds += i64::from(*number) * length;
            whole_days = false;
        }
        if let [time] = self.times[..] {
            if !whole_days {
                let hint = "say either `in 20 minutes` or `at 9:00`";
                return Err(source.invalid_with(
                    self.place("at", source),
                    "cannot stand beside hours and minutes",
                    hint,
                ));
            }
            return single(zone, day.and_time(time), now);
        }
        if self.times.len() > 1 {
            return Err(source.invalid(self.place("at", source), "says more than one time"));
        }
        // Days keep the time on the wall, hours and minutes are elapsed time.
        let same_time = zone.resolve(day.and_time(zone.wall_at(now).time())).instant;
        let from = if day == zone.wall_at(now).date() { now } else { same_time };
        at_instant(zone, from.checked_add(seconds).filter(|due| naive_year(*due)).ok_or_else(too_far)?)
    }

    /// One day and one time.
    fn once(&self, source: Source<'a>, zone: Zone, now: i64) -> Result<Rule, RuleError> {
        self.nothing_but_times(source)?;
        let time = match self.times[..] {
            [time] => time,
            [] => return Err(missing_time(source)),
            _ => {
                let hint = "make one rule for each, or say `every day at …`";
                return Err(source.invalid_with(self.place("at", source), "says more than one time for one day", hint));
            }
        };
        let today = zone.wall_at(now).date();
        if let Some(date) = self.date {
            if !self.weekdays.is_empty() {
                return Err(source.invalid(self.place("weekday", source), "says a day, and another part does so too"));
            }
            return single(zone, date.and_time(time), now);
        }
        let is_it =
            |day: &NaiveDate| self.weekdays.is_empty() || self.weekdays.contains(&NthWeekday::every(day.weekday()));
        let days = today.iter_days().take(8).filter(is_it);
        let mut walls = days.map(|day| day.and_time(time));
        // A time that is over today is tomorrow's, or that of the same weekday in a week.
        match walls.find(|wall| zone.resolve(*wall).instant > now) {
            Some(wall) => single(zone, wall, now),
            None => Err(missing_time(source)),
        }
    }

    fn nothing_but_times(&self, source: Source<'a>) -> Result<(), RuleError> {
        for clause in ["between", "from", "until", "times", "except"] {
            if self.places.iter().any(|(name, _)| *name == clause) {
                let place = self.place(clause, source);
                return Err(source.invalid_with(place, "needs something that repeats", "say `every …`"));
            }
        }
        Ok(())
    }

    fn repeated(self, source: Source<'a>, zone: Zone, now: i64) -> Result<Rule, RuleError> {
        if self.date.is_some() {
            let hint = "say `from 2026-12-24` for the first day, or leave out what repeats";
            return Err(source.invalid_with(self.place("date", source), "is one day, and the rule repeats", hint));
        }
        let cursor = match self.from {
            Some(day) => now.max(zone.resolve(day.and_time(NaiveTime::MIN)).instant - 1),
            None => now,
        };
        let mut recurrences = self.recurrences(source)?;
        let first_day = zone.wall_at(cursor + 1).date();
        let base = self.base(&recurrences, first_day, zone, cursor);
        let (zone, start) = anchor::start(&recurrences, base, zone, cursor)?;
        for recurrence in &mut recurrences {
            if let Some(count) = self.count {
                recurrence.end = End::Count(count);
            }
            if let Some(until) = self.until {
                recurrence.end = End::Until(Moment::Local(until));
            }
        }
        if self.count.is_some() && recurrences.len() > 1 {
            return Err(
                source.invalid(self.place("times", source), "cannot count times of day that take several rules")
            );
        }
        Rule::new(Parts { recurrences, without_days: self.except, ..Parts::new(zone, start) })
    }

    /// The RRULEs: one, or one for each time of day where their minutes differ.
    fn recurrences(&self, source: Source<'a>) -> Result<Vec<Recurrence>, RuleError> {
        let (interval, unit) = self.every.unwrap_or_else(|| (1, self.implied_unit()));
        if interval == 0 || interval > MAX_INTERVAL {
            return Err(source.invalid(self.place("every", source), format!("needs a number from 1 to {MAX_INTERVAL}")));
        }
        if self.count.is_some_and(|count| count == 0 || count > MAX_COUNT) {
            return Err(source.invalid(self.place("times", source), format!("needs a number from 1 to {MAX_COUNT}")));
        }
        let mut rule = Recurrence::new(self.frequency(unit, source)?);
        rule.interval = interval;
        rule.weekdays = self.weekdays.clone();
        rule.month_days = self.month_days.clone();
        rule.months = self.months.iter().map(|month| month.cast_signed()).collect();
        if rule.frequency.is_exact() {
            return self.exact(rule, source);
        }
        if self.between.is_some() {
            let hint = "say `every 15 minutes between 9:00 and 17:00`, or `at` with each time";
            return Err(source.invalid_with(self.place("between", source), "needs hours or minutes that repeat", hint));
        }
        self.says_days(rule.frequency, source)?;
        match &self.times[..] {
            [] => Err(missing_time(source)),
            [_] => Ok(vec![rule]),
            times => Ok(at_times(&rule, times)),
        }
    }

    /// Which day of the week, month or year has to be said; the first day can say it, too.
    fn says_days(&self, frequency: Frequency, source: Source<'a>) -> Result<(), RuleError> {
        let says_day = !self.month_days.is_empty() || !self.weekdays.is_empty();
        let (why, hint) = match frequency {
            _ if self.from.is_some() => return Ok(()),
            Frequency::Weekly if !says_day => ("does not say which day", "say `every week on monday at 9:00`"),
            Frequency::Monthly if !says_day => ("does not say which day", "say `every month on the 1st at 9:00`"),
            Frequency::Yearly if !says_day || self.months.is_empty() => {
                ("does not say which day", "say `every december 24 at 9:00`")
            }
            _ => return Ok(()),
        };
        Err(source.invalid_with(self.place("every", source), why, hint))
    }

    fn implied_unit(&self) -> Unit {
        let counts = self.weekdays.iter().any(|day| day.nth != 0);
        if !self.months.is_empty() {
            Unit::Year
        } else if counts || !self.month_days.is_empty() {
            Unit::Month
        } else {
            Unit::Week
        }
    }

    fn frequency(&self, unit: Unit, source: Source<'a>) -> Result<Frequency, RuleError> {
        let counts = self.weekdays.iter().any(|day| day.nth != 0);
        let every = self.place("every", source);
        match unit {
            Unit::Second => Ok(Frequency::Secondly),
            Unit::Minute => Ok(Frequency::Minutely),
            Unit::Hour => Ok(Frequency::Hourly),
            Unit::Day | Unit::Week if counts || !self.month_days.is_empty() => {
                Err(source.invalid_with(every, "does not go with days of a month", "say `every month`"))
            }
            Unit::Day => Ok(Frequency::Daily),
            Unit::Week => Ok(Frequency::Weekly),
            Unit::Month if !counts && !self.weekdays.is_empty() && self.month_days.is_empty() => {
                let hint = "say which one, as in `on the first monday of every month`";
                Err(source.invalid_with(self.place("weekday", source), "comes several times a month", hint))
            }
            Unit::Month => Ok(Frequency::Monthly),
            Unit::Year if self.months.is_empty() && counts => {
                let hint = "say which month, as in `on the first monday of january`";
                Err(source.invalid_with(every, "needs a month", hint))
            }
            Unit::Year => Ok(Frequency::Yearly),
        }
    }

    /// `every 15 minutes`, with the parts of the day and the days that restrict it.
    fn exact(&self, mut rule: Recurrence, source: Source<'a>) -> Result<Vec<Recurrence>, RuleError> {
        if !self.times.is_empty() {
            let hint = "say `every day at …`, or `between … and …`";
            return Err(source.invalid_with(
                self.place("at", source),
                "does not go with hours or minutes that repeat",
                hint,
            ));
        }
        if self.weekdays.iter().any(|day| day.nth != 0) {
            let hint = "say `on mondays`";
            return Err(source.invalid_with(self.place("weekday", source), "counts weekdays", hint));
        }
        let Some((first, last)) = self.between else { return Ok(vec![rule]) };
        let place = self.place("between", source);
        if first.minute() != 0 || last.minute() != 0 || first.second() != 0 || last.second() != 0 {
            return Err(source.invalid_with(place, "needs full hours", "say `between 9:00 and 17:00`"));
        }
        let (first, last) = (first.hour().cast_signed(), last.hour().cast_signed());
        if first >= last {
            return Err(source.invalid_with(place, "ends before it begins", "make two rules around midnight"));
        }
        // On the clock instead of in elapsed time, so that it begins with the first hour every day; the last hour counts
        // with its beginning alone.
        let interval = rule.interval.cast_signed();
        let whole = match rule.frequency {
            Frequency::Hourly => {
                rule.hours = (first..=last).step_by(rule.interval as usize).collect();
                rule.minutes = vec![0];
                rule.interval = 1;
                return Ok(vec![rule]);
            }
            Frequency::Minutely if interval < 60 && 60 % interval == 0 => {
                rule.minutes = (0..60).step_by(rule.interval as usize).collect();
                Recurrence { interval: 1, hours: (first..last).collect(), ..rule }
            }
            _ => {
                let hint = "use a number of minutes that divides the hour, as in `every 15 minutes`";
                return Err(source.invalid_with(place, "does not go with this interval", hint));
            }
        };
        let end = Recurrence { frequency: Frequency::Hourly, hours: vec![last], minutes: vec![0], ..whole.clone() };
        Ok(vec![whole, end])
    }

    /// Where the rule takes from what it does not say.
    fn base(&self, recurrences: &[Recurrence], day: NaiveDate, zone: Zone, cursor: i64) -> NaiveDateTime {
        let Some(rule) = recurrences.first().filter(|rule| rule.frequency.is_exact()) else {
            let time = self.times.first().copied().unwrap_or(NaiveTime::MIN);
            return day.and_time(time);
        };
        let (unit, units_a_day) = match rule.frequency {
            Frequency::Hourly => (3600, 24),
            Frequency::Minutely => (60, 24 * 60),
            _ => (1, 24 * 3600),
        };
        let interval = i64::from(rule.interval);
        let wall = zone.wall_at(cursor);
        let seconds = i64::from(wall.num_seconds_from_midnight());
        if units_a_day % interval == 0 {
            // Full hours, quarters of an hour: what people mean, unless the interval does not fit into a day.
            let step = interval * unit;
            let next = (seconds.div_euclid(step) + 1) * step;
            return wall.date().and_time(NaiveTime::MIN) + TimeDelta::seconds(next);
        }
        wall + TimeDelta::seconds(interval * unit)
    }
}

/// One RRULE for all times that share minutes and seconds.
fn at_times(rule: &Recurrence, times: &[NaiveTime]) -> Vec<Recurrence> {
    let mut recurrences: Vec<Recurrence> = Vec::new();
    // Seconds that all have in common are those of DTSTART.
    let differ = times.iter().any(|time| time.second() != times[0].second());
    for time in times {
        let seconds: Vec<i32> = differ.then_some(time.second().cast_signed()).into_iter().collect();
        let (hour, minute) = (time.hour().cast_signed(), time.minute().cast_signed());
        match recurrences.iter_mut().find(|known| known.minutes == [minute] && known.seconds == seconds) {
            Some(known) => known.hours.push(hour),
            None => {
                let (hours, minutes) = (vec![hour], vec![minute]);
                recurrences.push(Recurrence { hours, minutes, seconds, ..rule.clone() });
            }
        }
    }
    recurrences
}

/// A rule for one wall time that is still to come.
fn single(zone: Zone, wall: NaiveDateTime, now: i64) -> Result<Rule, RuleError> {
    if zone.resolve(wall).instant <= now {
        return Err(RuleError::Past { when: format!("{} ({})", wall.format("%Y-%m-%d %H:%M:%S"), zone.name()) });
    }
    Rule::new(Parts::new(zone, wall))
}

/// A rule for one instant. A time that comes twice on the wall is written in UTC where the second one is meant.
fn at_instant(zone: Zone, instant: i64) -> Result<Rule, RuleError> {
    let wall = zone.wall_at(instant);
    if zone.resolve(wall).instant == instant {
        return Rule::new(Parts::new(zone, wall));
    }
    Rule::new(Parts::new(Zone::UTC, naive(instant)))
}

fn later(day: NaiveDate, number: u32, unit: Unit) -> Option<NaiveDate> {
    match unit {
        Unit::Week => day.checked_add_days(Days::new(u64::from(number) * 7)),
        Unit::Month => day.checked_add_months(Months::new(number)),
        Unit::Year => day.checked_add_months(Months::new(number.checked_mul(12)?)),
        _ => day.checked_add_days(Days::new(u64::from(number))),
    }
    .filter(|day| day.year() <= MAX_YEAR)
}

/// Whether an instant lies within the years that rules know.
fn naive_year(instant: i64) -> bool {
    const END: i64 = 253_402_300_800 - 24 * 3600;
    instant < END
}

fn missing_time(source: Source<'_>) -> RuleError {
    source.invalid_with(source.text.trim(), "says no time of day", "add it, as in `at 9:00`")
}

/// Monday to Sunday.
pub(super) fn every_weekday(weekdays: &[Weekday]) -> Vec<NthWeekday> {
    weekdays.iter().copied().map(NthWeekday::every).collect()
}

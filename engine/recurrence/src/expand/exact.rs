//! Hourly and faster rules, in elapsed time: HOURLY, MINUTELY and SECONDLY.
//!
//! Every fifteen minutes is every 900 seconds, on the night when clocks change too. A period is `INTERVAL` hours, minutes
//! or seconds of elapsed time, counted from the hour, minute or second that DTSTART is in. The parts of the rule are asked
//! of the zone's clock: BYHOUR=2 holds twice on the night when 2:00 comes twice, and never when it is skipped. What
//! DTSTART leaves within the hour (its minute and second) stays where it is in elapsed time.
//!
//! Between two changes of the offset the clock is a straight line, so that whole days, hours and minutes that the rule
//! excludes are passed over by arithmetic.

use std::collections::VecDeque;

use chrono::{Datelike, NaiveDateTime, NaiveTime, Timelike};

use super::Hit;
use super::calendar::{all_beyond, chosen};
use super::days::DayParts;
use crate::error::RuleError;
use crate::limits::{MAX_FRUITLESS_STEPS, MAX_YEAR};
use crate::recurrence::{End, Frequency, Recurrence};
use crate::zone::{Span, Zone, naive, utc};

/// An RRULE of hours or less, prepared for expansion. All times are seconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Exact {
    frequency: Frequency,
    /// How long a period is: an hour, a minute, a second.
    unit: i64,
    /// From one period to the next.
    step: i64,
    /// The instant at which period 0 begins.
    anchor: i64,
    /// The instant of DTSTART.
    start: i64,
    days: DayParts,
    hours: Numbers,
    minutes: Numbers,
    seconds: Numbers,
    set_positions: Vec<i32>,
    /// Whether BYSETPOS asks for more than the largest set has.
    is_empty: bool,
    /// The last instant, where COUNT or UNTIL says so.
    last: Option<i64>,
}

/// Hours, minutes or seconds as bits; none: all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Numbers(u64);

impl Numbers {
    fn new(list: &[i32]) -> Self {
        Self(list.iter().fold(0, |bits, number| bits | 1 << number))
    }

    fn is_given(self) -> bool {
        self.0 != 0
    }

    fn contain(self, number: u32) -> bool {
        self.0 == 0 || self.0 & (1 << number) != 0
    }

    /// The first number from this one on, below `limit`.
    fn next(self, number: u32, limit: u32) -> Option<u32> {
        let left = if self.0 == 0 { u64::MAX } else { self.0 };
        let next = number + left.checked_shr(number)?.trailing_zeros();
        (next < limit).then_some(next)
    }

    fn iter(self) -> impl Iterator<Item = i64> {
        (0..60).filter(move |number| self.0 & (1 << number) != 0)
    }
}

impl Exact {
    pub(crate) fn new(rule: &Recurrence, start: NaiveDateTime, zone: Zone) -> Self {
        let start = zone.resolve(start).instant;
        let unit = match rule.frequency {
            Frequency::Hourly => 3600,
            Frequency::Minutely => 60,
            _ => 1,
        };
        let on_the_clock = start + zone.offset_at(start);
        let mut exact = Self {
            frequency: rule.frequency,
            unit,
            step: unit * i64::from(rule.interval),
            anchor: start - on_the_clock.rem_euclid(unit),
            start,
            days: DayParts::new(rule),
            hours: Numbers::new(&rule.hours),
            minutes: Numbers::new(&rule.minutes),
            seconds: Numbers::new(&rule.seconds),
            set_positions: rule.set_positions.clone(),
            is_empty: false,
            last: None,
        };
        let (minutes, seconds) = (rule.minutes.len().max(1), rule.seconds.len().max(1));
        let largest = match rule.frequency {
            // A minute can come twice within an hour of elapsed time, where clocks are put back by half an hour.
            Frequency::Hourly => 2 * minutes * seconds,
            Frequency::Minutely => seconds,
            _ => 1,
        };
        exact.is_empty = all_beyond(&rule.set_positions, largest);
        exact.last = match rule.end {
            End::Never => None,
            End::Until(moment) => Some(moment.instant(zone)),
            End::Count(count) if rule.has_no_parts() => start.checked_add(exact.step * (i64::from(count) - 1)),
            End::Count(count) => exact.nth(zone, count),
        };
        exact
    }

    /// The instant of the nth occurrence; `None` if it is not reached: then the stream ends by itself.
    fn nth(&self, zone: Zone, nth: u32) -> Option<i64> {
        let mut stream = ExactStream::new(self, zone, self.start - 1);
        let mut last = None;
        for _ in 0..nth {
            last = stream.next().ok().flatten();
            last?;
        }
        last.map(|hit| hit.instant)
    }

    /// The first period that ends after an instant.
    fn period_at(&self, instant: i64) -> i64 {
        let index = (instant - self.anchor).div_euclid(self.step);
        let is_over = self.anchor + index * self.step + self.unit <= instant;
        (index + i64::from(is_over)).max(0)
    }

    /// The first time on the clock, from this one on, that the parts which only exclude allow; all in seconds since 1970
    /// on the clock. `None` if there is none up to the last year.
    fn next_possible(&self, clock: i64) -> Option<i64> {
        let from = naive(clock);
        let day = from.date();
        if self.days.allow(day)
            && let Some(time) = self.next_time(from.time())
        {
            return Some(day.and_time(time).and_utc().timestamp());
        }
        let day = self.days.next_allowed(day.succ_opt()?)?;
        Some(day.and_time(self.next_time(NaiveTime::MIN)?).and_utc().timestamp())
    }

    fn next_time(&self, from: NaiveTime) -> Option<NaiveTime> {
        let all = Numbers(0);
        let minutes = if self.frequency >= Frequency::Minutely { self.minutes } else { all };
        let seconds = if self.frequency >= Frequency::Secondly { self.seconds } else { all };
        let hour = self.hours.next(from.hour(), 24)?;
        if hour == from.hour()
            && let Some(minute) = minutes.next(from.minute(), 60)
        {
            if minute > from.minute() {
                return NaiveTime::from_hms_opt(hour, minute, seconds.next(0, 60)?);
            }
            if let Some(second) = seconds.next(from.second(), 60) {
                return NaiveTime::from_hms_opt(hour, minute, second);
            }
            if let Some(minute) = minutes.next(from.minute() + 1, 60) {
                return NaiveTime::from_hms_opt(hour, minute, seconds.next(0, 60)?);
            }
        }
        let hour = if hour > from.hour() { hour } else { self.hours.next(from.hour() + 1, 24)? };
        NaiveTime::from_hms_opt(hour, minutes.next(0, 60)?, seconds.next(0, 60)?)
    }

    /// The occurrences of the period that begins at `begin`, within `from..to`, a stretch of it with one offset.
    fn fill(&self, begin: i64, from: i64, to: i64, offset: i64, found: &mut Vec<i64>) {
        let within = self.start - self.anchor;
        let mut minutes: Vec<i64> = Vec::new();
        match self.frequency {
            Frequency::Secondly => return found.extend(Some(begin).filter(|_| self.allows(begin + offset))),
            Frequency::Hourly if self.minutes.is_given() => {
                let hour = (from + offset).div_euclid(3600) * 3600 - offset;
                for hour in [hour, hour + 3600] {
                    minutes.extend(self.minutes.iter().map(|minute| hour + minute * 60));
                }
            }
            Frequency::Hourly => minutes.push(begin + within / 60 * 60),
            _ => minutes.push(begin),
        }
        for minute in minutes {
            let mut add = |instant: i64| {
                if (from..to).contains(&instant) && self.allows(instant + offset) {
                    found.push(instant);
                }
            };
            if self.seconds.is_given() {
                self.seconds.iter().for_each(|second| add(minute + second));
            } else {
                add(minute + within % 60);
            }
        }
    }

    /// Whether the clock shows a time that every part allows. Minutes of hourly rules, and seconds of minutely ones, were
    /// chosen before and hold anyway.
    fn allows(&self, clock: i64) -> bool {
        let clock = naive(clock);
        self.hours.contain(clock.hour())
            && self.minutes.contain(clock.minute())
            && self.seconds.contain(clock.second())
            && self.days.allow(clock.date())
    }
}

/// The occurrences of an exact rule later than a cursor.
#[derive(Debug)]
pub(crate) struct ExactStream<'a> {
    exact: &'a Exact,
    zone: Zone,
    /// Later than this.
    cursor: i64,
    /// The next period.
    index: i64,
    /// Where its beginning lies.
    span: Span,
    /// What is left of the period before.
    found: VecDeque<i64>,
}

impl<'a> ExactStream<'a> {
    pub(crate) fn new(exact: &'a Exact, zone: Zone, cursor: i64) -> Self {
        let cursor = cursor.max(exact.start - 1);
        let index = exact.period_at(cursor);
        let span = zone.span_at(exact.anchor + index * exact.step);
        Self { exact, zone, cursor, index, span, found: VecDeque::new() }
    }

    pub(crate) fn next(&mut self) -> Result<Option<Hit>, RuleError> {
        if self.exact.is_empty {
            return Ok(None);
        }
        let mut steps = 0;
        while self.found.is_empty() {
            let begin = self.exact.anchor + self.index * self.exact.step;
            if self.is_over(begin) {
                return Ok(None);
            }
            if steps >= MAX_FRUITLESS_STEPS {
                return Err(RuleError::Exhausted { steps, reached: utc(begin) });
            }
            steps += 1;
            if begin >= self.span.end {
                self.span = self.zone.span_at(begin);
            }
            match self.jump(begin) {
                Jump::End => return Ok(None),
                Jump::To(index) => self.index = index,
                Jump::Stay => {
                    self.take(begin);
                    self.index += 1;
                }
            }
        }
        let Some(instant) = self.found.pop_front() else { return Ok(None) };
        self.cursor = instant;
        if self.is_over(instant) {
            return Ok(None);
        }
        Ok(Some(Hit { instant, wall: self.zone.wall_at(instant) }))
    }

    fn is_over(&self, instant: i64) -> bool {
        self.exact.last.is_some_and(|last| instant > last) || naive(instant + self.span.offset).year() > MAX_YEAR
    }

    /// Where to go on if nothing in the period that begins here can be allowed.
    fn jump(&self, begin: i64) -> Jump {
        let Span { offset, end } = self.span;
        // A period in which the offset changes is always looked at.
        if begin + self.exact.unit > end {
            return Jump::Stay;
        }
        let possible = self.exact.next_possible(begin + offset).map(|clock| clock - offset);
        match possible {
            Some(instant) if instant < begin + self.exact.unit => Jump::Stay,
            Some(instant) => Jump::To(self.exact.period_at(instant.min(end)).max(self.index + 1)),
            None => Jump::End,
        }
    }

    /// Takes what the period that begins here has, span by span.
    fn take(&mut self, begin: i64) {
        let end = begin + self.exact.unit;
        let mut found = Vec::new();
        let (mut from, mut span) = (begin, self.span);
        while from < end {
            let to = span.end.min(end);
            self.exact.fill(begin, from, to, span.offset, &mut found);
            from = to;
            if from < end {
                span = self.zone.span_at(from);
            }
        }
        found.sort_unstable();
        found.dedup();
        if !self.exact.set_positions.is_empty() {
            found = chosen(&self.exact.set_positions, found.len()).into_iter().map(|place| found[place]).collect();
        }
        self.found.extend(found.into_iter().filter(|instant| *instant > self.cursor));
    }
}

/// What to do with a period.
enum Jump {
    /// Look at it.
    Stay,
    /// Go on with this one.
    To(i64),
    /// Nothing is allowed any more.
    End,
}

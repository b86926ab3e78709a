//! Times of day, times from now on, and the bounds of what repeats.

use chrono::NaiveTime;

use super::reader::Reader;
use super::words::{self, Unit};
use crate::error::RuleError;

impl<'a> Reader<'a, '_> {
    pub(super) fn times(&mut self, place: &'a str) -> Result<(), RuleError> {
        self.note("at", place)?;
        loop {
            let Some(word) = self.peek_at(0) else { return Err(self.ends_too_early(place)) };
            let time = self.time()?.ok_or_else(|| self.no_time(word))?;
            self.draft.times.push(time);
            // A time may follow, but `and every …` may not.
            if !self.skip_to_next(|word| words::clock(word).is_some()) {
                break;
            }
        }
        self.draft.times.sort_unstable();
        self.draft.times.dedup();
        Ok(())
    }

    /// One time of day, with `am` or `pm` behind it.
    pub(super) fn time(&mut self) -> Result<Option<NaiveTime>, RuleError> {
        let Some(word) = self.peek_at(0) else { return Ok(None) };
        let Some(clock) = words::clock(word) else { return Ok(None) };
        self.position += 1;
        if let Some(half) = self.peek_at(0).filter(|word| is_half(word)) {
            self.position += 1;
            let time = Some(clock).filter(|clock| clock.is_open).and_then(|clock| words::half_day(clock.time, half));
            return time.map(Some).ok_or_else(|| self.no_time(word));
        }
        self.skip("o'clock");
        Ok(Some(clock.time))
    }

    /// `in 20 minutes`, `in an hour and 30 minutes`, `in half an hour`; `in january`.
    pub(super) fn ahead(&mut self, place: &'a str) -> Result<(), RuleError> {
        let Some(word) = self.peek_at(0) else { return Err(self.ends_too_early(place)) };
        if words::month(word).is_some() {
            return self.months(place);
        }
        self.note("in", place)?;
        if word.eq_ignore_ascii_case("half") {
            self.position += 1;
            let _ = self.skip("an");
            return match self.next().and_then(words::unit) {
                Some(Unit::Hour) => {
                    self.draft.ahead.push((30, Unit::Minute));
                    Ok(())
                }
                _ => Err(self.not_understood(word)),
            };
        }
        loop {
            let Some(word) = self.next() else { return Err(self.ends_too_early(place)) };
            let counted = words::number_with_unit(word).or_else(|| {
                let unit = self.peek_at(0).and_then(words::unit)?;
                let number = words::number(word)?;
                self.position += 1;
                Some((number, unit))
            });
            self.draft.ahead.push(counted.ok_or_else(|| self.not_understood(word))?);
            if !self.skip_to_next(|word| words::number(word).is_some() || words::number_with_unit(word).is_some()) {
                return Ok(());
            }
        }
    }

    /// Behind `between` or `from`.
    pub(super) fn between(&mut self, place: &'a str) -> Result<(), RuleError> {
        self.note("between", place)?;
        let first = self.time()?.ok_or_else(|| self.ends_too_early(place))?;
        let joined = self.skip("and") || self.skip("to") || self.skip("until") || self.skip("till");
        let last = if joined { self.time()? } else { None };
        self.draft.between = Some((first, last.ok_or_else(|| self.ends_too_early(place))?));
        Ok(())
    }

    pub(super) fn from(&mut self, place: &'a str) -> Result<(), RuleError> {
        let _ = self.skip("on") || self.skip("from");
        // `from 9:00 to 17:00`
        if let Some(word) = self.peek_at(0).filter(|word| words::clock(word).is_some())
            && (word.contains(':')
                || self.peek_at(1).is_some_and(|next| is_half(next) || next.eq_ignore_ascii_case("to")))
        {
            return self.between(place);
        }
        let Some(word) = self.peek_at(0) else { return Err(self.ends_too_early(place)) };
        let (date, time) = self.date()?.ok_or_else(|| self.no_date(word))?;
        if time.is_some() {
            return Err(self.source.invalid_with(word, "has a time", "give the day alone, and the time with `at`"));
        }
        self.note("from", place)?;
        self.draft.from = Some(date);
        Ok(())
    }

    pub(super) fn until(&mut self, place: &'a str) -> Result<(), RuleError> {
        self.note("until", place)?;
        let Some(word) = self.peek_at(0) else { return Err(self.ends_too_early(place)) };
        let (date, time) = self.date()?.ok_or_else(|| self.no_date(word))?;
        let next_is_time = self.peek_at(0).is_some_and(|word| word.contains(':'));
        let time = if next_is_time { self.time()? } else { time };
        let end_of_day = NaiveTime::from_hms_opt(23, 59, 59).unwrap_or(NaiveTime::MIN);
        self.draft.until = Some(date.and_time(time.unwrap_or(end_of_day)));
        Ok(())
    }

    /// `10 times`, perhaps behind `for`.
    pub(super) fn count(&mut self, place: &'a str) -> Result<(), RuleError> {
        let Some(word) = self.next() else { return Err(self.ends_too_early(place)) };
        let number = words::number(word).filter(|_| self.skip("times") || self.skip("time"));
        let hint = "say `10 times`, or `until 2026-12-31`";
        let number = number.ok_or_else(|| self.source.invalid_with(word, "is no number of times", hint))?;
        self.note("times", place)?;
        self.draft.count = Some(number);
        Ok(())
    }

    pub(super) fn except(&mut self, place: &'a str) -> Result<(), RuleError> {
        self.note("except", place)?;
        loop {
            self.skip("on");
            let Some(word) = self.peek_at(0) else { return Err(self.ends_too_early(place)) };
            let (date, _) = self.date()?.ok_or_else(|| self.no_date(word))?;
            self.draft.except.push(date);
            let is_date = |word: &str| words::iso_date(word).is_some() || words::month(word).is_some();
            if !self.skip_to_next(is_date) {
                return Ok(());
            }
        }
    }
}

/// Whether a word is `am` or `pm`.
pub(super) fn is_half(word: &str) -> bool {
    ["am", "pm", "a.m", "p.m", "a.m.", "p.m."].iter().any(|half| half.eq_ignore_ascii_case(word))
}

//! Days: of the week, of the month, of the year, or one date.

use chrono::{Datelike, NaiveDate, NaiveTime, Weekday};

use super::draft::every_weekday;
use super::reader::Reader;
use super::words::{self, Unit};
use crate::error::RuleError;
use crate::recurrence::NthWeekday;

impl<'a> Reader<'a, '_> {
    /// Behind `on` or `the`: weekdays, days of the month, or a date.
    pub(super) fn days(&mut self, place: &'a str) -> Result<(), RuleError> {
        self.skip("the");
        let Some(word) = self.peek_at(0) else { return Err(self.ends_too_early(place)) };
        if word.eq_ignore_ascii_case("day") && self.peek_at(1).is_some_and(|next| next.eq_ignore_ascii_case("after")) {
            return self.date_clause(word);
        }
        if words::ordinal(word).is_some() {
            return self.ordinals(place);
        }
        if words::weekday(word).is_some() || words::weekday_set(word).is_some() {
            return self.weekdays(place);
        }
        if word.eq_ignore_ascii_case("day") {
            self.position += 1;
            let number = self.peek_at(0).and_then(words::number);
            let number = number.filter(|number| (1..=31).contains(number)).ok_or_else(|| self.ends_too_early(word))?;
            self.position += 1;
            self.note("month day", place)?;
            self.draft.month_days.push(number.cast_signed());
            return self.of_month();
        }
        let repeats_yearly = matches!(self.draft.every, Some((_, Unit::Year)));
        if repeats_yearly && (words::month(word).is_some() || self.peek_at(1).and_then(words::month).is_some()) {
            return self.months(place);
        }
        self.date_clause(word)
    }

    pub(super) fn date_clause(&mut self, word: &'a str) -> Result<(), RuleError> {
        match self.date()? {
            Some((date, time)) => {
                self.note("date", word)?;
                self.draft.date = Some(date);
                self.draft.times.extend(time);
                Ok(())
            }
            None => {
                self.position += 1;
                Err(self.not_understood(word))
            }
        }
    }

    /// `first and third monday`, `1st and 15th`, `last day`; then perhaps `of every month`.
    pub(super) fn ordinals(&mut self, place: &'a str) -> Result<(), RuleError> {
        let mut numbers = Vec::new();
        while let Some(number) = self.peek_at(0).and_then(words::ordinal) {
            let word = self.next().unwrap_or(place);
            if !(-1..=31).contains(&number) || number == 0 {
                return Err(self.source.invalid(word, "is no day of a month"));
            }
            numbers.push(number);
            self.skip_to_next(|word| words::ordinal(word).is_some());
        }
        let next = self.peek_at(0);
        if let Some((weekday, _)) = next.and_then(words::weekday) {
            self.position += 1;
            self.note("weekday", place)?;
            if let Some(number) = numbers.iter().find(|number| **number > 5) {
                let why = format!("never comes {number} times in a month");
                return Err(self.source.invalid(next.unwrap_or(place), why));
            }
            self.draft.weekdays.extend(numbers.into_iter().map(|nth| NthWeekday { nth, weekday }));
        } else {
            // `the last` alone says nothing; `the first day` is the first.
            let says_day = next.is_some_and(|word| word.eq_ignore_ascii_case("day"));
            self.position += usize::from(says_day);
            if !says_day && numbers.contains(&-1) {
                return Err(self.ends_too_early(place));
            }
            self.note("month day", place)?;
            self.draft.month_days.extend(numbers);
        }
        self.of_month()
    }

    /// `of every month`, `of the month`, `of january`, or nothing.
    pub(super) fn of_month(&mut self) -> Result<(), RuleError> {
        let Some(of) = self.peek_at(0).filter(|word| word.eq_ignore_ascii_case("of")) else { return Ok(()) };
        self.position += 1;
        let _ = self.skip("every") || self.skip("each") || self.skip("the");
        let Some(word) = self.peek_at(0) else { return Err(self.ends_too_early(of)) };
        if words::month(word).is_some() {
            while let Some(month) = self.peek_at(0).and_then(words::month) {
                self.position += 1;
                self.draft.months.push(month);
                self.skip_to_next(|word| words::month(word).is_some());
            }
            return Ok(());
        }
        self.position += 1;
        match words::unit(word) {
            Some(Unit::Month) if self.draft.every.is_none() => self.set_every(word, 1, Unit::Month),
            Some(Unit::Month) => Ok(()),
            _ => Err(self.not_understood(word)),
        }
    }

    pub(super) fn weekdays(&mut self, place: &'a str) -> Result<(), RuleError> {
        self.note("weekday", place)?;
        let is_day = |word: &str| words::weekday(word).is_some() || words::weekday_set(word).is_some();
        let mut days: Vec<Weekday> = Vec::new();
        while let Some(word) = self.peek_at(0).filter(|word| is_day(word)) {
            self.position += 1;
            let (set, plural) = match (words::weekday(word), words::weekday_set(word)) {
                (Some((day, plural)), _) => (vec![day], plural),
                (_, Some((set, plural))) => (set.to_vec(), plural),
                _ => (Vec::new(), false),
            };
            days.extend(set);
            self.draft.weekdays_repeat |= plural;
            self.skip_to_next(is_day);
        }
        // `on monday and friday`: two days are no single one.
        self.draft.weekdays_repeat |= self.draft.every.is_some();
        self.draft.weekdays.extend(every_weekday(&days));
        if !self.draft.weekdays_repeat && days.len() > 1 {
            let hint = "say `every monday and friday`, or make one rule for each";
            return Err(self.source.invalid_with(place, "names more than one day", hint));
        }
        Ok(())
    }

    /// `december 24`, `24 december`, `january and july`.
    pub(super) fn months(&mut self, place: &'a str) -> Result<(), RuleError> {
        self.note("month", place)?;
        if let Some(day) = self.peek_at(0).and_then(day_number) {
            self.position += 1;
            self.draft.month_days.push(day);
            self.skip("of");
        }
        while let Some(month) = self.peek_at(0).and_then(words::month) {
            self.position += 1;
            self.draft.months.push(month);
            self.skip_to_next(|word| words::month(word).is_some());
        }
        if self.draft.month_days.is_empty()
            && let Some(day) = self.peek_at(0).and_then(day_number)
        {
            self.position += 1;
            self.draft.month_days.push(day);
        }
        Ok(())
    }

    pub(super) fn next_weekday(&mut self, place: &'a str) -> Result<(), RuleError> {
        let Some(word) = self.next() else { return Err(self.ends_too_early(place)) };
        let Some((weekday, false)) = words::weekday(word) else {
            let hint = "say `next friday`, or give a date, as in `2026-12-24`";
            return Err(self.source.invalid_with(word, "is no weekday", hint));
        };
        self.note("date", place)?;
        let from = if place.eq_ignore_ascii_case("this") { 0 } else { 1 };
        let mut days = self.today.iter_days().skip(from).take(7);
        self.draft.date = days.find(|day| day.weekday() == weekday);
        Ok(())
    }

    /// A date: `2026-12-24`, `24 december 2026`, `december 24, 2026`, `today`, `tomorrow`. Without a year it is the next one.
    pub(super) fn date(&mut self) -> Result<Option<(NaiveDate, Option<NaiveTime>)>, RuleError> {
        let Some(word) = self.peek_at(0) else { return Ok(None) };
        if let Some(date) = words::iso_date(word) {
            self.position += 1;
            return Ok(Some(date));
        }
        let ahead = match word.to_ascii_lowercase().as_str() {
            "today" => Some((0, 1)),
            "tomorrow" => Some((1, 1)),
            "day" if self.following(&["day", "after", "tomorrow"]) => Some((2, 3)),
            _ => None,
        };
        if let Some((days, length)) = ahead {
            self.position += length;
            return Ok(self.today.iter_days().nth(days).map(|day| (day, None)));
        }
        let (month, day) = match (words::month(word), self.peek_at(1)) {
            (Some(month), Some(next)) => (Some(month), day_number(next)),
            (None, Some(next)) => (words::month(next), day_number(word)),
            _ => (None, None),
        };
        let (Some(month), Some(day)) = (month, day) else { return Ok(None) };
        self.position += 2;
        let comma = usize::from(self.peek_at(0) == Some(","));
        let year = self.peek_at(comma).and_then(words::year);
        let day = day.cast_unsigned();
        let date = match year {
            Some(year) => {
                self.position += comma + 1;
                NaiveDate::from_ymd_opt(year, month, day)
            }
            None => {
                let mut years =
                    (self.today.year()..).take(9).filter_map(|year| NaiveDate::from_ymd_opt(year, month, day));
                years.find(|date| *date >= self.today)
            }
        };
        let date = date.ok_or_else(|| self.source.invalid(word, "begins a date that does not exist"))?;
        Ok(Some((date, None)))
    }
}

/// `24` or `24th` as a day of a month.
fn day_number(word: &str) -> Option<i32> {
    let plain = word.bytes().all(|byte| byte.is_ascii_digit()).then(|| word.parse().ok()).flatten();
    plain.or_else(|| words::ordinal(word)).filter(|day| (1..=31).contains(day))
}

//! Words into clauses.

use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, Utc, Weekday};

use super::draft::{Draft, every_weekday};
use super::words::{self, Unit};
use crate::error::{RuleError, Source};
use crate::recurrence::NthWeekday;
use crate::zone::Zone;

const EXAMPLES: &str = "say it as in `every weekday at 8:30`, `every 15 minutes`, `on the last friday of every month at 17:00`, \
                        `tomorrow at 9:00` or `in 20 minutes`; or write cron or an RRULE";

/// The zone that a phrase ends with (`… in Europe/London`, `… in New York`, `… UTC`), and the words before it.
pub(super) fn zone_at_the_end<'a, 'w>(
    source: Source<'_>,
    zone: Zone,
    words: &'w [&'a str],
) -> Result<(Zone, &'w [&'a str]), RuleError> {
    let is_zone = |word: &&str| {
        let counts = words::number(word).is_some() || words::number_with_unit(word).is_some();
        !counts && words::month(word).is_none() && !word.eq_ignore_ascii_case("half")
    };
    if let Some(index) = words.iter().rposition(|word| word.eq_ignore_ascii_case("in"))
        && words.get(index + 1).is_some_and(is_zone)
    {
        return Ok((Zone::named(&words[index + 1..].join("_"))?, &words[..index]));
    }
    match words.split_last() {
        Some((last, before)) if last.contains('/') => Ok((Zone::named(last)?, before)),
        Some((last, before)) if ["UTC", "GMT"].contains(last) => Ok((Zone::named(last)?, before)),
        Some(_) => Ok((zone, words)),
        None => Err(source.invalid_with(source.text, "has no words", EXAMPLES)),
    }
}

/// Reads words one after the other.
pub(super) struct Reader<'a, 'w> {
    source: Source<'a>,
    words: &'w [&'a str],
    position: usize,
    today: NaiveDate,
    draft: Draft<'a>,
}

impl<'a, 'w> Reader<'a, 'w> {
    pub(super) fn new(source: Source<'a>, words: &'w [&'a str], zone: Zone, now: DateTime<Utc>) -> Self {
        let today = zone.wall_at(now.timestamp()).date();
        Self { source, words, position: 0, today, draft: Draft::default() }
    }

    pub(super) fn read(mut self) -> Result<Draft<'a>, RuleError> {
        while let Some(word) = self.next() {
            self.clause(word)?;
        }
        Ok(self.draft)
    }

    fn clause(&mut self, word: &'a str) -> Result<(), RuleError> {
        match word.to_ascii_lowercase().as_str() {
            "," | "then" | "once" => Ok(()),
            "every" | "each" => self.every(word),
            "hourly" => self.set_every(word, 1, Unit::Hour),
            "daily" => self.set_every(word, 1, Unit::Day),
            "weekly" => self.set_every(word, 1, Unit::Week),
            "monthly" => self.set_every(word, 1, Unit::Month),
            "yearly" | "annually" => self.set_every(word, 1, Unit::Year),
            "on" | "the" => self.days(word),
            "at" => self.times(word),
            "in" => self.ahead(word),
            "next" | "this" | "coming" => self.next_weekday(word),
            "between" => self.between(word),
            "from" | "starting" | "beginning" | "start" => self.from(word),
            "until" | "till" | "through" => self.until(word),
            "for" => self.count(word),
            "except" | "without" => self.except(word),
            _ => self.begun_by_its_meaning(word),
        }
    }

    /// A clause without a word that announces it.
    fn begun_by_its_meaning(&mut self, word: &'a str) -> Result<(), RuleError> {
        if self.peek_at(0).is_some_and(|next| next.eq_ignore_ascii_case("times")) && words::number(word).is_some() {
            self.position -= 1;
            return self.count(word);
        }
        if words::weekday(word).is_some() || words::weekday_set(word).is_some_and(|(_, plural)| plural) {
            self.position -= 1;
            return self.weekdays(word);
        }
        self.position -= 1;
        if let Some((date, time)) = self.date()? {
            self.note("date", word)?;
            self.draft.date = Some(date);
            self.draft.times.extend(time);
            if time.is_some() {
                self.note("at", word)?;
            }
            return Ok(());
        }
        // A bare number could be anything; with a colon, or am and pm, it is a time.
        let says_time = words::clock(word).is_some_and(|clock| !clock.is_open)
            || word.contains(':')
            || self.peek_at(1).is_some_and(is_half);
        if says_time && words::clock(word).is_some() {
            return self.times(word);
        }
        self.position += 1;
        Err(self.not_understood(word))
    }

    /// Behind `every`.
    fn every(&mut self, place: &'a str) -> Result<(), RuleError> {
        let Some(word) = self.next() else { return Err(self.ends_too_early(place)) };
        if let Some((number, unit)) = words::number_with_unit(word) {
            return self.set_every(place, number, unit);
        }
        let next = self.peek_at(0);
        let next_unit = next.and_then(words::unit);
        let next_weekday = next.and_then(words::weekday);
        if word.eq_ignore_ascii_case("other") || (word.eq_ignore_ascii_case("second") && next_unit.is_some()) {
            return match (next_unit, next_weekday) {
                (Some(unit), _) => {
                    self.position += 1;
                    self.set_every(place, 2, unit)
                }
                (None, Some(_)) => {
                    self.set_every(place, 2, Unit::Week)?;
                    self.weekdays(place)
                }
                (None, None) => Err(self.ends_too_early(word)),
            };
        }
        if let Some(number) = words::number(word) {
            let unit = next_unit.ok_or_else(|| self.ends_too_early(word))?;
            self.position += 1;
            return self.set_every(place, number, unit);
        }
        let names_more =
            next_weekday.is_some() || next.is_some_and(|next| next == "," || next.eq_ignore_ascii_case("and"));
        if let Some(number) = words::ordinal(word).filter(|_| names_more || !word.eq_ignore_ascii_case("second")) {
            // `every third day` is an interval, `every third day of the month` is not.
            let of = self.peek_at(1).is_some_and(|word| word.eq_ignore_ascii_case("of"));
            if let (Some(unit), Ok(number @ 2..), false) = (next_unit, u32::try_from(number), of) {
                self.position += 1;
                return self.set_every(place, number, unit);
            }
            if number > 1 && next_weekday.is_some() && !of {
                let hint =
                    "say `every other monday`, `every 3 weeks on monday` or `on the second monday of every month`";
                return Err(self.source.invalid_with(word, "could count weeks or the days of a month", hint));
            }
            self.position -= 1;
            return self.days(place);
        }
        if let Some(unit) = words::unit(word) {
            return self.set_every(place, 1, unit);
        }
        self.position -= 1;
        if words::weekday(word).is_some() || words::weekday_set(word).is_some() {
            self.draft.weekdays_repeat = true;
            return self.weekdays(place);
        }
        if words::month(word).is_some() {
            return self.months(place);
        }
        self.position += 1;
        Err(self.not_understood(word))
    }

    fn set_every(&mut self, place: &'a str, number: u32, unit: Unit) -> Result<(), RuleError> {
        self.note("every", place)?;
        self.draft.every = Some((number, unit));
        Ok(())
    }

    /// Behind `on` or `the`: weekdays, days of the month, or a date.
    fn days(&mut self, place: &'a str) -> Result<(), RuleError> {
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

    fn date_clause(&mut self, word: &'a str) -> Result<(), RuleError> {
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
    fn ordinals(&mut self, place: &'a str) -> Result<(), RuleError> {
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
    fn of_month(&mut self) -> Result<(), RuleError> {
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

    fn weekdays(&mut self, place: &'a str) -> Result<(), RuleError> {
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
    fn months(&mut self, place: &'a str) -> Result<(), RuleError> {
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

    fn times(&mut self, place: &'a str) -> Result<(), RuleError> {
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
    fn time(&mut self) -> Result<Option<NaiveTime>, RuleError> {
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
    fn ahead(&mut self, place: &'a str) -> Result<(), RuleError> {
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

    fn next_weekday(&mut self, place: &'a str) -> Result<(), RuleError> {
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

    /// Behind `between` or `from`.
    fn between(&mut self, place: &'a str) -> Result<(), RuleError> {
        self.note("between", place)?;
        let first = self.time()?.ok_or_else(|| self.ends_too_early(place))?;
        let joined = self.skip("and") || self.skip("to") || self.skip("until") || self.skip("till");
        let last = if joined { self.time()? } else { None };
        self.draft.between = Some((first, last.ok_or_else(|| self.ends_too_early(place))?));
        Ok(())
    }

    fn from(&mut self, place: &'a str) -> Result<(), RuleError> {
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

    fn until(&mut self, place: &'a str) -> Result<(), RuleError> {
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
    fn count(&mut self, place: &'a str) -> Result<(), RuleError> {
        let Some(word) = self.next() else { return Err(self.ends_too_early(place)) };
        let number = words::number(word).filter(|_| self.skip("times") || self.skip("time"));
        let hint = "say `10 times`, or `until 2026-12-31`";
        let number = number.ok_or_else(|| self.source.invalid_with(word, "is no number of times", hint))?;
        self.note("times", place)?;
        self.draft.count = Some(number);
        Ok(())
    }

    fn except(&mut self, place: &'a str) -> Result<(), RuleError> {
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

    /// A date: `2026-12-24`, `24 december 2026`, `december 24, 2026`, `today`, `tomorrow`. Without a year it is the next one.
    fn date(&mut self) -> Result<Option<(NaiveDate, Option<NaiveTime>)>, RuleError> {
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

    fn following(&self, expected: &[&str]) -> bool {
        expected
            .iter()
            .enumerate()
            .all(|(ahead, expected)| self.peek_at(ahead).is_some_and(|word| word.eq_ignore_ascii_case(expected)))
    }

    fn next(&mut self) -> Option<&'a str> {
        let word = self.words.get(self.position).copied();
        self.position += usize::from(word.is_some());
        word
    }

    fn peek_at(&self, ahead: usize) -> Option<&'a str> {
        self.words.get(self.position + ahead).copied()
    }

    /// Passes over a word if it is the next one.
    fn skip(&mut self, expected: &str) -> bool {
        let is_next = self.following(&[expected]);
        self.position += usize::from(is_next);
        is_next
    }

    /// Passes over what joins the entries of a list, if another entry follows.
    fn skip_to_next(&mut self, is_entry: impl Fn(&str) -> bool) -> bool {
        let joins = |word: &str| word == "," || word.eq_ignore_ascii_case("and") || word.eq_ignore_ascii_case("or");
        let joined = (0..3).take_while(|ahead| self.peek_at(*ahead).is_some_and(joins)).count();
        let goes_on = self.peek_at(joined).is_some_and(is_entry);
        if goes_on {
            self.position += joined;
        }
        goes_on
    }

    /// Remembers where a clause began; each kind may come once.
    fn note(&mut self, clause: &'static str, place: &'a str) -> Result<(), RuleError> {
        if self.draft.places.iter().any(|(known, _)| *known == clause) {
            return Err(self.source.invalid(place, "begins a part that was said before"));
        }
        self.draft.places.push((clause, place));
        Ok(())
    }

    fn not_understood(&self, word: &str) -> RuleError {
        self.source.invalid_with(word, "is not understood here", EXAMPLES)
    }

    fn ends_too_early(&self, word: &str) -> RuleError {
        self.source.invalid_with(word, "says only the beginning of something", EXAMPLES)
    }

    fn no_time(&self, word: &str) -> RuleError {
        self.source.invalid_with(word, "is no time of day", "write 8:30, 17:30 or 5:30 pm")
    }

    fn no_date(&self, word: &str) -> RuleError {
        self.source.invalid_with(word, "is no date", "write 2026-12-24 or 24 december 2026")
    }
}

fn is_half(word: &str) -> bool {
    ["am", "pm", "a.m", "p.m", "a.m.", "p.m."].iter().any(|half| half.eq_ignore_ascii_case(word))
}

/// `24` or `24th` as a day of a month.
fn day_number(word: &str) -> Option<i32> {
    let plain = word.bytes().all(|byte| byte.is_ascii_digit()).then(|| word.parse().ok()).flatten();
    plain.or_else(|| words::ordinal(word)).filter(|day| (1..=31).contains(day))
}

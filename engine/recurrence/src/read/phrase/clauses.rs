//! Words into clauses: which kind of clause a word begins, and what repeats.

use super::draft::Draft;
use super::reader::{EXAMPLES, Reader};
use super::times::is_half;
use super::words::{self, Unit};
use crate::error::{RuleError, Source};
use crate::zone::Zone;

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

impl<'a> Reader<'a, '_> {
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

    pub(super) fn set_every(&mut self, place: &'a str, number: u32, unit: Unit) -> Result<(), RuleError> {
        self.note("every", place)?;
        self.draft.every = Some((number, unit));
        Ok(())
    }
}

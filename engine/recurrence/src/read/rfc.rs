//! The lines of RFC 5545: DTSTART, RRULE, RDATE and EXDATE.
//!
//! More is accepted than the RFC allows where the meaning is clear: names in any case, dates without `VALUE=DATE`, an UNTIL
//! without zone. What is not understood is refused, never skipped.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};

use super::{anchor, rrule};
use crate::error::{RuleError, Source};
use crate::limits::MAX_TEXT_BYTES;
use crate::moment::{Moment, Value};
use crate::recurrence::{Frequency, Recurrence};
use crate::rule::{Parts, Rule};
use crate::zone::Zone;

const PROPERTIES: [&str; 5] = ["DTSTART", "RRULE", "RDATE", "EXDATE", "EXRULE"];

/// Whether a text is meant as RFC 5545.
pub(crate) fn looks_like_it(text: &str) -> bool {
    let text = text.trim_start();
    let word: String = text.chars().take_while(|letter| letter.is_ascii_alphabetic() || *letter == '-').collect();
    let next = text[word.len()..].chars().next();
    match next {
        Some(':' | ';') => true,
        Some('=') => rrule::is_part(&word),
        _ => false,
    }
}

/// Reads the lines. What has no zone is in the given one; without one, every line has to say everything.
///
/// # Errors
/// [`RuleError::Invalid`] and others.
pub(crate) fn read(text: &str, given: Option<(Zone, DateTime<Utc>)>) -> Result<Rule, RuleError> {
    if text.len() > MAX_TEXT_BYTES {
        return Err(RuleError::TooLong { bytes: text.len() });
    }
    let lines = unfolded(text);
    let mut properties = Vec::new();
    for (line, text) in &lines {
        let source = Source { text, line: *line };
        properties.push(Property::read(source)?);
    }
    let (zone, start) = match properties.iter().find(|property| property.name == "DTSTART") {
        Some(property) => {
            let (zone, start) = dtstart(property, given.map(|(zone, _)| zone))?;
            (zone, Some(start))
        }
        None => {
            let Some((zone, _)) = given else {
                return Err(Source::new(text).invalid(text.trim(), "has no DTSTART line"));
            };
            (zone, None)
        }
    };
    let start_is_date = matches!(start, Some(Start { is_date: true, .. }));
    let mut parts = Parts::new(zone, start.map_or(NaiveDateTime::MIN, |start| start.wall));
    let mut starts = 0;
    for property in &properties {
        match property.name.as_str() {
            "DTSTART" => starts += 1,
            "RRULE" => parts.recurrences.push(property.recurrence(start_is_date)?),
            "RDATE" => parts.dates.extend(property.dates(zone)?.into_iter().map(Dated::moment)),
            "EXDATE" => {
                for date in property.dates(zone)? {
                    match date {
                        Dated::Day(day) => parts.without_days.push(day),
                        Dated::Moment(moment) => parts.without.push(moment),
                    }
                }
            }
            _ => return Err(property.unknown()),
        }
        if starts > 1 {
            return Err(property.source.invalid(property.source.text, "is a second DTSTART: a rule has one"));
        }
    }
    if let (None, Some((_, now))) = (start, given) {
        (parts.zone, parts.start) = start_of(&parts, now)?;
    }
    Rule::new(parts)
}

/// The DTSTART of lines that have none: the first occurrence, or the first date.
fn start_of(parts: &Parts, now: DateTime<Utc>) -> Result<(Zone, NaiveDateTime), RuleError> {
    let (zone, now) = (parts.zone, now.timestamp());
    if parts.recurrences.is_empty() {
        let first = parts.dates.iter().map(|date| date.instant(zone)).min();
        return first.map(|instant| (zone, zone.wall_at(instant))).ok_or(RuleError::Empty);
    }
    anchor::start(&parts.recurrences, anchor::base(&parts.recurrences, zone, now), zone, now)
}

/// The lines with their numbers; a line that begins with a space continues the one before (section 3.1).
fn unfolded(text: &str) -> Vec<(usize, String)> {
    let mut lines: Vec<(usize, String)> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        match lines.last_mut() {
            Some((_, last)) if line.starts_with([' ', '\t']) => last.push_str(&line[1..]),
            _ => lines.push((index + 1, line.to_owned())),
        }
    }
    lines.into_iter().map(|(line, text)| (line, text.trim().to_owned())).filter(|(_, text)| !text.is_empty()).collect()
}

#[derive(Clone, Copy, Debug)]
struct Start {
    wall: NaiveDateTime,
    is_date: bool,
}

fn dtstart(property: &Property<'_>, given: Option<Zone>) -> Result<(Zone, Start), RuleError> {
    let source = property.source;
    let value = property.value_of(property.value)?;
    let zone = match (property.zone()?, value) {
        (Some(zone), Value::Local(_) | Value::Date(_)) => zone,
        (Some(_), Value::Utc(_)) => {
            return Err(source.invalid(property.value, "ends with Z and has a TZID: it can be only one of them"));
        }
        (None, Value::Utc(_)) => Zone::UTC,
        (None, _) => given.ok_or_else(|| source.invalid(source.text, "has no TZID"))?,
    };
    let start = match value {
        Value::Date(day) => Start { wall: day.and_time(NaiveTime::MIN), is_date: true },
        Value::Local(wall) => Start { wall, is_date: false },
        Value::Utc(instant) => Start { wall: instant.naive_utc(), is_date: false },
    };
    Ok((zone, start))
}

/// One line: `NAME;PARAMETER=…:VALUE`.
struct Property<'a> {
    source: Source<'a>,
    /// In capitals.
    name: String,
    zone: Option<&'a str>,
    /// What `VALUE=` says, in capitals.
    kind: Option<String>,
    value: &'a str,
}

/// A date in a list.
enum Dated {
    Day(NaiveDate),
    Moment(Moment),
}

impl Dated {
    fn moment(self) -> Moment {
        match self {
            Self::Day(day) => Moment::Local(day.and_time(NaiveTime::MIN)),
            Self::Moment(moment) => moment,
        }
    }
}

impl<'a> Property<'a> {
    fn read(source: Source<'a>) -> Result<Self, RuleError> {
        let line = source.text;
        let Some(colon) = colon(line) else {
            if line.split_once('=').is_some_and(|(word, _)| rrule::is_part(word)) {
                return Ok(Self { source, name: "RRULE".to_owned(), zone: None, kind: None, value: line });
            }
            return Err(source.invalid_with(line, "is no line of a rule", "write NAME:VALUE, as in RRULE:FREQ=DAILY"));
        };
        let (head, value) = (&line[..colon], &line[colon + 1..]);
        let mut words = head.split(';');
        let name = words.next().unwrap_or_default().to_ascii_uppercase();
        let mut property = Self { source, name, zone: None, kind: None, value: value.trim() };
        if !PROPERTIES.contains(&property.name.as_str()) {
            return Err(property.unknown());
        }
        for word in words {
            match word.split_once('=') {
                Some((name, zone)) if name.eq_ignore_ascii_case("TZID") && property.zone.is_none() => {
                    property.zone = Some(zone.trim_matches('"'));
                }
                Some((name, kind)) if name.eq_ignore_ascii_case("VALUE") && property.kind.is_none() => {
                    property.kind = Some(kind.to_ascii_uppercase());
                }
                _ => {
                    return Err(source.invalid_with(
                        word,
                        "is not known here",
                        "there are TZID=… and VALUE=…, once each",
                    ));
                }
            }
        }
        property.check_kind()?;
        Ok(property)
    }

    fn check_kind(&self) -> Result<(), RuleError> {
        let source = self.source;
        match (self.name.as_str(), self.kind.as_deref()) {
            ("EXRULE", _) => Err(source.invalid_with(
                source.text,
                "is no longer part of iCalendar: RFC 5545 removed EXRULE",
                "list the dates in EXDATE, or choose the parts of RRULE so that they leave them out",
            )),
            ("RRULE", kind) if kind.is_some() || self.zone.is_some() => {
                Err(source.invalid_with(source.text, "has parameters", "RRULE takes its zone from DTSTART"))
            }
            (_, None | Some("DATE" | "DATE-TIME")) => Ok(()),
            (_, Some("PERIOD")) => Err(source.invalid_with(
                source.text,
                "lists periods",
                "give the times at which they begin, without VALUE=PERIOD: nothing here has a duration",
            )),
            (_, Some(_)) => {
                Err(source.invalid_with(source.text, "has an unknown VALUE", "there are DATE and DATE-TIME"))
            }
        }
    }

    fn unknown(&self) -> RuleError {
        let hint = "a rule has the lines DTSTART, RRULE, RDATE and EXDATE";
        self.source.invalid_with(self.source.text, "is none of the lines that a rule has", hint)
    }

    fn zone(&self) -> Result<Option<Zone>, RuleError> {
        self.zone.map(Zone::named).transpose()
    }

    /// A value of this line, of the type that the line says.
    fn value_of(&self, text: &str) -> Result<Value, RuleError> {
        let fits = |value: &Value| match self.kind.as_deref() {
            Some("DATE") => matches!(value, Value::Date(_)),
            Some("DATE-TIME") => !matches!(value, Value::Date(_)),
            _ => true,
        };
        let hint = match self.kind.as_deref() {
            Some("DATE") => "write 20261224",
            Some(_) => "write 20261224T183000, with a Z at the end for UTC",
            None => "write 20261224T183000, with a Z at the end for UTC, or 20261224",
        };
        if text.contains('/') {
            let hint = "give the times at which they begin: nothing here has a duration";
            return Err(self.source.invalid_with(text, "is a period", hint));
        }
        let value = Value::parse(text).filter(fits);
        value.ok_or_else(|| self.source.invalid_with(text, "is no date, or one that does not exist", hint))
    }

    /// The dates of a list. Those in another zone become instants.
    fn dates(&self, zone: Zone) -> Result<Vec<Dated>, RuleError> {
        let own = self.zone()?.unwrap_or(zone);
        let read = |text: &str| {
            let text = text.trim();
            let value = self.value_of(text)?;
            if self.zone.is_some() && matches!(value, Value::Utc(_)) {
                return Err(self.source.invalid(text, "ends with Z and has a TZID: it can be only one of them"));
            }
            Ok(match value {
                Value::Utc(instant) => Dated::Moment(Moment::Utc(instant)),
                Value::Local(wall) if own == zone => Dated::Moment(Moment::Local(wall)),
                Value::Local(wall) => Dated::Moment(Moment::Utc(crate::zone::utc(own.resolve(wall).instant))),
                Value::Date(day) => Dated::Day(day),
            })
        };
        self.value.split(',').map(read).collect()
    }

    fn recurrence(&self, start_is_date: bool) -> Result<Recurrence, RuleError> {
        let recurrence = rrule::read(self.value, self.source)?;
        let has_times = recurrence.frequency >= Frequency::Hourly
            || !recurrence.hours.is_empty()
            || !recurrence.minutes.is_empty()
            || !recurrence.seconds.is_empty();
        if start_is_date && has_times {
            return Err(self.source.invalid_with(
                self.value,
                "has times, but DTSTART is a date",
                "give DTSTART a time, as in DTSTART:20261224T000000",
            ));
        }
        Ok(recurrence)
    }
}

/// The first colon that is not within quotes.
fn colon(line: &str) -> Option<usize> {
    let mut quoted = false;
    line.char_indices().find_map(|(index, letter)| {
        quoted ^= letter == '"';
        (letter == ':' && !quoted).then_some(index)
    })
}

//! A rule: when something is due, for as long as it is.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::error::RuleError;
use crate::expand::{Hit, Plan, Stream, Union};
use crate::limits::{MAX_DATES, MAX_RRULES, MAX_YEAR};
use crate::moment::{Moment, written, written_date};
use crate::occurrence::Occurrence;
use crate::read::rfc;
use crate::recurrence::Recurrence;
use crate::zone::{Zone, naive, utc};

/// When something is due: the text of RFC 5545 with an explicit time zone, prepared so that it can be asked.
///
/// Two rules are equal if their canonical texts are. Its serde form is that text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Rule {
    parts: Parts,
    /// One for each RRULE.
    plans: Vec<Plan>,
    /// RDATE, and DTSTART where there is no RRULE; sorted.
    dates: Vec<Hit>,
    /// EXDATE as instants, sorted.
    without: Vec<i64>,
}

/// What a rule says, line by line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Parts {
    pub(crate) zone: Zone,
    /// DTSTART.
    pub(crate) start: NaiveDateTime,
    pub(crate) recurrences: Vec<Recurrence>,
    /// RDATE.
    pub(crate) dates: Vec<Moment>,
    /// EXDATE.
    pub(crate) without: Vec<Moment>,
    /// EXDATE;VALUE=DATE: everything on these days.
    pub(crate) without_days: Vec<NaiveDate>,
}

impl Parts {
    /// A single moment.
    pub(crate) fn new(zone: Zone, start: NaiveDateTime) -> Self {
        let (recurrences, dates, without, without_days) = Default::default();
        Self { zone, start, recurrences, dates, without, without_days }
    }
}

impl Rule {
    /// A rule of these parts.
    ///
    /// # Errors
    /// [`RuleError::TooMany`].
    pub(crate) fn new(mut parts: Parts) -> Result<Self, RuleError> {
        let sizes = [
            ("RRULE lines", parts.recurrences.len(), MAX_RRULES),
            ("dates in RDATE", parts.dates.len(), MAX_DATES),
            ("dates in EXDATE", parts.without.len() + parts.without_days.len(), MAX_DATES),
        ];
        for (what, count, most) in sizes {
            if count > most {
                return Err(RuleError::TooMany { what, count, most });
            }
        }
        let zone = parts.zone;
        parts.recurrences = parts.recurrences.into_iter().map(|rule| rule.normalised(zone)).collect();
        parts.dates.sort_unstable();
        parts.dates.dedup();
        parts.without.sort_unstable();
        parts.without.dedup();
        parts.without_days.sort_unstable();
        parts.without_days.dedup();

        let plans = parts.recurrences.iter().map(|recurrence| Plan::new(recurrence, parts.start, zone)).collect();
        // Without an RRULE, DTSTART itself is the first occurrence (RFC 5545, section 3.8.5.3).
        let start = parts.recurrences.is_empty().then_some(Moment::Local(parts.start));
        let mut dates: Vec<Hit> = start.iter().chain(&parts.dates).map(|moment| hit(*moment, zone)).collect();
        dates.sort_unstable();
        let mut without: Vec<i64> = parts.without.iter().map(|moment| moment.instant(zone)).collect();
        without.sort_unstable();
        Ok(Self { parts, plans, dates, without })
    }

    /// Reads what [`Rule::to_rfc`] wrote. Unlike [`crate::parse`] it needs no time and no zone, and does not ask whether
    /// the rule still has an occurrence.
    ///
    /// # Errors
    /// As for [`crate::parse`]; also where DTSTART is missing or has no zone.
    pub fn parse_rfc(text: &str) -> Result<Self, RuleError> {
        rfc::read(text, None)
    }

    /// The canonical text: `DTSTART` with a `TZID`, then `RRULE`, `RDATE` and `EXDATE`, one line each, not folded.
    pub fn to_rfc(&self) -> String {
        let Parts { zone, start, recurrences, .. } = &self.parts;
        let mut lines = vec![format!("DTSTART;TZID={}:{}", zone.name(), written(*start))];
        lines.extend(recurrences.iter().map(|recurrence| format!("RRULE:{}", recurrence.text())));
        lines.extend(self.date_lines("RDATE", &self.parts.dates));
        lines.extend(self.date_lines("EXDATE", &self.parts.without));
        if !self.parts.without_days.is_empty() {
            let days: Vec<String> = self.parts.without_days.iter().copied().map(written_date).collect();
            lines.push(format!("EXDATE;VALUE=DATE:{}", days.join(",")));
        }
        lines.join("\n")
    }

    /// The name of its time zone in the IANA database.
    pub fn zone(&self) -> &'static str {
        self.parts.zone.name()
    }

    /// The first occurrence that is later than `cursor`; `None` if there is none.
    ///
    /// What it costs does not grow with the time since DTSTART.
    ///
    /// # Errors
    /// [`RuleError::Exhausted`] if the parts of an hourly or faster rule hardly ever meet.
    pub fn after(&self, cursor: DateTime<Utc>) -> Result<Option<Occurrence>, RuleError> {
        self.iter_after(cursor).next().transpose()
    }

    /// The occurrences later than `cursor`, strictly increasing, up to the year 9999; ends after an error.
    pub fn iter_after(&self, cursor: DateTime<Utc>) -> Occurrences<'_> {
        Occurrences { rule: self, state: State::At(bounded(cursor)) }
    }

    /// The occurrences later than `after` and not later than `up_to`.
    pub fn between(
        &self,
        after: DateTime<Utc>,
        up_to: DateTime<Utc>,
    ) -> impl Iterator<Item = Result<Occurrence, RuleError>> + '_ {
        let is_within = move |next: &Result<Occurrence, RuleError>| next.as_ref().map_or(true, |one| one.utc <= up_to);
        self.iter_after(after).take_while(is_within)
    }

    /// An error if there is no occurrence at all.
    pub(crate) fn that_fires(self) -> Result<Self, RuleError> {
        let first = self.iter_after(DateTime::<Utc>::MIN_UTC).next();
        let start = self.parts.start.format("%Y-%m-%d %H:%M:%S");
        let why = match first {
            Some(Ok(_)) => return Ok(self),
            None if self.parts.recurrences.iter().any(|rule| rule.end != crate::recurrence::End::Never) => {
                format!("nothing lies between its start ({start}) and its end")
            }
            None => format!("there is nothing from {start} up to the year {MAX_YEAR}"),
            Some(Err(RuleError::Exhausted { steps, reached })) => {
                format!("{steps} steps from {start} up to {reached} found nothing")
            }
            Some(Err(error)) => return Err(error),
        };
        Err(RuleError::NeverFires { why })
    }

    fn union(&self, cursor: i64) -> Union<'_> {
        let zone = self.parts.zone;
        let first = self.dates.partition_point(|date| date.instant <= cursor);
        let dates = Stream::Dates(self.dates[first..].iter());
        let streams = self.plans.iter().map(|plan| plan.stream(zone, cursor));
        Union::new(streams.chain(std::iter::once(dates)), cursor)
    }

    fn date_lines(&self, name: &str, moments: &[Moment]) -> Vec<String> {
        let (mut local, mut utc) = (Vec::new(), Vec::new());
        for moment in moments {
            match moment {
                Moment::Local(wall) => local.push(written(*wall)),
                Moment::Utc(instant) => utc.push(format!("{}Z", written(instant.naive_utc()))),
            }
        }
        let mut lines = Vec::new();
        if !local.is_empty() {
            lines.push(format!("{name};TZID={}:{}", self.zone(), local.join(",")));
        }
        if !utc.is_empty() {
            lines.push(format!("{name}:{}", utc.join(",")));
        }
        lines
    }
}

fn hit(moment: Moment, zone: Zone) -> Hit {
    let instant = moment.instant(zone);
    let wall = match moment {
        Moment::Local(wall) => wall,
        Moment::Utc(_) => zone.wall_at(instant),
    };
    Hit { instant, wall }
}

/// A cursor in seconds, within the years that rules know: whatever is asked, arithmetic stays exact.
fn bounded(cursor: DateTime<Utc>) -> i64 {
    const FIRST: i64 = -62_135_596_800 - 366 * 24 * 3600;
    const LAST: i64 = 253_402_300_800 + 366 * 24 * 3600;
    cursor.timestamp().clamp(FIRST, LAST)
}

/// The occurrences of a rule, in order.
#[derive(Debug)]
pub struct Occurrences<'a> {
    rule: &'a Rule,
    state: State<'a>,
}

#[derive(Debug)]
enum State<'a> {
    /// To be asked for what is later than this.
    At(i64),
    Running(Union<'a>),
    Over,
}

impl Occurrences<'_> {
    fn next_hit(&mut self) -> Result<Option<Hit>, RuleError> {
        loop {
            let hit = match &mut self.state {
                State::Over => return Ok(None),
                State::At(cursor) => {
                    self.state = State::Running(self.rule.union(*cursor));
                    continue;
                }
                State::Running(union) => union.next()?,
            };
            let Some(hit) = hit else { return Ok(None) };
            if self.rule.parts.without_days.binary_search(&hit.wall.date()).is_ok() {
                // A day without can have a great many occurrences: go on behind it.
                let end = (hit.wall.date() + TimeDelta::days(1)).and_time(chrono::NaiveTime::MIN);
                let end = self.rule.parts.zone.resolve(end).instant - 1;
                self.state = State::At(end.max(hit.instant));
            } else if self.rule.without.binary_search(&hit.instant).is_err() {
                return Ok(Some(hit));
            }
        }
    }
}

impl Iterator for Occurrences<'_> {
    type Item = Result<Occurrence, RuleError>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.next_hit();
        if !matches!(next, Ok(Some(_))) {
            self.state = State::Over;
        }
        let hit = next.transpose()?;
        Some(hit.map(|hit| {
            let offset = self.rule.parts.zone.offset_at(hit.instant);
            let offset_seconds = i32::try_from(offset).expect("an offset is less than a day");
            Occurrence { utc: utc(hit.instant), local: naive(hit.instant + offset), offset_seconds }
        }))
    }
}

impl Display for Rule {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.to_rfc())
    }
}

impl FromStr for Rule {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        Self::parse_rfc(text)
    }
}

impl TryFrom<String> for Rule {
    type Error = RuleError;

    fn try_from(text: String) -> Result<Self, RuleError> {
        Self::parse_rfc(&text)
    }
}

impl From<Rule> for String {
    fn from(rule: Rule) -> Self {
        rule.to_rfc()
    }
}

#[cfg(test)]
mod tests;

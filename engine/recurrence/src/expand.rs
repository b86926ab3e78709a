//! Rules into occurrences: streams of instants, each strictly increasing, fast-forwarded to a cursor.
//!
//! ```text
//!  DAILY … YEARLY    calendar: walls ──► resolved: instants ┐
//!  SECONDLY … HOURLY exact:              instants           ├─► union ─► without EXDATE
//!  RDATE, a lone DTSTART                                    ┘
//! ```
//!
//! - [`days`]: which days a rule allows; both kinds of streams ask it.
//! - [`calendar`]: rules of days and longer, on a clock without a zone.
//! - [`resolved`]: such wall times into instants, in order although gaps mix it up.
//! - [`exact`]: hourly and faster rules, in elapsed time.

pub(crate) mod calendar;
pub(crate) mod days;
pub(crate) mod exact;
pub(crate) mod resolved;

use chrono::NaiveDateTime;

use crate::error::RuleError;
use crate::recurrence::Recurrence;
use crate::zone::Zone;

use calendar::Calendar;
use exact::{Exact, ExactStream};
use resolved::ResolvedStream;

/// One time at which a rule is due, within this crate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Hit {
    /// Seconds since 1970.
    pub(crate) instant: i64,
    /// The wall time that the rule asked for; in a gap the clock never showed it.
    pub(crate) wall: NaiveDateTime,
}

/// An RRULE, prepared for expansion: what DTSTART adds is filled in, and COUNT has become a last occurrence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Plan {
    Calendar(Calendar),
    Exact(Exact),
}

impl Plan {
    pub(crate) fn new(recurrence: &Recurrence, start: NaiveDateTime, zone: Zone) -> Self {
        if recurrence.frequency.is_exact() {
            Self::Exact(Exact::new(recurrence, start, zone))
        } else {
            Self::Calendar(Calendar::new(recurrence, start, zone))
        }
    }

    /// The occurrences later than `cursor`, in seconds since 1970.
    pub(crate) fn stream(&self, zone: Zone, cursor: i64) -> Stream<'_> {
        match self {
            Self::Calendar(calendar) => Stream::Calendar(ResolvedStream::new(calendar, zone, cursor)),
            Self::Exact(exact) => Stream::Exact(ExactStream::new(exact, zone, cursor)),
        }
    }
}

/// The occurrences of one plan, or single dates.
#[derive(Debug)]
pub(crate) enum Stream<'a> {
    Calendar(ResolvedStream<'a>),
    Exact(ExactStream<'a>),
    Dates(std::slice::Iter<'a, Hit>),
}

impl Stream<'_> {
    /// The first hit alone.
    pub(crate) fn first(mut self) -> Result<Option<Hit>, RuleError> {
        self.next()
    }

    fn next(&mut self) -> Result<Option<Hit>, RuleError> {
        match self {
            Self::Calendar(stream) => Ok(stream.next()),
            Self::Exact(stream) => stream.next(),
            Self::Dates(dates) => Ok(dates.next().copied()),
        }
    }
}

/// Several streams as one: in order, nothing twice.
#[derive(Debug)]
pub(crate) struct Union<'a> {
    /// Each with the hit that it gives next.
    streams: Vec<(Stream<'a>, Option<Hit>)>,
    last: i64,
}

impl<'a> Union<'a> {
    /// Hits up to `cursor` are left out.
    pub(crate) fn new(streams: impl Iterator<Item = Stream<'a>>, cursor: i64) -> Result<Self, RuleError> {
        let streams = streams.map(|mut stream| {
            let next = stream.next()?;
            Ok((stream, next))
        });
        Ok(Self { streams: streams.collect::<Result<_, RuleError>>()?, last: cursor })
    }

    pub(crate) fn next(&mut self) -> Result<Option<Hit>, RuleError> {
        loop {
            let waiting = self.streams.iter_mut().filter(|(_, next)| next.is_some());
            let Some((stream, next)) = waiting.min_by_key(|(_, next)| *next) else { return Ok(None) };
            let Some(hit) = std::mem::replace(next, stream.next()?) else { return Ok(None) };
            if hit.instant > self.last {
                self.last = hit.instant;
                return Ok(Some(hit));
            }
        }
    }
}

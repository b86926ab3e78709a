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
    /// Each with what it gives next.
    streams: Vec<(Stream<'a>, Head)>,
    last: i64,
}

/// What a stream gives next.
#[derive(Debug)]
enum Head {
    Hit(Hit),
    /// Nothing up to an instant, and beyond it nobody knows. Other streams may have something before that.
    Unknown(i64, RuleError),
    Over,
}

impl Head {
    fn of(stream: &mut Stream<'_>) -> Self {
        match stream.next() {
            Ok(Some(hit)) => Self::Hit(hit),
            Ok(None) => Self::Over,
            Err(RuleError::Exhausted { steps, reached }) => {
                Self::Unknown(reached.timestamp(), RuleError::Exhausted { steps, reached })
            }
            Err(error) => Self::Unknown(i64::MIN, error),
        }
    }

    fn instant(&self) -> Option<i64> {
        match self {
            Self::Hit(hit) => Some(hit.instant),
            Self::Unknown(reached, _) => Some(*reached),
            Self::Over => None,
        }
    }
}

impl<'a> Union<'a> {
    /// Hits up to `cursor` are left out.
    pub(crate) fn new(streams: impl Iterator<Item = Stream<'a>>, cursor: i64) -> Self {
        let streams = streams.map(|mut stream| {
            let head = Head::of(&mut stream);
            (stream, head)
        });
        Self { streams: streams.collect(), last: cursor }
    }

    pub(crate) fn next(&mut self) -> Result<Option<Hit>, RuleError> {
        loop {
            let waiting = self.streams.iter_mut().filter_map(|one| Some((one.1.instant()?, one)));
            let Some((_, (stream, head))) = waiting.min_by_key(|(instant, _)| *instant) else { return Ok(None) };
            let hit = match head {
                Head::Hit(hit) => *hit,
                Head::Unknown(_, error) => return Err(error.clone()),
                Head::Over => return Ok(None),
            };
            *head = Head::of(stream);
            if hit.instant > self.last {
                self.last = hit.instant;
                return Ok(Some(hit));
            }
        }
    }
}

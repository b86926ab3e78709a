//! Time zones: by name, and between the clock on the wall and the instant. Only this module knows chrono-tz.
//!
//! A *wall* is what a clock of the zone shows, an *instant* is in seconds since 1970 in UTC. Where clocks are put forward
//! a wall time is skipped (a gap), where they are put back one comes twice (a fold). RFC 5545, section 3.3.5 (form 3):
//! a skipped time is read with the offset before the gap, a time that comes twice is the first of the two.

use chrono::{DateTime, MappedLocalTime, NaiveDateTime, Offset, TimeZone, Utc};
use chrono_tz::{GapInfo, TZ_VARIANTS, Tz};

use crate::error::RuleError;
use crate::suggest;

/// A time zone of the IANA database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Zone(Tz);

/// What a wall time means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Resolved {
    /// The instant, in seconds since 1970.
    pub(crate) instant: i64,
    /// Whether the clock never showed this time. Later wall times may then mean earlier instants, but none before the
    /// end of the gap.
    pub(crate) in_gap: bool,
}

/// A stretch of time in which the offset stays the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    /// Seconds ahead of UTC.
    pub(crate) offset: i64,
    /// The first instant that is not in it. The offset need not change there: see [`Zone::span_at`].
    pub(crate) end: i64,
}

/// How far apart the offset is looked at. The shortest time that any zone has ever kept one is seven days less an hour
/// (Recife in October 2000).
const PROBE_SECONDS: i64 = 6 * 24 * 3600;
/// How far ahead a change of the offset is looked for.
const PROBES: i64 = 64;

impl Zone {
    pub(crate) const UTC: Self = Self(Tz::UTC);

    /// The zone of this name, in whatever case it is written.
    ///
    /// # Errors
    /// [`RuleError::UnknownZone`], with the names that come nearest.
    pub(crate) fn named(name: &str) -> Result<Self, RuleError> {
        let known = TZ_VARIANTS.iter().find(|zone| zone.name().eq_ignore_ascii_case(name));
        known.map(|zone| Self(*zone)).ok_or_else(|| {
            let shown: String = name.chars().take(64).collect();
            let nearest = suggest::nearest(&shown, TZ_VARIANTS.iter().map(|zone| zone.name()));
            RuleError::UnknownZone { name: shown, nearest: nearest.into_iter().map(str::to_owned).collect() }
        })
    }

    /// Its name in the IANA database.
    pub(crate) fn name(self) -> &'static str {
        self.0.name()
    }

    /// The instant that a wall time means.
    pub(crate) fn resolve(self, wall: NaiveDateTime) -> Resolved {
        let as_utc = wall.and_utc().timestamp();
        let regular = |offset: i32| Resolved { instant: as_utc - i64::from(offset), in_gap: false };
        match self.0.offset_from_local_datetime(&wall) {
            MappedLocalTime::Single(offset) => regular(offset.fix().local_minus_utc()),
            MappedLocalTime::Ambiguous(first, second) => {
                regular(first.fix().local_minus_utc().max(second.fix().local_minus_utc()))
            }
            MappedLocalTime::None => {
                let before = GapInfo::new(&wall, &self.0).and_then(|gap| gap.begin);
                let offset = before.map_or(0, |(_, offset)| offset.fix().local_minus_utc());
                Resolved { instant: as_utc - i64::from(offset), in_gap: true }
            }
        }
    }

    /// Seconds that the zone is ahead of UTC at an instant.
    pub(crate) fn offset_at(self, instant: i64) -> i64 {
        let utc = naive(instant);
        i64::from(self.0.offset_from_utc_datetime(&utc).fix().local_minus_utc())
    }

    /// What the clock shows at an instant.
    pub(crate) fn wall_at(self, instant: i64) -> NaiveDateTime {
        naive(instant + self.offset_at(instant))
    }

    /// How long the offset of this instant stays: until it changes, or for a year if it does not change earlier.
    pub(crate) fn span_at(self, instant: i64) -> Span {
        let offset = self.offset_at(instant);
        let mut same = instant;
        for _ in 0..PROBES {
            let probe = same + PROBE_SECONDS;
            if self.offset_at(probe) == offset {
                same = probe;
                continue;
            }
            let mut other = probe;
            while other - same > 1 {
                let middle = same + (other - same) / 2;
                if self.offset_at(middle) == offset { same = middle } else { other = middle }
            }
            return Span { offset, end: other };
        }
        Span { offset, end: same }
    }

    /// The earliest wall time that can mean an instant after this one. Earlier than what the clock shows by as much as
    /// the clock was put forward within the last day: times in that gap are still to come.
    pub(crate) fn earliest_wall_after(self, instant: i64) -> NaiveDateTime {
        const LONGEST_GAP_SECONDS: i64 = 24 * 3600;
        let now = self.offset_at(instant);
        let before = self.offset_at(instant - LONGEST_GAP_SECONDS - 1);
        naive(instant + 1 + now.min(before))
    }
}

/// Seconds since 1970 as date and time, without a zone. Within the years that rules know it is exact.
pub(crate) fn naive(seconds: i64) -> NaiveDateTime {
    utc(seconds).naive_utc()
}

/// Seconds since 1970 as an instant.
pub(crate) fn utc(seconds: i64) -> DateTime<Utc> {
    let beyond = if seconds < 0 { DateTime::<Utc>::MIN_UTC } else { DateTime::<Utc>::MAX_UTC };
    DateTime::from_timestamp(seconds, 0).unwrap_or(beyond)
}

#[cfg(test)]
mod tests;

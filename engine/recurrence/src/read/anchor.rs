//! The DTSTART of a rule that says none: its first occurrence from now on.

use chrono::{NaiveDateTime, Timelike};

use crate::error::RuleError;
use crate::expand::Plan;
use crate::limits::MAX_YEAR;
use crate::recurrence::{End, Frequency, Recurrence};
use crate::zone::{Zone, naive};

/// Zone and DTSTART of rules: the first wall time later than `cursor` (seconds since 1970) at which one of them is due. What
/// the rules leave open is as in `base`. INTERVAL and COUNT begin to count there, so they are not asked; but an interval of
/// elapsed time without parts is counted from `base`.
///
/// Where a time comes twice on the wall and the second one is meant, only UTC can say it. Rules that ask for nothing but
/// elapsed time get UTC as their zone then: it makes no other difference to them. Those with parts begin with the first
/// of the two.
///
/// # Errors
/// [`RuleError::NeverFires`].
pub(crate) fn start(
    recurrences: &[Recurrence],
    base: NaiveDateTime,
    zone: Zone,
    cursor: i64,
) -> Result<(Zone, NaiveDateTime), RuleError> {
    let is_plain = |rule: &Recurrence| rule.frequency.is_exact() && rule.has_no_parts();
    let mut first = None;
    for recurrence in recurrences {
        let interval = if is_plain(recurrence) { recurrence.interval } else { 1 };
        let each = Recurrence { interval, end: End::Never, ..recurrence.clone() };
        let hit = Plan::new(&each, base, zone).stream(zone, cursor).first()?;
        first = [first, hit].into_iter().flatten().min();
    }
    let why = || format!("there is nothing from {} up to the year {MAX_YEAR}", base.format("%Y-%m-%d"));
    let first = first.ok_or_else(|| RuleError::NeverFires { why: why() })?;
    if recurrences.iter().all(is_plain) && zone.resolve(first.wall).instant != first.instant {
        return Ok((Zone::UTC, naive(first.instant)));
    }
    Ok((zone, first.wall))
}

/// What a rule without DTSTART takes the rest from: the next full minute; the full hour where the rule names hours but no
/// minutes; the next second where a rule counts seconds.
pub(crate) fn base(recurrences: &[Recurrence], zone: Zone, now: i64) -> NaiveDateTime {
    if recurrences.iter().any(|rule| rule.frequency == Frequency::Secondly) {
        return zone.wall_at(now + 1);
    }
    let minute = zone.wall_at((now.div_euclid(60) + 1) * 60);
    let names_hours_only = recurrences.iter().any(|rule| !rule.hours.is_empty() && rule.minutes.is_empty());
    if names_hours_only { minute.with_minute(0).unwrap_or(minute) } else { minute }
}

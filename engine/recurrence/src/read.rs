//! Texts into rules: RFC 5545, cron, plain phrases. Whatever was written, the rule that comes out is the same kind of thing.
//!
//! - [`rfc`]: the lines of RFC 5545; [`rrule`] reads the value of an RRULE.
//! - [`cron`]: five fields, or `@daily`.
//! - [`phrase`]: plain English.
//! - [`anchor`]: the DTSTART of a rule that says none.

pub(crate) mod anchor;
pub(crate) mod cron;
pub(crate) mod phrase;
pub(crate) mod rfc;
pub(crate) mod rrule;

use chrono::{DateTime, Utc};

use crate::error::RuleError;
use crate::limits::MAX_TEXT_BYTES;
use crate::rule::Rule;
use crate::zone::Zone;

/// Reads a rule as people write it: RFC 5545 lines (or a bare `FREQ=…`), five-field cron, or a plain phrase as in
/// `every weekday at 8:30`.
///
/// `zone` is the zone of a text that names none (IANA name); `now` is what `tomorrow` counts from, and where a rule
/// without DTSTART begins: with its first occurrence later than that. A text with a DTSTART may lie in the past.
///
/// # Errors
/// What is wrong, where, with a hint. A rule that never fires is an error, too.
pub fn parse(text: &str, zone: &str, now: DateTime<Utc>) -> Result<Rule, RuleError> {
    let zone = Zone::named(zone)?;
    if text.len() > MAX_TEXT_BYTES {
        return Err(RuleError::TooLong { bytes: text.len() });
    }
    let rule = if text.trim().is_empty() {
        return Err(RuleError::Empty);
    } else if rfc::looks_like_it(text) {
        rfc::read(text, Some((zone, now)))?
    } else if cron::looks_like_it(text) {
        cron::read(text, zone, now)?
    } else {
        phrase::read(text, zone, now)?
    };
    rule.that_fires()
}

#[cfg(test)]
mod tests;

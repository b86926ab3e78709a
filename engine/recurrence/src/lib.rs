//! When: RFC 5545 rules, cron and plain phrases into instants.
//!
//! [`parse()`] reads what a person wrote into a [`Rule`]; a rule says when it is due next. Pure: the time is passed in,
//! nothing is read or written. The README beside this crate says what is decided where the standards leave it open.
//!
//! ```
//! # fn main() -> Result<(), zo_recurrence::RuleError> {
//! let now = "2026-11-20T12:00:00Z".parse().expect("an instant");
//! let rule = zo_recurrence::parse("every weekday at 8:30", "Europe/Berlin", now)?;
//! let text = "DTSTART;TZID=Europe/Berlin:20261123T083000\nRRULE:FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR";
//! assert_eq!(rule.to_rfc(), text);
//! let next = rule.after(now)?.expect("there is one");
//! assert_eq!(next.utc.to_rfc3339(), "2026-11-23T07:30:00+00:00");
//! # Ok(())
//! # }
//! ```
//!
//! - [`rule`]: a rule, and what it can be asked. Start there.
//! - `read`: texts into rules.
//! - `expand`: rules into occurrences.
//! - `recurrence`, `moment`: one RRULE, one date and time, as data and text. `zone`: time zones; only it knows chrono-tz.
//! - [`limits`]: how large things may be.

mod error;
mod expand;
pub mod limits;
mod moment;
mod occurrence;
mod read;
mod recurrence;
pub mod rule;
mod suggest;
mod zone;

pub use error::{Place, RuleError};
pub use occurrence::Occurrence;
pub use read::parse;
pub use rule::Rule;

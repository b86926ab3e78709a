//! One time at which a rule is due.

use chrono::{DateTime, NaiveDateTime, Utc};

/// One time at which a rule is due: an instant, and what the clock of the rule's zone shows then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Occurrence {
    /// The instant; whole seconds.
    pub utc: DateTime<Utc>,
    /// What the zone's clock shows at this instant: always `utc` plus the offset. A rule for 2:30 that meets a day
    /// without a 2:30 has 3:30 here.
    pub local: NaiveDateTime,
    /// Seconds that the zone's clock is ahead of UTC at this instant.
    pub offset_seconds: i32,
}

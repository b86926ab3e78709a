//! placeholder
use crate::{error::{RuleError,Source}, rule::Rule, zone::Zone};
use chrono::{DateTime, Utc};
pub(crate) fn read(text: &str, _zone: Zone, _now: DateTime<Utc>) -> Result<Rule, RuleError> {
    Err(Source::new(text).invalid(text, "is not understood"))
}

//! How large things may be, by name: what a stranger writes is an error, never a hang.

/// Most bytes of the text of a rule.
pub const MAX_TEXT_BYTES: usize = 32 * 1024;
/// Most RRULE lines of one rule: each costs a stream in every question.
pub const MAX_RRULES: usize = 16;
/// Most dates in all RDATE lines, and most in all EXDATE lines.
pub const MAX_DATES: usize = 1_500;
/// The largest COUNT: counting is done once, when a rule is read, and has to stay below a tenth of a second.
pub const MAX_COUNT: u32 = 1_000_000;
/// The largest INTERVAL.
pub const MAX_INTERVAL: u32 = 1_000_000_000;
/// The last year with occurrences: the last that RFC 5545 can write.
pub const MAX_YEAR: i32 = 9999;
/// How many periods of an hourly or faster rule are tried in a row before the search is given up: some hundredths of a
/// second. Days, hours and minutes that a rule excludes are passed over and do not count.
pub const MAX_FRUITLESS_STEPS: u32 = 200_000;

//! Schedules: added, due, misfired, removed.
//!
//! Kinds `0x07KK` are kept for it. It has none yet: the subsystem comes with a later issue.

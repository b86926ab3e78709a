//! Browser sessions: opened, acted in, closed.
//!
//! Kinds `0x0BKK` are kept for it. It has none yet: the subsystem comes with a later issue.

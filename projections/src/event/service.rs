//! Supervised services: added, started, exited.
//!
//! Kinds `0x09KK` are kept for it. It has none yet: the subsystem comes with a later issue.

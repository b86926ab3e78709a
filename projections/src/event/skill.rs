//! Skills: found, changed, trusted.
//!
//! Kinds `0x08KK` are kept for it. It has none yet: the subsystem comes with a later issue.

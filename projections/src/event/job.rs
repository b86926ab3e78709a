//! Jobs of the compute pool: submitted, leased, completed, dead.
//!
//! Kinds `0x05KK` are kept for it. It has none yet: the subsystem comes with a later issue.

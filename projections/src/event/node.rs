//! Nodes of the compute pool: joined, heard from, lost.
//!
//! Kinds `0x06KK` are kept for it. It has none yet: the subsystem comes with a later issue.

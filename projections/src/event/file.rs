//! Hosted files: put, shared, removed.
//!
//! Kinds `0x0AKK` are kept for it. It has none yet: the subsystem comes with a later issue.

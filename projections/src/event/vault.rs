//! The vault: that a provider's key was set, used, removed; never the key.
//!
//! Kinds `0x0CKK` are kept for it. It has none yet: the subsystem comes with a later issue.

//! Child processes that may do only what they are allowed.

//! Keeps services running.

//! Carries out jobs.

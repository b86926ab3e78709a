//! Tests of the whole: support library and the integration, simulation and crash suites.

pub mod cli;
pub mod powercut;

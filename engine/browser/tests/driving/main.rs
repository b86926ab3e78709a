//! A real browser, driven on small pages. It is taken from `ZO_TEST_CHROMIUM`, or found.

#![allow(clippy::unwrap_used)]

mod acting;
mod going;
mod looking;
mod recovering;
mod storing;
mod support;

//! Each act on each page that makes browsers difficult, in real Chromium, through the engine's proxy: what must hold whatever a site does.
//!
//! The browser is the one that `ZO_TEST_CHROMIUM` names, else the one that is found; without one the tests fail. `ZO_LONG=1` does more
//! rounds, `ZO_SEED` repeats those of a failure.

#![cfg(unix)]
#![allow(missing_docs, clippy::unwrap_used)]

mod acting;
mod crashing;
mod dialogs;
mod files;
mod frames;
mod loading;
mod logins;
mod reaching;
mod reading;
mod rounds;
mod support;
mod writing;

//! A site with everything that makes browsers difficult, served on loopback for tests.
//!
//! [`Site::start`] listens at four addresses, all with the same pages: the site itself; another origin, for frames; a host that nobody is
//! to reach, which counts who does; and one with a certificate that nobody trusts. What hangs hangs until its client goes or the site is
//! dropped, so no test waits longer than for its own deadline.
//!
//! Static pages lie in `fixtures/site`, one for each difficulty; what a page notices it writes into its `#log`, a line each. What has to
//! be computed is in `routes`. `cargo run -p zo-test-site --example serve` serves it for a look by hand.
//!
//! - [`site`]: start here. [`log`]: what was asked of it.
//! - `pages`: the static pages, filled in. `routes`: all that has to be computed.
//! - `outside`: the host that nobody is to reach. `tls`: the certificate.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod log;
mod outside;
mod pages;
mod routes;
pub mod site;
mod tls;

#[cfg(test)]
mod tests;

pub use log::{Place, Seen};
pub use site::Site;

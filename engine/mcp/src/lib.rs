//! The Model Context Protocol, both ways.
//!
//! ```text
//! agents ──► client ──► other people's servers: a program's stdin and stdout, or a URL
//! other people's agents ──► server ──► the workspace, behind a trait of ours
//! ```
//!
//! - [`client`]: servers whose tools agents call, kept running. Start there.
//! - [`server`]: the workspace as a server.
//!
//! Only this crate knows `rmcp`; nothing of it is in what is public here but what goes over HTTP. It knows neither the log nor the engine.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod client;
pub mod server;

//! Requests over real sockets on loopback: servers that do what they should not, redirects, limits, the proxy.

#![allow(missing_docs, clippy::unwrap_used)]

mod answers;
mod loopback;
mod network;
mod proxy;
mod redirects;
mod support;

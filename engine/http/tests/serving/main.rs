//! The workspace over real HTTP, on loopback.

mod access;
mod api;
mod limits;
mod support;
mod zo;

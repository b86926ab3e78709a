//! The workspace over real HTTP, on loopback.

mod access;
mod api;
mod files;
mod limits;
mod nodes;
mod openai;
mod support;
mod zo;

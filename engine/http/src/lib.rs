//! The workspace over HTTP: its own interface, Zo's, OpenAI's, and hosted files. Only this crate knows axum.
//!
//! ```text
//! connection ─► gate (Host, Origin, token, rate) ─► handler ─► call: a thread of its own ─► zo_engine::service::handle
//!                                                      └──◄── one JSON document, or piece by piece ◄── channel ◄──┘
//! ```
//!
//! - [`server`]: start here: [`Http`] listens, answers and stops. [`options`]: where, for whom, how much; [`error`]: why not.
//! - `gate`: what every request passes: `hosts`, `auth`, `rates`. `problem`: what went wrong, as it is told.
//! - `calls`: a request on its way through the engine. `stream`: what comes piece by piece. `intake`: bodies of requests.
//! - `table`: what can be asked, found out from the types; `api`, `parameters` and `openapi` are made from it.
//! - `zo`, `openai`: the interfaces of others. `models`: what clients call models.
//! - `files`: hosted files, on a port of their own.

mod api;
mod app;
mod auth;
mod calls;
pub mod error;
mod files;
mod gate;
mod health;
mod holder;
mod hosts;
mod intake;
mod mcp;
mod metrics;
mod models;
mod openai;
mod openapi;
pub mod options;
mod parameters;
mod problem;
mod rates;
pub mod server;
mod stream;
mod table;
mod zo;

pub use error::HttpError;
pub use options::{HttpOptions, Limits, TlsFiles};
pub use server::Http;

//! Servers whose tools are called: started, kept running, asked.
//!
//! ```text
//! Connector::start ──► a task: connect ──► ready ──► (its end) ──► backoff ─┐
//!      │                  ▲────────────────────────────────────────────────┘
//!      └► Server::tools, Server::call, Server::stop: they block, and wait for it to be ready
//! ```
//!
//! - [`spec`]: what a server is. Start there. [`server`]: one that is kept running. [`call`]: one call.
//! - [`error`]: why there is no result.
//! - `connect`: to a program or a URL. `process`: the program. `wire`: its stdout, watched. `handler`: what servers tell unasked.
//! - `tools`: what they offer, within bounds.

mod call;
mod connect;
pub mod error;
mod handler;
mod process;
pub mod server;
pub mod spec;
mod tools;
mod wire;

pub use call::{CallResult, Calling, Progress};
pub use error::ClientError;
pub use server::{Connector, Server, ServerState};
pub use spec::{SecretValues, ServerKind, ServerSpec, SpecError};
pub use tools::{LeftOut, ServerTool, ServerTools};

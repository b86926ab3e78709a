//! Language models behind one port: requests out, deltas in, whatever a provider really sends.
//!
//! Only this crate knows reqwest, server-sent events and the providers' wire formats. Outside it is blocking, inside it
//! is asynchronous. It reads no environment variable but those of the system's proxy, reads and writes no file, and
//! neither a key nor a text ever gets into a message, a URL or a trace.
//!
//! Start with [`Models`] and [`Provider`]; [`ChatRequest`] is what one asks, [`Delta`] what one hears, [`Reply`] or
//! [`ModelError`] what one ends with.
//!
//! - [`Models`] (`runtime.rs`) holds the runtime and the HTTP clients; `call.rs` is one chat with its retries, `adjustments.rs` what is done
//!   otherwise after a refusal, `exchange.rs` one request and its answer, `listener.rs` the caller's ear while something is waited for.
//! - `openai.rs` and `anthropic.rs` are the two dialects, each with its request and its stream; `intake.rs` takes the bytes of an
//!   answer, `sse.rs` is their framing, `draft.rs` what of a reply has come so far, `schema.rs` answers that are to be JSON.
//! - `fault.rs` says what an answer that is an error means; `http.rs` does so for a request that got no answer, `proxy.rs` finds the
//!   proxy in the way, `retry.rs` decides how long to wait.
//! - `list.rs`, `ollama.rs`, `suggest.rs` and `test.rs` ask everything else: which models there are, and where a connection fails.
//! - `catalogue.rs` and `tokens.rs` know sizes and prices without asking anybody.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod adjustments;
mod anthropic;
mod call;
mod catalogue;
mod chat;
mod draft;
mod error;
mod exchange;
mod fault;
mod http;
mod intake;
mod list;
mod listener;
mod ollama;
mod openai;
mod options;
mod provider;
mod proxy;
mod reply;
mod retry;
mod runtime;
mod schema;
mod secret;
mod sse;
mod suggest;
mod test;
mod time;
mod tokens;

pub use catalogue::{ModelFacts, Price, facts};
pub use chat::{ChatMessage, ChatRequest, Part, Role, ToolCall, ToolSpec};
pub use error::{ErrorKind, ModelError};
pub use list::ModelInfo;
pub use options::{Options, Retries, Timeouts};
pub use provider::{Dialect, Provider};
pub use reply::{Delta, Finish, Reply, TokenUsage};
pub use runtime::Models;
pub use schema::check_schema;
pub use secret::Secret;
pub use suggest::did_you_mean;
pub use test::{Outcome, Step};
pub use tokens::{estimate_image_tokens, estimate_tokens, image_size};

//! Anthropic's Messages.
//!
//! Sources: Anthropic's API reference for `POST /v1/messages`, "Streaming messages", "Errors" and "Versions". An answer of a
//! schema is asked for as a tool that the model is made to call, whose input is the answer; of models that refuse to be
//! made to, by `output_config` ("Structured outputs").

mod request;
mod stream;

pub(crate) use request::body;
pub(crate) use stream::Stream;

/// The version of the API that is spoken.
pub(crate) const VERSION: &str = "2023-06-01";

//! A scripted model server: real HTTP on loopback, every byte of the answer in the test's hand.
//!
//! A test starts a [`ModelServer`] with a script, a function from a [`Request`] to a [`Response`]; the response says
//! what is written when, down to the single write: a stream may be cut in the middle of a character, be slow, hang,
//! or wait at a [`Gate`] that the test opens. No HTTP library stands between the script and the socket.
//!
//! - [`server`]: connections, and what the server has seen.
//! - [`request`]: reading a request.
//! - [`response`]: what is answered, step by step, and how it is written.
//! - [`gate`]: where a response waits for the test.
//! - [`openai`], [`anthropic`], [`ollama`]: the frames and bodies of the dialects.
//! - [`talking`](mod@talking): a ready script that answers like a provider of either dialect.
//!
//! The server keeps none of the providers' rules: it checks no key and no model, and says what its script says.

pub mod anthropic;
mod connection;
pub mod gate;
pub mod ollama;
pub mod openai;
pub mod request;
pub mod response;
pub mod server;
pub mod talking;

#[cfg(test)]
mod tests;

pub use gate::Gate;
pub use request::Request;
pub use response::Response;
pub use server::ModelServer;
pub use talking::talking;

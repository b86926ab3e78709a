//! OpenAI's chat completions, as OpenAI and everybody who copied it speak it.
//!
//! Sources: OpenAI's API reference for `POST /chat/completions` and its streaming events; Groq's, Together's, OpenRouter's, Ollama's,
//! vLLM's and LM Studio's pages on what they do otherwise. What they really send is in `tests/models/openai.rs`.

mod request;
mod stream;

pub(crate) use request::{body, rounded};
pub(crate) use stream::Stream;

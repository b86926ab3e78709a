//! The client against a scripted server over real HTTP: what providers really send, and what they do not.

#![allow(missing_docs, clippy::unwrap_used)]

mod adjusting;
mod anthropic;
mod discovery;
mod network;
mod openai;
mod patience;
mod refusals;
mod retrying;
mod speed;
mod structured;
mod support;
mod trial;

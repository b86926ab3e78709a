//! The crate as a whole: both engines, bad libraries, downloads from a server of our own.
//!
//! What depends on the environment, or can be had only once per process, runs in a child process: a test that is ignored
//! by itself and started by another one. Tests of ONNX Runtime need `ZO_TEST_ONNXRUNTIME`, the path of its library, which
//! `tests/run` provides; without it they say that they are skipped.
#![allow(clippy::print_stdout, reason = "a child tells its parent what it saw")]

mod child;
mod downloads;
mod engines;
mod runtimes;
mod server;

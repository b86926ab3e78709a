//! The imperative shell of ZoClone: the log and its writer, and everything that touches the world.
//!
//! - [`engine`]: a home, opened. Start here; [`client`] is the same from whichever process asks.
//! - [`protocol`]: what can be asked; [`service`]: how it is answered; [`server`]: for other processes.
//! - [`writer`]: the one place where events come into being; [`fold`] and [`snapshots`]: the views at a cold start.
//! - [`log`]: packs and their chain; [`store`]: the port that keeps them, and its implementations.
//! - [`disk`]: the files of a home; [`bodies`]: what is sealed; [`names`]: ids and digests under the home's key.
//! - [`recall`]: the memory index; `providers`: who has language models; [`redaction`]: what is in no event.
//! - [`work`]: jobs carried out, schedules that come due, services kept running.
//! - [`world`]: the ports to the clock and to chance; [`zone`]: where this machine is; [`maintenance`]: checks and copies of a home.

pub mod bench;
pub mod bodies;
mod browsing;
pub mod client;
pub mod disk;
pub mod engine;
pub mod fold;
pub mod home;
pub mod log;
pub mod maintenance;
pub mod mcp;
pub mod names;
pub mod protocol;
pub(crate) mod providers;
pub mod reader;
pub mod recall;
pub mod redaction;
pub mod server;
pub mod service;
mod skills;
pub mod snapshots;
pub mod store;
mod tools;
pub mod wire;
pub mod work;
pub mod world;
pub mod writer;
pub mod zone;

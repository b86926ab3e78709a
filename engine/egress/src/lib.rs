//! The one way to the outside: requests that are checked when they connect.
//!
//! A [`Policy`] says which hosts may be reached. A name is resolved once, its addresses are checked, and what was checked is what is
//! connected to; so a name that points at this machine or into the private network leads nowhere, also if it points there only at the
//! second look, or after a redirect. Model providers are not reached through here: `zo-models` has keys to guard, and servers on this
//! machine are its everyday business.
//!
//! - [`Egress`] ([`runtime`]): where to start; blocking, with a runtime of its own.
//! - [`policy`], [`pattern`], [`address`]: what may be reached; pure.
//! - [`dial`]: names into checked addresses, addresses into connections.
//! - [`fetch`]: one request with its redirects. [`proxy`]: the same checks for processes and browsers that speak for themselves.
//! - [`text`]: what of an answer can be read.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod address;
mod dial;
mod error;
mod fetch;
mod listener;
mod pattern;
mod policy;
mod proxy;
mod runtime;
mod text;

pub use address::reserved;
pub use error::{EgressError, ErrorKind};
pub use fetch::{FetchRequest, Fetched, Method};
pub use pattern::{HostPattern, PatternError};
pub use policy::Policy;
pub use proxy::{Access, Credentials, LoopbackProxy, OWN_ANSWER, Proxy, Refusal, Refusals};
pub use runtime::Egress;
pub use text::text_of;

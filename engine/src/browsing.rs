//! The browsers of this process: one for each session that something is done in.
//!
//! ```text
//! act ─► turn (one at a time in a session) ─► act_begun ─► the browser, started if it does not run ─► acted
//!                                                             └─► proxy: what may be reached ─► network
//! ```
//!
//! What is open, and what was done, is the view's knowledge ([`zo_projections::views::browsers`]); here is only what lives as long as the
//! process: a session that is open in the view and has no browser here gets one, with its pages, when something is done in it.
//! [`live`]: browsers and turns. [`policy`]: what a session may reach. [`acting`]: one act from its intent on. [`starting`]: its browser.
//! [`ending`]: how it came out, recorded and told. [`recorded`]: what of it is written down. [`tidying`]: what is ended when nobody needs it
//! any more.

pub(crate) mod acting;
mod ending;
pub(crate) mod live;
pub(crate) mod policy;
mod recorded;
mod starting;
mod tidying;

pub(crate) use acting::{Wish, act};
pub(crate) use live::Browsers;

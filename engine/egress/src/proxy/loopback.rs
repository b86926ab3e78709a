//! A proxy on a port of loopback, for browsers: they know no Unix sockets.
//!
//! Every process of this machine can connect to the port. Where the policy permits only the public internet, it gives nobody more than
//! they have; private addresses that the policy names it would. So it can be told to ask for [`Credentials`], which a browser is given
//! over its own debugging connection (`Fetch.authRequired`, whose source is `Proxy`) and then sends with every request by itself.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::net::TcpListener;

use super::Serving;
use super::refusals::Refusals;
use super::secret::Credentials;
use super::way::Way;
use crate::error::{EgressError, ErrorKind};
use crate::policy::Policy;
use crate::runtime::Inner;

/// Who may use a proxy on a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Every process of this machine.
    Anyone,
    /// Who sends the [`LoopbackProxy::credentials`]; others are answered 407.
    WithCredentials,
}

/// A proxy on a port of 127.0.0.1 that runs, under a policy that can be replaced. Dropping it closes its connections.
pub struct LoopbackProxy {
    address: SocketAddr,
    way: Arc<Way>,
    _serving: Serving,
}

impl LoopbackProxy {
    pub(crate) fn start(inner: &Arc<Inner>, access: Access) -> Result<Self, EgressError> {
        let credentials = match access {
            Access::Anyone => None,
            Access::WithCredentials => Some(Credentials::random()?),
        };
        let way = Way::new(inner.policy.clone(), inner.names.clone(), credentials);
        let mut address = None;
        let serving = Serving::start(inner, &way, || {
            let listener = listen().map_err(unopened)?;
            address = Some(listener.local_addr().map_err(unopened)?);
            Ok(listener)
        })?;
        let address = address.expect("set when it could listen");
        Ok(LoopbackProxy { address, way, _serving: serving })
    }

    /// Where it listens: a port on 127.0.0.1.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What its clients must send; `None` if they need nothing.
    pub fn credentials(&self) -> Option<&Credentials> {
        self.way.credentials()
    }

    /// What may be reached now.
    pub fn policy(&self) -> Arc<Policy> {
        self.way.policy()
    }

    /// Replaces what may be reached, also for what is connected already: a connection that the new policy refuses is closed, and is
    /// among the [`Self::refusals`] then.
    ///
    /// # Errors
    /// [`ErrorKind::Policy`] if a rule cannot do what it says; the policy stays what it was.
    pub fn set_policy(&self, policy: Policy) -> Result<(), EgressError> {
        policy.check_rules()?;
        self.way.set_policy(policy);
        Ok(())
    }

    /// Takes what was asked for and not reached since the last call, oldest first.
    pub fn refusals(&self) -> Refusals {
        self.way.take_refusals()
    }
}

impl fmt::Debug for LoopbackProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoopbackProxy").field("address", &self.address).finish_non_exhaustive()
    }
}

fn listen() -> io::Result<TcpListener> {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener)
}

fn unopened(error: io::Error) -> EgressError {
    EgressError::new(ErrorKind::Proxy, format!("no proxy can listen on 127.0.0.1: {error}"))
        .hint("is there a loopback interface, and are file descriptors left?")
}

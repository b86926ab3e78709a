//! The blocking outside of everything: a lazy runtime, shared by all threads that call.

use std::fmt;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use tokio::runtime::{Builder, Runtime};

use crate::dial::Names;
use crate::error::{EgressError, ErrorKind};
use crate::fetch::client::Clients;
use crate::fetch::{self, FetchRequest, Fetched};
use crate::listener::Listener;
use crate::policy::Policy;
use crate::proxy::{Access, LoopbackProxy, Proxy};

/// Threads of the runtime: they move bytes and run proxies; a fetch is driven on the thread that calls.
const WORKERS: usize = 2;

/// The way to the outside under one policy. Cheap to clone; the runtime is made by the first request.
///
/// Every method blocks, may be called from many threads at once, and must not be called from asynchronous code.
#[derive(Clone, Debug)]
pub struct Egress {
    inner: Arc<Inner>,
}

/// What requests share.
pub(crate) struct Inner {
    pub(crate) policy: Policy,
    pub(crate) names: Names,
    pub(crate) clients: Clients,
    runtime: OnceLock<Runtime>,
}

impl Egress {
    /// The way to the outside under this policy.
    ///
    /// # Errors
    /// [`ErrorKind::Policy`] if a rule cannot do what it says.
    pub fn new(policy: Policy) -> Result<Self, EgressError> {
        Self::with_names(policy, Names::System)
    }

    pub(crate) fn with_names(policy: Policy, names: Names) -> Result<Self, EgressError> {
        policy.check_rules()?;
        let clients = Clients::new(policy.system_proxy);
        Ok(Egress { inner: Arc::new(Inner { policy, names, clients, runtime: OnceLock::new() }) })
    }

    /// What may be reached.
    pub fn policy(&self) -> &Policy {
        &self.inner.policy
    }

    /// One request and its answer, over at most ten redirects, each of which is checked as the first request is.
    ///
    /// An answer of any status is one: 404 and 500 are no errors. `each` is called on the calling thread several times a second, and ends
    /// the request by `Break`.
    ///
    /// # Errors
    /// What [`ErrorKind`] lists.
    pub fn fetch(
        &self,
        request: &FetchRequest,
        each: &mut dyn FnMut() -> ControlFlow<()>,
    ) -> Result<Fetched, EgressError> {
        let mut listener = Listener::new(request.timeout, each);
        self.inner.runtime()?.block_on(fetch::fetch(&self.inner, request, &mut listener))
    }

    /// An HTTP proxy for processes that cannot be trusted to ask [`fetch`](Self::fetch): it listens on a Unix socket that it makes there,
    /// for its owner alone, and takes `CONNECT` and plain HTTP. What the policy refuses is answered with 403 and the reason.
    ///
    /// # Errors
    /// [`ErrorKind::Proxy`] if the socket cannot be made; something that is there already is left alone, unless it is a socket that
    /// nobody listens on.
    pub fn proxy(&self, socket: &Path) -> Result<Proxy, EgressError> {
        Proxy::start(&self.inner, socket)
    }

    /// The same on a port of 127.0.0.1, for browsers, which know no Unix sockets. Its policy is this one until it is replaced.
    ///
    /// # Errors
    /// [`ErrorKind::Proxy`] if there is no port, [`ErrorKind::Setup`] if there is no randomness for credentials.
    pub fn proxy_on_loopback(&self, access: Access) -> Result<LoopbackProxy, EgressError> {
        LoopbackProxy::start(&self.inner, access)
    }
}

impl Inner {
    /// The runtime, made if need be.
    pub(crate) fn runtime(&self) -> Result<&Runtime, EgressError> {
        if let Some(runtime) = self.runtime.get() {
            return Ok(runtime);
        }
        let built = Builder::new_multi_thread().worker_threads(WORKERS).thread_name("zo-egress").enable_all().build();
        let built = built.map_err(|error| {
            EgressError::new(ErrorKind::Setup, format!("no threads for the network: {error}"))
                .hint("this machine has too much to do: try again")
        })?;
        // Another thread may have been faster; a runtime that was never used has nothing to wait for.
        if let Err(spare) = self.runtime.set(built) {
            spare.shutdown_background();
        }
        Ok(self.runtime.get().expect("set by this thread or the one that was faster"))
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Egress").field("policy", &self.policy).finish_non_exhaustive()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // A name resolution that hangs must not keep a process from ending.
            runtime.shutdown_background();
        }
    }
}

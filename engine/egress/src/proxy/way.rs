//! What all clients of one proxy share: the policy as it is now, what is connected under it, and what came to nothing.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use tokio::net::TcpStream;
use tokio::sync::watch;

use super::refusals::{Kept, Refusals};
use super::secret::Credentials;
use crate::dial::{Names, connect, resolve};
use crate::error::{EgressError, ErrorKind};
use crate::policy::{Policy, Target};

/// The way out that one proxy offers.
pub(super) struct Way {
    policy: RwLock<Arc<Policy>>,
    names: Names,
    credentials: Option<Credentials>,
    open: Mutex<Open>,
    kept: Mutex<Kept>,
}

/// What is connected. No lock is held while something is waited for.
#[derive(Default)]
struct Open {
    next: u64,
    connections: HashMap<u64, Connection>,
}

/// A connection to a server. Dropping the sender closes it.
struct Connection {
    target: Target,
    address: SocketAddr,
    _open: watch::Sender<()>,
}

/// A connection that was made: its stream, and its place among those that a new policy may close.
pub(super) struct Connected {
    pub(super) target: Target,
    pub(super) stream: TcpStream,
    pub(super) place: Place,
}

/// A connection's place in the list, kept as long as anything of the connection lives.
#[derive(Clone)]
pub(super) struct Place(Arc<Listed>);

struct Listed {
    way: Arc<Way>,
    number: u64,
    open: watch::Receiver<()>,
}

impl Way {
    pub(super) fn new(policy: Policy, names: Names, credentials: Option<Credentials>) -> Arc<Self> {
        let policy = RwLock::new(Arc::new(policy));
        Arc::new(Way { policy, names, credentials, open: Mutex::default(), kept: Mutex::default() })
    }

    pub(super) fn credentials(&self) -> Option<&Credentials> {
        self.credentials.as_ref()
    }

    pub(super) fn policy(&self) -> Arc<Policy> {
        self.policy.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Replaces the policy, and closes what the new one refuses.
    pub(super) fn set_policy(&self, policy: Policy) {
        let policy = Arc::new(policy);
        *self.policy.write().unwrap_or_else(PoisonError::into_inner) = policy.clone();
        let mut closed = Vec::new();
        self.open().connections.retain(|_, connection| {
            let checked = policy.check_connection(&connection.target, connection.address);
            checked.map_err(|error| closed.push((connection.target.clone(), error))).is_ok()
        });
        for (target, error) in closed {
            self.note(&target, &error);
        }
    }

    pub(super) fn note(&self, target: &Target, error: &EgressError) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).note(target, error);
    }

    pub(super) fn take_refusals(&self) -> Refusals {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// A connection to a target, checked under the policy as it is when the connection stands.
    pub(super) async fn dial(self: &Arc<Self>, target: Target) -> Result<Connected, EgressError> {
        let policy = self.policy();
        let admitted = policy.admit(target)?;
        let addresses = resolve(&policy, &self.names, &admitted).await?;
        let stream = connect(&admitted, &addresses).await?;
        let target = admitted.target;
        let address = stream.peer_addr().map_err(|error| {
            EgressError::new(ErrorKind::Connect, format!("{target} broke the connection at once: {error}"))
        })?;
        let place = self.list(target.clone(), address);
        // The policy may have been replaced meanwhile: whoever did that saw the place in the list, or is seen here.
        self.policy().check_connection(&target, address)?;
        Ok(Connected { target, stream, place })
    }

    fn list(self: &Arc<Self>, target: Target, address: SocketAddr) -> Place {
        let (sender, open) = watch::channel(());
        let mut list = self.open();
        let number = list.next;
        list.next += 1;
        list.connections.insert(number, Connection { target, address, _open: sender });
        Place(Arc::new(Listed { way: self.clone(), number, open }))
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Does `work` until it is done or a new policy refuses the connection.
    pub(super) async fn keep(&self, work: impl Future<Output = ()>) {
        let mut open = self.0.open.clone();
        tokio::select! {
            // Nothing is ever sent: it ends when the sender is dropped.
            _ = open.changed() => {}
            () = work => {}
        }
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        self.way.open().connections.remove(&self.number);
    }
}

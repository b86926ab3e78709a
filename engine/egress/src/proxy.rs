//! An HTTP proxy on a Unix socket, for processes that have no other way out.
//!
//! It takes `CONNECT host:port` (a tunnel) and `GET http://host/path` (plain HTTP, over HTTP/1.1). Each target is checked, resolved and
//! connected to by [`dial`](crate::dial). Each request of plain HTTP has a connection of its own and the host its URL names, so that a
//! client cannot lead a second one elsewhere. It goes straight out: the environment's proxies are not taken.

mod forward;
mod socket;

use std::convert::Infallible;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::sleep;

use crate::error::EgressError;
use crate::runtime::Inner;
use forward::Client;

/// How many connections are served at once; more wait to be accepted. A browser opens some dozens.
const MOST_CONNECTIONS: usize = 256;

/// How long a client may take to send a request's head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// How long nothing is accepted after the system could not (it has no more file descriptors).
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How long a stop waits for connections to be closed, which takes no waiting on anybody.
const STOP_PATIENCE: Duration = Duration::from_secs(1);

/// A proxy that runs. Dropping it closes its connections and removes its socket.
pub struct Proxy {
    path: PathBuf,
    accepting: AbortHandle,
    /// Ends when nothing of it runs any more.
    ended: Mutex<Receiver<()>>,
    /// Keeps the runtime.
    _inner: Arc<Inner>,
}

/// Starts a proxy at that path.
pub(crate) fn start(inner: &Arc<Inner>, path: &Path) -> Result<Proxy, EgressError> {
    let runtime = inner.runtime()?;
    let listener = {
        let _entered = runtime.enter();
        socket::listen(path)?
    };
    let (alive, ended) = channel();
    let accepting = runtime.spawn(accept(listener, inner.clone(), alive)).abort_handle();
    Ok(Proxy { path: path.to_path_buf(), accepting, ended: Mutex::new(ended), _inner: inner.clone() })
}

/// Accepts until it is dropped, and all connections with it.
async fn accept(listener: UnixListener, inner: Arc<Inner>, alive: Sender<()>) {
    let room = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let Ok(permit) = room.clone().acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let client = Client::new(inner.clone(), alive.clone());
                connections.spawn(async move {
                    serve(stream, client).await;
                    drop(permit);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "the proxy cannot accept");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Serves one client to its end.
async fn serve(stream: UnixStream, client: Client) {
    let answer = service_fn(|request| async { Ok::<_, Infallible>(client.answer(request).await) });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), answer)
        .with_upgrades()
        .await;
    match served {
        Ok(()) => client.finish().await,
        // The client is gone, or does not speak HTTP, which hyper has told it.
        Err(error) => tracing::debug!(%error, "a client of the proxy"),
    }
}

impl Proxy {
    /// Where it listens.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
        // Nothing is ever sent: it ends when the task has been dropped, with all its connections.
        let ended = self.ended.get_mut().unwrap_or_else(PoisonError::into_inner);
        let _ = ended.recv_timeout(STOP_PATIENCE);
        // Somebody may have removed it already.
        let _ = std::fs::remove_file(&self.path);
    }
}

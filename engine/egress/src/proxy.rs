//! HTTP proxies, for processes that speak for themselves: on a Unix socket for those that have no other way out, and on a port of
//! loopback for browsers.
//!
//! They take `CONNECT host:port` (a tunnel) and `GET http://host/path` (plain HTTP, over HTTP/1.1, also if it becomes a WebSocket). Each
//! target is checked, resolved and connected to by [`dial`](crate::dial). Each request of plain HTTP has a connection of its own and the
//! host its URL names, so that a client cannot lead a second one elsewhere. They go straight out: the environment's proxies are not
//! taken. An answer that is the proxy's own word, not a server's, has the header [`OWN_ANSWER`].
//!
//! - `socket`: [`Proxy`], on a Unix socket. `loopback`: [`LoopbackProxy`], on a port.
//! - `client`: who is connected; `forward`: what requests become on their way.
//! - `way`: the policy and the connections that all clients of one proxy share; `refusals`: what came of none.
//! - `secret`: who may use a port that every local process can reach.

mod client;
mod forward;
mod loopback;
mod refusals;
mod secret;
mod socket;
mod way;

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::sleep;

use crate::error::EgressError;
use crate::runtime::Inner;
use client::Client;
use way::Way;

pub use forward::OWN_ANSWER;
pub use loopback::{Access, LoopbackProxy};
pub use refusals::{Refusal, Refusals};
pub use secret::Credentials;
pub use socket::Proxy;

/// How many connections are served at once; more wait to be accepted. A browser opens some dozens.
const MOST_CONNECTIONS: usize = 256;

/// How long a client may take to send a request's head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// How long nothing is accepted after the system could not (it has no more file descriptors).
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How long a stop waits for connections to be closed, which takes no waiting on anybody.
const STOP_PATIENCE: Duration = Duration::from_secs(1);

/// What connections come from.
trait Listen: Send + 'static {
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    fn next(&self) -> impl Future<Output = io::Result<Self::Stream>> + Send;
}

impl Listen for UnixListener {
    type Stream = UnixStream;

    async fn next(&self) -> io::Result<UnixStream> {
        Ok(self.accept().await?.0)
    }
}

impl Listen for TcpListener {
    type Stream = TcpStream;

    async fn next(&self) -> io::Result<TcpStream> {
        let (stream, _) = self.accept().await?;
        // Small answers are not to wait for each other's acknowledgement; a socket that refuses that works all the same.
        let _ = stream.set_nodelay(true);
        Ok(stream)
    }
}

/// A listener that is served until it is stopped or dropped, and all its connections with it.
struct Serving {
    accepting: AbortHandle,
    /// Ends when nothing of it runs any more.
    ended: Mutex<Receiver<()>>,
    /// Keeps the runtime.
    _inner: Arc<Inner>,
}

impl Serving {
    /// Serves what `listen` opens, which is called where sockets can be made.
    fn start<L: Listen>(
        inner: &Arc<Inner>,
        way: &Arc<Way>,
        listen: impl FnOnce() -> Result<L, EgressError>,
    ) -> Result<Self, EgressError> {
        let runtime = inner.runtime()?;
        let listener = {
            let _entered = runtime.enter();
            listen()?
        };
        let (alive, ended) = channel();
        let accepting = runtime.spawn(accept(listener, way.clone(), alive)).abort_handle();
        Ok(Serving { accepting, ended: Mutex::new(ended), _inner: inner.clone() })
    }

    /// Closes all; a second call does nothing.
    fn stop(&mut self) {
        self.accepting.abort();
        // Nothing is ever sent: it ends when the task has been dropped, with all its connections.
        let ended = self.ended.get_mut().unwrap_or_else(PoisonError::into_inner);
        let _ = ended.recv_timeout(STOP_PATIENCE);
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Accepts until it is dropped, and all connections with it.
async fn accept<L: Listen>(listener: L, way: Arc<Way>, alive: Sender<()>) {
    let room = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let Ok(permit) = room.clone().acquire_owned().await else { return };
        match listener.next().await {
            Ok(stream) => {
                let client = Client::new(way.clone(), alive.clone());
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
async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, client: Client) {
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

//! The site while it runs.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Result;
use axum::serve::ListenerExt;
use axum_server::tls_rustls::{RustlsConfig, from_tcp_rustls};
use tokio::runtime::Builder;
use tokio::sync::oneshot;

use crate::log::{Place, Seen};
use crate::outside;
use crate::pages::Urls;
use crate::routes::{self, App, Shared};
use crate::tls::self_signed;

/// A site that runs on loopback. Dropping it closes all its connections, whatever they were waiting for.
pub struct Site {
    shared: Arc<Shared>,
    addresses: Addresses,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<Result<()>>>,
}

#[derive(Clone, Copy)]
struct Addresses {
    site: SocketAddr,
    other: SocketAddr,
    forbidden: SocketAddr,
    tls: SocketAddr,
}

/// What it listens with.
struct Sockets {
    site: TcpListener,
    other: TcpListener,
    forbidden: TcpListener,
    datagrams: UdpSocket,
    tls: TcpListener,
    certificate: RustlsConfig,
}

impl Site {
    /// Starts a site on free ports of loopback, with a thread of its own; may be called from asynchronous code.
    ///
    /// # Panics
    /// If loopback has no ports to listen on.
    pub fn start() -> Self {
        Self::try_start().expect("a site can listen on loopback")
    }

    fn try_start() -> Result<Self> {
        let site = bind(Ipv4Addr::LOCALHOST)?;
        // Another site to browsers, who compare hosts without ports; where there is only one address, another origin at least.
        let other = bind(Ipv4Addr::new(127, 0, 0, 2)).or_else(|_| bind(Ipv4Addr::LOCALHOST))?;
        let outside = outside::bind(Ipv4Addr::new(127, 0, 0, 3)).or_else(|_| outside::bind(Ipv4Addr::LOCALHOST));
        let (forbidden, datagrams, outside) = outside?;
        let tls = bind(Ipv4Addr::LOCALHOST)?;
        let addresses = Addresses {
            site: site.local_addr()?,
            other: other.local_addr()?,
            forbidden: outside,
            tls: tls.local_addr()?,
        };
        let sockets = Sockets { site, other, forbidden, datagrams, tls, certificate: self_signed()? };
        let shared = Arc::new(Shared::new(Urls {
            site: format!("http://{}", addresses.site),
            other: format!("http://{}", addresses.other),
            forbidden: format!("http://{}", addresses.forbidden),
            tls: format!("https://{}", addresses.tls),
        }));
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new().name("zo-test-site".into()).spawn({
            let shared = shared.clone();
            move || run(sockets, &shared, stopped)
        })?;
        Ok(Site { shared, addresses, stop: Some(stop), thread: Some(thread) })
    }

    /// `http://127.0.0.1:PORT`, without a slash at its end.
    pub fn url(&self) -> &str {
        &self.shared.urls.site
    }

    /// The URL of a path, which begins with a slash.
    pub fn url_of(&self, path: &str) -> String {
        format!("{}{path}", self.url())
    }

    /// The same pages from another origin: `http://127.0.0.2:PORT`.
    pub fn other_url_of(&self, path: &str) -> String {
        format!("{}{path}", self.shared.urls.other)
    }

    /// The same at the host that nobody is to reach: `http://127.0.0.3:PORT`.
    pub fn forbidden_url_of(&self, path: &str) -> String {
        format!("{}{path}", self.shared.urls.forbidden)
    }

    /// The same with a certificate that nobody trusts: `https://127.0.0.1:PORT`.
    pub fn tls_url_of(&self, path: &str) -> String {
        format!("{}{path}", self.shared.urls.tls)
    }

    /// The address of one of its places; what a policy has to allow, or not.
    pub fn address(&self, place: Place) -> SocketAddr {
        match place {
            Place::Site => self.addresses.site,
            Place::Other => self.addresses.other,
            Place::Forbidden => self.addresses.forbidden,
            Place::Tls => self.addresses.tls,
        }
    }

    /// The requests so far, in the order in which their heads came.
    pub fn requests(&self) -> Vec<Seen> {
        self.shared.log.all()
    }

    /// Forgets the requests so far.
    pub fn clear(&self) {
        self.shared.log.clear();
    }

    /// Waits until a request has come that is `wanted`, for at most `patience`; whether it has.
    pub fn wait_for(&self, patience: Duration, wanted: impl Fn(&Seen) -> bool) -> bool {
        self.shared.log.wait_for(patience, wanted)
    }

    /// How many answers hang now: their clients have not gone.
    pub fn hanging(&self) -> usize {
        self.shared.hanging()
    }

    /// Connections and datagrams that arrived at the host that nobody is to reach.
    pub fn arrivals(&self) -> (usize, usize) {
        self.shared.arrivals.count()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        drop(self.stop.take());
        let Some(thread) = self.thread.take() else { return };
        // The runtime ends with its thread, and with it all that hangs.
        let ended = thread.join();
        if !std::thread::panicking() {
            ended.expect("the site does not panic").expect("the site ran to its end");
        }
    }
}

fn bind(address: Ipv4Addr) -> Result<TcpListener> {
    let listener = TcpListener::bind((address, 0))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Serves until it is stopped.
fn run(sockets: Sockets, shared: &Arc<Shared>, stopped: oneshot::Receiver<()>) -> Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        tokio::select! {
            // Nothing is ever sent: it ends when the sender is dropped.
            _ = stopped => Ok(()),
            ended = serve(sockets, shared) => ended,
        }
    })
}

async fn serve(sockets: Sockets, shared: &Arc<Shared>) -> Result<()> {
    let app = |place| routes::router(App { place, shared: shared.clone() });
    let listener = tokio::net::TcpListener::from_std;
    let arrivals = shared.clone();
    let forbidden = listener(sockets.forbidden)?.tap_io(move |_| arrivals.arrivals.connected());
    let tls = from_tcp_rustls(sockets.tls, sockets.certificate)?;
    tokio::try_join!(
        async { Ok(axum::serve(listener(sockets.site)?, app(Place::Site)).await?) },
        async { Ok(axum::serve(listener(sockets.other)?, app(Place::Other)).await?) },
        async { Ok(axum::serve(forbidden, app(Place::Forbidden)).await?) },
        async { Ok(tls.serve(app(Place::Tls).into_make_service()).await?) },
        shared.arrivals.count_datagrams(sockets.datagrams),
    )
    .map(|_| ())
}

//! The host that nobody is to reach: whoever connects or sends a datagram is counted, whatever is said then.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result};

/// What arrived there.
#[derive(Default)]
pub(crate) struct Arrivals {
    connections: AtomicUsize,
    datagrams: AtomicUsize,
}

impl Arrivals {
    pub(crate) fn connected(&self) {
        self.connections.fetch_add(1, Ordering::SeqCst);
    }

    /// Connections and datagrams so far.
    pub(crate) fn count(&self) -> (usize, usize) {
        (self.connections.load(Ordering::SeqCst), self.datagrams.load(Ordering::SeqCst))
    }

    /// Counts datagrams for ever.
    pub(crate) async fn count_datagrams(&self, socket: UdpSocket) -> Result<()> {
        let socket = tokio::net::UdpSocket::from_std(socket)?;
        let mut buffer = [0; 2048];
        loop {
            socket.recv_from(&mut buffer).await?;
            self.datagrams.fetch_add(1, Ordering::SeqCst);
        }
    }
}

/// The same port for connections and datagrams.
pub(crate) fn bind(address: Ipv4Addr) -> Result<(TcpListener, UdpSocket, SocketAddr)> {
    const ATTEMPTS: usize = 20;
    for _ in 0..ATTEMPTS {
        let listener = TcpListener::bind((address, 0))?;
        let bound = listener.local_addr()?;
        // Somebody may have the port for datagrams: the next one is free.
        let Ok(socket) = UdpSocket::bind(bound) else { continue };
        listener.set_nonblocking(true)?;
        socket.set_nonblocking(true)?;
        return Ok((listener, socket, bound));
    }
    Err(anyhow::anyhow!("{ATTEMPTS} ports of {address} were free for connections and not for datagrams"))
        .context("the host that nobody is to reach cannot listen")
}

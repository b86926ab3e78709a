//! One connection, plain or with TLS: reading ahead, writing at once, and noticing that the client has gone.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::gate::Gate;

/// How often a connection that waits looks whether its client is still there.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// A client's connection. Dropping it closes it without a word, whatever other handles of the socket there are.
pub(crate) struct Connection {
    wire: Wire,
    /// What has been read and not been used.
    pub(crate) pending: Vec<u8>,
}

enum Wire {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ServerConnection, TcpStream>>),
}

impl Connection {
    /// Takes an accepted socket; the handshake, if there is one, happens with the first byte read.
    pub(crate) fn new(socket: TcpStream, tls: Option<&Arc<ServerConfig>>) -> io::Result<Self> {
        // Each write is to leave at once, as a packet of its own.
        socket.set_nodelay(true)?;
        let wire = match tls {
            None => Wire::Plain(socket),
            Some(config) => {
                let session = ServerConnection::new(config.clone()).map_err(io::Error::other)?;
                Wire::Tls(Box::new(StreamOwned::new(session, socket)))
            }
        };
        Ok(Self { wire, pending: Vec::new() })
    }

    /// Reads more into `pending`, waiting for it; false at the connection's end.
    pub(crate) fn fill(&mut self) -> io::Result<bool> {
        let mut buffer = [0; 16 << 10];
        let length = match &mut self.wire {
            Wire::Plain(socket) => socket.read(&mut buffer)?,
            Wire::Tls(session) => session.read(&mut buffer)?,
        };
        self.pending.extend_from_slice(&buffer[..length]);
        Ok(length > 0)
    }

    /// Writes all of it in one go.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let wire: &mut dyn Write = match &mut self.wire {
            Wire::Plain(socket) => socket,
            Wire::Tls(session) => session,
        };
        wire.write_all(bytes)?;
        wire.flush()
    }

    /// Lets `duration` pass.
    ///
    /// # Errors
    /// `ConnectionAborted` as soon as the client has gone or the server stops, which shuts the socket down.
    pub(crate) fn pause(&mut self, duration: Duration) -> io::Result<()> {
        let until = Instant::now() + duration;
        self.wait(|next_look| {
            std::thread::sleep(next_look.min(until).saturating_duration_since(Instant::now()));
            Instant::now() >= until
        })
    }

    /// Waits until `gate` is open; errors as [`Self::pause`].
    pub(crate) fn wait_at(&mut self, gate: &Gate) -> io::Result<()> {
        gate.reach();
        self.wait(|next_look| gate.wait_until_open(next_look))
    }

    /// Waits until the client goes or the server stops, which is the error that [`Self::pause`] has.
    pub(crate) fn hang(&mut self) -> io::Result<()> {
        self.wait(|next_look| {
            std::thread::sleep(next_look.saturating_duration_since(Instant::now()));
            false
        })
    }

    /// Calls `done` with the time of the next look until it says so, and looks after the client in between.
    fn wait(&mut self, mut done: impl FnMut(Instant) -> bool) -> io::Result<()> {
        while !done(Instant::now() + LOOK_EVERY) {
            if self.has_ended()? {
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
        }
        Ok(())
    }

    /// Whether the client has closed its side; reads what it has sent meanwhile.
    fn has_ended(&mut self) -> io::Result<bool> {
        self.socket().set_nonblocking(true)?;
        let ended = loop {
            match self.fill() {
                Ok(true) => {}
                Ok(false) => break true,
                Err(error) => break error.kind() != io::ErrorKind::WouldBlock,
            }
        };
        self.socket().set_nonblocking(false)?;
        Ok(ended)
    }

    fn socket(&self) -> &TcpStream {
        match &self.wire {
            Wire::Plain(socket) => socket,
            Wire::Tls(session) => &session.sock,
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // It may be closed already: then there is nothing to do.
        let _ = self.socket().shutdown(Shutdown::Both);
    }
}

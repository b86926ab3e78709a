//! The network of a new namespace: a loopback, a forwarder to the proxy outside, and one from the port outside.

#[cfg(test)]
mod tests;

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use nix::sys::socket::{AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, recv, sendto, socket};

use crate::inlet;
use crate::job::{Failure, FailureKind, Job, Message};
use crate::policy::PROXY_PORT;

/// Connections that are forwarded at once; each takes two threads here.
const MAX_CONNECTIONS: usize = 128;
/// The threads of all of them, and the one that accepts.
const FORWARDING_THREADS: u32 = 260;
/// How often it is looked whether somebody listens inside.
const LISTENING_INTERVAL: Duration = Duration::from_millis(10);
/// Stack of a forwarding thread; it copies, no more.
const STACK_BYTES: usize = 128 << 10;

/// `RTM_NEWLINK`, `NLM_F_REQUEST | NLM_F_ACK` and `IFF_UP` of rtnetlink(7); the loopback has the index 1.
const NEW_LINK: u16 = 16;
const REQUEST_WITH_ACK: u16 = 1 | 4;
const UP: u32 = 1;
const LOOPBACK_INDEX: i32 = 1;
/// `NLMSG_ERROR`: the answer, also to what went well.
const ANSWER: u16 = 2;
/// `struct nlmsghdr` and `struct ifinfomsg`.
const HEADER_BYTES: usize = 16;
const LINK_BYTES: usize = 16;

/// Raises the loopback of this network namespace.
pub(super) fn raise_loopback() -> Result<(), Failure> {
    let failed = |error: io::Error| Failure::unavailable("raise the loopback", error);
    let socket: OwnedFd =
        socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::NetlinkRoute)
            .map_err(|error| failed(error.into()))?;
    let mut message = Vec::with_capacity(HEADER_BYTES + LINK_BYTES);
    message.extend(((HEADER_BYTES + LINK_BYTES) as u32).to_ne_bytes());
    message.extend(NEW_LINK.to_ne_bytes());
    message.extend(REQUEST_WITH_ACK.to_ne_bytes());
    message.extend(1_u32.to_ne_bytes()); // sequence
    message.extend(0_u32.to_ne_bytes()); // to the kernel
    message.extend([0; 4]); // family, padding, type
    message.extend(LOOPBACK_INDEX.to_ne_bytes());
    message.extend(UP.to_ne_bytes()); // flags
    message.extend(UP.to_ne_bytes()); // which of them to change
    sendto(socket.as_raw_fd(), &message, &NetlinkAddr::new(0, 0), MsgFlags::empty())
        .map_err(|error| failed(error.into()))?;
    let mut answer = [0; 256];
    let length = recv(socket.as_raw_fd(), &mut answer, MsgFlags::empty()).map_err(|error| failed(error.into()))?;
    let kind = u16::from_ne_bytes([answer[4], answer[5]]);
    let error = i32::from_ne_bytes([answer[16], answer[17], answer[18], answer[19]]);
    if length < HEADER_BYTES + 4 || kind != ANSWER || error != 0 {
        return Err(failed(io::Error::from_raw_os_error(-error)));
    }
    Ok(())
}

/// The proxy outside, held while the path to it is still there.
pub(super) struct Proxy {
    socket: File,
}

impl Proxy {
    /// Holds the socket of the proxy, if the job has one.
    pub(super) fn pin(job: &Job) -> Result<Option<Self>, Failure> {
        let Some(path) = &job.proxy else { return Ok(None) };
        let mut options = File::options();
        options.read(true).custom_flags(libc::O_PATH | libc::O_CLOEXEC);
        let socket = options.open(path.path()).map_err(|error| Failure::other("find the proxy's socket", error))?;
        Ok(Some(Self { socket }))
    }

    /// Forwards connections from the loopback, on threads of this process, until it ends.
    pub(super) fn forward(self) -> Result<(), Failure> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, PROXY_PORT))
            .map_err(|error| Failure::other("listen for the proxy", error))?;
        let connect = move || UnixStream::connect(format!("/proc/self/fd/{}", self.socket.as_raw_fd()));
        spawn(move || forward_all(&listener, connect)).map_err(|error| Failure::other("start the forwarder", error))
    }
}

/// The port outside, bound and not yet answered on.
pub(super) struct Inlet {
    socket: OwnedFd,
    port: u16,
}

impl Inlet {
    /// Takes the socket over that comes after the job, if the job has a port.
    pub(super) fn receive(job: &Job, control: &UnixStream) -> Result<Option<Self>, Failure> {
        let Some(port) = job.port else { return Ok(None) };
        let socket = inlet::receive(control).map_err(|error| Failure::other("take over the port", error))?;
        Ok(Some(Self { socket, port }))
    }

    /// Answers outside once somebody listens inside, and forwards connections, on threads of this process, until it ends.
    pub(super) fn forward(self, control: &UnixStream) -> Result<(), Failure> {
        let failed = |error: io::Error| Failure::other("start the forwarder", error);
        let mut control = control.try_clone().map_err(failed)?;
        spawn(move || {
            while !is_listened_on(self.port) {
                thread::sleep(LISTENING_INTERVAL);
            }
            if let Err(error) = inlet::listen(&self.socket) {
                // Whoever was faster has the port.
                let step = format!("listen on port {}", self.port);
                let failure = Failure { step, reason: error.to_string(), kind: FailureKind::Port };
                let _ = Message::Failed(failure).send(&mut control);
                std::process::exit(1);
            }
            let inside = [SocketAddr::from((Ipv4Addr::LOCALHOST, self.port)), (Ipv6Addr::LOCALHOST, self.port).into()];
            forward_all(&TcpListener::from(self.socket), move || TcpStream::connect(&inside[..]));
        })
        .map_err(failed)
    }
}

/// Whether somebody listens on a port in this network namespace.
fn is_listened_on(port: u16) -> bool {
    let tables = ["/proc/self/net/tcp", "/proc/self/net/tcp6"];
    tables.iter().any(|table| fs::read_to_string(table).is_ok_and(|table| lists_listener(&table, port)))
}

/// Whether a table of sockets has one that listens on a port: `sl local_address rem_address st …`, in hexadecimal; 0A is LISTEN.
fn lists_listener(table: &str, port: u16) -> bool {
    let ending = format!(":{port:04X}");
    table.lines().any(|line| {
        let mut fields = line.split_ascii_whitespace().skip(1);
        let local = fields.next().is_some_and(|address| address.ends_with(&ending));
        local && fields.nth(1) == Some("0A")
    })
}

/// Two threads for each connection that can be forwarded, of each way there is.
pub(super) fn forwarding_threads(job: &Job) -> u32 {
    (u32::from(job.proxy.is_some()) + u32::from(job.port.is_some())) * FORWARDING_THREADS
}

/// The other end of a forwarded connection.
trait Stream: Read + Write + Send + Sized + 'static {
    fn share(&self) -> io::Result<Self>;
    fn shut(&self, how: Shutdown);
}

impl Stream for TcpStream {
    fn share(&self) -> io::Result<Self> {
        self.try_clone()
    }
    fn shut(&self, how: Shutdown) {
        let _ = self.shutdown(how);
    }
}

impl Stream for UnixStream {
    fn share(&self) -> io::Result<Self> {
        self.try_clone()
    }
    fn shut(&self, how: Shutdown) {
        let _ = self.shutdown(how);
    }
}

/// Forwards whatever comes in, until this process ends.
fn forward_all<S: Stream>(listener: &TcpListener, connect: impl Fn() -> io::Result<S> + Send + Sync + 'static) {
    let connect = Arc::new(connect);
    let busy = Arc::new(AtomicUsize::new(0));
    for connection in listener.incoming() {
        let Ok(near) = connection else { continue };
        if busy.load(Ordering::Relaxed) >= MAX_CONNECTIONS {
            continue; // closed, which clients understand
        }
        busy.fetch_add(1, Ordering::Relaxed);
        let (done, connect) = (busy.clone(), connect.clone());
        let started = spawn(move || {
            // Who is slow to answer keeps nobody else waiting.
            if let Ok(far) = connect() {
                couple(near, far);
            }
            done.fetch_sub(1, Ordering::Relaxed);
        });
        if started.is_err() {
            busy.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

fn spawn(work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new().stack_size(STACK_BYTES).spawn(work).map(drop)
}

/// Copies both ways until both have ended.
fn couple<S: Stream>(mut near: TcpStream, mut far: S) {
    let (Ok(mut near_read), Ok(mut far_write)) = (near.try_clone(), far.share()) else { return };
    let up = spawn(move || {
        let _ = io::copy(&mut near_read, &mut far_write);
        far_write.shut(Shutdown::Write);
    });
    if up.is_ok() {
        let _ = io::copy(&mut far, &mut near);
    }
    near.shut(Shutdown::Both);
    far.shut(Shutdown::Both);
}

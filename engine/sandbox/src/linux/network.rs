//! The network of a new namespace: a loopback, and a forwarder to the proxy outside.

use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use nix::sys::socket::{AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, recv, sendto, socket};

use crate::job::{Failure, Job};
use crate::policy::PROXY_PORT;

/// Connections that are forwarded at once; each takes two threads here.
const MAX_CONNECTIONS: usize = 128;
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
        let busy = Arc::new(AtomicUsize::new(0));
        spawn(move || {
            for connection in listener.incoming() {
                let Ok(near) = connection else { continue };
                if busy.load(Ordering::Relaxed) >= MAX_CONNECTIONS {
                    continue; // closed, which clients understand
                }
                let Ok(far) = UnixStream::connect(format!("/proc/self/fd/{}", self.socket.as_raw_fd())) else {
                    continue;
                };
                busy.fetch_add(1, Ordering::Relaxed);
                let done = busy.clone();
                let started = spawn(move || {
                    couple(near, far);
                    done.fetch_sub(1, Ordering::Relaxed);
                });
                if started.is_err() {
                    busy.fetch_sub(1, Ordering::Relaxed);
                }
            }
        })
        .map_err(|error| Failure::other("start the forwarder", error))
    }
}

fn spawn(work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new().stack_size(STACK_BYTES).spawn(work).map(drop)
}

/// Copies both ways until both have ended.
fn couple(near: TcpStream, far: UnixStream) {
    let (Ok(mut near_read), Ok(mut far_write)) = (near.try_clone(), far.try_clone()) else { return };
    let up = spawn(move || {
        let _ = io::copy(&mut near_read, &mut far_write);
        let _ = far_write.shutdown(Shutdown::Write);
    });
    if up.is_ok() {
        let _ = io::copy(&mut &far, &mut &near);
    }
    let _ = near.shutdown(Shutdown::Both);
    let _ = far.shutdown(Shutdown::Both);
}

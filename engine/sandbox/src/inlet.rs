//! The port at which a confined command is reached.
//!
//! The command is in a network of its own, where nobody reaches it. So who starts it reserves a port of the machine's loopback, and
//! hands the bound socket to the first process in there, over the control socket; that listens on it once the command listens on the
//! same port inside, and passes connections on. With Landlock alone a command in the machine's own network could be kept from binding
//! other ports, but not from binding that one to every address, from listening on a port that the kernel picks, nor from sending with
//! what is TCP in all but name (MPTCP, fast open).

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, SocketFlags, SocketType, bind, recvmsg, sendmsg, socket_with, sockopt,
};

use crate::error::SandboxError;
use crate::job::Job;
use crate::policy::Level;

/// Connections that wait to be accepted.
const BACKLOG: i32 = 128;
/// What goes with the socket, as a socket never travels alone.
const COMPANION: u8 = b'p';

/// Binds the port of a job that has one and is in a network of its own. Nobody is answered there yet.
pub(crate) fn reserve(job: &Job) -> Result<Option<OwnedFd>, SandboxError> {
    let Some(port) = job.port.filter(|_| job.level == Level::Namespaces) else { return Ok(None) };
    bound(port).map(Some).map_err(|error| SandboxError::Port { port, reason: error.to_string() })
}

fn bound(port: u16) -> io::Result<OwnedFd> {
    if port == 0 {
        return Err(io::Error::other("0 is no port"));
    }
    let socket = socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    // Connections of the one before that linger do not keep the port.
    sockopt::set_socket_reuseaddr(&socket, true)?;
    bind(&socket, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, port))?;
    Ok(socket)
}

/// Hands the socket to the stages, after the job.
pub(crate) fn hand_over(socket: &OwnedFd, control: &UnixStream) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut message = SendAncillaryBuffer::new(&mut space);
    let sockets = [socket.as_fd()];
    if !message.push(SendAncillaryMessage::ScmRights(&sockets)) {
        return Err(io::Error::other("no room for a socket"));
    }
    sendmsg(control, &[IoSlice::new(&[COMPANION])], &mut message, SendFlags::NOSIGNAL)?;
    Ok(())
}

/// Takes the socket over, in a stage.
pub(crate) fn receive(control: &UnixStream) -> io::Result<OwnedFd> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut message = RecvAncillaryBuffer::new(&mut space);
    let mut companion = [0];
    recvmsg(control, &mut [IoSliceMut::new(&mut companion)], &mut message, RecvFlags::CMSG_CLOEXEC)?;
    for part in message.drain() {
        if let RecvAncillaryMessage::ScmRights(mut sockets) = part
            && let Some(socket) = sockets.next()
        {
            return Ok(socket);
        }
    }
    Err(io::Error::other("the socket was not handed over"))
}

/// Begins to answer on it.
pub(crate) fn listen(socket: &OwnedFd) -> io::Result<()> {
    Ok(rustix::net::listen(socket, BACKLOG)?)
}

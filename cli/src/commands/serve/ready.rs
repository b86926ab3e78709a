//! Telling systemd that it is up (sd_notify(3)): a datagram to the socket that it names.

use std::env;
use std::ffi::OsStr;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// The variable that names the socket.
const SOCKET: &str = "NOTIFY_SOCKET";

/// Says that it is ready, if somebody wants to know. Nothing depends on it: who cannot be told waits until it loses patience.
pub(super) fn tell() {
    let Some(name) = env::var_os(SOCKET).filter(|name| !name.is_empty()) else { return };
    let _ = address(&name).and_then(|address| UnixDatagram::unbound()?.send_to_addr(b"READY=1", &address));
}

/// A name that begins with @ is in the abstract namespace.
fn address(name: &OsStr) -> std::io::Result<SocketAddr> {
    match name.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name),
        _ => SocketAddr::from_pathname(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_is_a_path_or_an_abstract_name() {
        assert!(address(OsStr::new("/run/notify")).is_ok_and(|address| address.as_pathname().is_some()));
        let abstract_name = address(OsStr::new("@notify")).expect("it is a name");
        assert_eq!(abstract_name.as_abstract_name(), Some(&b"notify"[..]));
    }
}

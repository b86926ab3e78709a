//! Whether something that listens on the loopback is well.

#[cfg(test)]
mod tests;

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::spec::CheckSpec;

/// How long a connection has to stay open to be one: a forwarder closes what nobody takes on at once.
const SETTLED: Duration = Duration::from_millis(50);
/// Bytes of an answer that are looked at: `HTTP/1.1 200 `.
const STATUS_LINE: usize = 13;
/// The shortest time that a socket can be told to wait.
const LEAST: Duration = Duration::from_millis(1);

/// Looks once; tells why it is not well.
///
/// # Errors
/// What was seen instead.
pub fn look(check: &CheckSpec, port: u16, timeout: Duration) -> Result<(), String> {
    let until = Instant::now() + timeout;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let stream = TcpStream::connect_timeout(&address, timeout.max(LEAST));
    let stream = stream.map_err(|error| format!("port {port} takes no connection: {error}"))?;
    match check {
        CheckSpec::Tcp => stays_open(&stream, port, timeout),
        CheckSpec::Http(path) => answers(stream, port, path, until),
    }
}

fn stays_open(stream: &TcpStream, port: u16, timeout: Duration) -> Result<(), String> {
    let closed = |why: &dyn std::fmt::Display| Err(format!("port {port} closes connections at once: {why}"));
    if let Err(error) = stream.set_read_timeout(Some(SETTLED.min(timeout).max(LEAST))) {
        return closed(&error);
    }
    match stream.peek(&mut [0]) {
        Ok(0) => closed(&"end of stream"),
        Ok(_) => Ok(()),
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Ok(()),
        Err(error) => closed(&error),
    }
}

fn answers(mut stream: TcpStream, port: u16, path: &str, until: Instant) -> Result<(), String> {
    let place = format!("GET http://127.0.0.1:{port}{path}");
    let failed = |error: std::io::Error| match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => format!("{place} is not answered in time"),
        _ => format!("{place}: {error}"),
    };
    let left = || until.saturating_duration_since(Instant::now()).max(LEAST);
    stream.set_write_timeout(Some(left())).map_err(failed)?;
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUser-Agent: zo-health\r\nAccept: */*\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).map_err(failed)?;
    let mut line = Vec::with_capacity(STATUS_LINE);
    while line.len() < STATUS_LINE {
        if Instant::now() >= until {
            return Err(format!("{place} is not answered in time"));
        }
        stream.set_read_timeout(Some(left())).map_err(failed)?;
        let mut piece = [0; STATUS_LINE];
        match stream.read(&mut piece[..STATUS_LINE - line.len()]).map_err(failed)? {
            0 => break,
            length => line.extend_from_slice(&piece[..length]),
        }
    }
    let line = String::from_utf8_lossy(&line);
    match line.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..5)).and_then(|status| status.parse::<u16>().ok()) {
        Some(200..=299) => Ok(()),
        Some(status) => Err(format!("{place} is answered {status}")),
        None => Err(format!("{place} is answered with what is not HTTP")),
    }
}

//! Names into checked addresses, and those into connections.
//!
//! A name is resolved once for a connection. What comes out of here is what is connected to: nothing asks for the name again.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use crate::error::{EgressError, ErrorKind};
use crate::policy::{Admitted, Policy, refused};

/// How long a name may take to be resolved: the system's resolver asks twice for 5 s.
pub(crate) const RESOLVE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a connection may take to be made, over all its addresses.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How many addresses of a name are tried: who has more than that down is down.
const MOST_ADDRESSES: usize = 8;

/// How many refused addresses an error names.
const MOST_NAMED: usize = 3;

/// Who knows the addresses of names.
#[derive(Clone)]
pub(crate) enum Names {
    /// The system's resolver.
    System,
    /// A test.
    #[cfg(test)]
    Scripted(std::sync::Arc<Script>),
}

/// What a test says about the addresses of a name.
#[cfg(test)]
type Script = dyn Fn(&str) -> io::Result<Vec<std::net::IpAddr>> + Send + Sync;

impl Names {
    async fn look_up(&self, name: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        match self {
            Names::System => Ok(lookup_host((name, port)).await?.collect()),
            #[cfg(test)]
            Names::Scripted(script) => {
                Ok(script(name)?.into_iter().map(|address| SocketAddr::new(address, port)).collect())
            }
        }
    }
}

/// The addresses of a target that may be connected to, in the order in which they are to be tried; never none.
///
/// # Errors
/// [`ErrorKind::Dns`], [`ErrorKind::Timeout`], and [`ErrorKind::Refused`] if it has addresses and all are refused.
pub(crate) async fn resolve(
    policy: &Policy,
    names: &Names,
    admitted: &Admitted,
) -> Result<Vec<SocketAddr>, EgressError> {
    let target = &admitted.target;
    let found = match (target.literal(), &target.host) {
        (Some(address), _) => vec![address],
        (None, host) => {
            let name = host.to_string();
            match timeout(RESOLVE_TIMEOUT, names.look_up(&name, target.port)).await {
                Ok(Ok(found)) => found,
                Ok(Err(error)) => return Err(unresolved(&name, &error)),
                Err(_) => {
                    let text = format!("{name} was not resolved within {} s", RESOLVE_TIMEOUT.as_secs());
                    return Err(EgressError::new(ErrorKind::Timeout, text).hint("is this machine online?"));
                }
            }
        }
    };
    let (mut permitted, mut reasons) = (Vec::new(), Vec::new());
    for address in found {
        match policy.check_address(admitted, address) {
            Ok(()) if permitted.len() < MOST_ADDRESSES => permitted.push(address),
            Ok(()) => {}
            Err(why) => reasons.push(why),
        }
    }
    if !permitted.is_empty() {
        if !reasons.is_empty() {
            tracing::debug!(host = %target.host, refused = reasons.len(), "some addresses of the name are refused");
        }
        return Ok(permitted);
    }
    if reasons.is_empty() {
        return Err(EgressError::new(ErrorKind::Dns, format!("{} has no address", target.host)));
    }
    reasons.dedup();
    reasons.truncate(MOST_NAMED);
    Err(refused(format!("{target} is refused: {}", reasons.join(", "))).hint(policy.rule_for(target)))
}

/// A connection to the first of these addresses that takes one.
pub(crate) async fn connect(admitted: &Admitted, addresses: &[SocketAddr]) -> Result<TcpStream, EgressError> {
    let target = &admitted.target;
    let attempt = async {
        let mut failed = None;
        // One address that swallows packets leaves time for the others.
        let each = CONNECT_TIMEOUT / u32::try_from(addresses.len().max(1)).unwrap_or(u32::MAX);
        for address in addresses {
            match timeout(each, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => failed = Some(unconnected(&target.to_string(), &error)),
                Err(_) => {}
            }
        }
        let text = format!("no connection to {target} within {} s", CONNECT_TIMEOUT.as_secs());
        Err(failed.unwrap_or_else(|| EgressError::new(ErrorKind::Timeout, text)))
    };
    let stream = attempt.await?;
    // Small requests are not to wait for each other's acknowledgement; a socket that refuses that works all the same.
    let _ = stream.set_nodelay(true);
    Ok(stream)
}

fn unresolved(name: &str, error: &io::Error) -> EgressError {
    let said = error.to_string();
    let said = said.strip_prefix("failed to lookup address information: ").unwrap_or(&said);
    EgressError::new(ErrorKind::Dns, format!("cannot resolve {name}: {said}"))
        .hint("check the name, and that this machine is online")
}

fn unconnected(target: &str, error: &io::Error) -> EgressError {
    EgressError::new(ErrorKind::Connect, format!("cannot connect to {target}: {error}"))
        .hint("is a server running there, on that port?")
}

#[cfg(test)]
mod tests;

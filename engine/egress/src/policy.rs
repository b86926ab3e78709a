//! What may be reached.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};
use url::{Host, Url};

use crate::address::reserved;
use crate::error::{EgressError, ErrorKind};
use crate::pattern::HostPattern;

/// Which hosts may be reached. The default permits every host of the public internet and nothing else.
///
/// A host is refused if a pattern of `deny_hosts` names it or the address it has; then if `allow_hosts` is not empty and none of its
/// patterns names it; then if the address is not one of the public internet, unless `allow_private` is set or a pattern of
/// `allow_hosts` names exactly that host with exactly that port. So `["*", "127.0.0.1:8080"]` permits the public internet and one
/// server on this machine. What `only_hosts` does not name is refused too, but naming a host there permits nothing that is not permitted
/// without it: it is for who is less trusted than who wrote the rest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// Whether addresses of this machine, of private networks and others outside the public internet may be reached.
    pub allow_private: bool,
    /// The only hosts that may be reached; all, if there are none.
    pub allow_hosts: Vec<HostPattern>,
    /// The hosts among those that may be reached at all; no further limit, if there are none.
    pub only_hosts: Vec<HostPattern>,
    /// Hosts that may not be reached, whatever else is said.
    pub deny_hosts: Vec<HostPattern>,
    /// Whether [`fetch`](crate::Egress::fetch) takes the proxy that the environment names (`HTTPS_PROXY`, `NO_PROXY`, …). A proxy
    /// resolves names itself, so then only names and addresses as written are checked, not what names resolve to.
    pub system_proxy: bool,
}

/// A host and port that somebody wants to reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) host: Host<String>,
    pub(crate) port: u16,
}

/// A target whose name is permitted; its addresses remain to be checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Admitted {
    pub(crate) target: Target,
    /// Whether its addresses may be any.
    pub(crate) private: bool,
}

/// Ports of services that act upon what an HTTP request looks like to them: mail, terminals, printers, databases of names. The list is
/// that of the Fetch standard, section "Port blocking" (2025-10).
const BLOCKED_PORTS: [u16; 83] = [
    0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104, 109,
    110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515, 526, 530, 531,
    532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060,
    5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080,
];

impl Policy {
    /// Whether a URL may be asked for as far as can be told without resolving its host's name; for asking a person beforehand.
    ///
    /// # Errors
    /// [`ErrorKind::Url`] if it is none of http or https, [`ErrorKind::Refused`] if the policy forbids it.
    pub fn check_url(&self, url: &str) -> Result<(), EgressError> {
        let url = parse_url(url)?;
        self.admit(Target::of(&url)?).map(|_| ())
    }

    /// Whether a target's name and port, or its address if it is one as written, are permitted.
    pub(crate) fn admit(&self, target: Target) -> Result<Admitted, EgressError> {
        let named = |pattern: &&HostPattern| pattern.matches(&target.host, target.port);
        if let Some(pattern) = self.deny_hosts.iter().find(named) {
            return Err(refused(format!("{target} is refused by the rule: deny host {pattern}"))
                .hint(format!("if it is to be reached, remove the rule: deny host {pattern}")));
        }
        let mut allowed = self.allow_hosts.iter().filter(named).peekable();
        if !self.allow_hosts.is_empty() && allowed.peek().is_none() {
            let port = if matches!(target.port, 80 | 443) { String::new() } else { format!(":{}", target.port) };
            return Err(refused(format!("{target} is none of the hosts that are allowed"))
                .hint(format!("to permit it: allow host {}{port}", target.host)));
        }
        if !self.only_hosts.is_empty() && !self.only_hosts.iter().any(|pattern| named(&pattern)) {
            let known: Vec<String> = self.only_hosts.iter().map(ToString::to_string).collect();
            return Err(refused(format!("{target} is none of the hosts that were named: {}", known.join(", "))));
        }
        let (mut explicit, mut with_port) = (false, false);
        for pattern in allowed {
            explicit |= pattern.is_explicit();
            with_port |= pattern.has_port();
        }
        if !with_port && BLOCKED_PORTS.contains(&target.port) {
            return Err(refused(format!("port {} of {} is no web server's", target.port, target.host))
                .hint(self.rule_for(&target)));
        }
        let admitted = Admitted { private: explicit || self.allow_private, target };
        if let Some(address) = admitted.target.literal() {
            self.check_address(&admitted, address).map_err(|why| {
                refused(format!("{} is refused: {why}", admitted.target)).hint(self.rule_for(&admitted.target))
            })?;
        }
        Ok(admitted)
    }

    /// Whether an address that a target has may be connected to; what it is, if not.
    pub(crate) fn check_address(&self, admitted: &Admitted, address: SocketAddr) -> Result<(), String> {
        if let Some(pattern) = self.deny_hosts.iter().find(|pattern| pattern.matches_address(address)) {
            return Err(format!("{} is denied by the rule: deny host {pattern}", address.ip()));
        }
        match reserved(address.ip()) {
            Some(what) if !admitted.private => Err(format!("{} is {what}", address.ip())),
            _ => Ok(()),
        }
    }

    /// Whether a connection that stands is permitted: its target, and the address that it led to.
    pub(crate) fn check_connection(&self, target: &Target, address: SocketAddr) -> Result<(), EgressError> {
        let admitted = self.admit(target.clone())?;
        self.check_address(&admitted, address)
            .map_err(|why| refused(format!("{target} is refused: {why}")).hint(self.rule_for(target)))
    }

    /// The rule that would permit just this target and its addresses, as a hint.
    pub(crate) fn rule_for(&self, target: &Target) -> String {
        if self.allow_hosts.is_empty() {
            return format!("to permit it: allow host {target} (and allow host *, to keep the public internet)");
        }
        format!("to permit it: allow host {target}")
    }

    /// Rules that cannot do what whoever wrote them meant.
    pub(crate) fn check_rules(&self) -> Result<(), EgressError> {
        for pattern in &self.allow_hosts {
            if let Some(what) = pattern.address_without_port().and_then(reserved)
                && !self.allow_private
            {
                let message = format!("allow host {pattern} permits nothing: it is {what}, and the rule names no port");
                return Err(EgressError::new(ErrorKind::Policy, message)
                    .hint(format!("name the port, as in allow host {pattern}:8080")));
            }
        }
        Ok(())
    }
}

impl Target {
    /// What a URL of http or https leads to.
    pub(crate) fn of(url: &Url) -> Result<Target, EgressError> {
        let no_host = || EgressError::new(ErrorKind::Url, "the URL has no host");
        let host = url.host().ok_or_else(no_host)?.to_owned();
        let port = url.port_or_known_default().ok_or_else(no_host)?;
        Ok(Target { host, port })
    }

    /// The address, if the host is one as written.
    pub(crate) fn literal(&self) -> Option<SocketAddr> {
        let address = match self.host {
            Host::Domain(_) => return None,
            Host::Ipv4(address) => IpAddr::V4(address),
            Host::Ipv6(address) => IpAddr::V6(address),
        };
        Some(SocketAddr::new(address, self.port))
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

pub(crate) fn refused(message: String) -> EgressError {
    EgressError::new(ErrorKind::Refused, message)
}

/// Reads a URL that may be asked for.
pub(crate) fn parse_url(text: &str) -> Result<Url, EgressError> {
    let url = Url::parse(text.trim()).map_err(|error| {
        let error = EgressError::new(ErrorKind::Url, format!("{:?} is no URL: {error}", excerpt(text)));
        error.hint("write it with its scheme, as in https://example.org/page")
    })?;
    if !matches!(url.scheme(), "http" | "https") {
        let message = format!("a URL of {}: expected http or https", url.scheme());
        return Err(EgressError::new(ErrorKind::Url, message));
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err(EgressError::new(ErrorKind::Url, "the URL has no host"));
    }
    Ok(url)
}

/// The beginning of what somebody wrote, without what may be a password.
fn excerpt(text: &str) -> String {
    const LONGEST: usize = 80;
    let text = text.rsplit_once('@').map_or(text, |(_, rest)| rest);
    let text = text.split(['?', '#']).next().unwrap_or_default();
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_string(),
    }
}

#[cfg(test)]
mod tests;

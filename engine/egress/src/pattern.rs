//! Patterns of hosts, as people write them into policies.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use url::Host;

/// Hosts, with a port or with any: `example.org`, `*.example.org` (what is below it, not itself), `127.0.0.1:8080`, `[::1]:8080`,
/// `*` (every host), `*:443`.
///
/// Names are compared in the form they have on the wire (lower case, punycode), addresses as addresses.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HostPattern {
    name: Name,
    port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Name {
    Any,
    /// All names that end in a dot and this one.
    Below(String),
    Exact(Host<String>),
}

/// A text that is no [`HostPattern`], and why.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("host pattern {text:?}: {why}")]
pub struct PatternError {
    /// What was written.
    pub text: String,
    /// What is wrong with it, and how it is written right.
    pub why: String,
}

impl HostPattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// It is a URL, a path, an address range, has a `*` anywhere but at its beginning, or a port that is none.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let trimmed = text.trim();
        read(trimmed).map_err(|why| PatternError { text: trimmed.to_string(), why })
    }

    /// Whether it names this host and port.
    pub(crate) fn matches(&self, host: &Host<String>, port: u16) -> bool {
        self.port.is_none_or(|own| own == port)
            && match (&self.name, host) {
                (Name::Any, _) => true,
                (Name::Below(parent), Host::Domain(name)) => {
                    bare(name).strip_suffix(parent.as_str()).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
                }
                (Name::Below(_), _) => false,
                (Name::Exact(Host::Domain(own)), Host::Domain(name)) => own == bare(name),
                (Name::Exact(own), host) => literal(own).is_some() && literal(own) == literal(host),
            }
    }

    /// Whether it names this address itself, whatever name led there.
    pub(crate) fn matches_address(&self, address: SocketAddr) -> bool {
        let Name::Exact(host) = &self.name else { return false };
        self.port.is_none_or(|port| port == address.port()) && literal(host) == Some(address.ip().to_canonical())
    }

    /// Whether it names one host and one port, so that whoever wrote it meant just that.
    pub(crate) fn is_explicit(&self) -> bool {
        matches!(self.name, Name::Exact(_)) && self.port.is_some()
    }

    /// The address it names, if it names one with any port.
    pub(crate) fn address_without_port(&self) -> Option<IpAddr> {
        match &self.name {
            Name::Exact(host) if self.port.is_none() => literal(host),
            _ => None,
        }
    }

    /// Whether it names a port.
    pub(crate) fn has_port(&self) -> bool {
        self.port.is_some()
    }
}

fn read(text: &str) -> Result<HostPattern, String> {
    if text.is_empty() {
        return Err("it is empty; write a host, such as example.org".to_string());
    }
    if let Some((_, rest)) = text.split_once("://") {
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        return Err(format!("it is a URL; write its host alone: {host}"));
    }
    if text.contains('/') {
        return Err("paths and address ranges are no hosts; write a host, such as example.org".to_string());
    }
    if let Some(bad) = text.chars().find(|c| c.is_whitespace() || c.is_control() || "@?#\\%,;".contains(*c)) {
        return Err(format!("{bad:?} is in no host; write one host, such as example.org"));
    }
    let (name, port) = split_port(text)?;
    let name = match name {
        "*" => Name::Any,
        _ => match name.strip_prefix("*.") {
            Some(parent) => match host(parent)? {
                Host::Domain(parent) => Name::Below(parent),
                _ => return Err("an address has nothing below it; write it without \"*.\"".to_string()),
            },
            None => Name::Exact(host(name)?),
        },
    };
    Ok(HostPattern { name, port })
}

fn split_port(text: &str) -> Result<(&str, Option<u16>), String> {
    if text.parse::<Ipv6Addr>().is_ok() {
        return Ok((text, None));
    }
    let Some((name, port)) = text.rsplit_once(':') else { return Ok((text, None)) };
    if text.starts_with('[') && text.ends_with(']') {
        return Ok((text, None));
    }
    if name.contains(':') && !name.starts_with('[') {
        return Err("write an address of IPv6 with a port as [::1]:8080".to_string());
    }
    match port.parse() {
        Ok(0) | Err(_) => Err(format!("{port:?} is no port; expected a number from 1 to 65535")),
        Ok(port) => Ok((name, Some(port))),
    }
}

fn host(name: &str) -> Result<Host<String>, String> {
    if name.contains('*') {
        return Err("a * stands alone or at the beginning, as in *.example.org".to_string());
    }
    if let Ok(address) = name.parse::<Ipv6Addr>() {
        return Ok(Host::Ipv6(address));
    }
    match Host::parse(bare(name)) {
        Ok(Host::Domain(name)) if name.is_empty() || name.split('.').any(str::is_empty) => {
            Err("a part of the name is empty".to_string())
        }
        Ok(host) => Ok(host),
        Err(error) => Err(format!("no host: {error}")),
    }
}

/// A name without the dot that says that it is complete.
fn bare(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}

/// The address that a host is; one of IPv4 in the form of IPv6 is the same.
fn literal(host: &Host<String>) -> Option<IpAddr> {
    match host {
        Host::Domain(_) => None,
        Host::Ipv4(address) => Some(IpAddr::V4(*address)),
        Host::Ipv6(address) => Some(IpAddr::V6(*address).to_canonical()),
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Name::Any => f.write_str("*")?,
            Name::Below(parent) => write!(f, "*.{parent}")?,
            Name::Exact(host) => write!(f, "{host}")?,
        }
        match self.port {
            Some(port) => write!(f, ":{port}"),
            None => Ok(()),
        }
    }
}

impl FromStr for HostPattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        HostPattern::parse(text)
    }
}

impl TryFrom<String> for HostPattern {
    type Error = PatternError;

    fn try_from(text: String) -> Result<Self, PatternError> {
        HostPattern::parse(&text)
    }
}

impl From<HostPattern> for String {
    fn from(pattern: HostPattern) -> String {
        pattern.to_string()
    }
}

#[cfg(test)]
mod tests;

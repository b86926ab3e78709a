//! By which names the interface may be called, and from which pages.
//!
//! A browser lets any page send requests to this machine. A page whose name was made to point here (DNS rebinding) gives
//! itself away by the `Host` it asks for, one that asks across origins (CSRF) by its `Origin`; both are refused.

use std::net::{IpAddr, SocketAddr};

use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};

use crate::error::HttpError;
use crate::problem::Problem;

/// The names that are taken.
#[derive(Debug)]
pub(crate) struct Hosts {
    /// With the port; without one, any port is meant.
    names: Vec<(String, Option<u16>)>,
    /// Other origins: scheme, host and port, as browsers write them.
    origins: Vec<String>,
}

impl Hosts {
    /// The names of a server that listens at `bound`.
    pub(crate) fn new(bound: SocketAddr, hosts: &[String], origins: &[String]) -> Result<Self, HttpError> {
        let local = ["127.0.0.1", "localhost", "[::1]"].map(|name| (name.to_owned(), Some(bound.port())));
        let mut names = local.to_vec();
        if !bound.ip().is_unspecified() {
            let name = match bound.ip() {
                IpAddr::V4(address) => address.to_string(),
                IpAddr::V6(address) => format!("[{address}]"),
            };
            names.push((name, Some(bound.port())));
        }
        for given in hosts {
            let parsed = parse(given).ok_or_else(|| HttpError::Name { what: "host", given: given.clone() })?;
            names.push(parsed);
        }
        let mut taken = Vec::with_capacity(origins.len());
        for given in origins {
            let is_origin = given.split_once("://").is_some_and(|(scheme, host)| {
                matches!(scheme, "http" | "https") && parse(host).is_some() && !host.contains('/')
            });
            if !is_origin {
                return Err(HttpError::Name { what: "origin", given: given.clone() });
            }
            taken.push(given.to_ascii_lowercase());
        }
        Ok(Self { names, origins: taken })
    }

    /// Refuses a request to a name that is not taken, or from a page of another origin. Returns the other origin if
    /// there is one, and it is taken.
    pub(crate) fn check(&self, uri: &Uri, headers: &HeaderMap) -> Result<Option<HeaderValue>, Problem> {
        let host = self.host(uri, headers)?;
        let Some(value) = headers.get(header::ORIGIN) else { return Ok(None) };
        let origin = value.to_str().unwrap_or_default().to_ascii_lowercase();
        if origin.split_once("://").is_some_and(|(scheme, of)| matches!(scheme, "http" | "https") && of == host) {
            return Ok(None);
        }
        if self.origins.contains(&origin) {
            return Ok(Some(value.clone()));
        }
        let message = format!("pages of {origin:?} may not use this");
        Err(Problem::new(StatusCode::FORBIDDEN, "forbidden_origin", message).hint("let them: --allow-origin"))
    }

    /// Refuses a request to a name that is not taken, whichever page it is from.
    pub(crate) fn check_host(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), Problem> {
        self.host(uri, headers).map(drop)
    }

    /// The name that a request calls, if it is taken.
    fn host(&self, uri: &Uri, headers: &HeaderMap) -> Result<String, Problem> {
        let host = host_of(uri, headers)?;
        if self.takes(&host) {
            return Ok(host);
        }
        let message = format!("this is not {host}");
        Err(Problem::new(StatusCode::FORBIDDEN, "forbidden_host", message)
            .hint("call it by 127.0.0.1 or localhost, or let it have that name: --allow-host"))
    }

    fn takes(&self, host: &str) -> bool {
        let Some((name, port)) = parse(host) else { return false };
        self.names.iter().any(|(taken, wanted)| {
            let fits = match (wanted, port) {
                (None, _) => true,
                (Some(wanted), Some(port)) => *wanted == port,
                // Browsers leave the usual ports out.
                (Some(wanted), None) => matches!(wanted, 80 | 443),
            };
            *taken == name && fits
        })
    }
}

/// The name that a request calls, in lower case.
fn host_of(uri: &Uri, headers: &HeaderMap) -> Result<String, Problem> {
    let bad = |message: &str| Problem::new(StatusCode::BAD_REQUEST, "bad_request", message);
    let mut named = headers.get_all(header::HOST).iter();
    let host = match (named.next(), named.next(), uri.authority()) {
        (Some(host), None, _) => host.to_str().map_err(|_| bad("the Host header is no text"))?.to_ascii_lowercase(),
        // HTTP/2 has it in the address.
        (None, _, Some(authority)) => authority.as_str().to_ascii_lowercase(),
        (Some(_), Some(_), _) => return Err(bad("there are two Host headers")),
        (None, _, None) => return Err(bad("there is no Host header")),
    };
    match uri.authority() {
        Some(other) if !other.as_str().eq_ignore_ascii_case(&host) => Err(bad("the address is not that of Host")),
        _ => Ok(host),
    }
}

/// Name and port of `zo.example:8443`, the name in lower case.
fn parse(host: &str) -> Option<(String, Option<u16>)> {
    let authority: Authority = host.parse().ok()?;
    if authority.as_str().contains('@') || authority.host().is_empty() {
        return None;
    }
    let port = match authority.as_str().strip_prefix(authority.host())? {
        "" => None,
        port => Some(port.strip_prefix(':')?.parse().ok()?),
    };
    Some((authority.host().to_ascii_lowercase(), port))
}

#[cfg(test)]
mod tests;

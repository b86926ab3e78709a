//! Which proxy stands between us and an address, so that errors can name it.
//!
//! The system's proxy is found and used by reqwest. What is here repeats its rules for the environment only to
//! explain: a refused connection means another thing if it was the proxy's.

use std::env;
use std::net::IpAddr;

use reqwest::Url;

use crate::options::Options;
use crate::provider::{is_loopback, safe_url};

/// A proxy that a request goes through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ProxyUse {
    /// Its URL.
    pub(crate) url: Url,
    /// Who says so: `the proxy setting`, or a variable's name.
    pub(crate) from: String,
}

impl ProxyUse {
    /// Its URL without user and password.
    pub(crate) fn shown(&self) -> String {
        safe_url(self.url.as_str().trim_end_matches('/'))
    }
}

/// Whether requests to that URL take no proxy, whatever the system says: by the options, or because they go to this machine.
pub(crate) fn is_direct(options: &Options, url: &Url) -> bool {
    match &options.proxy {
        Some(proxy) => proxy.is_empty(),
        None => url.host_str().is_none_or(is_loopback),
    }
}

/// The proxy that requests to `url` take, as far as options and environment tell.
pub(crate) fn proxy_for(options: &Options, url: &Url) -> Option<ProxyUse> {
    if let Some(text) = &options.proxy {
        if text.is_empty() {
            return None;
        }
        return Some(ProxyUse { url: parse(text)?, from: "the proxy setting".to_string() });
    }
    if is_direct(options, url) {
        return None;
    }
    let own = if url.scheme() == "https" { ["HTTPS_PROXY", "https_proxy"] } else { ["HTTP_PROXY", "http_proxy"] };
    let set = |name: &str| env::var(name).ok().filter(|value| !value.is_empty()).map(|value| (name.to_string(), value));
    let (from, value) = own.iter().chain(&["ALL_PROXY", "all_proxy"]).find_map(|name| set(name))?;
    let exceptions = set("NO_PROXY").or_else(|| set("no_proxy")).map(|(_, value)| value).unwrap_or_default();
    if excepted(&exceptions, url.host_str().unwrap_or_default()) {
        return None;
    }
    Some(ProxyUse { url: parse(&value)?, from })
}

fn parse(text: &str) -> Option<Url> {
    Url::parse(text).ok().filter(Url::has_host).or_else(|| Url::parse(&format!("http://{text}")).ok())
}

/// Whether a `NO_PROXY` list (domains with all below them, addresses, address ranges, `*`) has the host.
fn excepted(list: &str, host: &str) -> bool {
    let host = host.trim_matches(['[', ']']).to_ascii_lowercase();
    let address = host.parse::<IpAddr>().ok();
    list.split(',').map(str::trim).filter(|entry| !entry.is_empty()).any(|entry| {
        let entry = entry.to_ascii_lowercase();
        if let (Some(address), Some((network, bits))) = (address, entry.split_once('/')) {
            return within(address, network, bits);
        }
        let domain = entry.trim_start_matches("*.").trim_start_matches('.');
        entry == "*" || host == domain || host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'))
    })
}

fn within(address: IpAddr, network: &str, bits: &str) -> bool {
    let Ok(bits) = bits.parse::<u32>() else { return false };
    match (address, network.parse()) {
        (IpAddr::V4(a), Ok(IpAddr::V4(n))) if bits <= 32 => {
            let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
            a.to_bits() & mask == n.to_bits() & mask
        }
        (IpAddr::V6(a), Ok(IpAddr::V6(n))) if bits <= 128 => {
            let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
            a.to_bits() & mask == n.to_bits() & mask
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests;

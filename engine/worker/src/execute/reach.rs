//! What of the network a job gets: what it names, of what the node permits.

use tempfile::TempDir;
use zo_egress::{Egress, EgressError, ErrorKind, HostPattern, Policy, Proxy};

use super::Outcome;

/// What a job may reach that names `hosts`, and whether it wants addresses that are not of the public internet.
///
/// A node that permits private addresses leaves it to the job which; naming one with its port is enough. Elsewhere what a job
/// names permits nothing that the node does not.
pub(super) fn narrowed(node: &Policy, hosts: Vec<HostPattern>, private: bool) -> Policy {
    if node.allow_private {
        return Policy {
            allow_private: private,
            allow_hosts: hosts,
            only_hosts: node.allow_hosts.clone(),
            ..node.clone()
        };
    }
    Policy { only_hosts: hosts, ..node.clone() }
}

/// Reads patterns of hosts.
pub(super) fn patterns(hosts: &[String]) -> Result<Vec<HostPattern>, String> {
    hosts.iter().map(|host| HostPattern::parse(host).map_err(|error| error.to_string())).collect()
}

/// A proxy for what runs in the sandbox, for as long as it is held.
pub(super) struct Way {
    proxy: Proxy,
    _folder: TempDir,
}

impl Way {
    /// A way to these hosts, of those that the node permits.
    pub(super) fn to(node: &Policy, hosts: Vec<HostPattern>) -> Result<Self, Outcome> {
        // The scratch folder's path may be longer than that of a socket can be.
        let folder = tempfile::Builder::new().prefix("zo-way-").tempdir();
        let folder =
            folder.map_err(|error| Outcome::not_begun(format!("no folder for the proxy's socket: {error}")))?;
        let proxy = Egress::new(narrowed(node, hosts, false)).and_then(|egress| egress.proxy(&folder.path().join("s")));
        Ok(Self { proxy: proxy.map_err(|error| no_way(&error))?, _folder: folder })
    }

    /// Where it listens.
    pub(super) fn socket(&self) -> std::path::PathBuf {
        self.proxy.path().to_owned()
    }
}

/// What becomes of a job that no way can be made for.
pub(super) fn no_way(error: &EgressError) -> Outcome {
    if error.kind == ErrorKind::Setup { Outcome::not_begun(told(error)) } else { Outcome::hopeless(told(error)) }
}

/// An error with what to do about it.
pub(super) fn told(error: &EgressError) -> String {
    match &error.hint {
        Some(hint) => format!("{} ({hint})", error.message),
        None => error.message.clone(),
    }
}

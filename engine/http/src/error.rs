//! Why there is no server.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Why the workspace is not offered over HTTP.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// Somebody else has the port.
    #[error("{address} is in use{}", .holder.as_ref().map_or_else(String::new, |who| format!(", by {who}")))]
    InUse {
        /// The address.
        address: SocketAddr,
        /// Who has it: `process 4711 (zo)`, if that can be seen.
        holder: Option<String>,
    },
    /// It cannot be listened at that address.
    #[error("cannot listen at {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// Other machines would read everything that passes.
    #[error("{address} can be reached by other machines, which needs a certificate and its key")]
    NeedsTls {
        /// The address.
        address: SocketAddr,
    },
    /// Other machines could reach it, and nobody is known by a token.
    #[error("{address} can be reached by other machines, and there is no token that they could present")]
    NeedsToken {
        /// The address.
        address: SocketAddr,
    },
    /// The certificate or its key cannot be used.
    #[error("{}: {why}", .file.display())]
    Tls {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A name in the options is none.
    #[error("`{given}` is no {what}")]
    Name {
        /// What it should be.
        what: &'static str,
        /// What was given.
        given: String,
    },
    /// There are no threads for it.
    #[error("cannot start the server's threads: {0}")]
    Threads(#[source] io::Error),
}

impl HttpError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::InUse { .. } => "stop who has it, or listen elsewhere: --listen 127.0.0.1:PORT",
            Self::Listen { .. } => "the address must be one of this machine: --listen 127.0.0.1:7733",
            Self::NeedsToken { .. } => "make one first: zo token create NAME --scope read,ask",
            Self::NeedsTls { .. } => "give --tls-cert FILE and --tls-key FILE, or listen at 127.0.0.1",
            Self::Tls { .. } => "certificate chain and private key are expected, each in PEM",
            Self::Name { .. } => "hosts are like `zo.example` or `zo.example:8443`, origins like `https://zo.example`",
            Self::Threads(_) => "the system has no room for more threads",
        }
    }
}

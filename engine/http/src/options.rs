//! How the workspace is offered over HTTP, and how much of it to whom.

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

/// The usual port of the interface.
pub const USUAL_PORT: u16 = 7733;
/// The usual port of hosted files: another origin, so that what is hosted has none of the interface's rights in a browser.
pub const USUAL_FILES_PORT: u16 = 7734;

/// How the workspace is offered.
#[derive(Clone, Debug)]
pub struct HttpOptions {
    /// Where the interface listens; port 0: wherever there is room. Anything but loopback needs `tls`.
    pub listen: SocketAddr,
    /// Where hosted files are served; none: nowhere. Anything but loopback needs `tls`.
    pub files_listen: Option<SocketAddr>,
    /// Certificate chain and private key.
    pub tls: Option<TlsFiles>,
    /// Names by which this machine may be called beside `127.0.0.1`, `localhost` and `[::1]`: `zo.example`, at the port
    /// that is listened at, or `zo.example:8443`.
    pub allowed_hosts: Vec<String>,
    /// Pages of which other origins may use the interface: `https://app.example`.
    pub allowed_origins: Vec<String>,
    /// Names of models that clients know, and the ones that answer in their place: `("gpt-4o", "openai/gpt-4o")`.
    pub aliases: Vec<(String, String)>,
    /// How much of everything.
    pub limits: Limits,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, USUAL_PORT).into(),
            files_listen: Some((Ipv4Addr::LOCALHOST, USUAL_FILES_PORT).into()),
            tls: None,
            allowed_hosts: Vec::new(),
            allowed_origins: Vec::new(),
            aliases: Vec::new(),
            limits: Limits::default(),
        }
    }
}

/// What encryption needs, as files in PEM.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// The certificate, and those it is signed by.
    pub certificates: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// How much of everything.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes of a request's body.
    pub body_bytes: usize,
    /// Requests of one token in a second, on the average…
    pub requests_per_second: NonZeroU32,
    /// …and at once.
    pub requests_burst: NonZeroU32,
    /// Failed authentications of one address in a minute, after which it is told to wait.
    pub failures_per_minute: NonZeroU32,
    /// Requests that the engine works on at once: a thread each.
    pub requests_at_once: usize,
    /// Streams that are followed at once: a thread each.
    pub streams_at_once: usize,
    /// Until a request waits for its turn no longer.
    pub turn_timeout: Duration,
    /// Until a request's head, and its body, must have come.
    pub read_timeout: Duration,
    /// Until who takes nothing of what is sent counts as gone.
    pub write_timeout: Duration,
    /// So long requests in flight are waited for when the server stops.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        let number = |number| NonZeroU32::new(number).expect("it is not zero");
        Self {
            // A file of a question may have 32 MiB, a third more as base64.
            body_bytes: 48 * 1024 * 1024,
            requests_per_second: number(2_000),
            requests_burst: number(4_000),
            failures_per_minute: number(60),
            requests_at_once: 256,
            streams_at_once: 128,
            turn_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(60),
            drain: Duration::from_secs(10),
        }
    }
}

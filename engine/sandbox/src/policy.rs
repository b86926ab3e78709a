//! What a command may do, and for how long.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

const MIB: u64 = 1 << 20;
/// Where the proxy is reached from inside: on the loopback of a network that nobody else is in.
pub(crate) const PROXY_PORT: u16 = 3128;

/// A program with its arguments, and what it may do.
#[derive(Clone, Debug, Default)]
pub struct Command {
    /// The program and its arguments. A name without a slash is looked for in `PATH`, within folders that are allowed.
    pub argv: Vec<OsString>,
    /// The folder it starts in; it must be one that the policy lets it see.
    pub folder: PathBuf,
    /// Its whole environment, besides `PATH`, `HOME`, `TMPDIR` and `LANG`, which have values unless they are given here.
    pub environment: Vec<(OsString, OsString)>,
    /// What it reads on its standard input.
    pub stdin: Vec<u8>,
    /// What it may do.
    pub policy: Policy,
}

/// What a command may read, write and reach. The system's folders (`/usr`, `/lib*`, `/bin`, some files of `/etc`,
/// `/dev/null` and the like) are always readable, and a folder of its own at `TMPDIR` is writable.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// Files and folders it may read, with all below them.
    pub read: Vec<PathBuf>,
    /// Files and folders it may read and write, with all below them.
    pub write: Vec<PathBuf>,
    /// What of the network it reaches.
    pub network: Network,
    /// How much it may use.
    pub limits: Limits,
}

/// What a command reaches of the network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Network {
    /// Nothing, not even the loopback of the machine.
    #[default]
    None,
    /// An HTTP proxy that listens at this unix socket; inside, `HTTP_PROXY` and the like point to it. Only where there are
    /// network namespaces.
    Proxy(PathBuf),
    /// One port of this machine's loopback, where it is reached; for services. Inside it listens on that port, on whichever of its
    /// addresses, and reaches nothing but its own loopback and the proxy, if there is one. Only where there are network namespaces.
    Listen {
        /// The port, not 0: outside on `127.0.0.1`, inside on all addresses it has.
        port: u16,
        /// The unix socket of an HTTP proxy, as with [`Proxy`](Self::Proxy).
        proxy: Option<PathBuf>,
    },
}

impl Network {
    /// The unix socket of the proxy that is reached.
    #[must_use]
    pub fn proxy(&self) -> Option<&Path> {
        match self {
            Self::None => None,
            Self::Proxy(socket) => Some(socket),
            Self::Listen { proxy, .. } => proxy.as_deref(),
        }
    }

    /// The port at which it is reached.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        match self {
            Self::None | Self::Proxy(_) => None,
            Self::Listen { port, .. } => Some(*port),
        }
    }
}

/// How much a command may use, with everything it starts. `Duration::MAX` and `u64::MAX` are no limit at all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// How long it may run.
    pub wall: Duration,
    /// How long it may compute, all its processes together.
    pub cpu: Duration,
    /// Bytes of memory, all its processes together; no single one can map more.
    pub memory_bytes: u64,
    /// How many processes and threads there may be at once.
    pub processes: u32,
    /// The size of the largest file it may write, in bytes.
    pub file_bytes: u64,
    /// Bytes in its own temporary folder.
    pub temporary_bytes: u64,
    /// How many files each process may have open.
    pub open_files: u32,
    /// Bytes it may print on each of stdout and stderr.
    pub output_bytes: u64,
}

impl Default for Limits {
    /// What a test run or a script of some size gets along with.
    fn default() -> Self {
        Self {
            wall: Duration::from_secs(120),
            cpu: Duration::from_secs(120),
            memory_bytes: 2048 * MIB,
            processes: 256,
            file_bytes: 1024 * MIB,
            temporary_bytes: 512 * MIB,
            open_files: 1024,
            output_bytes: 16 * MIB,
        }
    }
}

/// How commands are confined, strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Namespaces of their own, Landlock and seccomp.
    Namespaces,
    /// Landlock, and seccomp with no sockets at all.
    Landlock,
    /// Namespaces that `bwrap` makes, Landlock and seccomp.
    Bubblewrap,
    /// `sandbox-exec` of macOS. Written, not tested.
    Seatbelt,
    /// Nothing but limits.
    None,
}

impl Level {
    /// Every level, in the order in which they are tried.
    pub const ALL: [Self; 5] = [Self::Namespaces, Self::Landlock, Self::Bubblewrap, Self::Seatbelt, Self::None];

    /// Its name, as in reports and arguments.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Namespaces => "namespaces",
            Self::Landlock => "landlock",
            Self::Bubblewrap => "bubblewrap",
            Self::Seatbelt => "seatbelt",
            Self::None => "none",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for Level {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = Self::ALL.map(Self::name).join(", ");
        let found = Self::ALL.into_iter().find(|level| level.name() == text);
        found.ok_or_else(|| format!("no level is called {text}; there are {known}"))
    }
}

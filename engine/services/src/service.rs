//! Keeping one service running.
//!
//! ```text
//!            ┌──────────────────────── backoff ◄──────────────────────┐
//!            ▼                                                        │
//! start ► Starting ──► Running ──► Healthy ◄──► (a check fails) ──► exits, or is unwell and is ended
//!            └───────────────┴──────────┴── stop ──► SIGTERM ── grace ──► SIGKILL ──► Stopped
//! ```
//!
//! A service that exits is started again, after a wait that doubles each time, up to a bound; it is as short as at first once the service
//! was well for a while. So one that exits at once costs next to nothing, and everybody can see it.

mod instance;

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use thiserror::Error;
use zo_sandbox::Sandbox;

use crate::log::{LogReader, LogWriter};
use crate::spec::{ServiceSpec, ServiceSpecError};
use instance::Ran;

/// How services are kept.
#[derive(Clone, Debug)]
pub struct ServiceOptions {
    /// Where logs lie.
    pub logs: PathBuf,
    /// Where services have a folder of their own, if they name none: `LABEL` below this one.
    pub folders: PathBuf,
    /// The unix socket of an HTTP proxy through which they reach others; they reach nobody, if not said.
    pub proxy: Option<PathBuf>,
    /// What no service may see, whatever it names: a home with its log, keys and socket.
    pub kept_out: Vec<PathBuf>,
    /// The first wait before a restart, and the longest.
    pub backoff: (Duration, Duration),
    /// How long it has to be well, or without a check to run, until the wait is the first one again.
    pub steady: Duration,
    /// How long one that is unwell may take to end.
    pub grace: Duration,
}

impl ServiceOptions {
    /// Waits of 0.5 s to a minute, steady after 30 s, a grace of 10 s; logs and folders below this one.
    #[must_use]
    pub fn below(folder: &Path) -> Self {
        Self {
            logs: folder.join("logs"),
            folders: folder.join("folders"),
            proxy: None,
            kept_out: Vec::new(),
            backoff: (Duration::from_millis(500), Duration::from_secs(60)),
            steady: Duration::from_secs(30),
            grace: Duration::from_secs(10),
        }
    }
}

/// Something that became of a service.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceEvent {
    /// Which one.
    pub label: String,
    /// What became of it.
    pub change: ServiceChange,
}

/// What became of a service.
#[derive(Clone, Debug, PartialEq)]
pub enum ServiceChange {
    /// It runs.
    Spawned {
        /// Where it is reached, on 127.0.0.1.
        port: Option<u16>,
    },
    /// Its check went well, for the first time or again.
    Healthy,
    /// Its check failed often enough; it is ended, and starts again.
    Unhealthy {
        /// What was seen.
        why: String,
    },
    /// It ended without being told to.
    Exited {
        /// How.
        exit: Exit,
        /// How long it had run.
        ran: Duration,
        /// When it is started again.
        restart_in: Duration,
    },
    /// It could not be started.
    NotStarted {
        /// Why, and what to do about it.
        why: String,
        /// When it is tried again.
        restart_in: Duration,
    },
    /// It was told to end, and has.
    Stopped,
}

/// How a service ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exit {
    /// By itself, with a code.
    Code(i32),
    /// By a signal.
    Signal(i32),
    /// It used more than it may, or was unwell; in words.
    Ended(String),
}

/// How a service is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum ServiceState {
    /// It is being started.
    #[default]
    Starting,
    /// It runs, and nobody has looked yet whether it is well; or nobody does.
    Running,
    /// It runs and is well.
    Healthy,
    /// It runs and is not well, or is being ended for it.
    Unhealthy {
        /// What was seen.
        why: String,
    },
    /// It does not run, and will be started again.
    Waiting {
        /// How it ended, or why it could not be started.
        why: String,
    },
    /// It does not run, and will not.
    Stopped,
}

/// Why a service is not kept running.
#[derive(Debug, Error)]
pub enum ServiceError {
    /// It cannot be one.
    #[error(transparent)]
    Spec(#[from] ServiceSpecError),
    /// Its log cannot be written.
    #[error("the log of {label} cannot be written: {source}")]
    Log {
        /// Which service.
        label: String,
        /// What the system said.
        source: io::Error,
    },
    /// It cannot have a folder of its own.
    #[error("no folder for {label}: {source}")]
    Folder {
        /// Which service.
        label: String,
        /// What the system said.
        source: io::Error,
    },
    /// No port is free.
    #[error("no port is free: {0}")]
    Port(io::Error),
    /// It cannot be watched.
    #[error("cannot watch over {label}: {source}")]
    Thread {
        /// Which service.
        label: String,
        /// What the system said.
        source: io::Error,
    },
}

/// A service that is kept running, until it is stopped or dropped.
#[derive(Debug)]
pub struct Service {
    keeper: Arc<Keeper>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What keeps a service running, shared with who asks about it.
#[derive(Debug)]
struct Keeper {
    spec: ServiceSpec,
    options: ServiceOptions,
    sandbox: Sandbox,
    /// A folder of its own.
    folder: PathBuf,
    events: Sender<ServiceEvent>,
    log: Mutex<LogWriter>,
    status: Mutex<Status>,
    changed: Condvar,
}

#[derive(Debug)]
struct Status {
    state: ServiceState,
    port: Option<u16>,
    restarts: u64,
    /// Since when it is to end, and how long it may take.
    stop: Option<(Instant, Duration)>,
}

impl Service {
    /// Starts it, and keeps it running on a thread of its own. What becomes of it goes to `events`, which nobody has to read.
    ///
    /// # Errors
    /// If it cannot be one, or has no place for its log or itself. That it does not start is no error but an event.
    pub fn start(
        spec: ServiceSpec,
        options: ServiceOptions,
        sandbox: Sandbox,
        events: Sender<ServiceEvent>,
    ) -> Result<Self, ServiceError> {
        spec.check()?;
        let label = spec.label.clone();
        let log = LogWriter::open(&options.logs, &label)
            .map_err(|source| ServiceError::Log { label: label.clone(), source })?;
        let folder = own_folder(&options.folders.join(&label))
            .map_err(|source| ServiceError::Folder { label: label.clone(), source })?;
        let port = match spec.port {
            Some(0) => Some(free_port().map_err(ServiceError::Port)?),
            port => port,
        };
        let status = Status { state: ServiceState::Starting, port, restarts: 0, stop: None };
        let keeper = Keeper {
            spec,
            options,
            sandbox,
            folder,
            events,
            log: Mutex::new(log),
            status: Mutex::new(status),
            changed: Condvar::new(),
        };
        let keeper = Arc::new(keeper);
        let kept = keeper.clone();
        let thread = thread::Builder::new().name(format!("zo-service-{label}")).spawn(move || kept.keep());
        let thread = thread.map_err(|source| ServiceError::Thread { label, source })?;
        Ok(Self { keeper, thread: Mutex::new(Some(thread)) })
    }

    /// What it is called.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.keeper.spec.label
    }

    /// What it is.
    #[must_use]
    pub fn spec(&self) -> &ServiceSpec {
        &self.keeper.spec
    }

    /// How it is.
    #[must_use]
    pub fn state(&self) -> ServiceState {
        self.keeper.status().state.clone()
    }

    /// Where it is reached, on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        self.keeper.status().port
    }

    /// How often it was started again.
    #[must_use]
    pub fn restarts(&self) -> u64 {
        self.keeper.status().restarts
    }

    /// What it printed.
    #[must_use]
    pub fn log(&self) -> LogReader {
        LogReader::new(&self.keeper.options.logs, self.label())
    }

    /// Asks everything there is of it to end, kills what is left after `grace`, and returns when nothing is.
    pub fn stop(&self, grace: Duration) {
        self.keeper.ask_to_stop(grace);
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }

    /// Asks it to end and does not wait: for who stops many. [`stop`](Self::stop) waits, and its grace counts from here.
    pub fn ask_to_stop(&self, grace: Duration) {
        self.keeper.ask_to_stop(grace);
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.stop(Duration::ZERO);
    }
}

impl Keeper {
    fn status(&self) -> MutexGuard<'_, Status> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ask_to_stop(&self, grace: Duration) {
        let mut status = self.status();
        // The one who is in more of a hurry is heeded.
        let until = |(since, grace): (Instant, Duration)| since.checked_add(grace);
        let asked = (Instant::now(), grace);
        if status
            .stop
            .is_none_or(|before| until(before).is_none() || until(asked).is_some_and(|at| Some(at) < until(before)))
        {
            status.stop = Some(asked);
        }
        self.changed.notify_all();
    }

    /// Keeps it running until it is to stop.
    fn keep(&self) {
        let (least, most) = self.options.backoff;
        let mut wait = least;
        while self.status().stop.is_none() {
            self.set(ServiceState::Starting);
            let Ran { ended, steady } = self.run();
            if self.status().stop.is_some() {
                break;
            }
            if steady {
                wait = least;
            }
            let why = ended.told(self, wait);
            self.note(&format!("{why}, again in {} s", wait.as_secs_f32()));
            self.set(ServiceState::Waiting { why });
            self.pause(wait);
            wait = (wait * 2).min(most);
            self.status().restarts += 1;
        }
        self.set(ServiceState::Stopped);
        self.note("stopped");
        self.tell(ServiceChange::Stopped);
    }

    /// Waits so long, unless it is to stop.
    fn pause(&self, time: Duration) {
        let status = self.status();
        drop(self.changed.wait_timeout_while(status, time, |status| status.stop.is_none()));
    }

    fn set(&self, state: ServiceState) {
        self.status().state = state;
    }

    /// Tells who listens, if anybody does.
    fn tell(&self, change: ServiceChange) {
        let _ = self.events.send(ServiceEvent { label: self.spec.label.clone(), change });
    }

    /// Writes a line of our own into its log.
    fn note(&self, text: &str) {
        self.write(|log| log.note(text));
    }

    /// A service whose log cannot be written goes on without.
    fn write(&self, write: impl FnOnce(&mut LogWriter) -> io::Result<()>) {
        if let Err(error) = write(&mut self.log.lock().unwrap_or_else(PoisonError::into_inner)) {
            tracing::warn!(service = self.spec.label, "its log is not written: {error}");
        }
    }
}

/// A folder for one service, for its owner alone.
fn own_folder(path: &Path) -> io::Result<PathBuf> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    path.canonicalize()
}

/// A port that nobody listens on.
fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

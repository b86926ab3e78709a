//! A server that is kept running, until it is stopped or dropped.

use std::io;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Map, Value};
use tokio::runtime::{Builder, Handle};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use zo_sandbox::Sandbox;

use super::call::{self, CallResult, Calling, TICK};
use super::connect::{Link, Running, connect};
use super::error::ClientError;
use super::process::ErrorLog;
use super::spec::{SecretValues, ServerSpec};
use super::tools::{self, ServerTools};

/// How long a server may take to answer the greeting: some are fetched from the network when they are started first.
const GREETING: Duration = Duration::from_secs(60);
/// How long it may take to list its tools.
const LISTING: Duration = Duration::from_secs(30);
/// The first wait before a restart, and the longest.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(60));
/// How long it has to run until the wait is the first one again.
const STEADY: Duration = Duration::from_secs(30);
/// How long is read on from a program that has ended.
const LAST_WORDS: Duration = Duration::from_millis(200);
/// How long the end of a program is waited for: longer than its tether takes to kill it.
const ENDING: Duration = Duration::from_secs(5);

/// The way to servers. Cheap to make and to clone; the runtime is made by the first server.
///
/// What it gives blocks, may be called from many threads at once, and must not be called from asynchronous code.
#[derive(Clone, Debug)]
pub struct Connector {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    sandbox: Sandbox,
    greeting: Duration,
    runtime: OnceLock<Driven>,
}

/// A runtime with one thread of its own: what servers tell is taken in in the order in which it came, which several threads would not keep.
#[derive(Debug)]
struct Driven {
    handle: Handle,
    over: CancellationToken,
}

impl Driven {
    fn new() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (handle, over) = (runtime.handle().clone(), CancellationToken::new());
        let until = over.clone();
        thread::Builder::new().name("zo-mcp".to_owned()).spawn(move || {
            runtime.block_on(until.cancelled());
            // A name resolution that hangs must not keep anybody.
            runtime.shutdown_background();
        })?;
        Ok(Self { handle, over })
    }
}

impl Drop for Driven {
    fn drop(&mut self) {
        self.over.cancel();
    }
}

/// How a server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerState {
    /// It is being started, or reached.
    Starting,
    /// It can be asked.
    Ready,
    /// It cannot, and is tried again.
    Waiting {
        /// What happened.
        why: String,
    },
    /// It was stopped.
    Stopped,
}

/// A server that is kept running. Dropped, it is stopped, and not waited for.
#[derive(Debug)]
pub struct Server {
    connector: Connector,
    spec: Arc<ServerSpec>,
    log: ErrorLog,
    state: watch::Receiver<State>,
    stop: CancellationToken,
    tools: Mutex<Option<Known>>,
}

/// Tools that were listed.
#[derive(Debug)]
struct Known {
    over: CancellationToken,
    changes: u64,
    tools: Arc<ServerTools>,
}

#[derive(Clone)]
enum State {
    Starting,
    Ready(Arc<Link>),
    Waiting {
        why: String,
        until: Instant,
        /// Whether it had answered the greeting before.
        had_run: bool,
    },
    Stopped,
}

impl std::fmt::Debug for State {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Starting => "Starting",
            Self::Ready(_) => "Ready",
            Self::Waiting { .. } => "Waiting",
            Self::Stopped => "Stopped",
        })
    }
}

impl Connector {
    /// The programs of servers are tethered by this sandbox's supervisor.
    #[must_use]
    pub fn new(sandbox: Sandbox) -> Self {
        Self { inner: Arc::new(Inner { sandbox, greeting: GREETING, runtime: OnceLock::new() }) }
    }

    /// The same, with another time that servers have to answer the greeting.
    #[must_use]
    pub fn with_greeting(sandbox: Sandbox, greeting: Duration) -> Self {
        Self { inner: Arc::new(Inner { sandbox, greeting, runtime: OnceLock::new() }) }
    }

    /// Starts a server, and keeps it running. That it does not start is told by what is asked of it.
    ///
    /// # Errors
    /// If it cannot be one, if a secret is missing, or if the system has no threads.
    pub fn start(&self, spec: ServerSpec, secrets: SecretValues) -> Result<Server, ClientError> {
        spec.check()?;
        if let Some(secret) = spec.secrets.iter().find(|name| !secrets.0.contains_key(*name)) {
            return Err(ClientError::NoSecret { name: spec.name, secret: secret.clone() });
        }
        let runtime = self.runtime()?;
        let (sender, state) = watch::channel(State::Starting);
        let (spec, stop, log) = (Arc::new(spec), CancellationToken::new(), ErrorLog::default());
        let keeper = Keeper {
            sandbox: self.inner.sandbox.clone(),
            greeting: self.inner.greeting,
            spec: spec.clone(),
            secrets,
            log: log.clone(),
            state: sender,
            stop: stop.clone(),
        };
        runtime.spawn(keeper.keep());
        Ok(Server { connector: self.clone(), spec, log, state, stop, tools: Mutex::new(None) })
    }

    fn runtime(&self) -> Result<&Handle, ClientError> {
        if let Some(runtime) = self.inner.runtime.get() {
            return Ok(&runtime.handle);
        }
        let built = Driven::new().map_err(|error| ClientError::System {
            what: "start threads for MCP servers".to_owned(),
            reason: error.to_string(),
        })?;
        Ok(&self.inner.runtime.get_or_init(|| built).handle)
    }
}

impl Server {
    /// What it is.
    #[must_use]
    pub fn spec(&self) -> &ServerSpec {
        &self.spec
    }

    /// How it is.
    #[must_use]
    pub fn state(&self) -> ServerState {
        match &*self.state.borrow() {
            State::Starting => ServerState::Starting,
            State::Ready(_) => ServerState::Ready,
            State::Waiting { why, .. } => ServerState::Waiting { why: why.clone() },
            State::Stopped => ServerState::Stopped,
        }
    }

    /// What it printed last on stderr, oldest first; nothing of a URL.
    #[must_use]
    pub fn log(&self) -> Vec<String> {
        self.log.lines()
    }

    /// Its tools: as they were listed, and listed again once it says that they are others.
    ///
    /// # Errors
    /// If it is not ready within that time, does not list them, or `stop` says so.
    pub fn tools(&self, within: Duration, stop: &dyn Fn() -> bool) -> Result<Arc<ServerTools>, ClientError> {
        self.connector.runtime()?.block_on(async {
            let until = Instant::now() + within;
            let link = self.ready(within, until, stop).await?;
            let changes = link.handler.changes();
            if let Some(tools) = self.known(&link, changes) {
                return Ok(tools);
            }
            let listing = async {
                let listed = tokio::time::timeout(LISTING.min(within), tools::list(&link.peer)).await;
                match listed {
                    Ok(Ok(tools)) => Ok(Arc::new(tools)),
                    Ok(Err(error)) => Err(call::failed(&self.spec.name, &link, error).await),
                    Err(_) => Err(ClientError::TimedOut { name: self.spec.name.clone(), within: LISTING.min(within) }),
                }
            };
            let tools = unless_stopped(listing, stop).await??;
            let known = Known { over: link.over.clone(), changes, tools: tools.clone() };
            *self.tools.lock().unwrap_or_else(PoisonError::into_inner) = Some(known);
            Ok(tools)
        })
    }

    fn known(&self, link: &Link, changes: u64) -> Option<Arc<ServerTools>> {
        let known = self.tools.lock().unwrap_or_else(PoisonError::into_inner);
        let known = known.as_ref().filter(|known| known.changes == changes && !known.over.is_cancelled())?;
        (!link.over.is_cancelled()).then(|| known.tools.clone())
    }

    /// Calls one of its tools. It is called once at the most: what happened to a call that was under way when the server died is not known.
    ///
    /// # Errors
    /// If the server is not ready, died, refused, or took too long; if `calling.stop` says so, the server is told.
    pub fn call(
        &self,
        tool: &str,
        arguments: Map<String, Value>,
        mut calling: Calling<'_>,
    ) -> Result<CallResult, ClientError> {
        self.connector.runtime()?.block_on(async {
            let begun = Instant::now();
            let link = self.ready(calling.within, begun + calling.within, calling.stop).await?;
            calling.within = calling.within.saturating_sub(begun.elapsed());
            call::call(&self.spec.name, &link, tool, arguments, &mut calling).await
        })
    }

    /// Waits until it can be asked. One that could not be started is not waited for: whoever asks is told why.
    async fn ready(&self, within: Duration, until: Instant, stop: &dyn Fn() -> bool) -> Result<Arc<Link>, ClientError> {
        let mut state = self.state.clone();
        loop {
            match &*state.borrow_and_update() {
                State::Ready(link) if !link.over.is_cancelled() => return Ok(link.clone()),
                State::Waiting { why, until, had_run: false } => {
                    let again_in = until.saturating_duration_since(Instant::now());
                    return Err(ClientError::NotReady { name: self.spec.name.clone(), why: why.clone(), again_in });
                }
                State::Stopped => return Err(ClientError::Stopped),
                State::Ready(_) | State::Starting | State::Waiting { .. } => {}
            }
            if stop() {
                return Err(ClientError::Stopped);
            }
            if Instant::now() >= until {
                return Err(ClientError::TimedOut { name: self.spec.name.clone(), within });
            }
            let _ = tokio::time::timeout(TICK, state.changed()).await;
        }
    }

    /// Stops it, and returns when nothing of it is left.
    pub fn stop(&self) {
        self.stop.cancel();
        let Ok(runtime) = self.connector.runtime() else { return };
        let mut state = self.state.clone();
        // Its keeper is gone if nobody answers.
        let _ = runtime.block_on(async {
            tokio::time::timeout(2 * ENDING, state.wait_for(|state| matches!(state, State::Stopped))).await.map(drop)
        });
    }

    /// Asks it to stop and does not wait: for who stops many. [`stop`](Self::stop) waits.
    pub fn ask_to_stop(&self) {
        self.stop.cancel();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Does something unless it is to stop before.
async fn unless_stopped<T>(work: impl Future<Output = T>, stop: &dyn Fn() -> bool) -> Result<T, ClientError> {
    let mut tick = tokio::time::interval(TICK);
    tokio::pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return Ok(done),
            _ = tick.tick() => if stop() { return Err(ClientError::Stopped) }
        }
    }
}

/// What keeps a server running.
struct Keeper {
    sandbox: Sandbox,
    greeting: Duration,
    spec: Arc<ServerSpec>,
    secrets: SecretValues,
    log: ErrorLog,
    state: watch::Sender<State>,
    stop: CancellationToken,
}

impl Keeper {
    async fn keep(self) {
        let (least, most) = BACKOFF;
        let mut wait = least;
        while !self.stop.is_cancelled() {
            self.state.send_replace(State::Starting);
            let begun = Instant::now();
            let (why, had_run) = self.run().await;
            if self.stop.is_cancelled() {
                break;
            }
            if had_run && begun.elapsed() >= STEADY {
                wait = least;
            }
            tracing::info!(server = self.spec.name, "ended: {why}; again in {wait:?}");
            self.state.send_replace(State::Waiting { why, until: Instant::now() + wait, had_run });
            tokio::select! {
                () = self.stop.cancelled() => break,
                () = tokio::time::sleep(wait) => {}
            }
            wait = (wait * 2).min(most);
        }
        self.state.send_replace(State::Stopped);
    }

    /// Runs it once, until it ends or is to stop; why it ended, and whether it had answered the greeting.
    async fn run(&self) -> (String, bool) {
        let connecting = connect(&self.sandbox, &self.spec, &self.secrets, &self.log, self.greeting);
        let connected = tokio::select! {
            connected = connecting => connected,
            () = self.stop.cancelled() => return ("stopped".to_owned(), false),
        };
        let (link, running) = match connected {
            Ok((link, running)) => (Arc::new(link), running),
            Err(why) => return (why, false),
        };
        self.state.send_replace(State::Ready(link.clone()));
        let over = self.follow(running, &link).await;
        link.over.cancel();
        if !over {
            return ("stopped".to_owned(), true);
        }
        (link.why_it_ended().await, true)
    }

    /// Waits for the end of a connection; false if it was to stop, and nothing is left of it then.
    async fn follow(&self, running: Running, link: &Link) -> bool {
        let token = running.cancellation_token();
        let waiting = running.waiting();
        tokio::pin!(waiting);
        let over = tokio::select! {
            _ = &mut waiting => true,
            () = ended(link) => {
                // What it said last may still be on its way.
                let _ = tokio::time::timeout(LAST_WORDS, &mut waiting).await;
                true
            }
            () = self.stop.cancelled() => false,
        };
        token.cancel();
        if let Some(process) = link.process.as_ref().filter(|_| !over) {
            // Its stdin is closed with the connection.
            let _ = tokio::time::timeout(ENDING, &mut waiting).await;
            let _ = process.end_within(ENDING).await;
        }
        over
    }
}

/// The end of its program, if it has one.
async fn ended(link: &Link) {
    match &link.process {
        Some(process) => {
            let _ = process.ended().wait_for(Option::is_some).await;
        }
        None => std::future::pending().await,
    }
}

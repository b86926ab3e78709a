//! One run of a service, from its start to its end.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use zo_sandbox::{Command, Ending, Follower, Limits, Network, Output, Policy, SandboxError, Then, resolve_apart};

use super::{Exit, Keeper, ServiceChange, ServiceState, free_port};
use crate::health;
use crate::log::From;
use crate::spec::HealthSpec;

/// How soon a service is looked at for the first time.
const FIRST_LOOK: Duration = Duration::from_millis(50);

/// How a run went.
pub(super) struct Ran {
    pub(super) ended: Ended,
    /// Whether it was well for long enough to be trusted again.
    pub(super) steady: bool,
}

/// How a run ended.
pub(super) enum Ended {
    /// It was not even started.
    NotStarted(String),
    /// It ran so long, and then ended.
    Exited(Exit, Duration),
}

impl Ended {
    /// Tells it as an event, and in words.
    pub(super) fn told(self, keeper: &Keeper, restart_in: Duration) -> String {
        match self {
            Self::NotStarted(why) => {
                keeper.tell(ServiceChange::NotStarted { why: why.clone(), restart_in });
                format!("not started: {why}")
            }
            Self::Exited(exit, ran) => {
                let words = exit.words();
                keeper.tell(ServiceChange::Exited { exit, ran, restart_in });
                words
            }
        }
    }
}

impl Exit {
    /// How it ended, in words.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Code(code) => format!("exit code {code}"),
            Self::Signal(signal) => format!("killed by signal {signal}"),
            Self::Ended(why) => why.clone(),
        }
    }
}

impl Keeper {
    /// Runs it once, until it ends.
    pub(super) fn run(&self) -> Ran {
        let port = self.status().port;
        let watch = Watch::default();
        let mut following = Following { keeper: self, watch: &watch, port, started: None };
        let finished = thread::scope(|scope| {
            if let (Some(health), Some(port)) = (&self.spec.health, port) {
                let watch = &watch;
                scope.spawn(move || self.look_after(health, port, watch));
            }
            let finished = self.command(port).and_then(|command| self.sandbox.follow(&command, &mut following));
            watch.change(|watched| watched.over = true);
            finished
        });
        self.write(crate::log::LogWriter::finish);
        let started = following.started;
        let ran = started.map_or(Duration::ZERO, |at| at.elapsed());
        let watched = watch.watched();
        let ended = match finished {
            Ok(finished) => {
                Ended::Exited(watched.unwell.clone().map_or_else(|| exit_of(finished.ending), Exit::Ended), ran)
            }
            Err(error) => {
                self.pick_another_port(&error);
                Ended::NotStarted(told(&error))
            }
        };
        let since = if self.spec.health.is_some() { watched.well_since } else { started };
        let steady = watched.unwell.is_none() && since.is_some_and(|at| at.elapsed() >= self.options.steady);
        Ran { ended, steady }
    }

    /// A port that was picked here, and was taken by another in between, is not insisted on.
    fn pick_another_port(&self, error: &SandboxError) {
        if let (SandboxError::Port { .. }, Some(0), Ok(port)) = (error, self.spec.port, free_port()) {
            self.status().port = Some(port);
        }
    }

    fn command(&self, port: Option<u16>) -> Result<Command, SandboxError> {
        // Anew each time: what it may write may by now be full of links.
        let named = |texts: &[String]| {
            let paths: Vec<PathBuf> = texts.iter().map(PathBuf::from).collect();
            resolve_apart(&paths, &self.options.kept_out)
        };
        let (mut read, mut write) = (named(&self.spec.read)?, named(&self.spec.write)?);
        let folder = match named(self.spec.folder.as_slice())?.pop() {
            Some(folder) => {
                read.push(folder.clone());
                folder
            }
            None => {
                write.push(self.folder.clone());
                self.folder.clone()
            }
        };
        let mut argv: Vec<OsString> = self.spec.argv.iter().map(OsString::from).collect();
        // An interpreter that lives in a home may be a launcher, and is no use without what belongs to it.
        if let Some(program) = zo_sandbox::interpreter(argv[0].as_ref()) {
            let roots = zo_sandbox::interpreter_roots(&program);
            if !roots.is_empty() {
                read.extend(roots);
                argv[0] = program.into();
            }
        }
        let network = match (port, &self.options.proxy) {
            (Some(port), proxy) => Network::Listen { port, proxy: proxy.clone() },
            (None, Some(proxy)) => Network::Proxy(proxy.clone()),
            (None, None) => Network::None,
        };
        let usual = Limits::default();
        let limits = Limits {
            wall: Duration::MAX,
            cpu: Duration::MAX,
            output_bytes: u64::MAX,
            memory_bytes: self.spec.limits.memory_bytes.unwrap_or(usual.memory_bytes),
            processes: self.spec.limits.processes.unwrap_or(usual.processes),
            ..usual
        };
        let port = port.map(|port| (OsString::from("PORT"), port.to_string().into()));
        let given = self.spec.env.iter().map(|(name, value)| (name.into(), value.into()));
        let environment = given.chain(port).collect();
        let policy = Policy { read, write, network, limits };
        Ok(Command { argv, folder, environment, stdin: Vec::new(), policy })
    }

    /// Looks again and again whether it is well, until it is over.
    fn look_after(&self, health: &HealthSpec, port: u16, watch: &Watch) {
        let (interval, timeout) = (Duration::from_millis(health.interval_ms), Duration::from_millis(health.timeout_ms));
        let start = Duration::from_millis(health.start_ms);
        let mut failures = 0;
        // Until it is well for the first time it is looked at more often.
        let mut pause = FIRST_LOOK.min(interval);
        while watch.wait(pause) {
            let Some(started) = watch.watched().started else { continue };
            match health::look(&health.check, port, timeout) {
                Ok(()) => {
                    failures = 0;
                    pause = interval;
                    self.well(watch);
                }
                Err(_) if watch.watched().well_since.is_none() && started.elapsed() < start => {
                    pause = (pause * 2).min(interval);
                }
                Err(why) => {
                    failures += 1;
                    pause = interval;
                    let is_starting = watch.watched().well_since.is_none();
                    if failures >= health.threshold || is_starting {
                        return self.unwell(watch, why);
                    }
                }
            }
        }
    }

    fn well(&self, watch: &Watch) {
        let is_news = watch.change(|watched| {
            let is_news = watched.well_since.is_none() && !watched.over;
            watched.well_since.get_or_insert_with(Instant::now);
            is_news
        });
        if is_news {
            self.set(ServiceState::Healthy);
            self.note("healthy");
            self.tell(ServiceChange::Healthy);
        }
    }

    fn unwell(&self, watch: &Watch, why: String) {
        let is_news = watch.change(|watched| {
            if !watched.over {
                watched.unwell = Some(format!("unhealthy: {why}"));
            }
            !watched.over
        });
        // Who is told to stop does not answer any more, and that is well.
        if is_news && self.status().stop.is_none() {
            self.set(ServiceState::Unhealthy { why: why.clone() });
            self.note(&format!("unhealthy: {why}"));
            self.tell(ServiceChange::Unhealthy { why });
        }
    }
}

/// What who follows and who looks after it tell each other.
#[derive(Default)]
struct Watch {
    watched: Mutex<Watched>,
    changed: Condvar,
}

#[derive(Clone, Default)]
struct Watched {
    started: Option<Instant>,
    well_since: Option<Instant>,
    /// Why it is to be ended.
    unwell: Option<String>,
    /// Since when it is being ended for that.
    ending: Option<Instant>,
    over: bool,
}

impl Watch {
    fn watched(&self) -> Watched {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn change<T>(&self, change: impl FnOnce(&mut Watched) -> T) -> T {
        let changed = change(&mut self.watched.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_all();
        changed
    }

    /// Waits so long; `false` if it is over.
    fn wait(&self, time: Duration) -> bool {
        let watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.changed.wait_timeout_while(watched, time, |watched| !watched.over);
        let (watched, _) = waited.unwrap_or_else(PoisonError::into_inner);
        !watched.over
    }
}

/// Who follows a run.
struct Following<'a> {
    keeper: &'a Keeper,
    watch: &'a Watch,
    port: Option<u16>,
    started: Option<Instant>,
}

impl Follower for Following<'_> {
    fn started(&mut self) {
        let now = Instant::now();
        self.started = Some(now);
        self.watch.change(|watched| watched.started = Some(now));
        self.keeper.set(ServiceState::Running);
        let place = self.port.map(|port| format!(" at http://127.0.0.1:{port}")).unwrap_or_default();
        self.keeper.note(&format!("started{place}: {}", self.keeper.spec.summary()));
        self.keeper.tell(ServiceChange::Spawned { port: self.port });
    }

    fn printed(&mut self, output: Output<'_>) -> Then {
        match output {
            Output::Stdout(bytes) => self.keeper.write(|log| log.print(From::Stdout, bytes)),
            Output::Stderr(bytes) => self.keeper.write(|log| log.print(From::Stderr, bytes)),
            Output::Nothing => {}
        }
        let stop = self.keeper.status().stop;
        let stop = stop.or_else(|| {
            self.watch.change(|watched| {
                // From when it is known to be unwell; who looks after it is done with it.
                watched
                    .unwell
                    .is_some()
                    .then(|| (*watched.ending.get_or_insert_with(Instant::now), self.keeper.options.grace))
            })
        });
        match stop {
            None => Then::Continue,
            Some((since, grace)) if since.elapsed() < grace => Then::Terminate,
            Some(_) => Then::Kill,
        }
    }
}

fn exit_of(ending: Ending) -> Exit {
    match ending {
        Ending::Exited(code) => Exit::Code(code),
        Ending::Signalled(signal) => Exit::Signal(signal),
        Ending::MemoryLimit => Exit::Ended("it used more memory than it may".to_owned()),
        Ending::ProcessLimit => Exit::Ended("it started more processes than it may".to_owned()),
        Ending::StorageLimit => Exit::Ended("it filled its temporary folder further than it may".to_owned()),
        Ending::Stopped => Exit::Ended("it was killed".to_owned()),
        other => Exit::Ended(format!("ended: {other:?}")),
    }
}

fn told(error: &SandboxError) -> String {
    match error.hint() {
        Some(hint) => format!("{error} ({hint})"),
        None => error.to_string(),
    }
}

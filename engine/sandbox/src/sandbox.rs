//! Running a command, following it, and ending it.

use std::ffi::{OsStr, OsString};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::Shutdown;
use std::ops::ControlFlow;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::STAGE_ARGUMENT;
use crate::error::SandboxError;
#[cfg(target_os = "linux")]
use crate::inlet;
use crate::job::{self, Ended, Failure, FailureKind, Job, Limit, Message, RawPath};
use crate::lookup::{self, Places};
use crate::policy::{Command, Level, Network, PROXY_PORT};
use crate::report::Report;

/// How often a silent command is reported as silent.
const TICK: Duration = Duration::from_millis(100);
/// How long the stages have to kill everything before they are killed themselves.
const GRACE: Duration = Duration::from_secs(3);
/// How long the supervisor may take to read its job.
const HANDOVER: Duration = Duration::from_secs(10);
/// Bytes read at once.
const PIECE_BYTES: usize = 64 << 10;
/// Pieces that wait to be looked at; more make the command wait.
const MAX_WAITING: usize = 16;

/// Runs commands that may do only what they are allowed. Cheap to make and to clone; finds out once how it can confine them.
#[derive(Clone, Debug)]
pub struct Sandbox {
    supervisor: PathBuf,
    forced: Option<Level>,
    unsandboxed: bool,
    found: Arc<OnceLock<Level>>,
}

/// What a running command did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output<'a> {
    /// It printed on stdout.
    Stdout(&'a [u8]),
    /// It printed on stderr.
    Stderr(&'a [u8]),
    /// Nothing: said several times a second, so that a silent command can be stopped.
    Nothing,
}

/// A command that was run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finished {
    /// How it ended.
    pub ending: Ending,
    /// How long it ran, its start and its end included.
    pub wall: Duration,
    /// Bytes it printed on stdout, as far as they were taken.
    pub stdout_bytes: u64,
    /// Bytes it printed on stderr, as far as they were taken.
    pub stderr_bytes: u64,
    /// How it was confined.
    pub level: Level,
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Ending {
    /// By itself, with a code.
    Exited(i32),
    /// By a signal.
    Signalled(i32),
    /// It ran longer than it may.
    TimedOut,
    /// It computed longer than it may.
    CpuLimit,
    /// It printed more than it may.
    OutputLimit,
    /// It used more memory than it may.
    MemoryLimit,
    /// It started more processes than it may.
    ProcessLimit,
    /// It filled its temporary folder further than it may.
    StorageLimit,
    /// The caller stopped it.
    Stopped,
}

/// What is to become of a running command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// It goes on.
    Continue,
    /// It is asked to end: SIGTERM, once, to everything there is of it. How long it may take is up to who asks.
    Terminate,
    /// It is killed with everything it has started.
    Kill,
}

/// Who follows a command.
pub trait Follower {
    /// It is confined and runs; said once, before anything that it prints, and not if it is refused.
    fn started(&mut self) {}

    /// It printed something, or nothing, which is said several times a second.
    fn printed(&mut self, output: Output<'_>) -> Then;
}

/// Follows with a function that can only stop.
struct Printing<'a>(&'a mut dyn FnMut(Output<'_>) -> ControlFlow<()>);

impl Follower for Printing<'_> {
    fn printed(&mut self, output: Output<'_>) -> Then {
        if (self.0)(output).is_break() { Then::Kill } else { Then::Continue }
    }
}

impl Default for Sandbox {
    fn default() -> Self {
        Self::new()
    }
}

impl Sandbox {
    /// A sandbox whose supervisor is this program; its `main` must call [`child_main`](crate::child_main) first.
    #[must_use]
    pub fn new() -> Self {
        Self::with_supervisor(PathBuf::from("/proc/self/exe"))
    }

    /// A sandbox with another supervisor: one whose `main` calls [`child_main`](crate::child_main).
    #[must_use]
    pub fn with_supervisor(program: PathBuf) -> Self {
        let program = if cfg!(target_os = "linux") { program } else { std::env::current_exe().unwrap_or(program) };
        Self { supervisor: program, forced: None, unsandboxed: false, found: Arc::default() }
    }

    /// Uses this level and no other.
    #[must_use]
    pub fn at_level(mut self, level: Level) -> Self {
        self.forced = Some(level);
        self
    }

    /// Whether commands may run with nothing but limits where this machine cannot confine them.
    #[must_use]
    pub fn allow_unsandboxed(mut self, allowed: bool) -> Self {
        self.unsandboxed = allowed;
        self
    }

    /// What this machine enforces. Tries it out, which takes as long as some commands.
    #[must_use]
    pub fn report(&self) -> Report {
        Report::of(self)
    }

    /// Runs a command to its end; `each` sees what it prints, in order for each stream, and stops it by breaking.
    /// Nothing that the command has started is left when this returns, whichever way it ended; nor when this process dies.
    ///
    /// # Errors
    /// If it was not started: it cannot be confined, its program or folder or a path of the policy is not there, or the
    /// system refused.
    pub fn run(
        &self,
        command: &Command,
        each: &mut dyn FnMut(Output<'_>) -> ControlFlow<()>,
    ) -> Result<Finished, SandboxError> {
        self.follow(command, &mut Printing(each))
    }

    /// The same for who wants to know when it is there, and may ask it to end.
    ///
    /// # Errors
    /// As [`run`](Self::run), and if its port cannot be had.
    pub fn follow(&self, command: &Command, follower: &mut dyn Follower) -> Result<Finished, SandboxError> {
        let mut missing = Vec::new();
        for level in self.candidates() {
            match self.attempt(command, level, false, follower) {
                Ok(finished) => {
                    if self.forced.is_none() && level != Level::None && command.policy.network == Network::None {
                        let _ = self.found.set(level);
                    }
                    return Ok(finished);
                }
                Err(Refusal::Unavailable(reason)) => missing.push(format!("{level}: {reason}")),
                Err(Refusal::Error(error)) => return Err(error),
            }
        }
        if missing.is_empty() {
            missing.push("nothing but limits was asked for".to_owned());
        }
        Err(SandboxError::NotEnforceable { missing: missing.join("; "), how: self.how_to_allow() })
    }

    /// The levels to try, in order.
    fn candidates(&self) -> Vec<Level> {
        let allowed = |level: &Level| *level != Level::None || self.unsandboxed;
        let all = match (self.forced, self.found.get()) {
            (Some(level), _) => vec![level],
            (None, Some(&level)) => vec![level],
            (None, None) => Level::ALL.to_vec(),
        };
        all.into_iter().filter(allowed).collect()
    }

    /// Puts everything of a level in place, and executes nothing. Tells why it cannot be done.
    pub(crate) fn probe(&self, level: Level) -> Result<(), String> {
        let command =
            Command { argv: vec![OsString::from("/bin/sh")], folder: PathBuf::from("/usr"), ..Command::default() };
        match self.attempt(&command, level, true, &mut Printing(&mut |_| ControlFlow::Continue(()))) {
            Ok(_) => Ok(()),
            Err(Refusal::Unavailable(reason)) => Err(reason),
            Err(Refusal::Error(error)) => Err(error.to_string()),
        }
    }

    /// The program that carries stages out.
    pub(crate) fn supervisor(&self) -> &Path {
        &self.supervisor
    }

    /// The level that was asked for, if one was.
    pub(crate) fn forced(&self) -> Option<Level> {
        self.forced
    }

    fn how_to_allow(&self) -> String {
        if self.forced.is_some() {
            return "choose another level, or leave it to `zo` which one; `zo sandbox check` shows what there is"
                .to_owned();
        }
        crate::report::how_to_allow().to_owned()
    }

    fn attempt(
        &self,
        command: &Command,
        level: Level,
        probe: bool,
        follower: &mut dyn Follower,
    ) -> Result<Finished, Refusal> {
        available_here(command, level)?;
        let begun = Instant::now();
        let own_folder = match level {
            Level::Namespaces | Level::Bubblewrap => None,
            Level::Landlock | Level::Seatbelt | Level::None => {
                let folder = tempfile::Builder::new().prefix("zo-sandbox-").tempdir();
                Some(folder.map_err(|error| SandboxError::io("make a temporary folder", error))?)
            }
        };
        let job = plan(command, level, probe, own_folder.as_ref().map(tempfile::TempDir::path))?;
        Run::start(&self.supervisor, &job, &command.stdin, begun)?.follow(follower)
    }
}

/// Why a level was not used.
enum Refusal {
    /// This machine does not have what it needs.
    Unavailable(String),
    /// No level would help.
    Error(SandboxError),
}

impl From<SandboxError> for Refusal {
    fn from(error: SandboxError) -> Self {
        Self::Error(error)
    }
}

/// What can be told without trying.
fn available_here(command: &Command, level: Level) -> Result<(), Refusal> {
    let unavailable = |reason: &str| Err(Refusal::Unavailable(reason.to_owned()));
    match level {
        Level::Namespaces | Level::Landlock | Level::Bubblewrap if !cfg!(target_os = "linux") => {
            unavailable("only on Linux")
        }
        Level::Seatbelt if !cfg!(target_os = "macos") => unavailable("only on macOS"),
        Level::Namespaces | Level::None => Ok(()),
        _ if command.policy.network != Network::None => unavailable("a proxy or a port needs a network namespace"),
        _ => Ok(()),
    }
}

/// The job of the stages.
fn plan(command: &Command, level: Level, probe: bool, own: Option<&Path>) -> Result<Job, Refusal> {
    let policy = &command.policy;
    // With nothing but limits there is nothing to see to.
    let unconfined = level == Level::None;
    let mut places = Places::new(&policy.read, &policy.write)?;
    if let (Level::Landlock, Some(path)) = (level, places.read_only_within_writable()) {
        return Err(Refusal::Unavailable(format!("{} cannot be read only within a writable folder", path.display())));
    }
    if unconfined {
        places.read = vec![PathBuf::from("/")];
    }
    let own_real = own.map(|own| std::fs::canonicalize(own).unwrap_or_else(|_| own.to_owned()));
    let folder = lookup::folder(command, &places, own_real.as_deref())?;
    let environment = environment(command, own_real.as_deref());
    let argument = command.argv.first().ok_or(SandboxError::Empty)?;
    let path = lookup::variable(&environment, "PATH").unwrap_or(OsStr::new(lookup::USUAL_PATH));
    let program = lookup::program(argument, path, &folder, &places)?;
    let real = |socket: &Path| {
        std::fs::canonicalize(socket)
            .map_err(|error| SandboxError::BadPath { path: socket.to_owned(), reason: error.to_string() })
    };
    let proxy = policy.network.proxy().map(real).transpose()?;
    let raw = |paths: &[PathBuf]| paths.iter().map(|path| RawPath::from(path.as_path())).collect();
    Ok(Job {
        level,
        program: RawPath::from(program.as_path()),
        argv: command.argv.clone(),
        folder: RawPath::from(folder.as_path()),
        environment,
        read: raw(&places.read),
        write: raw(&places.write),
        proxy: proxy.as_deref().map(RawPath::from),
        port: policy.network.port(),
        temporary: own_real.as_deref().map(RawPath::from),
        limits: policy.limits.clone(),
        probe,
    })
}

/// The environment of a command: what it is given, and what it would miss.
fn environment(command: &Command, own: Option<&Path>) -> Vec<(OsString, OsString)> {
    let own = own.unwrap_or(Path::new("/tmp")).as_os_str();
    let usual =
        [("PATH", OsStr::new(lookup::USUAL_PATH)), ("HOME", own), ("TMPDIR", own), ("LANG", OsStr::new("C.UTF-8"))];
    let given = &command.environment;
    let mut environment: Vec<(OsString, OsString)> = usual
        .into_iter()
        .filter(|(name, _)| lookup::variable(given, name).is_none())
        .map(|(name, value)| (OsString::from(name), value.to_owned()))
        .collect();
    environment.extend(given.iter().cloned());
    if command.policy.network.proxy().is_some() {
        let proxy = format!("http://127.0.0.1:{PROXY_PORT}");
        for name in ["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"] {
            environment.push((OsString::from(name), OsString::from(&proxy)));
        }
        for name in ["NO_PROXY", "no_proxy"] {
            environment.push((OsString::from(name), OsString::from("localhost,127.0.0.1,::1")));
        }
    }
    environment
}

/// A command that runs.
struct Run {
    supervisor: Child,
    control: UnixStream,
    events: Receiver<Event>,
    begun: Instant,
    wall: Duration,
    output_bytes: u64,
    level: Level,
    program: OsString,
    port: u16,
}

/// What comes from the stages.
enum Event {
    Stdout(Vec<u8>),
    Stderr(Vec<u8>),
    /// A stream that is read no further, and is kept until the end.
    Full(Box<dyn Send>),
    Message(Message),
}

impl Run {
    fn start(supervisor: &Path, job: &Job, stdin: &[u8], begun: Instant) -> Result<Self, SandboxError> {
        #[cfg(target_os = "linux")]
        let inlet = inlet::reserve(job)?;
        let (mut control, theirs) = UnixStream::pair().map_err(|error| SandboxError::io("make a socket", error))?;
        let mut process = std::process::Command::new(supervisor);
        process.args([STAGE_ARGUMENT, "supervise"]).env_clear().current_dir("/");
        process.stdin(OwnedFd::from(theirs)).stdout(Stdio::piped()).stderr(Stdio::piped());
        let started = process.spawn();
        drop(process); // and with it our copy of their end
        let mut supervisor = started.map_err(|error| SandboxError::io("start the supervisor of a command", error))?;
        let (sender, events) = mpsc::sync_channel(MAX_WAITING);
        if let Some(stdout) = supervisor.stdout.take() {
            read_pieces(stdout, job.limits.output_bytes, sender.clone(), Event::Stdout);
        }
        if let Some(stderr) = supervisor.stderr.take() {
            read_pieces(stderr, job.limits.output_bytes, sender.clone(), Event::Stderr);
        }
        let read_end = control.try_clone().map_err(|error| SandboxError::io("share a socket", error))?;
        thread::spawn(move || read_messages(read_end, &sender));
        control.set_write_timeout(Some(HANDOVER)).map_err(|error| SandboxError::io("prepare a socket", error))?;
        // If the supervisor has died, what it said tells more than this error would.
        let _ = job::send(job, stdin, &mut control);
        #[cfg(target_os = "linux")]
        if let Some(inlet) = inlet {
            let _ = inlet::hand_over(&inlet, &control);
        }
        let program = job.argv.first().cloned().unwrap_or_default();
        let (wall, output_bytes) = (job.limits.wall, job.limits.output_bytes);
        Ok(Self {
            supervisor,
            control,
            events,
            begun,
            wall,
            output_bytes,
            level: job.level,
            program,
            port: job.port.unwrap_or_default(),
        })
    }

    fn follow(mut self, follower: &mut dyn Follower) -> Result<Finished, Refusal> {
        let (mut stdout_bytes, mut stderr_bytes) = (0, 0);
        let (mut failure, mut ended, mut ours) = (None, None, None);
        let mut killed_at: Option<Instant> = None;
        let (mut started, mut asked) = (false, false);
        let terminator = self.control.try_clone();
        let mut each = |follower: &mut dyn Follower, output: Output<'_>| match follower.printed(output) {
            Then::Continue => ControlFlow::Continue(()),
            Then::Kill => ControlFlow::Break(()),
            Then::Terminate => {
                if let (false, Ok(control)) = (asked, &terminator) {
                    // If nobody reads it, it is ended otherwise.
                    asked = (&*control).write_all(&[job::TERMINATE]).is_ok();
                }
                ControlFlow::Continue(())
            }
        };
        let mut full = Vec::new();
        loop {
            let event = self.events.recv_timeout(TICK);
            let mut stop = None;
            match event {
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    stop = (ours.is_none() && each(follower, Output::Nothing).is_break()).then_some(Ending::Stopped);
                    // A supervisor that was killed leaves stages that hold the streams.
                    if matches!(self.supervisor.try_wait(), Ok(Some(_))) && killed_at.is_none() {
                        killed_at = Some(Instant::now());
                        let _ = self.control.shutdown(Shutdown::Write);
                    }
                }
                Ok(Event::Message(Message::Started)) => start(&mut started, follower),
                // The first is the cause of the others.
                Ok(Event::Message(Message::Failed(found))) => failure = failure.or(Some(found)),
                Ok(Event::Message(Message::Ended(found))) => ended = Some(found),
                Ok(Event::Stdout(piece)) if ours.is_none() => {
                    start(&mut started, follower);
                    stop = self.pass(&piece, &mut stdout_bytes, &mut |bytes| each(follower, Output::Stdout(bytes)));
                }
                Ok(Event::Stderr(piece)) if ours.is_none() => {
                    start(&mut started, follower);
                    stop = self.pass(&piece, &mut stderr_bytes, &mut |bytes| each(follower, Output::Stderr(bytes)));
                }
                Ok(Event::Full(stream)) => full.push(stream),
                // What it prints after it was stopped.
                Ok(Event::Stdout(_) | Event::Stderr(_)) => {}
            }
            if stop.is_none() && ours.is_none() && ended.is_none() && self.begun.elapsed() >= self.wall {
                stop = Some(Ending::TimedOut);
            }
            if let Some(ending) = stop {
                ours = Some(ending);
                let _ = self.control.shutdown(Shutdown::Write);
                killed_at = Some(Instant::now());
            }
            if killed_at.is_some_and(|at| at.elapsed() > GRACE) {
                break;
            }
        }
        self.end();
        drop(full);
        if let Some(failure) = failure {
            return Err(self.refusal(failure));
        }
        let ending = match (ours, ended) {
            (Some(ending), _) => ending,
            (None, Some(ended)) => ending_of(&ended),
            (None, None) => {
                let status = self.supervisor.wait().map(|status| status.to_string()).unwrap_or_default();
                return Err(Refusal::Error(SandboxError::Supervisor(status)));
            }
        };
        Ok(Finished { ending, wall: self.begun.elapsed(), stdout_bytes, stderr_bytes, level: self.level })
    }

    /// Passes on what was printed, as far as it may be.
    fn pass(&self, piece: &[u8], printed: &mut u64, each: &mut dyn FnMut(&[u8]) -> ControlFlow<()>) -> Option<Ending> {
        let room = usize::try_from(self.output_bytes.saturating_sub(*printed)).unwrap_or(usize::MAX);
        let taken = &piece[..piece.len().min(room)];
        *printed += taken.len() as u64;
        if !taken.is_empty() && each(taken).is_break() {
            return Some(Ending::Stopped);
        }
        (taken.len() < piece.len()).then_some(Ending::OutputLimit)
    }

    /// Sees to it that the supervisor is gone.
    fn end(&mut self) {
        let _ = self.control.shutdown(Shutdown::Write);
        let until = Instant::now() + GRACE;
        while matches!(self.supervisor.try_wait(), Ok(None)) {
            if Instant::now() > until {
                let _ = self.supervisor.kill();
                let _ = self.supervisor.wait();
                return;
            }
            thread::sleep(Duration::from_millis(1));
        }
    }

    fn refusal(&self, failure: Failure) -> Refusal {
        let Failure { step, reason, kind } = failure;
        match kind {
            FailureKind::Unavailable => Refusal::Unavailable(format!("cannot {step}: {reason}")),
            FailureKind::Execute => {
                Refusal::Error(SandboxError::NotExecutable { program: self.program.clone(), reason })
            }
            FailureKind::Port => Refusal::Error(SandboxError::Port { port: self.port, reason }),
            FailureKind::Other => Refusal::Error(SandboxError::Supervisor(format!("cannot {step}: {reason}"))),
        }
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        self.end();
    }
}

/// Says that it runs, the first time: what it prints may come before the word that it runs, as that takes another way.
fn start(started: &mut bool, follower: &mut dyn Follower) {
    if !std::mem::replace(started, true) {
        follower.started();
    }
}

fn ending_of(ended: &Ended) -> Ending {
    match (ended.limit, ended.signal, ended.code) {
        (Some(Limit::Cpu), ..) => Ending::CpuLimit,
        (Some(Limit::Memory), ..) => Ending::MemoryLimit,
        (Some(Limit::Processes), ..) => Ending::ProcessLimit,
        (Some(Limit::Temporary), ..) => Ending::StorageLimit,
        (None, Some(signal), _) => Ending::Signalled(signal),
        (None, None, code) => Ending::Exited(code.unwrap_or_default()),
    }
}

/// Reads a stream to its end, or a little beyond what may be printed, on a thread of its own. Who prints more is held up by
/// a stream that is full until it is killed.
fn read_pieces(mut from: impl Read + Send + 'static, most: u64, to: SyncSender<Event>, event: fn(Vec<u8>) -> Event) {
    thread::spawn(move || {
        let mut buffer = vec![0; PIECE_BYTES];
        let mut read = 0;
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            read += length as u64;
            if to.send(event(buffer[..length].to_vec())).is_err() {
                return;
            }
            if read > most {
                let _ = to.send(Event::Full(Box::new(from)));
                return;
            }
        }
    });
}

/// Reads what the stages say, to the end.
fn read_messages(from: UnixStream, to: &SyncSender<Event>) {
    for line in BufReader::new(from).lines() {
        let Ok(line) = line else { return };
        let Ok(message) = serde_json::from_str(&line) else { continue };
        if to.send(Event::Message(message)).is_err() {
            return;
        }
    }
}

//! One way to ask, whoever holds the store: this process, or another one behind the home's socket.
//!
//! Whoever comes first takes the lock, opens the store and listens for the others for as long as it lives. When it goes
//! away, the next one that asks takes the lock. Requests are made so that repeating them does nothing twice
//! (ids and keys are chosen by who asks), so a request without an answer is simply put again.

use std::io::{self, BufReader, BufWriter, Write};
use std::ops::ControlFlow;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use zo_projections::Position;

use crate::engine::{Engine, EngineOptions, OpenError};
use crate::home;
use crate::protocol::fresh_id;
use crate::protocol::{Answer, At, Environment, Failure, FailureKind, JobArrival, Query, Request, Response, VERSION};
use crate::server::{Server, disconnected};
use crate::service;
use crate::wire::{self, Hello, SocketPath};

/// So long is tried to become the holder, or to reach it: it may be opening a large store, or leaving it.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two tries, at first and at the most.
const FIRST_PAUSE: Duration = Duration::from_millis(2);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// How a home is to be opened.
#[derive(Clone, Debug, Default)]
pub struct OpenOptions {
    /// Fail if there is no home yet, and do not make one.
    pub must_exist: bool,
    /// What of the surroundings of this process matters to models.
    pub environment: Environment,
}

/// Access to a home: the store itself, or a connection to who holds it.
pub struct Client {
    folder: PathBuf,
    options: OpenOptions,
    access: Access,
}

enum Access {
    Holder {
        engine: Arc<Engine>,
        server: Option<Server>,
    },
    Guest(Connection),
    /// Only while it is being opened anew.
    None,
}

struct Connection {
    input: BufReader<UnixStream>,
    output: BufWriter<UnixStream>,
    hello: Hello,
}

impl Client {
    /// Opens the home, or connects to who has it.
    ///
    /// # Errors
    /// A [`Failure`] that says what is wrong with the home, and what to do.
    pub fn open(folder: &Path, options: &OpenOptions) -> Result<Self, Failure> {
        let access = open(folder, options)?;
        Ok(Self { folder: folder.to_owned(), options: options.clone(), access })
    }

    /// What opening found and mended, for people: empty unless something was wrong.
    pub fn notes(&self) -> Vec<String> {
        match &self.access {
            Access::Holder { engine, .. } => engine.notes().to_vec(),
            _ => Vec::new(),
        }
    }

    /// The engine, if this process holds the store.
    pub fn engine(&self) -> Option<&Arc<Engine>> {
        match &self.access {
            Access::Holder { engine, .. } => Some(engine),
            _ => None,
        }
    }

    /// Whether an answer is on its way to another process, which leaving waits for.
    pub fn is_answering(&self) -> bool {
        matches!(&self.access, Access::Holder { engine, .. } if !engine.turns.is_idle())
    }

    /// Process id of who holds the store.
    pub fn holder(&self) -> u32 {
        match &self.access {
            Access::Guest(connection) => connection.hello.pid,
            _ => std::process::id(),
        }
    }

    /// Sends a request; `each` is given every response but the last one (`Done` or `Failed`) and may stop early.
    ///
    /// When the holder goes away before the first response that counts, the request is put again, to the next
    /// holder or to this process, which takes over; a stream of events goes on behind the last one delivered.
    ///
    /// # Errors
    /// The [`Failure`] the request ended with.
    pub fn call(
        &mut self,
        request: &Request,
        each: &mut dyn FnMut(Response) -> ControlFlow<()>,
    ) -> Result<(), Failure> {
        let mut request = request.clone();
        if let Request::Browse(input) = &mut request {
            input.id.get_or_insert_with(fresh_id);
        }
        loop {
            let mut delivered = Delivered::Nothing;
            let mut stopped = false;
            let mut track = |response: Response| {
                delivered.note(&response);
                let flow = each(response);
                stopped = flow.is_break();
                flow
            };
            let result = match &mut self.access {
                Access::Holder { engine, .. } => return service::handle(engine, request, &mut track),
                Access::Guest(connection) => connection.call(&request, &mut track),
                Access::None => Err(Failure::new(FailureKind::Disconnected, "the home is not open")),
            };
            let Err(failure) = result else { return Ok(()) };
            if stopped {
                // What is still on its way belongs to a request nobody waits for: begin with a fresh connection.
                return self.reopen();
            }
            if failure.kind != FailureKind::Disconnected || !delivered.prepare_again(&mut request) {
                return Err(failure);
            }
            self.reopen()?;
        }
    }

    /// Sends a request that has exactly one response, apart from progress.
    ///
    /// # Errors
    /// The [`Failure`] the request ended with.
    pub fn one(&mut self, request: &Request) -> Result<Response, Failure> {
        let mut response = None;
        self.call(request, &mut |each| {
            if !matches!(each, Response::Progress { .. }) {
                response = Some(each);
            }
            ControlFlow::Continue(())
        })?;
        response.ok_or_else(|| Failure::new(FailureKind::Io, "the holder gave no answer"))
    }

    /// Sends a query.
    ///
    /// # Errors
    /// The [`Failure`] the request ended with.
    pub fn query(&mut self, query: Query, at: Option<At>) -> Result<Answer, Failure> {
        match self.one(&Request::Query { query, at })? {
            Response::Answer(answer) => Ok(*answer),
            other => Err(Failure::new(FailureKind::Io, format!("an answer was expected, and {other:?} came"))),
        }
    }

    /// Ends the access: a holder lets its guests have their answers, writes what it has derived, and lets the next one
    /// take over.
    ///
    /// # Errors
    /// If the log could not be written at some time; everything acknowledged is durable all the same.
    pub fn close(mut self) -> Result<(), Failure> {
        if let Access::Holder { engine, .. } = &self.access {
            engine.carry_on_embedding();
        }
        self.leave();
        Ok(())
    }

    fn leave(&mut self) {
        if let Access::Holder { engine, server } = std::mem::replace(&mut self.access, Access::None) {
            engine.announce_leaving();
            if let Some(server) = server {
                server.stop();
            }
            engine.close();
        }
    }

    fn reopen(&mut self) -> Result<(), Failure> {
        self.access = Access::None;
        // Whatever had to be made is there: a home that is gone now is not made anew behind its user's back.
        self.options.must_exist = true;
        self.access = open(&self.folder, &self.options)?;
        Ok(())
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.leave();
    }
}

/// What a request had delivered when the holder went away.
enum Delivered {
    Nothing,
    EventsUpTo(Position),
    /// The ends of these jobs.
    EndsOf(Vec<String>),
    Something,
}

impl Delivered {
    fn note(&mut self, response: &Response) {
        match response {
            // Whoever asks again is told the rest, or the whole answer.
            Response::Progress { .. } | Response::Begun(_) | Response::Arrived(_) => {}
            Response::JobArrived(JobArrival::Ended { job, .. }) => match self {
                Self::EndsOf(jobs) => jobs.push(job.id.clone()),
                _ => *self = Self::EndsOf(vec![job.id.clone()]),
            },
            Response::JobArrived(_) => {}
            Response::Event(event) => *self = Self::EventsUpTo(event.position),
            _ => *self = Self::Something,
        }
    }

    /// Makes the request that brings what is still missing; false if there is none.
    fn prepare_again(&self, request: &mut Request) -> bool {
        match (self, request) {
            (Self::Nothing, _) => true,
            (Self::EventsUpTo(position), Request::Events { selection, .. }) => {
                selection.from = position.next();
                selection.last = None;
                true
            }
            (Self::EndsOf(ended), Request::WatchJobs { jobs, .. }) => {
                let has_ended = |job: &String| ended.iter().any(|id| id.ends_with(&job.to_ascii_uppercase()));
                jobs.retain(|job| !has_ended(job));
                true
            }
            _ => false,
        }
    }
}

/// Takes the lock and opens the store, or connects to who has it; tries until one of them works.
fn open(folder: &Path, options: &OpenOptions) -> Result<Access, Failure> {
    let until = Instant::now() + PATIENCE;
    let mut pause = FIRST_PAUSE;
    loop {
        if let Some(mut connection) = connect(folder)?
            && connection.introduce(&options.environment).is_ok()
        {
            return Ok(Access::Guest(connection));
        }
        match Engine::open(
            folder,
            EngineOptions {
                create: !options.must_exist,
                index_behind: true,
                environment: options.environment.clone(),
                ..EngineOptions::default()
            },
        ) {
            Ok(engine) => {
                // Without a socket nobody else can work on the home meanwhile, but this process can.
                let server = Server::start(engine.clone())
                    .inspect_err(|error| tracing::warn!("no other terminal can be served: {error}"))
                    .ok();
                return Ok(Access::Holder { engine, server });
            }
            Err(held @ OpenError::Held { .. }) if Instant::now() > until => return Err(held.into()),
            Err(OpenError::Held { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        thread::sleep(pause);
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Where the socket of the home in `folder` lies, whether somebody listens or not.
pub fn socket_path(folder: &Path) -> PathBuf {
    home::socket_folder(folder).join(wire::SOCKET)
}

/// A connection to the holder; `None` if nobody listens.
fn connect(folder: &Path) -> Result<Option<Connection>, Failure> {
    let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let Ok(socket) = SocketPath::new(&home::socket_folder(&folder)) else { return Ok(None) };
    let Ok(stream) = UnixStream::connect(socket.path()) else { return Ok(None) };
    if wire::check_peer(&stream).is_err() {
        return Ok(None);
    }
    let Ok(other) = stream.try_clone() else { return Ok(None) };
    let mut input = BufReader::new(stream);
    // A holder that is leaving closes the connection without a word.
    let Ok(Some(hello)) = wire::read::<Hello>(&mut input) else { return Ok(None) };
    if hello.version != VERSION {
        let message = format!(
            "process {} has the home open with zo {}, and this is zo {}",
            hello.pid,
            hello.zo_version,
            env!("CARGO_PKG_VERSION")
        );
        return Err(Failure::new(FailureKind::Newer, message).hint("end the other one, or use the same version"));
    }
    Ok(Some(Connection { input, output: BufWriter::new(other), hello }))
}

impl Connection {
    /// Tells the holder what must not be recorded. It may be leaving: then another way is tried.
    fn introduce(&mut self, environment: &Environment) -> Result<(), Failure> {
        if environment.keys.is_empty() {
            return Ok(());
        }
        let request = Request::Introduce { environment: environment.clone() };
        self.call(&request, &mut |_| ControlFlow::Continue(()))
    }

    fn call(&mut self, request: &Request, each: &mut dyn FnMut(Response) -> ControlFlow<()>) -> Result<(), Failure> {
        let sent = wire::write(&mut self.output, request).and_then(|()| self.output.flush());
        sent.map_err(|error| disconnected(&error))?;
        loop {
            let response = wire::read::<Response>(&mut self.input)
                .and_then(|response| response.ok_or_else(|| io::ErrorKind::UnexpectedEof.into()))
                .map_err(|error| disconnected(&error))?;
            match response {
                Response::Done => return Ok(()),
                Response::Failed(failure) => return Err(failure),
                response => {
                    if each(response).is_break() {
                        return Err(Failure::new(FailureKind::Disconnected, "nobody wants more"));
                    }
                }
            }
        }
    }
}

//! The holder's side of the home's socket: whoever has the store answers for all.
//!
//! One thread per connection, at most [`MAX_CONNECTIONS`]; a request is handled where it is read. The socket lies in
//! a folder of mode 0700, and a peer of another user is sent away.

use std::collections::HashMap;
use std::fs;
use std::io::{self, BufReader, BufWriter, Write};
use std::net::Shutdown;
use std::ops::ControlFlow;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::engine::Engine;
use crate::home;
use crate::protocol::{Failure, FailureKind, Request, Response};
use crate::service;
use crate::wire::{self, Hello, SocketPath};

/// So many guests are served at a time; a thread and two buffers each.
pub const MAX_CONNECTIONS: usize = 256;
/// So long a leaving holder waits for requests that are being handled…
const DRAIN: Duration = Duration::from_secs(10);
/// …and so long for an answer of a model that is on its way to somebody: it costs money, and is nobody's fault.
const DRAIN_ANSWERS: Duration = Duration::from_secs(120);

/// So often a leaving holder looks whether answers are still on their way.
const LOOK: Duration = Duration::from_millis(200);

/// Answers guests until it is stopped.
pub struct Server {
    engine: Arc<Engine>,
    shared: Arc<Shared>,
    listener: Arc<UnixListener>,
    accepting: Option<JoinHandle<()>>,
}

struct Shared {
    stopping: AtomicBool,
    connections: Mutex<HashMap<u64, UnixStream>>,
    gone: Condvar,
}

impl Server {
    /// Listens on the socket of the engine's home. A socket that a former holder left behind is replaced: this process
    /// has the lock.
    ///
    /// # Errors
    /// If the socket cannot be made.
    pub fn start(engine: Arc<Engine>) -> io::Result<Self> {
        let folder = home::socket_folder(engine.home().folder());
        fs::create_dir_all(&folder)?;
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o700))?;
        let socket = SocketPath::new(&folder)?;
        remove_if_there(&folder.join(wire::SOCKET))?;
        let listener = UnixListener::bind(socket.path())?;
        let shared =
            Arc::new(Shared { stopping: AtomicBool::new(false), connections: Mutex::default(), gone: Condvar::new() });
        let listener = Arc::new(listener);
        let (for_thread, listening, served) = (shared.clone(), listener.clone(), engine.clone());
        let accepting = thread::Builder::new()
            .name("zo-accept".to_owned())
            .spawn(move || accept(&listening, &served, &for_thread))?;
        Ok(Self { engine, shared, listener, accepting: Some(accepting) })
    }

    /// Takes no more guests, lets those that are being answered have their answer, and sends all away.
    pub fn stop(mut self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        // Accepting blocks, and this wakes it up, also when the socket's file is gone.
        let _ = rustix::net::shutdown(&*self.listener, rustix::net::Shutdown::Both);
        if let Some(accepting) = self.accepting.take()
            && accepting.join().is_err()
        {
            tracing::warn!("the thread that accepts guests ended in a panic");
        }
        let (until, until_answered) = (Instant::now() + DRAIN, Instant::now() + DRAIN_ANSWERS);
        let mut connections = lock(&self.shared.connections);
        for stream in connections.values() {
            // No further request is read; an answer under way can still be written.
            let _ = stream.shutdown(Shutdown::Read);
        }
        while !connections.is_empty() {
            let is_idle = self.engine.turns.is_idle() && !self.engine.browsers.is_busy();
            let until = if is_idle { until } else { until_answered };
            let left = until.saturating_duration_since(Instant::now()).min(LOOK);
            if left.is_zero() {
                break;
            }
            connections = self.shared.gone.wait_timeout(connections, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        for stream in connections.values() {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

fn accept(listener: &UnixListener, engine: &Arc<Engine>, shared: &Arc<Shared>) {
    let mut number = 0;
    loop {
        let stream = listener.accept().map(|(stream, _)| stream);
        if shared.stopping.load(Ordering::SeqCst) {
            return;
        }
        let Ok(stream) = stream else {
            // Out of descriptors, perhaps: a moment later there may be some.
            thread::sleep(Duration::from_millis(10));
            continue;
        };
        number += 1;
        if let Err(error) = admit(stream, number, engine, shared) {
            tracing::debug!("a guest was sent away: {error}");
        }
    }
}

fn admit(stream: UnixStream, number: u64, engine: &Arc<Engine>, shared: &Arc<Shared>) -> io::Result<()> {
    wire::check_peer(&stream)?;
    let mut connections = lock(&shared.connections);
    if connections.len() >= MAX_CONNECTIONS {
        return Err(io::Error::other("there are too many guests"));
    }
    connections.insert(number, stream.try_clone()?);
    drop(connections);
    let (engine, for_thread) = (engine.clone(), shared.clone());
    let spawned = thread::Builder::new().name("zo-guest".to_owned()).spawn(move || {
        if let Err(error) = serve(&stream, &engine, &for_thread) {
            tracing::debug!("a guest left: {error}");
        }
        let _ = stream.shutdown(Shutdown::Both);
        lock(&for_thread.connections).remove(&number);
        for_thread.gone.notify_all();
    });
    if spawned.is_err() {
        lock(&shared.connections).remove(&number);
    }
    spawned.map(|_| ())
}

/// Answers one guest until it leaves or the holder does.
fn serve(stream: &UnixStream, engine: &Engine, shared: &Shared) -> io::Result<()> {
    let mut input = BufReader::new(stream);
    let mut output = BufWriter::new(stream);
    wire::write(&mut output, &Hello::new())?;
    output.flush()?;
    while let Some(request) = wire::read::<Request>(&mut input)? {
        let mut broken = None;
        let result = service::handle(engine, request, &mut |response| match wire::write(&mut output, &response)
            .and_then(|()| output.flush())
        {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                broken = Some(error);
                ControlFlow::Break(())
            }
        });
        if let Some(error) = broken {
            return Err(error);
        }
        let last = match result {
            Ok(()) => Response::Done,
            Err(failure) => Response::Failed(failure),
        };
        wire::write(&mut output, &last)?;
        output.flush()?;
        if shared.stopping.load(Ordering::SeqCst) || engine.writer().poisoned().is_some() {
            return Ok(());
        }
    }
    Ok(())
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Held only around accesses to the table of guests.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A failure that says that the holder is gone.
pub(crate) fn disconnected(error: &io::Error) -> Failure {
    Failure::new(FailureKind::Disconnected, format!("the process that held the home is gone: {error}"))
}

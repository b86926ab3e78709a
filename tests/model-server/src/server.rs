//! The server: its connections, and what it has seen.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;

use crate::connection::Connection;
use crate::request::{Request, read_request};
use crate::response::Response;

/// A server on a port of its own on 127.0.0.1, with a thread for every connection; connections may be used again.
///
/// Dropping it closes all connections, whatever their responses were waiting for, and waits for their threads. If the
/// script has panicked, a failed assertion for example, the drop passes that on.
pub struct ModelServer {
    address: SocketAddr,
    scheme: &'static str,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<thread::Result<()>>>,
}

/// What a test says about the answers.
type Script = Box<dyn Fn(&Request) -> Response + Send + Sync>;

struct Shared {
    script: Script,
    tls: Option<Arc<ServerConfig>>,
    stopping: AtomicBool,
    seen: Mutex<Seen>,
    changed: Condvar,
    /// A handle of the socket of every connection that lives, to shut it down with.
    sockets: Mutex<HashMap<usize, TcpStream>>,
}

#[derive(Default)]
struct Seen {
    requests: Vec<Request>,
    abandoned: usize,
}

impl ModelServer {
    /// Starts a server that answers every request as `script` says. The script runs on the connections' threads.
    ///
    /// # Panics
    /// If there is no port to listen on.
    pub fn start(script: impl Fn(&Request) -> Response + Send + Sync + 'static) -> Self {
        Self::start_with(Box::new(script), None)
    }

    /// Starts one that speaks TLS (1.2 and 1.3, without ALPN); also returns its certificate in PEM, self-signed for
    /// `localhost` and 127.0.0.1, so that nobody trusts it who is not told to.
    ///
    /// # Panics
    /// If there is no port to listen on.
    pub fn start_tls(script: impl Fn(&Request) -> Response + Send + Sync + 'static) -> (Self, String) {
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).expect("both are names a certificate can have");
        let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("the provider has the protocols' suites")
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .expect("the key is that of the certificate");
        (Self::start_with(Box::new(script), Some(Arc::new(config))), made.cert.pem())
    }

    fn start_with(script: Script, tls: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has a free port");
        let address = listener.local_addr().expect("it is bound");
        let scheme = if tls.is_some() { "https" } else { "http" };
        let shared = Arc::new(Shared {
            script,
            tls,
            stopping: AtomicBool::new(false),
            seen: Mutex::default(),
            changed: Condvar::new(),
            sockets: Mutex::default(),
        });
        let accepting = thread::spawn({
            let shared = shared.clone();
            move || accept(&listener, &shared)
        });
        Self { address, scheme, shared, accepting: Some(accepting) }
    }

    /// `http://127.0.0.1:PORT`, or `https`.
    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The requests whose head and body have come, in that order: a request stands at its number.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.seen().requests.clone()
    }

    /// Waits until at least `count` requests have come, for at most `patience`; whether they have.
    pub fn wait_for_requests(&self, count: usize, patience: Duration) -> bool {
        self.wait_until(patience, |seen| seen.requests.len() >= count)
    }

    /// Waits until the client has gone away from at least `count` responses before their ends, for at most `patience`;
    /// whether it has. It is noticed where a response waits or writes.
    pub fn wait_for_abandoned(&self, count: usize, patience: Duration) -> bool {
        self.wait_until(patience, |seen| seen.abandoned >= count)
    }

    fn wait_until(&self, patience: Duration, done: impl Fn(&Seen) -> bool) -> bool {
        let waited = self.shared.changed.wait_timeout_while(self.shared.seen(), patience, |seen| !done(seen));
        done(&waited.unwrap_or_else(PoisonError::into_inner).0)
    }
}

impl Drop for ModelServer {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        for socket in self.shared.sockets().values() {
            // It may be closed already.
            let _ = socket.shutdown(Shutdown::Both);
        }
        // Accepting waits for a client: this one tells it to look up.
        let woken = TcpStream::connect(self.address);
        let Some(accepting) = self.accepting.take() else { return };
        if woken.is_err() && !accepting.is_finished() {
            // Better a thread that stays than a test that never ends.
            return;
        }
        if let Err(panic) = accepting.join().and_then(|ended| ended)
            && !thread::panicking()
        {
            resume_unwind(panic);
        }
    }
}

impl Shared {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sockets(&self) -> MutexGuard<'_, HashMap<usize, TcpStream>> {
        self.sockets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives the request its number and shows it to the test.
    fn note(&self, mut request: Request) -> Request {
        let mut seen = self.seen();
        request.number = seen.requests.len();
        seen.requests.push(request.clone());
        self.changed.notify_all();
        request
    }
}

/// Accepts until the server stops, then waits for the connections; their first panic, if there was one.
fn accept(listener: &TcpListener, shared: &Arc<Shared>) -> thread::Result<()> {
    let mut connections: Vec<JoinHandle<()>> = Vec::new();
    let mut ended = Ok(());
    for (number, accepted) in listener.incoming().enumerate() {
        if shared.stopping.load(Ordering::SeqCst) {
            break;
        }
        for finished in connections.extract_if(.., |connection| connection.is_finished()) {
            ended = ended.and(finished.join());
        }
        // A client that has gone again already is none.
        let Ok(socket) = accepted else { continue };
        let shared = shared.clone();
        connections.push(thread::spawn(move || {
            let _listed = Listed::new(&shared, number, &socket);
            // The server's stop is seen here or shuts the socket down that is listed by now.
            if !shared.stopping.load(Ordering::SeqCst) {
                // A connection that breaks is nothing that the server could do something about: clients go.
                let _ = serve(socket, &shared);
            }
        }));
    }
    for connection in connections {
        ended = ended.and(connection.join());
    }
    ended
}

/// Answers the requests of one connection.
fn serve(socket: TcpStream, shared: &Shared) -> io::Result<()> {
    let mut connection = Connection::new(socket, shared.tls.as_ref())?;
    loop {
        let request = match read_request(&mut connection) {
            Ok(Some(request)) => shared.note(request),
            Ok(None) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                Response::new(400).body(error.to_string()).write(&mut connection)?;
                return Err(error);
            }
            Err(error) => return Err(error),
        };
        let written = (shared.script)(&request).write(&mut connection);
        if written.is_err() && !shared.stopping.load(Ordering::SeqCst) {
            shared.seen().abandoned += 1;
            shared.changed.notify_all();
        }
        if !written? || request.wants_close() {
            return Ok(());
        }
    }
}

/// Keeps a connection's socket in the list as long as its thread lives.
struct Listed<'a> {
    shared: &'a Shared,
    number: usize,
}

impl<'a> Listed<'a> {
    fn new(shared: &'a Shared, number: usize, socket: &TcpStream) -> Self {
        if let Ok(socket) = socket.try_clone() {
            shared.sockets().insert(number, socket);
        }
        Self { shared, number }
    }
}

impl Drop for Listed<'_> {
    fn drop(&mut self) {
        self.shared.sockets().remove(&self.number);
    }
}

//! A small hub: a queue, leases with fencing, logs; over HTTP/1.1, one request a connection.

use std::collections::{BTreeMap, VecDeque};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde_json::{Value, json};
use zo_worker::hub::messages::{AppendLog, Attempt, Claim, Completed, Failed, Heartbeat, Join, Released};

use crate::PATIENCE;

/// The token it takes.
pub(crate) const TOKEN: &str = "a token of a node";

/// How often nodes are to be heard from.
const HEARTBEAT_MS: u64 = 20;

/// A hub that listens.
pub(crate) struct FakeHub {
    shared: Arc<Shared>,
    address: SocketAddr,
    listening: Mutex<Option<Listening>>,
}

struct Listening {
    over: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    /// Whether it is away: what is being asked is not answered.
    away: AtomicBool,
}

/// What it knows.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) requests: usize,
    pub(crate) joined: Option<Join>,
    node: Option<String>,
    nodes: usize,
    pub(crate) ready: VecDeque<String>,
    /// The attempt that has the lease of a job, and whether that is to stop.
    leases: BTreeMap<String, (u32, bool)>,
    attempts: BTreeMap<String, u32>,
    pub(crate) ended: BTreeMap<String, String>,
    pub(crate) completions: usize,
    pub(crate) logs: BTreeMap<String, String>,
    heartbeat: Option<Heartbeat>,
    pub(crate) heartbeats: usize,
    pub(crate) is_claimed_from: bool,
    pub(crate) draining: bool,
    pub(crate) drain: bool,
    pub(crate) left: bool,
    pub(crate) revoked: bool,
    pub(crate) most_at_once: usize,
    /// Whether a lease runs out that its node does not know of, as the answer to its claim was lost; how often it was not named.
    pub(crate) expires: bool,
    unnamed: BTreeMap<String, usize>,
    /// So many of what is asked next is done, and the answer lost; heartbeats do not count.
    pub(crate) lose_answers: usize,
}

type Answer = (u16, Value);

impl State {
    pub(crate) fn percent(&self, job: &str) -> Option<f32> {
        self.heartbeat.as_ref()?.running.iter().find(|running| running.attempt.job == job)?.percent
    }

    pub(crate) fn cancel(&mut self, job: &str) {
        self.leases.get_mut(job).unwrap().1 = true;
    }

    /// The lease runs out; the job is ready again.
    pub(crate) fn lose_lease(&mut self, job: &str) {
        self.leases.remove(job);
        self.logs.remove(job);
        self.ready.push_back(job.to_owned());
    }

    /// Another node has it from now on.
    pub(crate) fn give_to_another(&mut self, job: &str) {
        self.leases.insert(job.to_owned(), (99, false));
    }

    pub(crate) fn forget_nodes(&mut self) {
        self.node = None;
    }

    /// The jobs that somebody has a lease of.
    pub(crate) fn leased(&self) -> Vec<String> {
        self.leases.keys().cloned().collect()
    }

    fn has_lease(&self, attempt: &Attempt) -> bool {
        self.leases.get(&attempt.job).is_some_and(|lease| lease.0 == attempt.attempt)
    }

    fn end(&mut self, node: &str, attempt: &Attempt, how: String) -> Answer {
        if let Err(answer) = self.known(node) {
            return answer;
        }
        if !self.has_lease(attempt) {
            return refused(409, "refused", "the lease is another's");
        }
        self.completions += usize::from(how.starts_with("done"));
        self.leases.remove(&attempt.job);
        self.ended.insert(attempt.job.clone(), how);
        (200, json!({ "acknowledged": {} }))
    }

    fn known(&self, node: &str) -> Result<(), Answer> {
        if self.node.as_deref() == Some(node) { Ok(()) } else { Err(refused(404, "not_found", "no such node")) }
    }

    fn answer(&mut self, method: &str, body: &[u8]) -> Answer {
        match method {
            "join_node" => {
                let body: Value = serde_json::from_slice(body).unwrap();
                self.joined = serde_json::from_value(body["node"].clone()).unwrap();
                self.nodes += 1;
                let node = format!("node-{}", self.nodes);
                self.node = Some(node.clone());
                (200, json!({ "node_joined": { "node": node, "heartbeat_ms": HEARTBEAT_MS, "lease_ms": 60_000 } }))
            }
            "heartbeat_node" => self.heartbeat(serde_json::from_slice(body).unwrap()),
            "complete_job" => {
                let Completed { node, attempt, result } = serde_json::from_slice(body).unwrap();
                self.end(&node, &attempt, format!("done {result}"))
            }
            "fail_job" => {
                let Failed { node, attempt, reason, retriable, not_begun } = serde_json::from_slice(body).unwrap();
                let retriable = if retriable { ", retriable" } else { "" };
                let not_begun = if not_begun { ", not begun" } else { "" };
                self.end(&node, &attempt, format!("failed {reason}{retriable}{not_begun}"))
            }
            "release_job" => {
                let Released { node, attempt, reason } = serde_json::from_slice(body).unwrap();
                self.end(&node, &attempt, format!("released {reason}"))
            }
            "leave_node" => {
                self.left = true;
                (200, json!({ "acknowledged": {} }))
            }
            "append_job_log" => self.append(serde_json::from_slice(body).unwrap()),
            _ => refused(404, "not_found", "no such method"),
        }
    }

    fn heartbeat(&mut self, heartbeat: Heartbeat) -> Answer {
        if let Err(answer) = self.known(&heartbeat.node) {
            return answer;
        }
        let running = || heartbeat.running.iter().map(|running| &running.attempt);
        let is_cancelled = |attempt: &&Attempt| self.leases.get(&attempt.job) == Some(&(attempt.attempt, true));
        let cancelled: Vec<&Attempt> = running().filter(is_cancelled).collect();
        let is_over = |attempt: &&Attempt| !self.has_lease(attempt) && !self.ended.contains_key(&attempt.job);
        let lost: Vec<&Attempt> = running().filter(is_over).collect();
        if self.expires {
            self.expire(&heartbeat);
        }
        let answer = json!({ "node_heard": { "cancelled": cancelled, "lost": lost, "drain": self.drain } });
        self.most_at_once = self.most_at_once.max(heartbeat.running.len());
        self.draining = heartbeat.draining;
        self.heartbeats += 1;
        self.heartbeat = Some(heartbeat);
        (200, answer)
    }

    fn expire(&mut self, heartbeat: &Heartbeat) {
        let named: Vec<&str> = heartbeat.running.iter().map(|running| running.attempt.job.as_str()).collect();
        let leased = self.leased();
        self.unnamed.retain(|job, _| leased.contains(job) && !named.contains(&job.as_str()));
        for job in leased.into_iter().filter(|job| !named.contains(&job.as_str())) {
            let times = self.unnamed.entry(job.clone()).or_default();
            *times += 1;
            if *times > 5 {
                self.unnamed.remove(&job);
                self.lose_lease(&job);
            }
        }
    }

    fn append(&mut self, piece: AppendLog) -> Answer {
        if !self.has_lease(&piece.attempt) {
            return refused(409, "refused", "the lease is another's");
        }
        let log = self.logs.entry(piece.attempt.job.clone()).or_default();
        if let Some(new) = (log.len() as u64).checked_sub(piece.offset)
            && let Some(new) = piece.text.get(new as usize..)
        {
            log.push_str(new);
        }
        (200, json!({ "log_appended": { "next": log.len() } }))
    }

    /// Leases what is ready; `None` if there is nothing.
    fn claim(&mut self, claim: &Claim) -> Option<Answer> {
        if let Err(answer) = self.known(&claim.node) {
            return Some(answer);
        }
        if self.ready.is_empty() {
            return None;
        }
        let most = self.ready.len().min(claim.most as usize);
        let jobs: Vec<Value> =
            self.ready.drain(..most).collect::<Vec<_>>().into_iter().map(|job| self.lease(job)).collect();
        Some((200, json!({ "jobs_claimed": jobs })))
    }

    fn lease(&mut self, job: String) -> Value {
        let attempt = self.attempts.entry(job.clone()).or_default();
        *attempt += 1;
        self.leases.insert(job.clone(), (*attempt, false));
        let kind = if job == "of the future" { "dream" } else { "command" };
        json!({ "job": job, "attempt": *attempt, "lease_ms": 60_000, "spec": { "kind": kind, "argv": ["x"] } })
    }
}

fn refused(status: u16, kind: &str, message: &str) -> Answer {
    (status, json!({ "error": { "kind": kind, "message": message } }))
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, mut stream: TcpStream) -> Option<()> {
        let mut reader = BufReader::new(stream.try_clone().ok()?);
        let (mut first, mut length, mut token) = (String::new(), 0, String::new());
        reader.read_line(&mut first).ok()?;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok()?;
            let Some((name, value)) = line.trim().split_once(": ") else { break };
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.parse().ok()?,
                "authorization" => token = value.to_owned(),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        let method = first.strip_prefix("POST /api/v1/")?.split(' ').next()?;
        let (status, answer) = self.answer(method, &token, &body)?;
        let answer = answer.to_string();
        let head = format!("HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nConnection: close\r\n");
        write!(stream, "{head}Content-Length: {}\r\n\r\n{answer}", answer.len()).ok()
    }

    /// `None`: the answer is lost.
    fn answer(&self, method: &str, token: &str, body: &[u8]) -> Option<Answer> {
        let mut state = self.state();
        if self.away.load(Ordering::Relaxed) {
            return None;
        }
        state.requests += 1;
        if token != format!("Bearer {TOKEN}") || state.revoked {
            return Some(refused(401, "denied", "no such token"));
        }
        let answer = if method == "claim_jobs" {
            drop(state);
            self.claim(&serde_json::from_slice(body).unwrap())?
        } else {
            let answer = state.answer(method, body);
            drop(state);
            answer
        };
        self.changed.notify_all();
        let mut state = self.state();
        if state.lose_answers > 0 && method != "heartbeat_node" {
            state.lose_answers -= 1;
            return None;
        }
        Some(answer)
    }

    fn claim(&self, claim: &Claim) -> Option<Answer> {
        let mut state = self.state();
        state.is_claimed_from = true;
        let mut left = claim.wait_ms / 10;
        let answer = loop {
            if self.away.load(Ordering::Relaxed) {
                break None;
            }
            if let Some(answer) = state.claim(claim) {
                break Some(answer);
            }
            left = left.saturating_sub(1);
            if left == 0 || state.drain {
                break Some((200, json!({ "jobs_claimed": [] })));
            }
            let waited = self.changed.wait_timeout(state, Duration::from_millis(10));
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        };
        state.is_claimed_from = false;
        answer
    }
}

impl FakeHub {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Shared { state: Mutex::default(), changed: Condvar::new(), away: AtomicBool::new(false) };
        let shared = Arc::new(shared);
        let listening = Mutex::new(Some(listen(shared.clone(), listener)));
        Self { shared, address, listening }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn submit(&self, job: &str) {
        self.with(|hub| hub.ready.push_back(job.to_owned()));
    }

    pub(crate) fn with<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        let value = look(&mut self.shared.state());
        self.shared.changed.notify_all();
        value
    }

    /// Waits until this holds.
    #[track_caller]
    pub(crate) fn wait(&self, until: impl Fn(&State) -> bool) {
        let state = self.shared.state();
        let waited = self.shared.changed.wait_timeout_while(state, PATIENCE, |state| !until(state)).unwrap();
        assert!(!waited.1.timed_out(), "it did not happen: {:?}", waited.0.ended);
    }

    /// Nobody listens any more; what it knows stays.
    pub(crate) fn vanish(&self) {
        self.shared.away.store(true, Ordering::Relaxed);
        self.shared.changed.notify_all();
        let listening = self.listening.lock().unwrap().take().unwrap();
        listening.over.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.address);
        listening.thread.join().unwrap();
    }

    /// It listens again, at the same address.
    pub(crate) fn come_back(&self) {
        self.shared.away.store(false, Ordering::Relaxed);
        let listener = TcpListener::bind(self.address).unwrap();
        *self.listening.lock().unwrap() = Some(listen(self.shared.clone(), listener));
    }
}

fn listen(shared: Arc<Shared>, listener: TcpListener) -> Listening {
    let over = Arc::new(AtomicBool::new(false));
    let flag = over.clone();
    let thread = thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            if flag.load(Ordering::Relaxed) {
                return;
            }
            let shared = shared.clone();
            thread::spawn(move || shared.serve(stream));
        }
    });
    Listening { over, thread }
}

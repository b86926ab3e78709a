//! How long `zo ask` takes, as a user feels it: from the key press to the request that reaches the provider, in a fresh
//! process, and from the provider's piece of an answer to the terminal. The limits that they are compared with, interleaved:
//! a fresh process that only prints its version, and a thread that hands the piece from a socket to a pipe.
//!
//! `cargo build --release -p zo && cargo bench -p zo-benches --bench asking`; `ZO_BENCH_MEMORIES` (ten thousand unless
//! said), `ZO_BENCH_MESSAGES` (twenty thousand), `ZO_BENCH_ROUNDS`, `ZO_BENCH_DIR`.

#![allow(clippy::print_stdout)] // a program for people to look at

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use zo_benches::BenchFolder;
use zo_engine::bench::Noise;
use zo_engine::protocol::{ConversationChoice, MAX_PAGE, MessageChoice, MessageInput, NewMemory, Request as ToDo};
use zo_engine::service::handle;
use zo_model_server::{Gate, ModelServer, Request, Response, openai};
use zo_projections::Actor;
use zo_projections::event::conversation::Role;

const PATIENCE: Duration = Duration::from_secs(60);

fn main() -> Result<()> {
    if std::env::args().any(|argument| argument == "--test") {
        return Ok(());
    }
    let number =
        |name: &str, usual: usize| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual);
    let (memories, messages) = (number("ZO_BENCH_MEMORIES", 10_000), number("ZO_BENCH_MESSAGES", 20_000));
    let rounds = number("ZO_BENCH_ROUNDS", 20);
    let folder = BenchFolder::new()?;
    let gate: Arc<Mutex<Gate>> = Arc::default();
    let held = gate.clone();
    let server = ModelServer::start(move |_: &Request| {
        let gate = held.lock().expect("no panic").clone();
        Response::sse(200).gate(&gate).send(openai::chunk("word")).send(openai::finish("stop")).send(openai::DONE)
    });
    let zo = Zo { binary: binary()?, home: folder.path().join("home") };
    zo.run(&["provider", "add", "near", "--base-url", &format!("{}/v1", server.url())], "")?;
    zo.run(&["model", "use", "near/scripted"], "")?;
    println!("making {memories} memories and a conversation of {messages} messages");
    fill(folder.path(), memories, messages)?;
    zo.run(&["index", "embed"], "")?;

    let (mut bare, mut fresh, mut long) = (Vec::new(), Vec::new(), Vec::new());
    let (mut relayed, mut printed) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        let begun = Instant::now();
        zo.run(&["--version"], "")?;
        bare.push(begun.elapsed());
        let question = format!("what is known about round {round}, and who said it");
        let (sent, shown) = ask(&zo, &server, &gate, &["ask", "--new", &question])?;
        fresh.push(sent);
        printed.push(shown);
        let (sent, shown) = ask(&zo, &server, &gate, &["ask", "--conversation", "long", &question])?;
        long.push(sent);
        printed.push(shown);
        relayed.push(relay(&server, &gate)?);
    }
    row("a fresh process that prints its version", &mut bare);
    row(&format!("ask: request sent, at {memories} memories"), &mut fresh);
    row(&format!("ask: request sent, {messages} messages before it"), &mut long);
    row("a piece, from a socket to a pipe", &mut relayed);
    row("a piece, from the provider to the terminal", &mut printed);
    Ok(())
}

/// The program, in a home.
struct Zo {
    binary: PathBuf,
    home: PathBuf,
}

impl Zo {
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command.env_clear().env("HOME", &self.home).env("ZO_HOME", &self.home).args(arguments);
        command
    }

    fn run(&self, arguments: &[&str], input: &str) -> Result<()> {
        let mut child = self.command(arguments).stdin(Stdio::piped()).stdout(Stdio::null()).spawn()?;
        child.stdin.take().context("it was asked for")?.write_all(input.as_bytes())?;
        ensure!(child.wait()?.success(), "{arguments:?} failed");
        Ok(())
    }
}

/// Asks once: how long until the request was there, and how long from the first piece to its being printed.
fn ask(zo: &Zo, server: &ModelServer, gate: &Mutex<Gate>, arguments: &[&str]) -> Result<(Duration, Duration)> {
    let closed = Gate::new();
    *gate.lock().expect("no panic") = closed.clone();
    let before = server.requests().len();
    let begun = Instant::now();
    let mut child = zo.command(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    ensure!(server.wait_for_requests(before + 1, PATIENCE), "no request came");
    let sent = server.requests()[before].at.duration_since(begun);
    ensure!(closed.wait_until_reached(PATIENCE), "the gate was not reached");
    let mut output = child.stdout.take().context("it was asked for")?;
    let shown = open_and_read(&closed, &mut output)?;
    ensure!(child.wait()?.success(), "{arguments:?} failed");
    Ok((sent, shown))
}

/// The limit: the same piece, handed from the socket to a pipe by a thread.
fn relay(server: &ModelServer, gate: &Mutex<Gate>) -> Result<Duration> {
    let closed = Gate::new();
    *gate.lock().expect("no panic") = closed.clone();
    let mut socket = TcpStream::connect(server.address())?;
    socket.set_nodelay(true)?;
    socket.write_all(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}")?;
    let (mut output, mut input) = std::io::pipe()?;
    let relaying = thread::spawn(move || -> Result<()> {
        let mut lines = BufReader::new(socket);
        let mut line = String::new();
        while lines.read_line(&mut line)? > 0 {
            if line.contains("word") {
                input.write_all(b"word")?;
                return Ok(());
            }
            line.clear();
        }
        Ok(())
    });
    ensure!(closed.wait_until_reached(PATIENCE), "the gate was not reached");
    let shown = open_and_read(&closed, &mut output)?;
    relaying.join().expect("no panic")?;
    Ok(shown)
}

fn open_and_read(gate: &Gate, output: &mut impl Read) -> Result<Duration> {
    // Whoever waits is asleep by then.
    thread::sleep(Duration::from_millis(20));
    let begun = Instant::now();
    gate.open();
    let mut word = [0; 4];
    output.read_exact(&mut word)?;
    let shown = begun.elapsed();
    ensure!(&word == b"word", "something else was printed");
    Ok(shown)
}

/// Fills the home with memories and a long conversation.
fn fill(folder: &Path, memories: usize, messages: usize) -> Result<()> {
    let engine = zo_benches::open(folder)?;
    let mut noise = Noise::new(1);
    for _ in 0..memories.div_ceil(MAX_PAGE) {
        let item = |_| NewMemory { content: noise.text(120), ..NewMemory::default() };
        let items = (0..MAX_PAGE.min(memories)).map(item).collect();
        handle(&engine, ToDo::Memorize { actor: Actor::User, items }, &mut |_| ControlFlow::Continue(()))?;
    }
    for page in 0..messages.div_ceil(MAX_PAGE) {
        let said =
            (0..MAX_PAGE.min(messages)).map(|number| message(page * MAX_PAGE + number, noise.text(80))).collect();
        let conversation = ConversationChoice::Named("long".to_owned());
        let request = ToDo::AddMessages { actor: Actor::Import, conversation, messages: said };
        handle(&engine, request, &mut |_| ControlFlow::Continue(()))?;
    }
    engine.close();
    Ok(())
}

fn message(number: usize, content: String) -> MessageInput {
    MessageInput {
        id: MessageChoice::External(number.to_string()),
        parent: None,
        role: if number.is_multiple_of(2) { Role::User } else { Role::Assistant },
        content,
        author: None,
        tool_calls: Vec::new(),
        tool_call_id: None,
        meta: None,
        occurred_at: None,
        selected: true,
    }
}

fn binary() -> Result<PathBuf> {
    let bench = std::env::current_exe()?;
    let found = bench.ancestors().skip(1).map(|folder: &Path| folder.join("zo")).find(|path| path.is_file());
    found.context("there is no zo beside the bench: `cargo build --release -p zo`")
}

fn row(name: &str, times: &mut [Duration]) {
    times.sort_unstable();
    let at = |share: usize| times[(times.len() - 1) * share / 100].as_secs_f64() * 1e3;
    println!("{name:<48} p50 {:8.2} ms  p90 {:8.2} ms  max {:8.2} ms", at(50), at(90), at(100));
}

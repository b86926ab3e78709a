//! A process that may be killed: it begins or resumes an agent, carries it on to its end, and reports what became of it.

use std::collections::BTreeMap;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use zo_engine::disk::journal::Sizes;
use zo_engine::engine::{Engine, EngineOptions, OpenError};
use zo_engine::protocol::{
    AgentDetail, AgentRequest, Answer, Asking, ConversationChoice, Environment, Failure, Query, Request, Response,
    SecretText,
};
use zo_engine::service::handle;
use zo_engine::store::local::Options;
use zo_projections::event::{Event, memory};
use zo_projections::{Position, RunId};

use super::script;

/// The run of the agent that the story begins with.
const RUN: RunId = RunId(0x0197_0000_0000_0000_0000_0000_0000_0001);
/// Its conversation.
const CONVERSATION: &str = "story";
/// Small, so that copies of a home are.
const JOURNAL_BYTES: u64 = 256 * 1024;
/// So long a home is waited for whose holder was killed.
const PATIENCE: Duration = Duration::from_secs(10);
/// What the agent may do without being asked.
const RULES: &[&str] =
    &["allow: run_command(sh -c …)", "allow: write_file", "allow: edit_file", "deny: run_command(rm)"];
/// What it is offered: what is told of tools is to leave room for what they gave.
const TOOLS: &[&str] =
    &["memorize", "recall", "list_files", "read_file", "write_file", "edit_file", "run_command", "spawn_agents"];

/// How a process takes part.
#[derive(Clone, Copy, Debug)]
pub struct Part<'a> {
    /// The task, as the agent is asked.
    pub task: &'a str,
    /// Kill itself as soon as this position is durable.
    pub kill_at: Option<u64>,
    /// Which process of the story it is.
    pub process: usize,
    /// Resume the run, if it was begun, rather than ask once more.
    pub resume: bool,
}

fn options(after_commit: Option<zo_engine::writer::AfterCommit>) -> Result<EngineOptions> {
    let defaults = Options::default();
    let store = Options { journal: Sizes { file_bytes: JOURNAL_BYTES, ..defaults.journal }, ..defaults };
    Ok(EngineOptions { store, supervisor: Some(supervisor()?), after_commit, ..EngineOptions::default() })
}

/// The program that starts sandboxed children: `zo`, beside this one.
fn supervisor() -> Result<PathBuf> {
    if let Some(named) = std::env::var_os("ZO_BIN") {
        return Ok(named.into());
    }
    let own = std::env::current_exe()?;
    let found = own.ancestors().skip(1).map(|folder| folder.join("zo")).find(|path| path.is_file());
    found.with_context(|| format!("there is no zo beside {}: `cargo build --release --bins`", own.display()))
}

/// Makes a home below `folder` that knows the model server as `near`.
///
/// # Errors
/// If it cannot be made.
pub fn add_provider(folder: &Path, server_url: &str) -> Result<()> {
    let engine = Engine::open(&folder.join("home"), options(None)?)?;
    let base_url = format!("{server_url}/v1");
    let request = Request::AddProvider { name: "near".to_owned(), dialect: "openai".to_owned(), base_url };
    put(&engine, request).map_err(|failure| anyhow::anyhow!("{failure:?}"))?;
    engine.close();
    Ok(())
}

/// Takes part in the story below `folder`: says `opened POSITION` on stdout before it does anything, and in the end a
/// report, as JSON in one line.
///
/// # Errors
/// If the home does not open, or cannot be read.
pub fn take_part(folder: &Path, part: Part<'_>) -> Result<()> {
    let hook: Option<zo_engine::writer::AfterCommit> = part.kill_at.map(|at| {
        let hook = move |position: Position| {
            if position.0 >= at {
                kill_self();
            }
        };
        Arc::new(hook) as zo_engine::writer::AfterCommit
    });
    let engine = open(&folder.join("home"), options(hook)?)?;
    say(&format!("opened {}", engine.writer().position()))?;
    let begun = engine.writer().read(|views| views.streams.version(RUN.into()) != 0)?;
    let environment = Environment {
        keys: vec![("NEAR_API_KEY".to_owned(), SecretText(script::key_of(part.process)))],
        ..Environment::default()
    };
    let request = match part.resume && begun {
        true => Request::Resume { run: RUN.to_string(), can_ask: false, environment },
        false => Request::Ask(Box::new(asking(folder, part.task, environment)?)),
    };
    let ended = put(&engine, request);
    let mut report = report(&engine, ended)?;
    engine.close();
    // What an earlier process has left of a reply is thrown away behind everything.
    report["arriving"] = std::fs::read_dir(folder.join("home/arriving")).map_or(0, Iterator::count).into();
    say(&report.to_string())
}

/// Opens the home. A process that was killed while it started another one holds the home until that one is under way.
fn open(home: &Path, options: EngineOptions) -> Result<Arc<Engine>> {
    let begun = Instant::now();
    loop {
        match Engine::open(home, options.clone()) {
            Err(OpenError::Held { .. }) if begun.elapsed() < PATIENCE => thread::sleep(Duration::from_millis(5)),
            opened => return Ok(opened?),
        }
    }
}

fn asking(folder: &Path, task: &str, environment: Environment) -> Result<Asking> {
    let workspace = folder.join("work").canonicalize()?;
    let words = |all: &[&str]| all.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let agent = AgentRequest {
        workspace: Some(workspace.to_str().context("a plain name")?.to_owned()),
        tools: Some(words(TOOLS)),
        rules: words(RULES),
        ..AgentRequest::default()
    };
    Ok(Asking {
        model: Some("near/scripted".to_owned()),
        agent: Some(Box::new(agent)),
        environment,
        ..Asking::new(ConversationChoice::Named(CONVERSATION.to_owned()), task, RUN.0)
    })
}

/// As if somebody had typed `kill -9`: nothing is flushed, closed or told.
fn kill_self() -> ! {
    let killed = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    unreachable!("nobody survives this: {killed:?}")
}

fn say(line: &str) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{line}")?;
    Ok(stdout.flush()?)
}

fn put(engine: &Engine, request: Request) -> Result<Vec<Response>, Failure> {
    let mut responses = Vec::new();
    handle(engine, request, &mut |response| {
        responses.push(response);
        ControlFlow::Continue(())
    })?;
    Ok(responses)
}

fn query(engine: &Engine, query: Query) -> Result<Answer> {
    match put(engine, Request::Query { query, at: None }) {
        Ok(responses) => match responses.into_iter().next_back() {
            Some(Response::Answer(answer)) => Ok(*answer),
            other => bail!("an answer was expected: {other:?}"),
        },
        Err(failure) => bail!("{failure:?}"),
    }
}

/// Everything that can be judged.
fn report(engine: &Engine, ended: Result<Vec<Response>, Failure>) -> Result<Value> {
    let (answer, failure) = match ended {
        Ok(responses) => match responses.into_iter().next_back() {
            Some(Response::Answered(answered)) => (Some(answered.answer), None),
            other => (None, Some(format!("no answer came: {other:?}"))),
        },
        Err(failure) => (None, Some(failure.message)),
    };
    let mut agents = Vec::new();
    if let Ok(Answer::Agent(main)) = query(engine, Query::Agent { run: RUN.to_string() }) {
        agents.push(agent(&main)?);
        for child in &main.children {
            match query(engine, Query::Agent { run: child.run.clone() })? {
                Answer::Agent(child) => agents.push(agent(&child)?),
                other => bail!("an agent was expected: {other:?}"),
            }
        }
    }
    let branch = match query(
        engine,
        Query::Conversation { reference: CONVERSATION.to_owned(), all_branches: true, skip: 0, limit: 100 },
    )? {
        Answer::Conversation { messages, .. } => messages,
        other => bail!("a conversation was expected: {other:?}"),
    };
    let branch: Vec<Value> = branch
        .iter()
        .map(|message| json!([format!("{:?}", message.role), message.content, message.interrupted]))
        .collect();
    let (events, memories) = events(engine)?;
    let (anomalies, outstanding) =
        engine.writer().read(|views| (views.anomaly_count, views.runs.outstanding().len()))?;
    Ok(json!({
        "answer": answer, "failure": failure, "agents": agents, "branch": branch, "events": events,
        "memories": memories, "anomalies": anomalies, "outstanding": outstanding,
        "head": engine.writer().position(),
    }))
}

/// An agent's transcript.
fn agent(detail: &AgentDetail) -> Result<Value> {
    let replies = detail.replies.iter().map(|reply| {
        let calls: Vec<Value> = reply
            .calls
            .iter()
            .map(|call| {
                json!({
                    "tool": call.tool, "arguments": call.arguments, "effect": call.effect, "status": call.status,
                    "output": call.output,
                })
            })
            .collect();
        json!({ "text": reply.text, "calls": calls })
    });
    Ok(json!({
        "run": detail.line.run, "task": detail.question, "status": detail.line.status, "answer": detail.answer,
        "reason": detail.reason, "replies": replies.collect::<Vec<_>>(),
        "children": detail.children.iter().map(|child| child.task.clone()).collect::<Vec<_>>(),
    }))
}

/// The events of runs, and what was memorized.
fn events(engine: &Engine) -> Result<(Vec<Value>, Vec<String>)> {
    let mut runs: Vec<Value> = Vec::new();
    let mut memories = Vec::new();
    let mut wrong = None;
    let mut by_id: BTreeMap<u128, String> = BTreeMap::new();
    engine.reader().each(Position(1), engine.writer().position(), &mut |event| {
        let header = &event.recorded.header;
        let run = by_id.entry(header.stream.id).or_insert_with(|| RunId(header.stream.id).to_string()).clone();
        let (call, status) = match &event.recorded.event {
            Event::ToolCalled(called) => (Some(called.id), None),
            Event::ToolReturned(returned) => (Some(returned.id), Some(returned.status)),
            Event::Memorized(_) | Event::Superseded(_) => {
                match event.body::<memory::Body>() {
                    Ok(body) => memories.push(body.map(|body| body.content).unwrap_or_default()),
                    Err(error) => wrong = Some(error),
                }
                (None, None)
            }
            _ => (None, None),
        };
        let kind = event.recorded.event.name();
        if kind.starts_with("run.") {
            let place = call.map(|id| [id.step, id.call]);
            runs.push(json!({
                "at": header.position, "kind": kind, "run": run, "call": place, "status": status,
            }));
        }
        ControlFlow::Continue(())
    })?;
    match wrong {
        Some(error) => Err(error.into()),
        None => Ok((runs, memories)),
    }
}

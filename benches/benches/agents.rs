//! What an agent costs beside its models and tools: computing time per step, against bare durable commits; a fan-out of
//! agents against a model server that thinks for a while, against what that alone would take; and the start of a sandbox,
//! against that of a bare process.
//!
//! `cargo build --release --bins && cargo bench -p zo-benches --bench agents`; `ZO_BENCH_ROUNDS`, `ZO_BENCH_AGENTS` (200 unless
//! said), `ZO_BENCH_DIR`.

#![allow(clippy::print_stdout)] // a program for people to look at

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use zo_benches::BenchFolder;
use zo_engine::bench::{Noise, placeholders};
use zo_engine::engine::Engine;
use zo_engine::protocol::{AgentRequest, Asking, ConversationChoice, Request as ToDo, Response as Done};
use zo_engine::service::handle;
use zo_model_server::{ModelServer, Request, Response, openai};
use zo_projections::{Category, StreamId};
use zo_sandbox::{Policy, Sandbox};

/// So long the model thinks.
const THINKS: Duration = Duration::from_millis(50);
/// Replies that each agent of a fan-out gets: one asks for a tool, the other is its answer.
const REPLIES: u32 = 2;
/// Units of the times in `/proc/PID/stat`: Linux shows programs 100 a second on every architecture.
const TICKS_PER_SECOND: f64 = 100.0;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--serve"] => return serve(),
        ["--crew", agents, at_once, url, folder] => {
            return crew(agents.parse()?, at_once.parse()?, url, Path::new(folder));
        }
        _ if arguments.iter().any(|argument| argument == "--test") => return Ok(()),
        _ => {}
    }
    let number =
        |name: &str, usual: usize| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual);
    for steps in [50, 400] {
        overhead(steps, number("ZO_BENCH_ROUNDS", 20))?;
    }
    let most = number("ZO_BENCH_AGENTS", 200);
    for at_once in [16, 64] {
        for agents in [most.div_ceil(4), most] {
            fan_out(agents, at_once)?;
        }
    }
    sandbox(number("ZO_BENCH_ROUNDS", 20))
}

/// Computing time of this process until now, in seconds.
fn computed() -> Result<f64> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    // Behind the name, which may have blanks in it: state is the first, utime the 12th and stime the 13th.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks: f64 =
        fields.get(11..13).context("a kernel that says it")?.iter().filter_map(|it| it.parse::<f64>().ok()).sum();
    Ok(ticks / TICKS_PER_SECOND)
}

fn ask(engine: &Engine, run: u128, task: &str, model: &str, agent: AgentRequest) -> Result<String> {
    let asking = Asking {
        model: Some(model.to_owned()),
        agent: Some(Box::new(agent)),
        ..Asking::new(ConversationChoice::New { id: run, name: None }, task, run)
    };
    let mut last = None;
    handle(engine, ToDo::Ask(Box::new(asking)), &mut |response| {
        last = Some(response);
        ControlFlow::Continue(())
    })
    .map_err(|failure| anyhow::anyhow!("{}", failure.message))?;
    match last {
        Some(Done::Answered(answered)) => Ok(answered.answer),
        other => bail!("an answer was expected: {other:?}"),
    }
}

/// Steps of a tool that does next to nothing, said by a script, in turns with as many commits of as many events.
fn overhead(steps: usize, rounds: usize) -> Result<()> {
    let folder = BenchFolder::new()?;
    let work = folder.path().join("work");
    fs::create_dir_all(&work)?;
    let lines: String = (0..=steps).map(|line| format!("line {line}\n")).collect();
    fs::write(work.join("lines.txt"), lines)?;
    let engine = zo_benches::open(folder.path())?;
    let read = |line: usize| {
        json!({ "tool_calls": [{
            "name": "read_file", "arguments": { "path": "lines.txt", "from_line": line + 1, "lines": 1 },
        }] })
    };
    let script: Vec<Value> = (0..steps).map(read).chain([json!({ "text": "done" })]).collect();
    let agent = AgentRequest {
        workspace: Some(work.canonicalize()?.to_str().context("a plain name")?.to_owned()),
        tools: Some(vec!["read_file".to_owned()]),
        steps: Some(u32::try_from(steps)? + 1),
        script: Some(Value::from(script).to_string()),
        ..AgentRequest::default()
    };
    let rounds = (rounds * 50).div_ceil(steps).max(2);
    let (mut ours, mut bare, mut walls, mut commits) = (0.0, 0.0, Vec::new(), 0);
    let mut noise = Noise::new(1);
    let stream = StreamId::new(Category::Job, 1);
    for round in 0..rounds + 1 {
        let (before, begun, head) = (computed()?, Instant::now(), engine.writer().position().0);
        ask(&engine, 1000 + round as u128, "read all of it", "scripted", agent.clone())?;
        let (after, wall) = (computed()?, begun.elapsed());
        let events = engine.writer().position().0 - head;
        for _ in 0..events {
            let one = placeholders(&mut noise, stream, 1);
            engine.writer().submit(one).into_iter().collect::<Result<Vec<_>, _>>()?;
        }
        // The first one loads what all of them use.
        if round > 0 {
            ours += after - before;
            bare += computed()? - after;
            walls.push(wall);
            commits += events;
        }
    }
    engine.close();
    #[allow(clippy::cast_precision_loss)]
    let each = |seconds: f64| seconds * 1e3 / (rounds * steps) as f64;
    walls.sort_unstable();
    let wall = each(walls[walls.len() / 2].as_secs_f64() * rounds as f64);
    println!(
        "a step, of {steps}: {:.3} ms computing beside {:.3} ms for its {:.1} bare commits (wanted <= 1); p50 {wall:.2} ms wall",
        each(ours - bare),
        each(bare),
        commits as f64 / (rounds * steps) as f64,
    );
    Ok(())
}

/// The model server, in a process of its own: says where it listens, and lives until its input ends.
fn serve() -> Result<()> {
    let server = ModelServer::start(|request: &Request| {
        let body = request.json();
        let has_called = body["messages"].as_array().into_iter().flatten().any(|message| message["role"] == "tool");
        let response = Response::sse(200).pause(THINKS);
        if has_called {
            return response.send(openai::chunk("done")).send(openai::finish("stop")).send(openai::DONE);
        }
        let call = openai::tool_call_chunk(Some(0), Some("call_1"), Some("list_files"), "{}");
        response.send(call).send(openai::finish("tool_calls")).send(openai::DONE)
    });
    println!("{}", server.url());
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

/// A server, ended when it is dropped.
struct Served {
    process: Child,
    url: String,
}

impl Served {
    fn start() -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        let mut process = command.arg("--serve").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut url = String::new();
        BufReader::new(process.stdout.take().context("it was asked for")?).read_line(&mut url)?;
        Ok(Self { process, url: url.trim().to_owned() })
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        // It ends by itself when its input does.
        let _ = self.process.wait();
    }
}

/// A fan-out, in a process of its own, for a process says its peak of memory once.
fn fan_out(agents: usize, at_once: usize) -> Result<()> {
    let server = Served::start()?;
    let folder = BenchFolder::new()?;
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["--crew", &agents.to_string(), &at_once.to_string(), &server.url]).arg(folder.path());
    let output = command.stderr(Stdio::inherit()).output()?;
    ensure!(output.status.success(), "the fan-out failed");
    let said: Value = serde_json::from_slice(&output.stdout)?;
    let wall = said["wall"].as_f64().context("a time")?;
    let waves = u32::try_from(agents.div_ceil(at_once))?;
    let ideal = (THINKS * waves * REPLIES).as_secs_f64();
    println!(
        "{agents:>4} agents, {at_once:>2} at once: {:.2} s, {:.2} x the ideal of {ideal:.2} s (wanted <= 1.5); {:.2} s \
         computing; at most {} MiB resident, {} before",
        wall,
        wall / ideal,
        said["computed"].as_f64().context("a time")?,
        said["peak_kib"].as_u64().context("a size")? / 1024,
        said["before_kib"].as_u64().context("a size")? / 1024,
    );
    Ok(())
}

fn crew(agents: usize, at_once: u32, url: &str, folder: &Path) -> Result<()> {
    let work = folder.join("work");
    fs::create_dir_all(&work)?;
    fs::write(work.join("a.txt"), "a\n")?;
    let engine = zo_benches::open(folder)?;
    let base_url = format!("{url}/v1");
    let request = ToDo::AddProvider { name: "near".to_owned(), dialect: "openai".to_owned(), base_url };
    handle(&engine, request, &mut |_| ControlFlow::Continue(()))
        .map_err(|failure| anyhow::anyhow!("{}", failure.message))?;
    let crew = |count: usize| -> AgentRequest {
        let tasks: Vec<Value> = (0..count)
            .map(|index| json!({ "task": format!("look at part {index}"), "model": "near/scripted" }))
            .collect();
        let script = json!([
            { "tool_calls": [{ "name": "spawn_agents", "arguments": { "agents": tasks } }] },
            { "text": "{{results}}" },
        ]);
        AgentRequest {
            workspace: work.canonicalize().ok().and_then(|work| work.to_str().map(str::to_owned)),
            tools: Some(vec!["list_files".to_owned(), "spawn_agents".to_owned()]),
            concurrency: Some(at_once),
            script: Some(script.to_string()),
            ..AgentRequest::default()
        }
    };
    // What all of them use is there: threads, connections, the model that embeds.
    ask(&engine, 1, "warm up", "scripted", crew(1))?;
    let before_kib = peak_kib()?;
    let (computed_before, begun) = (computed()?, Instant::now());
    let answer = ask(&engine, 2, "look at all of it", "scripted", crew(agents))?;
    let (wall, computed) = (begun.elapsed().as_secs_f64(), computed()? - computed_before);
    let given: Vec<Value> = serde_json::from_str(&answer).with_context(|| format!("no results: {answer}"))?;
    ensure!(given.len() == agents && given.iter().all(|one| one["answer"] == "done"), "not all answered: {answer}");
    println!("{}", json!({ "wall": wall, "computed": computed, "peak_kib": peak_kib()?, "before_kib": before_kib }));
    engine.close();
    Ok(())
}

/// The most memory that this process has had resident.
fn peak_kib() -> Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("a kernel that says it")?;
    Ok(line.trim().trim_end_matches("kB").trim().parse()?)
}

/// A command that does nothing, in the sandbox and bare.
fn sandbox(rounds: usize) -> Result<()> {
    let folder = BenchFolder::new()?;
    let sandbox = Sandbox::with_supervisor(binary()?);
    let command = zo_sandbox::Command {
        argv: vec!["true".into()],
        folder: folder.path().canonicalize()?,
        policy: Policy { write: vec![folder.path().canonicalize()?], ..Policy::default() },
        ..zo_sandbox::Command::default()
    };
    let (mut confined, mut bare) = (Vec::new(), Vec::new());
    let mut level = None;
    for round in 0..rounds + 1 {
        let begun = Instant::now();
        let finished = match sandbox.run(&command, &mut |_| ControlFlow::Continue(())) {
            Ok(finished) => finished,
            Err(error) => {
                println!("no sandbox here: {error}");
                return Ok(());
            }
        };
        let took = begun.elapsed();
        level = Some(finished.level);
        let begun = Instant::now();
        ensure!(Command::new("true").status()?.success(), "`true` failed");
        // The first one finds out how.
        if round > 0 {
            confined.push(took);
            bare.push(begun.elapsed());
        }
    }
    confined.sort_unstable();
    bare.sort_unstable();
    let median = |times: &[Duration]| times[times.len() / 2].as_secs_f64() * 1e3;
    let level = level.map(|level| level.to_string()).unwrap_or_default();
    println!(
        "`true` in the sandbox ({level}): p50 {:.1} ms (wanted <= 30), bare {:.1} ms",
        median(&confined),
        median(&bare)
    );
    Ok(())
}

fn binary() -> Result<PathBuf> {
    let bench = std::env::current_exe()?;
    let found = bench.ancestors().skip(1).map(|folder: &Path| folder.join("zo")).find(|path| path.is_file());
    found.context("there is no zo beside the bench: `cargo build --release --bins`")
}

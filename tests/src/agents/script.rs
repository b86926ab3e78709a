//! What the model says, and the server that says it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use zo_model_server::{ModelServer, Request, Response, openai};

/// A task of several steps: every kind of tool, calls side by side, wrong ones, three agents.
pub const LONG: &str = "the long task";
/// A task that twenty agents share.
pub const WIDE: &str = "the wide task";
/// Agents that the long task takes.
pub const LONG_AGENTS: usize = 3;
/// Agents that the wide task takes.
pub const WIDE_AGENTS: usize = 20;
/// The file that commands add a line to, each its own.
pub const EFFECTS: &str = "effects.log";

/// What the model says at one step of a task.
#[derive(Clone, Debug, Default)]
pub struct Reply {
    /// The text.
    pub text: String,
    /// The tools it calls, with their arguments as it writes them; none: the text is the answer.
    pub calls: Vec<(&'static str, String)>,
}

/// A command that leaves a line of its own behind each time it is run.
fn effect(id: &str) -> (&'static str, String) {
    call("run_command", json!({ "command": format!("echo {id} >> {EFFECTS}") }))
}

fn call(tool: &'static str, arguments: Value) -> (&'static str, String) {
    (tool, arguments.to_string())
}

fn spawn(of: &str, count: usize) -> (&'static str, String) {
    let agents: Vec<Value> = (0..count).map(|index| json!({ "task": format!("part {index} of {of}") })).collect();
    call("spawn_agents", json!({ "agents": agents }))
}

/// What the model says at a step of a task. Pure.
pub fn reply(task: &str, step: usize) -> Reply {
    let calls = match task {
        LONG => long(step),
        WIDE => [vec![spawn(WIDE, WIDE_AGENTS)]].into_iter().nth(step).unwrap_or_default(),
        part if part.ends_with(LONG) => part_of_long(part, step),
        part => part_of_wide(part, step),
    };
    let text = if calls.is_empty() { format!("{task} is done") } else { format!("step {step} of {task}") };
    Reply { text, calls }
}

fn long(step: usize) -> Vec<(&'static str, String)> {
    match step {
        0 => vec![
            call("memorize", json!({ "content": "Ada keeps the lighthouse of Tynholm" })),
            call("list_files", json!({})),
        ],
        1 => vec![call("recall", json!({ "question": "lighthouse of Tynholm", "limit": 1 }))],
        2 => vec![
            call("write_file", json!({ "path": "notes/a.txt", "content": "a draft\n" })),
            call("read_file", json!({ "path": "seed.txt" })),
            effect("long-2"),
        ],
        3 => vec![
            call("edit_file", json!({ "path": "notes/a.txt", "old": "draft", "new": "final text" })),
            effect("long-3a"),
            effect("long-3b"),
        ],
        4 => vec![
            call("read_file", json!({ "file": 3 })),
            ("read_file", r#"{"path": "#.to_owned()),
            call("launch_rocket", json!({ "to": "the moon" })),
            call("run_command", json!({ "command": "rm -rf seed.txt" })),
            call("read_file", json!({ "path": "notes/a.txt" })),
        ],
        5 => vec![spawn(LONG, LONG_AGENTS), effect("long-5")],
        6 => vec![call("read_file", json!({ "path": "notes/part 1.txt" }))],
        _ => Vec::new(),
    }
}

/// Reads, remembers and does something that cannot be done twice; then writes a file.
fn part_of_long(task: &str, step: usize) -> Vec<(&'static str, String)> {
    let number: String = task.chars().filter(char::is_ascii_digit).collect();
    match step {
        0 => vec![
            call("read_file", json!({ "path": "seed.txt" })),
            call("memorize", json!({ "content": format!("{task} was begun") })),
            effect(&format!("part-{number}")),
        ],
        1 => vec![call(
            "write_file",
            json!({ "path": format!("notes/part {number}.txt"), "content": format!("{task}\n") }),
        )],
        _ => Vec::new(),
    }
}

fn part_of_wide(task: &str, step: usize) -> Vec<(&'static str, String)> {
    match step {
        0 => vec![call("memorize", json!({ "content": format!("{task} was begun") }))],
        1 => vec![call("read_file", json!({ "path": "seed.txt" }))],
        _ => Vec::new(),
    }
}

/// A request that reached the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Which process asked, as its key says.
    pub process: usize,
    /// The task.
    pub task: String,
    /// The step.
    pub step: usize,
}

/// The model server, and who asked.
pub struct Model {
    server: ModelServer,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Model {
    /// Starts one that waits for so long before each piece of a reply.
    pub fn start(pause: Duration) -> Self {
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let noting = asked.clone();
        let server = ModelServer::start(move |request| {
            let now = asked_by(request);
            let response = respond(&now, pause);
            noting.lock().unwrap_or_else(PoisonError::into_inner).push(now);
            response
        });
        Self { server, asked }
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Who has asked since the last time, in order.
    pub fn take_asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.asked.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The key that a process calls the model with: by it the server knows which one asks.
pub fn key_of(process: usize) -> String {
    format!("key-of-process-{process:04}-of-a-story")
}

fn asked_by(request: &Request) -> Asked {
    let key = request.header("authorization").unwrap_or_default();
    let process = key.split('-').find_map(|part| part.parse().ok()).unwrap_or(usize::MAX);
    let body = request.json();
    let messages = body["messages"].as_array().cloned().unwrap_or_default();
    let calls = messages.iter().filter_map(|message| message["tool_calls"].as_array()).flatten();
    let steps = calls.filter_map(|call| call["id"].as_str()?.split('_').nth(1)?.parse::<usize>().ok());
    Asked { process, task: request.last_user_text(), step: steps.max().map_or(0, |last| last + 1) }
}

fn respond(asked: &Asked, pause: Duration) -> Response {
    let Reply { text, calls } = reply(&asked.task, asked.step);
    let mut response = Response::sse(200);
    for piece in text.split_inclusive(' ') {
        response = response.pause(pause).send(openai::chunk(piece));
    }
    for (index, (tool, arguments)) in (0..).zip(&calls) {
        let id = format!("call_{}_{index}", asked.step);
        let (first, rest) = arguments.split_at(arguments.floor_char_boundary(arguments.len() / 2));
        response = response
            .pause(pause)
            .send(openai::tool_call_chunk(Some(index), Some(&id), Some(tool), first))
            .pause(pause)
            .send(openai::tool_call_chunk(Some(index), None, None, rest));
    }
    let finish = if calls.is_empty() { "stop" } else { "tool_calls" };
    response.send(openai::finish(finish)).send(openai::usage(100, 20)).send(openai::DONE)
}

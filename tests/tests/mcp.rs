//! The Model Context Protocol with others' programs: the official client, the official server, the official conformance suite.
//!
//! They are packages of Python and npm, which `tests/run` installs into `target/clients` and `target/npm`.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use zo_tests::cli::Zo;

/// How long something is waited for that must happen.
const PATIENCE: Duration = Duration::from_secs(60);

/// A `zo serve` at a port that is free; killed when it is dropped.
struct Served {
    child: Child,
    url: String,
}

impl Served {
    fn start(zo: &Zo) -> Self {
        let mut command = zo.command(["serve", "--listen", "127.0.0.1:0", "--json"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("it was asked for");
        BufReader::new(stdout).read_line(&mut line).expect("it says where it listens");
        let told: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let url = told["api_url"].as_str().unwrap_or_else(|| panic!("api_url in {told}"));
        Self { child, url: format!("{}/mcp", url.trim_end_matches('/')) }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn installed(path: &str, how: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target").join(path);
    assert!(path.exists(), "{} is missing: tests/run installs it, from {how}", path.display());
    path
}

fn everything() -> String {
    let script = "npm/node_modules/@modelcontextprotocol/server-everything/dist/index.js";
    installed(script, "tests/clients/npm").display().to_string()
}

fn check(what: &str, output: &Output) -> String {
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{what}: {}\n{out}\n{err}", output.status);
    out.into_owned()
}

/// A token of this scope.
fn token(zo: &Zo, scope: &str) -> String {
    let made = zo.run(["token", "create", scope, "--scope", scope, "--json"]);
    let made: Value = serde_json::from_str(&made.stdout).unwrap_or_else(|error| panic!("{error}: {made}"));
    made["secret"].as_str().expect("it is shown once").to_owned()
}

/// Processes whose command line has this in it, by their ids.
fn processes_with(text: &str) -> Vec<(u32, String)> {
    let entries = std::fs::read_dir("/proc").expect("Linux").flatten();
    let process = |entry: std::fs::DirEntry| {
        let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
        let line = std::fs::read(entry.path().join("cmdline")).ok()?;
        Some((pid, String::from_utf8_lossy(&line).replace('\0', " ")))
    };
    entries.filter_map(process).filter(|(_, line)| line.contains(text)).collect()
}

fn until(what: &str, mut done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Adds the official server that has everything, told apart from those of other tests by a word of its own.
fn add_everything(zo: &Zo, word: &str) {
    let script = everything();
    let added = zo.run(["mcp", "add", "everything", "--", "node", &script, "stdio", word]);
    assert!(added.status.success(), "{added}");
}

#[test]
fn the_official_client_talks_to_the_workspace_both_ways() {
    let zo = Zo::new();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/mcp_client.py");
    let python = installed("clients/bin/python", "tests/clients/requirements.txt");
    let home = zo.home().display().to_string();
    let client = |kind: &str, given: &[(&str, &str)]| {
        let mut command = Command::new(&python);
        command.arg(&script).arg(kind).env("ZO_HOME", &home).env("ZO_BIN", zo.binary());
        command.envs(given.iter().copied()).output().expect("it starts")
    };
    let told = check("over stdio", &client("stdio", &[]));
    assert!(told.lines().count() >= 7, "every part of it ran: {told}");
    let (admin, read) = (token(&zo, "admin"), token(&zo, "read"));
    let served = Served::start(&zo);
    check("over HTTP", &client("http", &[("ZO_URL", &served.url), ("ZO_TOKEN", &admin)]));
    check("with a token that reads", &client("read", &[("ZO_URL", &served.url), ("ZO_TOKEN", &read)]));
    check("without a token", &client("refused", &[("ZO_URL", &served.url), ("ZO_TOKEN", "zo_no_such")]));
}

/// A message sent by curl: its status, and its session if one was opened.
fn post(url: &str, token: &str, session: Option<&str>, message: &str) -> (String, Option<String>) {
    let mut command = Command::new("curl");
    command.args(["--silent", "--include", "--max-time", "20", "--data-binary", message]);
    command.args(["-H", "content-type: application/json", "-H", "accept: application/json, text/event-stream"]);
    command.arg("-H").arg(format!("authorization: Bearer {token}"));
    if let Some(session) = session {
        command.arg("-H").arg(format!("mcp-session-id: {session}"));
    }
    let told = check("curl", &command.arg(url).output().expect("curl is there"));
    let status = told.split_whitespace().nth(1).expect("a status").to_owned();
    let opened = told.lines().find_map(|line| line.strip_prefix("mcp-session-id: "));
    (status, opened.map(|id| id.trim().to_owned()))
}

#[test]
fn a_session_is_of_the_token_that_opened_it_and_what_is_no_json_is_told_so() {
    let zo = Zo::new();
    let (admin, read) = (token(&zo, "admin"), token(&zo, "read"));
    let served = Served::start(&zo);
    let client =
        json!({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}});
    let greeting = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": client}).to_string();
    let (status, session) = post(&served.url, &admin, None, &greeting);
    assert_eq!(status, "200");
    let session = session.expect("a session is opened");
    let on = json!({"jsonrpc": "2.0", "method": "notifications/initialized"}).to_string();
    assert_eq!(post(&served.url, &read, Some(&session), &on).0, "404");
    assert_eq!(post(&served.url, &admin, Some(&session), &on).0, "202");
    assert_eq!(post(&served.url, &admin, Some("made-up"), &on).0, "404");
    assert_eq!(post(&served.url, &admin, Some(&session), "{").0, "400");
}

#[test]
fn testing_a_server_says_what_is_wrong_and_does_not_wait_for_ever() {
    let zo = Zo::new();
    assert!(zo.run(["mcp", "add", "mute", "--", "sleep", "100"]).status.success());
    let begun = Instant::now();
    let mute = zo.run(["mcp", "test", "mute", "--timeout", "1"]);
    assert_eq!(mute.status.code(), Some(3), "{mute}");
    assert!(mute.stderr.contains("mute did not answer within 1 s") && mute.stderr.contains("--timeout"), "{mute}");
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    add_everything(&zo, "test-unlisted");
    let unlisted = zo.run(["mcp", "test", "everything", "--call", "ecco"]);
    assert_eq!(unlisted.status.code(), Some(1), "{unlisted}");
    assert!(
        unlisted.stderr.contains("has no tool ecco") && unlisted.stderr.contains("did you mean echo?"),
        "{unlisted}"
    );
}

#[test]
fn the_official_conformance_suite_finds_nothing_that_is_not_explained() {
    let zo = Zo::new();
    let admin = token(&zo, "admin");
    let served = Served::start(&zo);
    let suite = installed("npm/node_modules/.bin/conformance", "tests/clients/npm");
    let expected = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/npm/expected-failures.yml");
    let proxy = Bearer::start(&served.url, &admin);
    let output = Command::new(suite)
        .args(["server", "--url", &proxy.url, "--expected-failures"])
        .arg(expected)
        .current_dir(zo.scratch())
        .output()
        .expect("it starts");
    check("conformance", &output);
}

/// The suite has no token of its own to send, so this one passes what it says on with one.
struct Bearer {
    url: String,
}

impl Bearer {
    fn start(to: &str, token: &str) -> Self {
        let address = to.trim_start_matches("http://").split('/').next().expect("an address").to_owned();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let own = listener.local_addr().expect("an address");
        let token = token.to_owned();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (address, token) = (address.clone(), token.clone());
                std::thread::spawn(move || drop(Self::pass(stream, &address, &token)));
            }
        });
        Self { url: format!("http://{own}/mcp") }
    }

    /// Passes one request on, and what comes back until either side has enough.
    fn pass(mut from: std::net::TcpStream, address: &str, token: &str) -> std::io::Result<()> {
        let mut to = std::net::TcpStream::connect(address)?;
        let mut reader = BufReader::new(from.try_clone()?);
        let (mut head, mut length) = (String::new(), 0);
        let own_port = format!(":{}", from.local_addr()?.port());
        let port = format!(":{}", to.peer_addr()?.port());
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            let lower = line.to_ascii_lowercase();
            if let Some(value) = lower.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or(0);
            }
            match lower.as_str() {
                "\r\n" => break,
                _ if lower.starts_with("connection:") => {}
                // What names this proxy means the server; what names somebody else is refused there.
                _ if lower.starts_with("host:") || lower.starts_with("origin:") => {
                    head.push_str(&line.replace(&own_port, &port));
                }
                _ => head.push_str(&line),
            }
        }
        write!(to, "{head}Authorization: Bearer {token}\r\nConnection: close\r\n\r\n")?;
        std::io::copy(&mut std::io::Read::take(&mut reader, length), &mut to)?;
        std::io::copy(&mut to, &mut from)?;
        from.shutdown(std::net::Shutdown::Both)
    }
}

#[test]
fn the_official_server_is_tried_listed_and_removed_and_leaves_nothing() {
    let zo = Zo::new();
    let word = "--tried-by-zo-tests";
    add_everything(&zo, word);
    let listed = zo.run(["mcp", "list", "--json"]);
    assert!(listed.stdout.contains(r#""state":"idle""#), "{listed}");
    let tested = zo.run(["mcp", "test", "everything", "--json"]);
    let told: Value = serde_json::from_str(&tested.stdout).unwrap_or_else(|error| panic!("{error}: {tested}"));
    let names: Vec<&str> =
        told["tools"].as_array().expect("tools").iter().filter_map(|tool| tool["name"].as_str()).collect();
    assert!(names.contains(&"mcp_everything_echo"), "{names:?}");
    let arguments = json!({"message": "Grüße"}).to_string();
    let called = zo.run(["mcp", "test", "everything", "--call", "echo", "--arguments", &arguments]);
    assert!(called.stdout.contains("Grüße"), "{called}");
    let wrong = zo.run(["mcp", "test", "everything", "--call", "no_such_tool"]);
    assert!(!wrong.status.success(), "{wrong}");
    assert!(zo.run(["mcp", "remove", "everything"]).status.success());
    let gone = zo.run(["mcp", "test", "everything"]);
    assert!(gone.stderr.contains("there is no MCP server everything"), "{gone}");
    until("nothing of it is left", || processes_with(word).is_empty());
}

#[test]
fn a_server_goes_with_whoever_started_it_also_by_kill_9() {
    let zo = Zo::new();
    let word = "--killed-by-zo-tests";
    add_everything(&zo, word);
    let arguments = json!({"duration": 600, "steps": 600}).to_string();
    let long = ["mcp", "test", "everything", "--call", "trigger-long-running-operation", "--arguments", &arguments];
    let mut child = zo.command(long).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    until("the server runs", || !processes_with(&format!("index.js stdio {word}")).is_empty());
    child.kill().expect("it can be killed");
    child.wait().expect("it is dead");
    until("nothing of it is left", || processes_with(word).is_empty());
    // Another one is told what happened to a server that is killed in the middle of a call.
    let mut child = zo.command(long).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts");
    let mut stderr = BufReader::new(child.stderr.take().expect("it was asked for"));
    let mut said = String::new();
    while !said.contains("progress") {
        assert_ne!(stderr.read_line(&mut said).expect("it can be read"), 0, "it ended: {said}");
    }
    let (pid, _) = processes_with(&format!("index.js stdio {word}"))
        .into_iter()
        .find(|(_, line)| line.starts_with("node "))
        .expect("it runs");
    let killed = Command::new("kill").args(["-9", &pid.to_string()]).status();
    assert!(killed.expect("it can be run").success());
    std::io::Read::read_to_string(&mut stderr, &mut said).expect("it can be read");
    assert!(!child.wait().expect("it ends").success());
    assert!(said.contains("ended in the middle of it: it was killed by signal 9"), "{said}");
    until("nothing of it is left", || processes_with(word).is_empty());
}

#[test]
fn agents_call_its_tools_where_a_rule_allows_it() {
    let zo = Zo::new();
    let word = "--called-by-zo-tests";
    add_everything(&zo, word);
    let call = |name: &str, arguments: Value| json!({"name": name, "arguments": arguments});
    let calls = [
        call("mcp_everything_echo", json!({"message": "hello"})),
        call("mcp_everything_get-sum", json!({"a": 2, "b": 3})),
        call("mcp_everything_nothing", json!({})),
    ];
    zo.file("script.json", json!([{"text": "I look.", "tool_calls": calls}, {"text": "done"}]).to_string());
    let scripted = ["agent", "run", "--model", "scripted", "--script", "script.json"];
    let ran = zo.run(scripted.iter().chain(&["--allow", "mcp_everything_echo(*)", "go"]));
    assert!(ran.status.success() && ran.stdout.contains("done"), "{ran}");
    let log = zo.run(["log", "tail", "--json"]).stdout;
    let events = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut returned: Vec<(u64, String, String, String)> = events
        .filter(|event| event["kind"] == "run.tool_returned")
        .map(|event| {
            let data = &event["data"];
            let text = |name: &str| data[name].as_str().unwrap_or_default().to_owned();
            (data["call"].as_u64().unwrap_or_default(), text("status"), text("trust"), text("output"))
        })
        .collect();
    returned.sort();
    let [echo, sum, nothing] = &returned[..] else { panic!("{returned:?}") };
    assert_eq!((echo.1.as_str(), echo.2.as_str(), echo.3.as_str()), ("done", "untrusted", "Echo: hello"));
    assert!(sum.1 == "refused" && sum.3.contains("no rule allows it"), "{sum:?}");
    assert!(nothing.1 == "invalid" && nothing.3.contains("has no such tool"), "{nothing:?}");
    until("nothing of it is left", || processes_with(word).is_empty());
}

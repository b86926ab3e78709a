//! Servers that really run: programs that are spoken to through pipes, good ones and bad ones.
//!
//! This program is its own supervisor and its own server, so it has a `main` of its own (`zo_test_harness`).

#![allow(clippy::unwrap_used)]

mod server;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use zo_mcp::client::{
    CallResult, Calling, ClientError, Connector, Progress, SecretValues, Server, ServerKind, ServerSpec, ServerState,
};
use zo_sandbox::Sandbox;

use zo_test_harness::tests;

fn main() -> io::Result<ExitCode> {
    let words: Vec<String> = std::env::args().collect();
    if let [_, serve, mode, folder] = words.as_slice()
        && serve == "serve"
    {
        return server::main(mode, Path::new(folder));
    }
    zo_test_harness::main(tests![
        its_tools_are_listed_and_called,
        it_has_the_environment_it_is_given_and_no_other,
        what_it_prints_on_stderr_is_kept,
        progress_is_told_in_order,
        a_call_that_is_stopped_is_cancelled_and_the_server_goes_on,
        a_call_that_takes_too_long_is_cancelled,
        a_server_that_dies_in_the_middle_fails_the_call_and_is_started_again,
        a_server_that_is_killed_fails_the_call,
        errors_of_tools_and_of_the_protocol_are_told_apart,
        changed_tools_are_listed_again,
        too_many_and_bad_tools_are_left_out,
        a_program_that_is_not_there_is_told,
        a_program_that_ends_at_once_is_told_with_what_it_said,
        a_program_that_never_answers_is_told,
        a_program_that_prints_rubbish_is_told,
        a_message_that_is_too_long_fails_the_call,
        a_secret_that_is_missing_is_told,
        nothing_is_left_when_it_is_stopped,
        nothing_is_left_when_it_is_dropped,
        a_url_where_nobody_listens_is_told,
    ])
}

/// How long a test waits for what must happen.
const PATIENCE: Duration = Duration::from_secs(60);

struct Kept {
    server: Server,
    scratch: tempfile::TempDir,
}

/// This program as a server.
fn spec(mode: &str, folder: &Path) -> ServerSpec {
    let own = std::env::current_exe().unwrap().display().to_string();
    let argv = vec![own, "serve".to_owned(), mode.to_owned(), folder.display().to_string()];
    let kind =
        ServerKind::Stdio { argv, folder: None, env: BTreeMap::from([("COLOUR".to_owned(), "blue".to_owned())]) };
    ServerSpec { name: "mine".to_owned(), kind, secrets: Vec::new(), trust_hints: false }
}

fn start(spec: ServerSpec) -> Server {
    let connector = Connector::with_greeting(Sandbox::new(), Duration::from_secs(20));
    connector.start(spec, SecretValues::default()).unwrap()
}

impl Kept {
    fn new(mode: &str) -> Self {
        let scratch = tempfile::Builder::new().prefix("zo-mcp-").tempdir().unwrap();
        Self { server: start(spec(mode, scratch.path())), scratch }
    }

    fn call(&self, tool: &str, arguments: Value) -> Result<CallResult, ClientError> {
        self.follow(tool, arguments, PATIENCE, &mut |_| {}, &|| false)
    }

    fn follow(
        &self,
        tool: &str,
        arguments: Value,
        within: Duration,
        progress: &mut dyn FnMut(Progress),
        stop: &dyn Fn() -> bool,
    ) -> Result<CallResult, ClientError> {
        let Value::Object(arguments) = arguments else { panic!("arguments are an object") };
        self.server.call(tool, arguments, Calling { within, progress, stop })
    }

    fn text(&self, tool: &str) -> String {
        self.call(tool, json!({})).unwrap().text
    }

    fn file(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    /// The processes that belong to it, as the server has written them down.
    fn processes(&self) -> Vec<i32> {
        let text = std::fs::read_to_string(self.file("processes")).unwrap();
        text.lines().map(|line| line.parse().unwrap()).collect()
    }
}

fn told(error: &ClientError) -> String {
    error.to_string()
}

fn until(what: &str, mut done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn runs(pid: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

fn its_tools_are_listed_and_called() {
    let kept = Kept::new("good");
    let tools = kept.server.tools(PATIENCE, &|| false).unwrap();
    let names: Vec<&str> = tools.tools.iter().map(|tool| tool.name.as_str()).collect();
    assert_eq!(names[..3], ["echo", "environment", "count"]);
    let echo = &tools.tools[0];
    assert_eq!((echo.description.as_str(), echo.read_only, echo.idempotent), ("Says it again.", true, false));
    assert_eq!(echo.parameters["properties"]["text"]["type"], "string");
    assert_eq!(kept.server.state(), ServerState::Ready);
    let result = kept.call("echo", json!({"text": "Grüße"})).unwrap();
    let structured = Some(json!({"text": "Grüße"}));
    assert_eq!(result, CallResult { text: "you said Grüße".to_owned(), structured, is_error: false });
    // They are listed once.
    kept.server.tools(PATIENCE, &|| false).unwrap();
    assert_eq!(std::fs::read_to_string(kept.file("listed")).unwrap(), "1");
}

fn it_has_the_environment_it_is_given_and_no_other() {
    let scratch = tempfile::tempdir().unwrap();
    let spec = ServerSpec { secrets: vec!["TOKEN".to_owned()], ..spec("good", scratch.path()) };
    let secrets = SecretValues(BTreeMap::from([("TOKEN".to_owned(), "s3cret".to_owned())]));
    let server = Connector::new(Sandbox::new()).start(spec, secrets).unwrap();
    let kept = Kept { server, scratch };
    assert_eq!(kept.text("environment"), "COLOUR=blue\nTOKEN=s3cret\nin /");
}

fn what_it_prints_on_stderr_is_kept() {
    let kept = Kept::new("good");
    kept.text("environment");
    assert_eq!(kept.server.log(), ["I am up"]);
}

fn progress_is_told_in_order() {
    let kept = Kept::new("good");
    let mut told = Vec::new();
    let result = kept.follow("count", json!({"to": 5}), PATIENCE, &mut |progress| told.push(progress), &|| false);
    assert_eq!(result.unwrap().text, "counted to 5");
    let expected =
        |number: u32| Progress { done: f64::from(number), total: Some(5.0), message: Some(format!("at {number}")) };
    assert_eq!(told, (1..=5).map(expected).collect::<Vec<_>>());
}

fn a_call_that_is_stopped_is_cancelled_and_the_server_goes_on() {
    let kept = Kept::new("good");
    let begun = Instant::now();
    let stop = || kept.file("waiting").exists();
    let error = kept.follow("wait", json!({}), PATIENCE, &mut |_| {}, &stop).unwrap_err();
    assert_eq!(error, ClientError::Stopped);
    assert!(begun.elapsed() < PATIENCE);
    until("the server hears that nobody waits", || kept.file("cancelled").exists());
    assert_eq!(std::fs::read_to_string(kept.file("cancelled")).unwrap(), "stopped");
    assert_eq!(kept.call("echo", json!({"text": "a"})).unwrap().text, "you said a");
}

fn a_call_that_takes_too_long_is_cancelled() {
    let kept = Kept::new("good");
    kept.text("environment");
    let error = kept.follow("wait", json!({}), Duration::from_millis(300), &mut |_| {}, &|| false).unwrap_err();
    assert!(told(&error).starts_with("mine did not answer within 0."), "{error}");
    until("the server hears that nobody waits", || kept.file("cancelled").exists());
}

fn a_server_that_dies_in_the_middle_fails_the_call_and_is_started_again() {
    let kept = Kept::new("good");
    let error = kept.call("exit", json!({"code": 3})).unwrap_err();
    assert_eq!(told(&error), "mine ended in the middle of it: it ended with exit code 3; it said: I am up / I give up");
    assert!(error.hint().unwrap().contains("is not known"));
    assert_eq!(kept.call("echo", json!({"text": "again"})).unwrap().text, "you said again");
}

fn a_server_that_is_killed_fails_the_call() {
    let kept = Kept::new("good");
    let first = kept.text("children");
    let killer = {
        let (waiting, processes) = (kept.file("waiting"), kept.processes());
        std::thread::spawn(move || {
            until("it waits", || waiting.exists());
            kill_it(*processes.first().unwrap());
        })
    };
    let error = kept.call("wait", json!({})).unwrap_err();
    killer.join().unwrap();
    assert_eq!(told(&error), "mine ended in the middle of it: it was killed by signal 9; it said: I am up");
    // What it had started went with it.
    let child: i32 = first.parse().unwrap();
    until("its children are gone", || !runs(child));
}

/// Kills a process, with the command for it.
fn kill_it(pid: i32) {
    assert!(std::process::Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap().success());
}

fn errors_of_tools_and_of_the_protocol_are_told_apart() {
    let kept = Kept::new("good");
    let failed = kept.call("fail", json!({})).unwrap();
    assert_eq!((failed.text.as_str(), failed.is_error), ("no such luck", true));
    let error = kept.call("nothing", json!({})).unwrap_err();
    assert_eq!(told(&error), "mine refused: there is no tool nothing (code -32602)");
    let error = kept.call("strange", json!({})).unwrap_err();
    assert!(told(&error).starts_with("mine gave an answer that cannot be used"), "{error}");
}

fn changed_tools_are_listed_again() {
    let kept = Kept::new("good");
    let before = kept.server.tools(PATIENCE, &|| false).unwrap().tools.len();
    kept.text("grow");
    until("the new tool is listed", || kept.server.tools(PATIENCE, &|| false).unwrap().tools.len() == before + 1);
}

fn too_many_and_bad_tools_are_left_out() {
    let kept = Kept::new("many");
    let tools = kept.server.tools(PATIENCE, &|| false).unwrap();
    assert_eq!(tools.tools.len(), 256);
    let why = |name: &str| tools.left_out.iter().find(|left| left.name == name).map(|left| left.why.as_str());
    assert_eq!(why("tool-0"), Some("another one is called so"));
    assert_eq!(why("tool-299"), Some("there are more than 256"));
    assert!(tools.tools.iter().all(|tool| tool.description.len() <= 4096));
}

fn a_program_that_is_not_there_is_told() {
    let argv = vec!["/nowhere/at-all".to_owned()];
    let kind = ServerKind::Stdio { argv, folder: None, env: BTreeMap::new() };
    let server = start(ServerSpec { kind, ..spec("", Path::new("/")) });
    let error = server.tools(PATIENCE, &|| false).unwrap_err();
    let expected = "mine cannot be used: cannot execute /nowhere/at-all: No such file or directory (os error 2)";
    assert_eq!(told(&error), expected);
    assert!(error.hint().unwrap().starts_with("it is tried again in "));
    assert!(matches!(server.state(), ServerState::Waiting { .. } | ServerState::Starting));
}

fn a_program_that_ends_at_once_is_told_with_what_it_said() {
    let kept = Kept::new("ends");
    let error = kept.server.tools(PATIENCE, &|| false).unwrap_err();
    assert_eq!(told(&error), "mine cannot be used: it ended with exit code 7; it said: no licence");
}

fn a_program_that_never_answers_is_told() {
    let scratch = tempfile::tempdir().unwrap();
    let connector = Connector::with_greeting(Sandbox::new(), Duration::from_millis(500));
    let server = connector.start(spec("silent", scratch.path()), SecretValues::default()).unwrap();
    let error = server.tools(PATIENCE, &|| false).unwrap_err();
    assert!(told(&error).starts_with("mine cannot be used: it did not answer the greeting within 0.5 s"), "{error}");
    // Who is in more of a hurry is told so.
    let server = start(spec("silent", scratch.path()));
    let error = server.tools(Duration::from_millis(100), &|| false).unwrap_err();
    assert_eq!(told(&error), "mine did not answer within 0.1 s");
    assert_eq!(server.tools(PATIENCE, &|| true).unwrap_err(), ClientError::Stopped);
}

fn a_program_that_prints_rubbish_is_told() {
    let kept = Kept::new("rubbish");
    let error = kept.server.tools(PATIENCE, &|| false).unwrap_err();
    let expected = "mine cannot be used: it printed on stdout what is no message: \"Listening on port 8000\"";
    assert_eq!(told(&error), expected);
    let kept = Kept::new("flood");
    let error = kept.server.tools(PATIENCE, &|| false).unwrap_err();
    let expected = "mine cannot be used: it printed 1000 lines on stdout that are no messages, the first: \"y\"";
    assert_eq!(told(&error), expected);
}

fn a_message_that_is_too_long_fails_the_call() {
    let kept = Kept::new("good");
    let error = kept.call("much", json!({"mib": 9})).unwrap_err();
    assert_eq!(told(&error), "mine ended in the middle of it: it sent a message of more than 8 MiB");
    let fits = kept.call("much", json!({"mib": 7})).unwrap();
    assert_eq!(fits.text.len(), 7 << 20);
}

fn a_secret_that_is_missing_is_told() {
    let spec = ServerSpec { secrets: vec!["TOKEN".to_owned()], ..spec("good", Path::new("/")) };
    let error = Connector::new(Sandbox::new()).start(spec, SecretValues::default()).unwrap_err();
    assert_eq!(told(&error), "mine needs TOKEN, which is not in the vault");
}

fn nothing_is_left_when_it_is_stopped() {
    let kept = Kept::new("stubborn");
    let child: i32 = kept.text("children").parse().unwrap();
    let processes = kept.processes();
    assert!(runs(child) && processes.iter().all(|&pid| runs(pid)));
    kept.server.stop();
    assert!(!runs(child) && !processes.iter().any(|&pid| runs(pid)), "{processes:?} and {child}");
    assert_eq!(kept.server.state(), ServerState::Stopped);
    assert_eq!(kept.call("echo", json!({"text": "a"})).unwrap_err(), ClientError::Stopped);
}

fn nothing_is_left_when_it_is_dropped() {
    let kept = Kept::new("good");
    let child: i32 = kept.text("children").parse().unwrap();
    let processes = kept.processes();
    let Kept { server, scratch: _scratch } = kept;
    drop(server);
    until("all of it is gone", || !runs(child) && !processes.iter().any(|&pid| runs(pid)));
}

fn a_url_where_nobody_listens_is_told() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let kind = ServerKind::Http { url: format!("http://127.0.0.1:{port}/mcp"), headers: BTreeMap::new() };
    let server = start(ServerSpec { kind, ..spec("", Path::new("/")) });
    let error = server.tools(PATIENCE, &|| false).unwrap_err();
    let begin = format!("mine cannot be used: no answer from http://127.0.0.1:{port}/mcp that can be used: ");
    assert!(told(&error).starts_with(&begin) && told(&error).contains("onnection refused"), "{error}");
}

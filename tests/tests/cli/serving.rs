//! `zo serve` and `zo worker`, run as processes: who else asks goes through it, what is due is done, it ends in good order.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use zo_tests::cli::{Ran, Zo};

/// Long enough for a slow machine; nothing waits for it to pass.
const PATIENCE: Duration = Duration::from_secs(60);

/// A process that is ended with the test, whatever becomes of that.
pub(super) struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Running {
    pub(super) fn start(mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self(command.spawn().expect("it can be run"))
    }

    pub(super) fn line(&mut self) -> String {
        let mut line = Vec::new();
        let stdout = self.0.stdout.as_mut().expect("asked for");
        // Byte by byte: what comes behind the line is for who reads next.
        let mut byte = [0];
        while stdout.read(&mut byte).expect("it can be read") > 0 && byte[0] != b'\n' {
            line.push(byte[0]);
        }
        String::from_utf8(line).expect("it is text")
    }

    /// Asks it to end, and waits until it has; its exit code and what it said.
    pub(super) fn end(mut self) -> (Option<i32>, String) {
        kill_process(Pid::from_child(&self.0), Signal::TERM).expect("it is ours");
        let mut said = String::new();
        self.0.stderr.take().expect("asked for").read_to_string(&mut said).expect("it is text");
        (self.0.wait().expect("it ends").code(), said)
    }
}

/// A `zo serve` at ports that are free, and what it says of itself.
fn serve(zo: &Zo) -> (Running, Value) {
    let mut running = Running::start(zo.command(["serve", "--listen", "127.0.0.1:0", "--json"]));
    let line = running.line();
    let told = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
    (running, told)
}

/// Asks again and again until it is so.
fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "{what}: it never was so");
        thread::sleep(Duration::from_millis(50));
    }
}

/// One HTTP request; the status and the whole answer.
fn http(address: &str, head: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    write!(stream, "{head}\r\nHost: {address}\r\nConnection: close\r\n\r\n").expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers in text");
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    (status.unwrap_or_else(|| panic!("no answer: {answer:?}")), answer)
}

pub(super) fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("{name} in {value}"))
}

/// `127.0.0.1:7733` of its URL.
fn address(told: &Value, name: &str) -> String {
    text(told, name).trim_start_matches("http://").to_owned()
}

#[test]
fn everybody_asks_through_the_one_that_serves() {
    let zo = Zo::new();
    let (running, told) = serve(&zo);
    let pid = told["pid"].as_u64().expect("a process");
    assert_eq!(zo.run(["status", "--json"]).json_object()["holder"], pid);
    let ran = zo.run(["job", "submit", "--", "echo", "hello there"]);
    assert!(!ran.stderr.contains("nothing carries jobs out"), "{ran}");
    let job = ran.ok().to_owned();
    let ran = zo.run(["job", "wait", &job, "--logs"]);
    assert_eq!(ran.ok(), "hello there", "{ran}");

    let second = zo.run(["serve", "--no-http"]);
    assert!(second.failed(1).contains(&format!("process {pid} serves this home already")), "{second}");
    let doctor = zo.run(["doctor", "--json"]).json();
    let serve = doctor.iter().find(|check| check["check"] == "serve").expect("it is looked at");
    assert_eq!(serve["message"], format!("it runs, as process {pid}"));

    assert_eq!(running.end().0, Some(0));
    let ran = zo.run(["job", "submit", "--", "true"]);
    assert!(ran.stderr.contains("note: nothing carries jobs out now"), "{ran}");
}

#[test]
fn who_has_a_token_gets_in() {
    let zo = Zo::new();
    let (_running, told) = serve(&zo);
    let api = address(&told, "api_url");
    assert_eq!(http(&api, "GET /healthz HTTP/1.1").0, 200);
    assert_eq!(http(&api, "GET /api/v1/query/status HTTP/1.1").0, 401);
    let made = zo.run(["token", "create", "phone", "--scope", "read", "--expires", "90d"]);
    let secret = made.ok().to_owned();
    assert!(made.stderr.contains("it is not shown again"), "{made}");
    let ask =
        |secret: &str| http(&api, &format!("GET /api/v1/query/status HTTP/1.1\r\nAuthorization: Bearer {secret}")).0;
    assert_eq!((ask(&secret), ask("zo_nonsense")), (200, 401));
    let listed = zo.run(["token", "list", "--json"]).json();
    assert_eq!((listed.len(), &listed[0]["name"], &listed[0]["scopes"]), (1, &json!("phone"), &json!(["read"])));
    assert!(!zo.run(["token", "list"]).ok().contains(&secret), "it is shown once");
    assert!(zo.run(["token", "revoke", "phnoe"]).failed(1).contains("did you mean `phone`?"));
    zo.run(["token", "revoke", "phone"]).ok();
    assert_eq!(ask(&secret), 401);
}

#[test]
fn a_token_needs_a_scope_that_there_is() {
    let zo = Zo::new();
    assert!(zo.run(["token", "create", "x"]).failed(2).contains("--scope"));
    assert!(zo.run(["token", "create", "x", "--scope", "reed"]).failed(2).contains("did you mean read?"));
    assert!(
        zo.run(["token", "create", "x", "--scope", "read", "--expires", "2020-01-01"])
            .failed(2)
            .contains("over already")
    );
    assert!(!zo.home().exists());
    let made = zo.run(["token", "create", "x", "--scope", "read,ask", "--json"]).json_object();
    assert_eq!(made["token"]["scopes"], json!(["ask", "read"]));
    assert!(text(&made, "secret").starts_with("zo_"));
}

#[test]
fn what_is_due_is_done() {
    let zo = Zo::new();
    let (running, _) = serve(&zo);
    zo.run(["schedule", "add", "FREQ=SECONDLY;COUNT=60", "--name", "tick", "--", "echo", "tick"]).ok();
    let history = until("two occurrences are done", || {
        let history = zo.run(["schedule", "show", "tick", "--json"]).json_object()["history"].clone();
        let done = history.as_array().expect("a list").iter().filter(|entry| entry["state"] == "done").count();
        (done >= 2).then_some(history)
    });
    assert!(history[0]["due"].is_string() && history[0]["by_hand"] == json!(false), "{history}");
    assert_eq!(running.end().0, Some(0));
}

#[test]
fn what_is_given_back_by_one_that_stops_is_not_begun_by_it_again() {
    let zo = Zo::new();
    let mut running = Running::start(zo.command(["serve", "--no-http", "--capacity", "2", "--json"]));
    running.line();
    zo.file("words.txt", "a\nb\nc\nd\n");
    let ids = zo.run(["job", "submit", "--each", "words.txt", "--", "sh", "-c", "sleep 600; echo {}"]).ok().to_owned();
    let job = |id: &str| zo.run(["job", "show", id, "--json"]).json_object();
    until("two of them run", || {
        (zo.run(["job", "list", "--state", "running", "--json"]).json().len() == 2).then_some(())
    });
    assert_eq!(running.end().0, Some(0));
    let shown: Vec<Value> = ids.lines().map(job).collect();
    let outcomes = shown.iter().flat_map(|job| job["attempts"].as_array().cloned().unwrap_or_default());
    let outcomes: Vec<Value> = outcomes.map(|attempt| attempt["outcome"].clone()).collect();
    assert_eq!(outcomes, ["released", "released"], "each of two was begun once, and no other: {shown:?}");
    assert!(shown.iter().all(|job| job["job"]["state"] == "ready"), "all of them wait for the next: {shown:?}");
}

#[test]
fn a_worker_joins_and_carries_out_what_only_it_can() {
    let zo = Zo::new();
    let (_running, told) = serve(&zo);
    let url = text(&told, "api_url");
    let token = zo.run(["token", "create", "build-7", "--scope", "node"]).ok().to_owned();
    let wrong = zo.run_with(["worker", "--hub", url, "--name", "build-7"], "zo_nonsense\n");
    assert!(wrong.failed(1).contains("the hub refuses the token"), "{wrong}");

    let mut command = zo.command(["worker", "--hub", url, "--name", "build-7", "--label", "big-disk", "--json"]);
    command.env("ZO_TOKEN", &token);
    let mut worker = Running::start(command);
    let joined: Value = serde_json::from_str(&worker.line()).expect("JSON");
    assert_eq!(joined["event"], "joined");
    let ran = zo.run(["job", "submit", "--label", "big-disk", "--scratch", "--wait", "--", "echo", "far away"]);
    assert_eq!(ran.ok(), "far away", "{ran}");
    let node = zo.run(["node", "show", "build-7", "--json"]).json_object();
    assert_eq!(
        (&node["state"], &node["completed"], &node["local"]),
        (&json!("up"), &json!(1), &json!(false)),
        "{node}"
    );
    let names: Vec<Value> = zo.run(["node", "list", "--json"]).json().iter().map(|node| node["name"].clone()).collect();
    assert_eq!(names, ["build-7", "local"]);
    assert!(zo.run(["node", "drain", "biuld-7"]).failed(1).contains("did you mean `build-7`?"));
    zo.run(["node", "drain", "build-7"]).ok();
    assert_eq!(zo.run(["node", "show", "build-7", "--json"]).json_object()["state"], "draining");
    zo.run(["node", "resume", "build-7"]).ok();
    let (code, said) = worker.end();
    assert_eq!(code, Some(0), "{said}");
    until("it has left", || {
        (zo.run(["node", "show", "build-7", "--json"]).json_object()["state"] == "left").then_some(())
    });
    zo.run(["node", "remove", "build-7"]).ok();
    assert!(zo.run(["node", "show", "build-7"]).failed(1).contains("there is no node build-7"));
}

#[test]
fn a_worker_says_what_is_wrong_with_its_hub() {
    let zo = Zo::new();
    zo.file("token", "zo_x_y");
    let worker = |words: &[&str]| zo.run([&["worker", "--token-file", "token"], words].concat());
    assert!(worker(&["--hub", "hub.example.org"]).failed(2).contains("is no address of a hub"));
    assert!(worker(&["--hub", "https://127.0.0.1:1", "--ca", "nowhere.pem"]).failed(1).contains("nowhere.pem"));
    assert!(worker(&["--hub", "https://127.0.0.1:1", "--capacity", "0"]).failed(2).contains("invalid value '0'"));
    let none = zo.run(["worker", "--hub", "http://127.0.0.1:1"]);
    assert!(none.failed(2).contains("there is no token"), "{none}");
    let missing = zo.run(["worker", "--hub", "http://127.0.0.1:1", "--token-file", "nowhere"]);
    assert!(missing.failed(1).contains("cannot read nowhere"), "{missing}");
}

#[test]
fn a_service_runs_answers_and_is_told_of() {
    let zo = Zo::new();
    fs::create_dir(zo.scratch().join("site")).expect("a folder");
    zo.file("site/index.html", "served");
    let add = ["service", "add", "notes", "--folder", "site", "--health", "/", "--health-every", "200ms"];
    let command = ["--", "python3", "-u", "-c", SERVER];
    let ran = zo.run([&add[..], &command].concat());
    assert!(ran.ok() == "notes" && ran.stderr.contains("nothing runs services now"), "{ran}");
    assert_eq!(zo.run(["service", "status", "notes", "--json"]).json_object()["state"], "waiting");

    let (_running, _) = serve(&zo);
    let port = until("it runs", || {
        let line = zo.run(["service", "status", "notes", "--json"]).json_object();
        line["port"].as_u64().filter(|_| line["state"] == "running")
    });
    let answer = until("it answers", || {
        let stream = TcpStream::connect(("127.0.0.1", port as u16)).ok()?;
        drop(stream);
        Some(http(&format!("127.0.0.1:{port}"), "GET /index.html HTTP/1.1"))
    });
    assert!(answer.0 == 200 && answer.1.ends_with("served"), "{answer:?}");
    until("its log is there", || zo.run(["service", "logs", "notes"]).ok().contains("listening").then_some(()));
    assert!(zo.run(["service", "stop", "ntoes"]).failed(1).contains("did you mean `notes`?"));
    zo.run(["service", "stop", "notes"]).ok();
    until("it has stopped", || (zo.run(["service", "list", "--json"]).json()[0]["state"] == "stopped").then_some(()));
    zo.run(["service", "start", "notes"]).ok();
    assert!(zo.run(["service", "remove", "notes"]).failed(2).contains("--yes"));
    zo.run(["service", "remove", "notes", "--yes"]).ok();
    assert_eq!(zo.run(["service", "list"]).ok(), "");
}

/// Serves the folder it is in at the port it is told.
const SERVER: &str = "import os, http.server as h, socketserver as s\n\
    print('listening', flush=True)\n\
    s.TCPServer(('127.0.0.1', int(os.environ['PORT'])), h.SimpleHTTPRequestHandler).serve_forever()";

#[test]
fn a_hosted_folder_is_read_by_who_has_the_link() {
    let zo = Zo::new();
    fs::create_dir(zo.scratch().join("site")).expect("a folder");
    zo.file("site/index.html", "<h1>served</h1>");
    zo.file("site/about.html", "about");
    assert_eq!(zo.run(["file", "put", "site"]).ok(), "site/about.html\nsite/index.html");
    let before = zo.run(["file", "share", "site/", "--site"]);
    assert!(before.ok().starts_with("/s/") && before.stderr.contains("nothing serves files now"), "{before}");

    let (_running, told) = serve(&zo);
    let files = address(&told, "files_url");
    let shared = zo.run(["file", "share", "site/", "--site", "--expires", "7d", "--json"]).json_object();
    let path = text(&shared, "path").to_owned();
    assert_eq!(text(&shared, "url"), format!("http://{files}{path}"));
    let (status, answer) = http(&files, &format!("GET {path} HTTP/1.1"));
    assert!(status == 200 && answer.ends_with("<h1>served</h1>"), "{answer}");
    assert_eq!(zo.run(["file", "shares", "--json"]).json().len(), 2);
    zo.run(["file", "unshare", text(&shared, "id")]).ok();
    assert_eq!(http(&files, &format!("GET {path} HTTP/1.1")).0, 404);
}

#[test]
fn it_says_why_it_cannot_listen() {
    let zo = Zo::new();
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let ran = zo.run(["serve", "--listen", &address]);
    assert!(ran.failed(1).contains(&format!("{address} is in use")) && ran.stderr.contains("--listen"), "{ran}");
    let ran = zo.run(["serve", "--listen", "0.0.0.0:0"]);
    assert!(ran.failed(2).contains("--tls-cert"), "{ran}");
    let ran = zo.run(["serve", "--listen", "localhost"]);
    assert!(ran.failed(2).contains("127.0.0.1:7733"), "{ran}");
    let ran = zo.run(["serve", "--listen", "127.0.0.1:0", "--tls-cert", "nowhere.pem", "--tls-key", "nowhere.key"]);
    assert!(ran.failed(1).contains("nowhere.pem"), "{ran}");
}

#[test]
fn it_waits_until_who_holds_the_home_has_left() {
    let zo = Zo::new();
    let mut command = zo.command(["memorize", "--jsonl", "-", "--json"]);
    let mut holder = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it can be run");
    let mut input = holder.stdin.take().expect("asked for");
    writeln!(input, "{{\"content\":\"x\"}}").expect("it reads");
    let mut line = String::new();
    BufReader::new(holder.stdout.as_mut().expect("asked for")).read_line(&mut line).expect("it answers");

    let mut running = Running::start(zo.command(["serve", "--no-http"]));
    let mut said = BufReader::new(running.0.stderr.take().expect("asked for"));
    let mut line = String::new();
    said.read_line(&mut line).expect("it says so");
    assert_eq!(line, format!("process {} holds the home; it is served when that one leaves\n", holder.id()));
    drop(input);
    assert!(holder.wait().expect("it ends").success());
    line.clear();
    said.read_line(&mut line).expect("it says so");
    assert!(line.starts_with("serving "), "{line}");
    kill_process(Pid::from_child(&running.0), Signal::INT).expect("it is ours");
    assert_eq!(running.0.wait().expect("it ends").code(), Some(0));
}

#[test]
fn a_unit_is_written_and_removed() {
    let zo = Zo::new();
    let ran = zo.run(["serve", "--install", "--listen", "127.0.0.1:8080"]);
    assert!(ran.ok().contains(" serve --listen 127.0.0.1:8080\n"), "what was written is shown: {ran}");
    let folder = zo.scratch().join(".config/systemd/user");
    let units: Vec<_> = fs::read_dir(&folder).expect("it is there").flatten().map(|entry| entry.path()).collect();
    assert_eq!(units.len(), 1);
    let text = fs::read_to_string(&units[0]).expect("it can be read");
    assert_eq!(text.trim_end(), ran.ok(), "{ran}");
    assert!(ran.stderr.contains("systemctl --user enable --now zo-"), "another home has a unit of its own: {ran}");
    zo.run(["serve", "--uninstall"]).ok();
    assert!(!units[0].exists());
    let again: Ran = zo.run(["serve", "--uninstall"]);
    assert!(again.failed(1).contains("there is no unit"), "{again}");
    assert!(!zo.home().exists(), "nothing was served");
}

#[test]
fn what_nodes_cost_is_laid_down() {
    let zo = Zo::new();
    zo.run(["node", "prices", "--set", "gpu:a100=2.5", "--set", "region:eu=1.1"]).ok();
    let prices = zo.run(["node", "prices", "--json"]).json();
    let expected = [
        json!({"of": "gpu", "name": "a100", "multiplier": 2.5}),
        json!({"of": "region", "name": "eu", "multiplier": 1.1}),
    ];
    assert_eq!(prices, expected);
    zo.run(["node", "prices", "--set", "gpu:a100=1"]).ok();
    assert_eq!(zo.run(["node", "prices"]).ok(), "region\teu\t1.1");
    assert!(zo.run(["node", "prices", "--set", "cpu:x=1"]).failed(2).contains("gpu:TIER=X"));
}

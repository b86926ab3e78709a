//! Services that really run: processes in the sandbox, reached over the loopback.
//!
//! This program is its own supervisor, so it has a `main` of its own (`zo_test_harness`).

#![allow(clippy::unwrap_used)]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use zo_sandbox::Sandbox;
use zo_services::{
    CheckSpec, Exit, HealthSpec, Service, ServiceChange, ServiceError, ServiceOptions, ServiceSpec, ServiceState,
};

use zo_test_harness::tests;

fn main() -> std::io::Result<ExitCode> {
    zo_test_harness::main(tests![
        it_is_reached_at_its_port_and_at_no_other,
        a_port_that_is_taken_is_told_and_tried_again,
        what_exits_is_started_again_ever_later,
        what_cannot_be_started_is_told_and_tried_again,
        what_was_well_for_a_while_is_started_again_at_once,
        what_is_unwell_is_told_and_started_again,
        it_may_take_its_time_to_be_well_for_the_first_time,
        it_is_asked_to_end_before_it_is_killed,
        what_does_not_end_is_killed_with_all_it_started,
        what_is_dropped_is_gone,
        it_has_a_folder_of_its_own_and_sees_no_other,
        what_is_kept_out_is_not_seen,
        what_cannot_be_a_service_is_refused,
    ])
}

/// How long a test waits for what must happen.
const PATIENCE: Duration = Duration::from_secs(60);

/// A service, what becomes of it, and where it lives.
struct Kept {
    service: Service,
    events: Receiver<zo_services::ServiceEvent>,
    scratch: tempfile::TempDir,
}

impl Kept {
    fn new(spec: ServiceSpec) -> Self {
        Self::with(spec, |_| {})
    }

    fn with(spec: ServiceSpec, change: impl Fn(&mut ServiceOptions)) -> Self {
        let scratch = tempfile::Builder::new().prefix("zo-kept-").tempdir().unwrap();
        let (sender, events) = channel();
        let mut options = ServiceOptions::below(scratch.path());
        options.backoff = (Duration::from_millis(50), Duration::from_secs(5));
        change(&mut options);
        let service = Service::start(spec, options, Sandbox::new(), sender).unwrap();
        Self { service, events, scratch }
    }

    /// The next thing that becomes of it.
    #[track_caller]
    fn next(&self) -> ServiceChange {
        match self.events.recv_timeout(PATIENCE) {
            Ok(event) => {
                assert_eq!(event.label, "tested");
                event.change
            }
            Err(error) => panic!("{error}: {:?}", self.lines()),
        }
    }

    #[track_caller]
    fn spawned(&self) -> u16 {
        match self.next() {
            ServiceChange::Spawned { port } => port.unwrap_or_default(),
            other => panic!("{other:?}\n{:?}", self.lines()),
        }
    }

    /// What its log has, without times.
    fn lines(&self) -> Vec<String> {
        let lines = self.service.log().last(1000).unwrap().lines;
        lines.iter().map(|line| line.split_once(' ').unwrap().1.to_owned()).collect()
    }

    #[track_caller]
    fn wait_for_line(&self, like: &str) {
        let until = Instant::now() + PATIENCE;
        while !self.lines().iter().any(|line| line.contains(like)) {
            assert!(Instant::now() < until, "no {like}: {:?}", self.lines());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.scratch.path().join("folders/tested").join(name)
    }
}

fn running(argv: &[&str]) -> ServiceSpec {
    let argv = argv.iter().map(|&word| word.to_owned()).collect();
    ServiceSpec { label: "tested".to_owned(), argv, ..ServiceSpec::default() }
}

fn shell(script: &str) -> ServiceSpec {
    running(&["sh", "-c", script])
}

/// A service in Python that is reached at a port that is picked.
fn python(script: &str) -> ServiceSpec {
    ServiceSpec { port: Some(0), ..running(&["/usr/bin/python3", "-u", "-c", script]) }
}

/// Answers every request with the status that is in the file `status`, 200 if there is none.
const SERVER: &str = r#"
import http.server, os
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        status = int(open("status").read()) if os.path.exists("status") else 200
        self.send_response(status); self.end_headers(); self.wfile.write(b"hello from " + self.path.encode())
    def log_message(self, *_): pass
print("listening", flush=True)
http.server.ThreadingHTTPServer(("", int(os.environ["PORT"])), Handler).serve_forever()
"#;

fn health(check: CheckSpec) -> Option<HealthSpec> {
    Some(HealthSpec { interval_ms: 50, timeout_ms: 20_000, threshold: 2, start_ms: 60_000, check })
}

fn get(port: u16, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(stream, "GET {path} HTTP/1.0\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

fn it_is_reached_at_its_port_and_at_no_other() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let outside = listener.local_addr().unwrap().port();
    let script = format!(
        r#"
import socket
other = socket.create_server(("", 0)); print("other", other.getsockname()[1], flush=True)
try: socket.create_connection(("127.0.0.1", {outside}), 5); print("reached outside", flush=True)
except OSError as error: print("kept inside", flush=True)
{SERVER}"#
    );
    let kept = Kept::new(ServiceSpec { health: health(CheckSpec::Http("/ok".to_owned())), ..python(&script) });
    let port = kept.spawned();
    assert_eq!(kept.next(), ServiceChange::Healthy);
    assert_eq!(kept.service.state(), ServiceState::Healthy);
    assert_eq!(kept.service.port(), Some(port));
    assert!(get(port, "/x").unwrap().ends_with("hello from /x"));
    // Many at once, and one that says much.
    let asked: Vec<_> = (0..32).map(|number| std::thread::spawn(move || get(port, &format!("/{number}")))).collect();
    for (number, asked) in asked.into_iter().enumerate() {
        assert!(asked.join().unwrap().unwrap().ends_with(&format!("/{number}")));
    }
    let lines = kept.lines();
    assert!(lines.iter().any(|line| line == "out kept inside"), "{lines:?}");
    let other: u16 = lines.iter().find_map(|line| line.strip_prefix("out other ")).unwrap().parse().unwrap();
    assert!(TcpStream::connect(("127.0.0.1", other)).is_err(), "only its port is open");
    kept.service.stop(PATIENCE);
    assert_eq!(kept.next(), ServiceChange::Stopped);
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
    // The port is free again at once, connections that linger or not.
    let again = Kept::new(ServiceSpec { port: Some(port), ..python(SERVER) });
    assert_eq!(again.spawned(), port);
}

fn a_port_that_is_taken_is_told_and_tried_again() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let kept = Kept::new(ServiceSpec { port: Some(port), ..python(SERVER) });
    let ServiceChange::NotStarted { why, .. } = kept.next() else { panic!("it started: {:?}", kept.lines()) };
    assert!(why.contains(&format!("cannot listen on 127.0.0.1:{port}")) && why.contains("another"), "{why}");
    drop(taken);
    let until = Instant::now() + PATIENCE;
    while !matches!(kept.next(), ServiceChange::Spawned { .. }) {
        assert!(Instant::now() < until);
    }
}

fn what_exits_is_started_again_ever_later() {
    let kept = Kept::new(shell("echo up; exit 7"));
    let mut expected = Duration::from_millis(50);
    let begun = Instant::now();
    for _ in 0..5 {
        kept.spawned();
        let ServiceChange::Exited { exit, restart_in, .. } = kept.next() else { panic!("{:?}", kept.lines()) };
        assert_eq!((exit, restart_in), (Exit::Code(7), expected));
        expected *= 2;
    }
    assert!(begun.elapsed() >= Duration::from_millis(50 + 100 + 200 + 400), "it waits in between");
    // That it has ended is told before its state says so.
    let until = Instant::now() + PATIENCE;
    while !matches!(kept.service.state(), ServiceState::Waiting { why } if why == "exit code 7") {
        assert!(Instant::now() < until, "{:?}", kept.service.state());
        std::thread::yield_now();
    }
    kept.service.stop(PATIENCE);
    let lines = kept.lines();
    assert!(lines.contains(&"out up".to_owned()), "{lines:?}");
    assert!(lines.contains(&"zo  exit code 7, again in 0.05 s".to_owned()), "{lines:?}");
    assert_eq!(lines.last().unwrap(), "zo  stopped");
    assert_eq!(kept.service.state(), ServiceState::Stopped);
    let killed = Kept::new(shell("kill -9 $$"));
    killed.spawned();
    assert!(matches!(killed.next(), ServiceChange::Exited { exit: Exit::Signal(9), .. }));
}

fn what_cannot_be_started_is_told_and_tried_again() {
    let kept = Kept::new(running(&["no-such-program"]));
    for _ in 0..2 {
        let ServiceChange::NotStarted { why, .. } = kept.next() else { panic!("{:?}", kept.lines()) };
        assert!(why.contains("no program no-such-program"), "{why}");
    }
}

fn what_was_well_for_a_while_is_started_again_at_once() {
    // It exits when it is told to, by a file.
    let script = "while [ ! -e leave ]; do sleep 0.02; done; rm leave";
    let kept = Kept::with(shell(script), |options| options.steady = Duration::from_millis(200));
    for _ in 0..3 {
        kept.spawned();
        let spawned = Instant::now();
        while spawned.elapsed() < Duration::from_millis(400) {
            std::thread::sleep(Duration::from_millis(20)); // being well for a while takes a while
        }
        std::fs::write(kept.path("leave"), "").unwrap();
        let ServiceChange::Exited { restart_in, ran, .. } = kept.next() else { panic!("{:?}", kept.lines()) };
        assert_eq!(restart_in, Duration::from_millis(50));
        assert!(ran >= Duration::from_millis(400), "{ran:?}");
    }
}

fn what_is_unwell_is_told_and_started_again() {
    let kept = Kept::new(ServiceSpec { health: health(CheckSpec::Http("/ok".to_owned())), ..python(SERVER) });
    let port = kept.spawned();
    assert_eq!(kept.next(), ServiceChange::Healthy);
    std::fs::write(kept.path("status"), "503").unwrap();
    let ServiceChange::Unhealthy { why } = kept.next() else { panic!("{:?}", kept.lines()) };
    assert!(why.ends_with("is answered 503"), "{why}");
    std::fs::remove_file(kept.path("status")).unwrap();
    let ServiceChange::Exited { exit: Exit::Ended(why), .. } = kept.next() else { panic!("{:?}", kept.lines()) };
    assert!(why.starts_with("unhealthy: "), "{why}");
    assert_eq!(kept.spawned(), port, "a port that was picked stays");
    assert_eq!(kept.next(), ServiceChange::Healthy);
    assert_eq!(kept.service.restarts(), 1);
}

fn it_may_take_its_time_to_be_well_for_the_first_time() {
    let slow = format!("import time; time.sleep(1)\n{SERVER}");
    let kept = Kept::new(ServiceSpec { health: health(CheckSpec::Tcp), ..python(&slow) });
    kept.spawned();
    assert_eq!(kept.next(), ServiceChange::Healthy);
    // But not for ever.
    let mut never = python("import time; time.sleep(600)");
    never.health = Some(HealthSpec { start_ms: 300, ..health(CheckSpec::Tcp).unwrap() });
    let kept = Kept::new(never);
    kept.spawned();
    let ServiceChange::Unhealthy { why } = kept.next() else { panic!("{:?}", kept.lines()) };
    assert!(why.contains("takes no connection"), "{why}");
}

fn it_is_asked_to_end_before_it_is_killed() {
    let script = "trap 'echo cleaning up; exit 0' TERM; echo ready; while :; do sleep 0.02; done";
    let kept = Kept::new(shell(script));
    kept.spawned();
    kept.wait_for_line("out ready");
    kept.service.stop(PATIENCE);
    assert_eq!(kept.next(), ServiceChange::Stopped, "that it ended is no news");
    let lines = kept.lines();
    assert!(lines.contains(&"out cleaning up".to_owned()), "{lines:?}");
}

fn what_does_not_end_is_killed_with_all_it_started() {
    let script = r#"
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0: os.setsid()
print("ready", flush=True)
while True: open(f"alive-{os.getpid()}", "a").write("x"); time.sleep(0.01)
"#;
    let kept = Kept::new(ServiceSpec { port: None, ..python(script) });
    kept.spawned();
    let folder = kept.path("");
    while std::fs::read_dir(&folder).unwrap().count() < 2 {
        std::thread::sleep(Duration::from_millis(10));
    }
    let begun = Instant::now();
    kept.service.stop(Duration::from_millis(300));
    assert!(begun.elapsed() >= Duration::from_millis(300));
    assert_eq!(kept.next(), ServiceChange::Stopped);
    let before = sizes(&folder);
    std::thread::sleep(Duration::from_millis(200)); // that nothing happens takes a while to see
    assert_eq!(sizes(&folder), before);
}

fn sizes(folder: &Path) -> Vec<u64> {
    let mut sizes: Vec<u64> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).collect();
    sizes.sort_unstable();
    sizes
}

fn what_is_dropped_is_gone() {
    let kept = Kept::new(python(SERVER));
    let port = kept.spawned();
    let until = Instant::now() + PATIENCE;
    while get(port, "/").is_err() {
        assert!(Instant::now() < until, "{:?}", kept.lines());
    }
    drop(kept.service);
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
}

fn it_has_a_folder_of_its_own_and_sees_no_other() {
    let canary = tempfile::NamedTempFile::new().unwrap();
    let path = canary.path().display();
    let script = format!("echo x > own && echo wrote; cat {path} || echo unseen; env | sort; sleep 600");
    let mut spec = shell(&script);
    spec.env.insert("GIVEN".to_owned(), "this".to_owned());
    spec.port = Some(0);
    let kept = Kept::new(spec);
    let port = kept.spawned();
    kept.wait_for_line("out TMPDIR");
    let lines = kept.lines();
    let has = |line: &str| lines.contains(&format!("out {line}"));
    assert!(has("wrote") && has("unseen") && has("GIVEN=this") && has(&format!("PORT={port}")), "{lines:?}");
    assert!(!lines.iter().any(|line| line.contains("CARGO") || line.contains("USER=")), "{lines:?}");
    assert!(kept.path("own").exists());
}

fn what_cannot_be_a_service_is_refused() {
    let scratch = tempfile::tempdir().unwrap();
    let start = |spec| Service::start(spec, ServiceOptions::below(scratch.path()), Sandbox::new(), channel().0);
    let error = start(running(&[])).unwrap_err();
    assert!(matches!(error, ServiceError::Spec(_)), "{error}");
    let error = start(ServiceSpec { label: "../x".to_owned(), ..shell("true") }).unwrap_err();
    assert!(error.to_string().contains("`label`"), "{error}");
    std::fs::write(scratch.path().join("logs"), "in the way").unwrap();
    assert!(matches!(start(shell("true")).unwrap_err(), ServiceError::Log { .. }));
}

fn what_is_kept_out_is_not_seen() {
    let home = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let link = elsewhere.path().join("link");
    std::os::unix::fs::symlink(home.path(), &link).unwrap();
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    for path in [text(home.path()), text(&link), "/".to_owned()] {
        let named = vec![path.clone()];
        for spec in [
            ServiceSpec { read: named.clone(), ..shell("true") },
            ServiceSpec { write: named.clone(), ..shell("true") },
            ServiceSpec { folder: Some(path), ..shell("true") },
        ] {
            let kept = Kept::with(spec, |options| options.kept_out = vec![home.path().to_owned()]);
            let ServiceChange::NotStarted { why, .. } = kept.next() else { panic!("{:?}", kept.lines()) };
            assert!(why.contains("which no command may see"), "{why}");
        }
    }
}

//! Jobs that are really carried out: processes in the sandbox, requests over the loopback.
//!
//! This program is its own supervisor, so it has a `main` of its own (`zo_test_harness`).

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use zo_egress::Policy;
use zo_sandbox::Sandbox;
use zo_skills::{Origin, SearchPath};
use zo_worker::{AttemptContext, Executor, Happened, JobSpec, Outcome};

use zo_test_harness::tests;

fn main() -> std::io::Result<ExitCode> {
    zo_test_harness::main(tests![
        a_command_prints_says_how_far_it_is_and_has_a_result,
        a_command_sees_nothing_of_who_runs_it,
        a_command_works_where_it_is_told_to,
        what_fails_says_why_and_whether_trying_again_may_help,
        what_the_node_cannot_begin_is_its_own_fault,
        a_job_is_stopped_by_whoever_follows_it,
        a_deadline_is_no_reason_to_try_again,
        what_is_kept_out_is_not_seen,
        only_named_hosts_are_reached,
        a_script_of_a_skill_gives_its_value,
        a_skill_is_found_or_its_lack_is_told,
        a_url_is_called,
        a_url_that_answers_with_an_error_fails,
        private_addresses_need_the_job_and_the_node,
        what_an_engine_does_is_not_done_here,
        what_was_left_behind_is_removed,
    ])
}

/// What came of a job, and what happened on the way.
struct Ran {
    outcome: Outcome,
    stdout: String,
    stderr: String,
    progress: Vec<(f32, Option<String>)>,
}

impl Ran {
    #[track_caller]
    fn result(&self) -> Value {
        match &self.outcome {
            Outcome::Done { result } => serde_json::from_str(result).unwrap(),
            other => panic!("{other:?}\n{}", self.stderr),
        }
    }

    #[track_caller]
    fn failure(&self) -> (String, bool) {
        match &self.outcome {
            Outcome::Failed { reason, retriable } => (reason.clone(), *retriable),
            other => panic!("{other:?}"),
        }
    }
}

/// A node in a scratch folder.
struct Node {
    scratch: tempfile::TempDir,
    executor: Executor,
}

impl Node {
    fn new() -> Self {
        Self::reaching(Policy { allow_private: true, ..Policy::default() })
    }

    fn reaching(egress: Policy) -> Self {
        let scratch = tempfile::Builder::new().prefix("zo-node-").tempdir().unwrap();
        let path = |name: &str| scratch.path().join(name);
        for (file, text) in [
            ("skills/greet/SKILL.md", "---\nname: greet\ndescription: Greets.\n---\nRun greet.\n"),
            (
                "skills/greet/scripts/greet.py",
                "import sys\n\ndef run(name):\n    print('said', file=sys.stderr)\n    return {'hello': name}\n",
            ),
            ("project/other/SKILL.md", "---\nname: other\ndescription: Anybody's.\n---\n"),
            ("home/keys", "canary"),
        ] {
            fs::create_dir_all(path(file).parent().unwrap()).unwrap();
            fs::write(path(file), text).unwrap();
        }
        let skills = SearchPath { folders: vec![(path("project"), Origin::Project), (path("skills"), Origin::User)] };
        let executor =
            Executor::new(Sandbox::new(), egress, skills, path("home/scratch")).keeping_out(vec![path("home")]);
        Self { scratch, executor }
    }

    fn path(&self, name: &str) -> String {
        self.scratch.path().join(name).to_str().unwrap().to_owned()
    }

    fn run(&self, spec: Value) -> Ran {
        self.run_until(spec, None, |_| false)
    }

    fn run_until(&self, spec: Value, deadline: Option<Instant>, stop: impl Fn(&Happened<'_>) -> bool) -> Ran {
        let spec: JobSpec = serde_json::from_value(spec).unwrap();
        let attempt = AttemptContext { job: "01J".to_owned(), attempt: 1, deadline };
        let (mut stdout, mut stderr, mut progress) = (Vec::new(), Vec::new(), Vec::new());
        let outcome = self.executor.execute(&spec, &attempt, &mut |happened| {
            let stops = stop(&happened);
            match happened {
                Happened::Stdout(bytes) => stdout.extend_from_slice(bytes),
                Happened::Stderr(bytes) => stderr.extend_from_slice(bytes),
                Happened::Progress(percent, message) => progress.push((percent, message)),
                Happened::Nothing => {}
            }
            if stops { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        let left = fs::read_dir(self.path("home/scratch")).map_or(0, Iterator::count);
        assert_eq!(left, 0, "nothing is left of it");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Ran { outcome, stdout: text(stdout), stderr: text(stderr), progress }
    }
}

fn shell(script: &str) -> Value {
    json!({ "kind": "command", "argv": ["sh", "-c", script] })
}

fn a_command_prints_says_how_far_it_is_and_has_a_result() {
    let ran = Node::new().run(shell("echo one; echo '::progress 40 half way'; echo two; echo oh >&2; cat"));
    let result = ran.result();
    assert_eq!(ran.stdout, "one\ntwo\n");
    assert_eq!(ran.stderr, "oh\n");
    assert_eq!(ran.progress, [(40.0, Some("half way".to_owned()))]);
    assert_eq!(result["exit_code"], 0);
    assert_eq!(result["stdout"], "one\ntwo\n");
    assert_eq!(result["stdout_bytes"], 8);
    assert_eq!(result["stderr"], "oh\n");
    // What is long is cut in the result, and streamed whole.
    let ran = Node::new().run(shell("yes 123456789 | head -n 10000; echo end"));
    let result = ran.result();
    assert_eq!(ran.stdout.len(), 100_004);
    assert_eq!(result["stdout_cut"], true);
    let kept = result["stdout"].as_str().unwrap();
    assert!(kept.len() == 16 << 10 && kept.ends_with("\nend\n"), "{}", kept.len());
}

fn a_command_sees_nothing_of_who_runs_it() {
    let mut spec = shell("env | cut -d= -f1 | sort | tr '\\n' ' '; ls -A; echo $GIVEN");
    spec["env"] = json!({ "GIVEN": "this" });
    let ran = Node::new().run(spec);
    assert_eq!(ran.stdout, "GIVEN HOME LANG PATH PWD TMPDIR this\n", "{}", ran.stderr);
}

fn a_command_works_where_it_is_told_to() {
    let node = Node::new();
    fs::create_dir(node.path("work")).unwrap();
    let mut spec = shell("pwd; cat; echo made > made && echo written");
    spec["folder"] = node.path("work").into();
    spec["stdin"] = "given\n".into();
    assert!(node.run(spec.clone()).failure().1, "its folder is for reading");
    spec["write"] = json!([node.path("work")]);
    let ran = node.run(spec);
    let real = fs::canonicalize(node.path("work")).unwrap();
    assert_eq!(ran.stdout, format!("{}\ngiven\nwritten\n", real.display()));
    assert!(Path::new(&node.path("work/made")).exists());
    // Without a folder it has one of its own, which it can write.
    assert_eq!(node.run(shell("echo x > y && cat y")).stdout, "x\n");
}

fn what_fails_says_why_and_whether_trying_again_may_help() {
    let node = Node::new();
    let cases = [
        (shell("echo first >&2; echo 'no such luck' >&2; exit 3"), "exit code 3: no such luck", true),
        (shell("kill -9 $$"), "killed by signal 9", true),
        (json!({ "kind": "command", "argv": ["no-such-program"] }), "no program no-such-program", false),
        (json!({ "kind": "command", "argv": ["true"], "folder": "/no/such" }), "/no/such", false),
        (json!({ "kind": "command", "argv": [] }), "names no program", false),
        (
            json!({ "kind": "command", "argv": ["sleep", "60"], "limits": { "wall_ms": 300 } }),
            "stopped after 0.3 s",
            true,
        ),
        (
            json!({ "kind": "command", "argv": ["yes"], "limits": { "output_bytes": 1000 } }),
            "stopped after printing 1000 bytes",
            true,
        ),
    ];
    for (spec, expected, again) in cases {
        let (reason, retriable) = node.run(spec.clone()).failure();
        assert!(reason.contains(expected), "{spec}: {reason}");
        assert_eq!(retriable, again, "{spec}");
    }
}

fn what_the_node_cannot_begin_is_its_own_fault() {
    let node = Node::new();
    // Where its folders would be there is a file.
    fs::write(node.path("home/scratch"), "in the way").unwrap();
    let ran = node.run(shell("true"));
    assert!(
        matches!(&ran.outcome, Outcome::NotBegun { reason } if reason.contains("home/scratch")),
        "{:?}",
        ran.outcome
    );
    fs::remove_file(node.path("home/scratch")).unwrap();
    assert_eq!(node.run(shell("true")).result()["exit_code"], 0);
}

fn a_job_is_stopped_by_whoever_follows_it() {
    let ran =
        Node::new().run_until(shell("echo begun; sleep 600"), None, |happened| matches!(happened, Happened::Stdout(_)));
    assert_eq!(ran.outcome, Outcome::Stopped);
    let ran = Node::new().run_until(shell("sleep 600"), None, |happened| *happened == Happened::Nothing);
    assert_eq!(ran.outcome, Outcome::Stopped);
}

fn a_deadline_is_no_reason_to_try_again() {
    let node = Node::new();
    let soon = Some(Instant::now() + Duration::from_millis(300));
    let (reason, retriable) = node.run_until(shell("sleep 600"), soon, |_| false).failure();
    assert_eq!((reason.as_str(), retriable), ("it took longer than it may", false));
    let (reason, _) = node.run_until(shell("true"), Some(Instant::now()), |_| false).failure();
    assert_eq!(reason, "it took longer than it may");
}

fn what_is_kept_out_is_not_seen() {
    let node = Node::new();
    let whole = node.scratch.path().to_str().unwrap().to_owned();
    for path in [node.path("home"), node.path("home/keys"), whole, "/".to_owned()] {
        for field in ["read", "write"] {
            let mut spec = shell("true");
            spec[field] = json!([path]);
            let (reason, retriable) = node.run(spec).failure();
            assert!(reason.contains("which no command may see"), "{field} {path}: {reason}");
            assert!(!retriable);
        }
        let (reason, _) = node.run(json!({ "kind": "command", "argv": ["true"], "folder": path })).failure();
        assert!(reason.contains("which no command may see"), "{path}: {reason}");
    }
    node.executor.tidy();
    assert!(Path::new(&node.path("home/keys")).exists());
    std::os::unix::fs::symlink(node.path("home"), node.path("link")).unwrap();
    let mut spec = shell("cat keys");
    spec["folder"] = node.path("link").into();
    assert!(node.run(spec).failure().0.contains("which no command may see"));
}

/// A server that answers every request so; its address.
fn server(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut request = [0; 4096];
            let length = stream.read(&mut request).unwrap_or(0);
            let request = String::from_utf8_lossy(&request[..length]).into_owned();
            let first = request.lines().next().unwrap_or_default().to_owned();
            let header = request.lines().find(|line| line.to_ascii_lowercase().starts_with("x-test"));
            let body = format!("{first}; {}", header.unwrap_or_default());
            let _ = write!(
                stream,
                "HTTP/1.1 {answer}\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            );
        }
    });
    address.to_string()
}

fn only_named_hosts_are_reached() {
    let (named, other) = (server("200 OK"), server("200 OK"));
    let node = Node::new();
    let ask = |node: &Node, spec: Value| node.run(spec).stdout;
    // Left to itself Python takes no proxy to 127.0.0.1.
    let through = "import sys, urllib.request as r\nr.install_opener(r.build_opener(r.ProxyHandler({'http': 'http://127.0.0.1:3128'})))\nr.proxy_bypass = lambda host: False\ntry: print(r.urlopen(sys.argv[1], timeout=20).read().decode())\nexcept Exception as e: print('refused', e)";
    let spec = |address: &str, hosts: Value| json!({ "kind": "command", "argv": ["/usr/bin/python3", "-c", through, format!("http://{address}/x")], "hosts": hosts });
    let answer = ask(&node, spec(&named, json!([named])));
    assert!(answer.starts_with("GET "), "{answer}");
    assert!(ask(&node, spec(&other, json!([named]))).starts_with("refused"));
    assert!(ask(&node, spec(&named, json!([]))).starts_with("refused"), "without any there is no network");
    let strict = Node::reaching(Policy::default());
    assert!(ask(&strict, spec(&named, json!([named]))).starts_with("refused"), "the node does not permit it");
}

fn a_script_of_a_skill_gives_its_value() {
    let node = Node::new();
    let ran = node.run(json!({ "kind": "skill", "name": "greet", "arguments": { "name": "zo" } }));
    assert_eq!(ran.result()["value"], json!({ "hello": "zo" }));
    assert_eq!(ran.stderr, "said\n");
}

fn a_skill_is_found_or_its_lack_is_told() {
    let node = Node::new();
    let fails = |spec: Value, expected: &str| {
        let (reason, retriable) = node.run(spec).failure();
        assert!(reason.contains(expected) && !retriable, "{reason}");
    };
    fails(json!({ "kind": "skill", "name": "gret" }), "has no skill \"gret\"; it has greet");
    fails(json!({ "kind": "skill", "name": "other" }), "has no skill \"other\"");
    fails(json!({ "kind": "skill", "name": "greet", "script": "shout" }), "no script `shout`; it has greet");
}

fn a_url_is_called() {
    let node = Node::new();
    let url = format!("http://{}/path?secret=1", server("200 OK"));
    let headers = BTreeMap::from([("x-test", "yes")]);
    let spec =
        json!({ "kind": "http", "method": "post", "url": url, "headers": headers, "body": "b", "allow_private": true });
    let ran = node.run(spec);
    let result = ran.result();
    assert_eq!(result["status"], 200);
    assert_eq!(result["body"], "POST /path?secret=1 HTTP/1.1; x-test: yes");
    assert_eq!(result["media_type"], "text/plain");
    assert!(!result["url"].as_str().unwrap().contains("secret"), "{result}");
    assert_eq!(ran.stdout, "POST /path?secret=1 HTTP/1.1; x-test: yes");
}

fn a_url_that_answers_with_an_error_fails() {
    let node = Node::new();
    for (answer, again) in [("404 Not Found", false), ("503 Busy", true), ("429 Slow", true)] {
        let spec = json!({ "kind": "http", "url": format!("http://{}/", server(answer)), "allow_private": true });
        let (reason, retriable) = node.run(spec).failure();
        assert!(reason.contains(&answer[..3]), "{reason}");
        assert_eq!(retriable, again, "{answer}");
    }
    let url = format!("http://{}/", server("404 Not Found"));
    let ran = node.run(json!({ "kind": "http", "url": url, "expect": [404], "allow_private": true }));
    assert_eq!(ran.result()["status"], 404);
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let ran = node.run(json!({ "kind": "http", "url": format!("http://{nobody}/"), "allow_private": true }));
    assert!(ran.failure().1, "it may listen later");
}

fn private_addresses_need_the_job_and_the_node() {
    let address = server("200 OK");
    let spec = |private: bool| json!({ "kind": "http", "url": format!("http://{address}/"), "allow_private": private });
    assert!(!Node::new().run(spec(false)).failure().1, "the job did not ask for it");
    let strict = Node::reaching(Policy::default());
    assert!(!strict.run(spec(true)).failure().1, "the node does not permit it");
    let mut named = spec(false);
    named["hosts"] = json!([address]);
    assert_eq!(Node::new().run(named.clone()).result()["status"], 200, "naming it with its port is asking for it");
    assert!(!strict.run(named).failure().1);
}

fn what_an_engine_does_is_not_done_here() {
    let node = Node::new();
    for spec in [json!({ "kind": "agent", "prompt": "x" }), json!({ "kind": "memorize", "content": "x" })] {
        let (reason, retriable) = node.run(spec).failure();
        assert!(reason.contains("need an engine") && !retriable, "{reason}");
    }
}

fn what_was_left_behind_is_removed() {
    let node = Node::new();
    fs::create_dir_all(node.path("home/scratch/job-x/deep")).unwrap();
    fs::write(node.path("home/scratch/other"), "not a job's").unwrap();
    node.executor.tidy();
    let left: Vec<_> =
        fs::read_dir(node.path("home/scratch")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["other"]);
}

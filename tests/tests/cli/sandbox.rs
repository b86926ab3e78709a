//! `zo sandbox` from the command line: that it is wired. What it stops is shown in `tests/tests/sandbox`.

use std::fs;

use serde_json::Value;
use zo_tests::cli::Zo;

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

#[test]
fn check_tells_what_is_enforced() {
    let zo = Zo::new();
    let ran = zo.run(["sandbox", "check", "--json"]);
    let report = lines(&ran.stdout).remove(0);
    let enforced = report["enforced"].as_bool().expect("it says so");
    assert_eq!(ran.code(), if enforced { 0 } else { 1 }, "{ran}");
    assert_eq!(report["level"] != "none", enforced);
    let mechanisms = report["mechanisms"].as_array().expect("a list");
    for name in ["level namespaces", "level landlock", "landlock", "seccomp"] {
        let found = mechanisms.iter().find(|mechanism| mechanism["name"] == name).expect(name);
        assert!(found["available"].is_boolean() && found["protects"].is_string() && found["detail"].is_string());
    }
    let shown = zo.run(["sandbox", "check"]);
    assert!(shown.stdout.contains("level namespaces"), "{shown}");
    assert!(!zo.home().exists(), "it needs no home");
}

#[test]
fn run_passes_everything_through() {
    let zo = Zo::new();
    let script = "cat; echo said >&2; exit 7";
    let ran = zo.run_with(["sandbox", "run", "--", "sh", "-c", script], "typed");
    assert_eq!((ran.code(), ran.stdout.as_str(), ran.stderr.as_str()), (7, "typed", "said\n"));
    let ran = zo.run(["sandbox", "run", "--timeout", "1", "--", "sleep", "60"]);
    assert_eq!((ran.code(), ran.stderr.contains("--timeout")), (124, true), "{ran}");
    assert_eq!(zo.run(["sandbox", "run", "--", "sh", "-c", "kill -TERM $$"]).code(), 128 + 15);
}

#[test]
fn run_streams_json() {
    let zo = Zo::new();
    let ran = zo.run(["sandbox", "run", "--json", "--", "sh", "-c", "echo out; echo err >&2; exit 3"]);
    let lines = lines(&ran.stdout);
    let (last, printed) = lines.split_last().expect("lines");
    assert_eq!((ran.code(), last["exit_code"].as_u64(), last["ending"]["exited"].as_u64()), (3, Some(3), Some(3)));
    assert!(last["level"].is_string() && last["wall_ms"].is_u64() && last["stdout_bytes"] == 4);
    let text = |stream: &str| {
        printed.iter().filter(|line| line["stream"] == stream).map(|line| line["text"].as_str()).collect::<Vec<_>>()
    };
    assert_eq!((text("stdout"), text("stderr")), (vec![Some("out\n")], vec![Some("err\n")]));
}

#[test]
fn the_home_of_zo_is_never_allowed() {
    let zo = Zo::new();
    zo.run(["memorize", "a secret"]).ok();
    let folder = zo.scratch().join("elsewhere");
    fs::create_dir(&folder).expect("a folder");
    let inside = zo.home().join("log");
    for path in [zo.scratch(), &zo.home(), &inside] {
        let mut command = zo.command(["sandbox", "run", "--read"]);
        command.arg(path).args(["--", "true"]).current_dir(&folder);
        let output = command.output().expect("the program can be run");
        assert_eq!(output.status.code(), Some(1), "{}", path.display());
    }
}

#[test]
fn without_protection_only_where_it_was_asked_for() {
    let zo = Zo::new();
    let refused = zo.run(["sandbox", "run", "--level", "none", "--", "touch", "made"]);
    assert_eq!(refused.code(), 1, "{refused}");
    assert!(!zo.scratch().join("made").exists());
    zo.run(["sandbox", "run", "--unsandboxed", "--", "touch", "made"]).ok();
    assert!(zo.scratch().join("made").exists());
}

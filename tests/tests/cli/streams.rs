//! Pipes and signals: acknowledgements at once, readers that go away, Ctrl-C, a holder that is killed.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use zo_tests::cli::Zo;

/// Long enough for a slow machine; nothing waits for it to pass.
const PATIENCE: Duration = Duration::from_secs(30);

fn signal(child: &Child, signal: Signal) {
    let pid = Pid::from_child(child);
    kill_process(pid, signal).expect("the child is ours");
}

#[test]
fn an_interactive_producer_has_each_acknowledgement_at_once() {
    let zo = Zo::new();
    let mut command = zo.command(["memorize", "--jsonl", "-", "--json"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it can be run");
    let mut input = child.stdin.take().expect("asked for");
    let mut output = BufReader::new(child.stdout.take().expect("asked for"));
    for number in 0..20 {
        // The next line is written only when the one before it is acknowledged: any waiting for more would hang here.
        writeln!(input, "{{\"id\":\"{number}\",\"content\":\"fact {number}\"}}").expect("it reads");
        let mut line = String::new();
        output.read_line(&mut line).expect("it answers");
        let acknowledged: Value = serde_json::from_str(&line).expect("JSON");
        assert_eq!(acknowledged["id"], number.to_string());
        assert_eq!(acknowledged["position"], number + 2);
    }
    drop(input);
    assert!(child.wait().expect("it ends").success());
}

#[test]
fn acknowledgements_come_in_the_order_of_the_input() {
    let zo = Zo::new();
    let lines: String = (0..3000).map(|n| format!("{{\"id\":\"{n}\",\"content\":\"fact {n}\"}}\n")).collect();
    let acknowledged = zo.run_with(["memorize", "--jsonl", "-", "--json"], lines).json();
    assert_eq!(acknowledged.len(), 3000);
    for (number, line) in acknowledged.iter().enumerate() {
        assert_eq!(line["id"], number.to_string());
        assert_eq!(line["position"], number + 2);
    }
}

#[test]
fn a_reader_that_goes_away_ends_the_command_quietly() {
    let zo = Zo::new();
    let lines: String = (0..3000).map(|n| format!("{{\"content\":\"fact {n} {}\"}}\n", "x".repeat(200))).collect();
    zo.run_with(["memorize", "--jsonl", "-", "--no-wait"], lines).ok();
    for arguments in [
        &["recall", "fact", "--top-k", "1000"],
        &["log", "show", "--json"][..],
        &["log", "show"],
        &["memory", "list", "--limit", "100000"],
        &["replay"],
        &["completions", "zsh"],
    ] {
        let mut command = zo.command(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("it can be run");
        let mut line = [0; 10];
        // As `head -1`: a little is read, and then the pipe is closed.
        child.stdout.take().expect("asked for").read_exact(&mut line).expect("it prints");
        let output = child.wait_with_output().expect("it ends");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && stderr.is_empty(), "{arguments:?}: {} {stderr}", output.status);
    }
}

#[test]
fn a_stdout_that_is_full_is_an_error() {
    let zo = Zo::new();
    zo.run(["memorize", "one"]).ok();
    let full = File::options().write(true).open("/dev/full").expect("the system has it");
    let output = zo.command(["memory", "list"]).stdout(full).output().expect("it can be run");
    assert_eq!(output.status.code(), Some(3));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.starts_with("error: cannot write to stdout: no space left on device\n"), "{stderr}");
}

#[test]
fn ctrl_c_ends_a_stream_in_good_order() {
    let zo = Zo::new();
    let mut command = zo.command(["memorize", "--jsonl", "-"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("it can be run");
    let mut input = child.stdin.take().expect("asked for");
    writeln!(input, "{{\"content\":\"one\"}}").expect("it reads");
    wait_until(|| zo.run(["memory", "list"]).stdout.lines().count() == 1);
    signal(&child, Signal::INT);
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(130));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.starts_with("error: interrupted; 1 memory kept\nhint: run it again"), "{stderr}");
}

#[test]
fn following_shows_what_others_do_and_ends_with_ctrl_c() {
    let zo = Zo::new();
    zo.run(["memorize", "before"]).ok();
    let mut command = zo.command(["log", "tail", "--follow", "--json", "-n", "1"]);
    let mut child = command.stdout(Stdio::piped()).spawn().expect("it can be run");
    let mut output = BufReader::new(child.stdout.take().expect("asked for"));
    let mut next = || -> Value {
        let mut line = String::new();
        output.read_line(&mut line).expect("it prints");
        serde_json::from_str(&line).expect("JSON")
    };
    assert_eq!(next()["data"]["content"], "before");
    zo.run(["memorize", "meanwhile"]).ok();
    assert_eq!(next()["data"]["content"], "meanwhile");
    signal(&child, Signal::INT);
    assert!(child.wait().expect("it ends").success());
}

#[test]
fn a_stream_goes_on_when_the_holder_is_killed() {
    let zo = Zo::new();
    zo.run(["memorize", "before"]).ok();
    let mut holder = zo.command(["log", "tail", "--follow"]).stdout(Stdio::piped()).spawn().expect("it can be run");
    let mut printed = BufReader::new(holder.stdout.take().expect("asked for"));
    printed.read_line(&mut String::new()).expect("it has the store and prints");
    let mut command = zo.command(["memorize", "--jsonl", "-", "--json"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it can be run");
    let mut input = child.stdin.take().expect("asked for");
    let mut output = BufReader::new(child.stdout.take().expect("asked for"));
    let mut memorize = |number: u64| {
        writeln!(input, "{{\"id\":\"{number}\",\"content\":\"fact {number}\"}}").expect("it reads");
        let mut line = String::new();
        output.read_line(&mut line).expect("it answers");
        let value: Value = serde_json::from_str(&line).expect("JSON");
        value["position"].as_u64().expect("a position")
    };
    let mut acknowledged: Vec<u64> = (0..20).map(&mut memorize).collect();
    holder.kill().expect("the child is ours");
    holder.wait().expect("it ends");
    acknowledged.extend((20..40).map(&mut memorize));
    drop(input);
    assert!(child.wait().expect("it ends").success());
    assert_eq!(acknowledged, (3..43).collect::<Vec<u64>>(), "no gap, nothing twice");
    assert!(zo.run(["log", "verify"]).ok().starts_with("ok  42 events"));
}

#[track_caller]
fn wait_until(done: impl Fn() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < PATIENCE, "it never came to that");
        std::thread::sleep(Duration::from_millis(10));
    }
}

//! Many terminals on one home: a long command in one, forty others beside it, and kill -9 of whoever holds the store in
//! between. Nobody fails, nobody hangs, and everything that was acknowledged is there.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use zo_tests::cli::Zo;

const OTHERS: usize = 40;
const LINES: usize = 400;

/// The long command: memorizes line after line, as a producer that takes its time gives them.
struct LongCommand {
    child: Child,
    feeding: thread::JoinHandle<()>,
    acknowledged: thread::JoinHandle<Vec<String>>,
}

fn start_long(zo: &Zo) -> LongCommand {
    let mut command = zo.command(["memorize", "--jsonl", "-", "--json"]);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("zo starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    let stdout = BufReader::new(child.stdout.take().expect("a pipe"));
    let feeding = thread::spawn(move || {
        for n in 0..LINES {
            let line = format!("{{\"id\":\"long-{n}\",\"content\":\"line {n} of the long command\"}}\n");
            if stdin.write_all(line.as_bytes()).is_err() {
                return;
            }
            thread::sleep(Duration::from_millis(5));
        }
    });
    let acknowledged = thread::spawn(move || {
        let ids = stdout.lines().map(|line| {
            let line = line.expect("its output is text");
            let value: serde_json::Value = serde_json::from_str(&line).expect("a line is JSON");
            value["id"].as_str().expect("an id").to_owned()
        });
        ids.collect()
    });
    LongCommand { child, feeding, acknowledged }
}

/// One of the others; what it acknowledged.
fn other(zo: &Zo, n: usize) -> Option<String> {
    let text = format!("thought {n} of another terminal");
    let ran = match n % 4 {
        0 => zo.run(["memorize", "--id", &format!("other-{n}"), &text]),
        1 => zo.run(["kv", "set", &format!("key-{n}"), &text]),
        2 => zo.run(["ask", "--new", &format!("what does line {n} say?")]),
        _ => zo.run(["memory", "list", "--limit", "5"]),
    };
    assert!(ran.status.success(), "terminal {n}: {}\n{}", ran.status, ran.stderr);
    n.is_multiple_of(4).then(|| format!("other-{n}"))
}

/// Process that holds the store, as the lock file says.
fn holder(zo: &Zo) -> Option<Pid> {
    let text = std::fs::read_to_string(zo.home().join("lock")).ok()?;
    Pid::from_raw(text.trim().parse().ok()?)
}

#[test]
fn forty_terminals_go_on_when_the_holder_is_killed() {
    let zo = Zo::new();
    assert!(zo.run(["memorize", "the home exists"]).status.success());
    let long = start_long(&zo);
    let first_holder = Pid::from_child(&long.child);
    let until = Instant::now() + Duration::from_secs(20);
    while holder(&zo) != Some(first_holder) {
        assert!(Instant::now() < until, "the long command never became the holder");
        thread::sleep(Duration::from_millis(2));
    }

    // A second long command: it is a guest first, and takes over when the holder is killed.
    let guest = start_long(&zo);
    let stop = AtomicBool::new(false);
    let others: BTreeSet<String> = thread::scope(|scope| {
        let killer = scope.spawn(|| {
            thread::sleep(Duration::from_millis(300));
            kill_process(first_holder, Signal::KILL).expect("it was still running");
            stop.store(true, Ordering::SeqCst);
        });
        let terminals: Vec<_> = (0..OTHERS)
            .map(|n| {
                let zo = &zo;
                scope.spawn(move || {
                    thread::sleep(Duration::from_millis(15 * n as u64));
                    other(zo, n)
                })
            })
            .collect();
        killer.join().expect("the killer");
        terminals.into_iter().filter_map(|terminal| terminal.join().expect("a terminal")).collect()
    });
    assert!(stop.load(Ordering::SeqCst));

    let mut acknowledged: BTreeSet<String> = others;
    for (long, survives) in [(long, false), (guest, true)] {
        let LongCommand { mut child, feeding, acknowledged: ids } = long;
        let ids = ids.join().expect("its output can be read");
        feeding.join().expect("it was fed");
        let status = child.wait().expect("it ends");
        assert_eq!(status.success(), survives, "{status}");
        assert!(!ids.is_empty(), "nothing was acknowledged");
        if survives {
            assert_eq!(ids.len(), LINES, "the survivor's acknowledgements");
        }
        acknowledged.extend(ids);
    }

    for id in &acknowledged {
        let ran = zo.run(["memory", "show", id]);
        assert!(ran.status.success(), "{id} was acknowledged: {}", ran.stderr);
    }
    let verified = zo.run(["log", "verify"]);
    assert!(verified.status.success(), "{}{}", verified.stdout, verified.stderr);
}

#[test]
fn terminals_that_make_one_home_at_once_share_it() {
    for _ in 0..5 {
        let zo = Zo::new();
        thread::scope(|scope| {
            for n in 0..8 {
                let zo = &zo;
                scope.spawn(move || {
                    let ran = zo.run(["memorize", "--id", &format!("first-{n}"), "one of the first"]);
                    assert!(ran.status.success(), "terminal {n}: {}", ran.stderr);
                });
            }
        });
        let listed = zo.run(["memory", "list", "--json"]);
        assert_eq!(listed.stdout.lines().count(), 8, "{}", listed.stderr);
    }
}

#[test]
fn a_holder_whose_home_is_deleted_still_ends() {
    let zo = Zo::new();
    assert!(zo.run(["memorize", "the home exists"]).status.success());
    let mut command = zo.command(["memorize", "--jsonl", "-", "--json"]);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("zo starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    let until = Instant::now() + Duration::from_secs(20);
    // It listens when it has made everything that it makes.
    while holder(&zo) != Some(Pid::from_child(&child)) || !zo.home().join("run/zo.sock").exists() {
        assert!(Instant::now() < until, "it never became the holder");
        thread::sleep(Duration::from_millis(2));
    }
    // What works behind may make a file in a folder that is being removed.
    while let Err(error) = std::fs::remove_dir_all(zo.home()) {
        assert!(Instant::now() < until, "the home cannot be removed: {error}");
    }
    // It may have noticed before it read this, and be gone.
    let _ = stdin.write_all(b"{\"content\":\"into the void\"}\n");
    drop(stdin);
    while child.try_wait().expect("it can be waited for").is_none() {
        assert!(Instant::now() < until, "it hangs");
        thread::sleep(Duration::from_millis(10));
    }
}

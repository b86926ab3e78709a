//! Crashes, kills, and what is left after them.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;
use zo_browser::{ActErrorKind, Note, OpenError, Session};

use crate::support::{Home, Site, eventually, options, processes};

fn kill_now(pid: u32) {
    kill(Pid::from_raw(i32::try_from(pid).unwrap()), Signal::SIGKILL).unwrap();
}

fn recovered(notes: &[Note]) -> &str {
    notes
        .iter()
        .find_map(|note| if let Note::Recovered { what } = note { Some(what.as_str()) } else { None })
        .unwrap_or_else(|| panic!("{notes:?}"))
}

#[test]
fn a_browser_that_is_killed_is_started_again_with_cookies_and_tabs() {
    let site = Site::new(&[("/a", "<title>A</title>"), ("/b", "<title>B</title>")]);
    let home = Home::new();
    home.open(&site.url("/a"));
    home.act(json!({ "act": "cookies", "op": "set", "name": "login", "value": "1" }));
    home.act(json!({ "act": "open", "url": site.url("/b"), "new_tab": true }));
    home.act(json!({ "act": "tabs", "op": "switch", "tab": 1 }));
    let before = home.session().state();
    assert!(before.alive && before.pids.len() > 2 && before.resident_bytes > 10 << 20, "{before:?}");
    kill_now(before.pids[0]);
    eventually("the browser lives", || !home.session().state().alive);
    let done = home.act(json!({ "act": "get", "what": "title" }));
    assert_eq!(done.value, "A");
    assert!(
        recovered(&done.notes).contains("started again with its profile, its cookies and its 2 tabs"),
        "{:?}",
        done.notes
    );
    assert_eq!(home.session().tabs().iter().map(|tab| tab.tab).collect::<Vec<_>>(), [1, 2]);
    home.open(&site.url("/cookie"));
    assert_eq!(home.act(json!({ "act": "get", "what": "text", "target": "#cookie" })).value, "login=1");
    assert_eq!(home.session().state().restarts, 1);

    let pid = home.session().state().pids[0];
    std::thread::scope(|scope| {
        let waiting = scope
            .spawn(|| home.within(json!({ "act": "wait", "text": "never" }), Duration::from_secs(20)).unwrap_err());
        std::thread::sleep(Duration::from_millis(200));
        kill_now(pid);
        let error = waiting.join().unwrap();
        assert_eq!(error.kind, ActErrorKind::Crashed, "{error}");
        assert!(error.message.contains("signal: 9"), "{error}");
    });
}

#[test]
fn a_page_that_crashes_is_opened_again() {
    let site = Site::new(&[("/a", "<title>A</title>")]);
    let home = Home::new();
    home.open(&site.url("/a"));
    let renderers = |home: &Home| -> Vec<u32> {
        let is_renderer = |pid: &u32| {
            std::fs::read(format!("/proc/{pid}/cmdline"))
                .is_ok_and(|line| String::from_utf8_lossy(&line).contains("--type=renderer"))
        };
        home.session().state().pids.into_iter().filter(is_renderer).collect()
    };
    for pid in renderers(&home) {
        kill_now(pid);
    }
    // The browser learns of it at its own pace: the act finds the page dead, or dies with it.
    match home.try_act(json!({ "act": "get", "what": "title" })) {
        Ok(done) => assert!(done.value == "A"),
        Err(error) => assert_eq!(error.kind, ActErrorKind::Crashed, "{error}"),
    }
    assert_eq!(home.act(json!({ "act": "get", "what": "title" })).value, "A");
    std::thread::scope(|scope| {
        let waiting = scope
            .spawn(|| home.within(json!({ "act": "wait", "text": "never" }), Duration::from_secs(20)).unwrap_err());
        std::thread::sleep(Duration::from_millis(200));
        for pid in renderers(&home) {
            kill_now(pid);
        }
        let error = waiting.join().unwrap();
        assert_eq!(error.kind, ActErrorKind::Crashed, "{error}");
        assert!(error.message.contains("tab 1"), "{error}");
    });
    home.open(&site.url("/a"));
}

#[test]
fn a_browser_that_takes_too_much_memory_is_ended_and_said_so() {
    let site = Site::new(&[("/a", "<title>A</title>")]);
    let home = Home::with(|options| options.memory_limit = Some(600 << 20));
    home.open(&site.url("/a"));
    let error = home.try_act(json!({ "act": "eval", "script": "window.all = []; (async () => { for (;;) { all.push(new Uint8Array(30e6).fill(1)); await new Promise(r => setTimeout(r, 20)) } })()" })).unwrap_err();
    assert_eq!(error.kind, ActErrorKind::Crashed, "{error}");
    assert!(error.message.contains("of memory, may use 600 MB, and was ended"), "{error}");
    let done = home.open(&site.url("/a"));
    assert!(recovered(&done.notes).contains("may use 600 MB"), "{:?}", done.notes);
}

#[test]
fn nothing_is_left_when_it_is_closed_or_dropped() {
    let mut home = Home::new();
    let profile = home.profile();
    assert!(!processes(&profile).is_empty());
    assert!(matches!(Session::open(options(home.folder.path())), Err(OpenError::InUse { .. })));
    home.session.take().unwrap().close();
    assert!(processes(&profile).is_empty());
    assert!(
        !profile.join("SingletonLock").exists() && std::fs::symlink_metadata(profile.join("SingletonLock")).is_err()
    );
    assert!(!profile.join("zo-tmp").exists() && !profile.join("zo-incoming").exists());
    drop(Session::open(options(home.folder.path())).unwrap());
    assert!(processes(&profile).is_empty());
}

/// Not a test of its own: what the next one kills.
#[test]
fn child_that_opens_a_session_and_waits() {
    let Some(folder) = std::env::var_os("ZO_BROWSER_CHILD").map(PathBuf::from) else { return };
    let session = Session::open(options(&folder)).unwrap();
    writeln!(std::io::stdout(), "\nopen {}", session.state().pids.len()).unwrap();
    std::thread::sleep(Duration::from_secs(60));
}

#[test]
fn a_browser_ends_with_the_process_that_drives_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "recovering::child_that_opens_a_session_and_waits", "--nocapture"])
        .env("ZO_BROWSER_CHILD", folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let open = lines.map_while(Result::ok).find(|line| line.starts_with("open "));
    assert!(open.is_some(), "the child opened a session");
    let profile = folder.path().join("profile");
    assert!(processes(&profile).len() > 2);
    child.kill().unwrap();
    child.wait().unwrap();
    // At once, while the old browser is about to go.
    let session = Session::open(options(folder.path())).unwrap();
    assert!(session.state().alive);
    session.close();
    eventually("its processes are still there", || processes(&profile).is_empty());
}

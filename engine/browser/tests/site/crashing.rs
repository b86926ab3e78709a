//! Renderers and browsers that end in the middle of something.

use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;
use zo_browser::{ActErrorKind, Note};

use crate::logins::log_in;
use crate::support::{World, nothing_is_left};

pub(crate) fn end(pid: u32) {
    // It may have ended by itself.
    let _ = kill(Pid::from_raw(pid.try_into().unwrap()), Signal::SIGKILL);
}

/// The processes of a browser that show pages.
fn renderers(world: &World) -> Vec<u32> {
    let of_session = world.session().state().pids.into_iter();
    of_session
        .filter(|pid| {
            let arguments = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&arguments).contains("--type=renderer")
        })
        .collect()
}

fn recovered(notes: &[Note]) -> bool {
    notes.iter().any(|note| matches!(note, Note::Recovered { .. }))
}

#[test]
fn a_page_that_crashes_its_renderer_is_told_and_opened_again() {
    let world = World::new();
    log_in(&world);
    world.open("/crash");
    let crashing = world.attempt(json!({"act": "click", "target": "#crash"}), Duration::from_secs(20));
    let mut told = match &crashing {
        Ok(done) => recovered(&done.notes),
        Err(error) => {
            assert_eq!(error.kind, ActErrorKind::Crashed, "{error}");
            true
        }
    };
    for _ in 0..100 {
        if told {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
        told = match world.attempt(json!({"act": "get", "what": "title"}), Duration::from_secs(20)) {
            Ok(done) => recovered(&done.notes),
            Err(error) => error.kind == ActErrorKind::Crashed,
        };
    }
    assert!(told, "{crashing:?}");
    world.works();
    assert!(world.open("/account").url.ends_with("/account"), "still logged in");
    world.close();
}

#[test]
fn renderers_that_are_killed_are_told_and_their_pages_opened_again() {
    let world = World::new();
    log_in(&world);
    let pids = renderers(&world);
    assert!(!pids.is_empty());
    for pid in pids {
        end(pid);
    }
    std::thread::sleep(Duration::from_millis(300));
    let told = match world.attempt(json!({"act": "get", "what": "title"}), Duration::from_secs(20)) {
        Ok(done) => recovered(&done.notes),
        Err(error) => error.kind == ActErrorKind::Crashed,
    };
    assert!(told);
    assert_eq!(world.url(), world.site.url_of("/account"), "where it was");
    world.wait_for_text("Hello, ada");
    world.close();
}

#[test]
fn a_browser_that_is_killed_is_started_again_with_cookies_and_tabs() {
    let world = World::new();
    log_in(&world);
    world.act(json!({"act": "open", "url": world.site.url_of("/article"), "new_tab": true}));
    let before: Vec<String> = world.session().tabs().into_iter().map(|tab| tab.url).collect();
    for round in 0..2 {
        let pid = world.session().state().pids[0];
        end(pid);
        std::thread::sleep(Duration::from_millis(if round == 0 { 300 } else { 0 }));
        let mut told = false;
        for _ in 0..3 {
            match world.attempt(json!({"act": "get", "what": "title"}), Duration::from_secs(30)) {
                Ok(done) => {
                    told |= recovered(&done.notes);
                    assert_eq!(done.value, "On the keeping of bees");
                }
                Err(error) => {
                    assert_eq!(error.kind, ActErrorKind::Crashed, "{error}");
                    told = true;
                }
            }
        }
        assert!(told, "round {round}");
        let after: Vec<String> = world.session().tabs().into_iter().map(|tab| tab.url).collect();
        assert_eq!(after, before, "round {round}");
        assert!(!world.session().state().pids.contains(&pid));
    }
    assert!(world.session().state().restarts >= 2);
    assert!(world.open("/account").url.ends_with("/account"), "its session cookie is there");
    world.close();
}

#[test]
fn an_act_during_which_the_browser_ends_says_so() {
    let world = World::new();
    world.open("/lazy");
    let pid = world.session().state().pids[0];
    let error = std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(400));
            end(pid);
        });
        world.attempt(json!({"act": "wait", "text": "never there"}), Duration::from_secs(20)).unwrap_err()
    });
    assert_eq!(error.kind, ActErrorKind::Crashed, "{error}");
    world.works();
    world.close();
}

#[test]
fn a_session_that_is_dropped_leaves_nothing() {
    let mut world = World::new();
    world.open("/frames");
    let profile = world.folder().join("profile");
    let socket = std::fs::read_link(profile.join("SingletonSocket")).ok();
    world.drop_session();
    nothing_is_left(&profile, socket);
}

#[test]
fn too_much_memory_ends_the_browser_and_is_told() {
    let world = World::with(|options| options.memory_limit = Some(1200 << 20));
    world.open("/article");
    let script =
        "window.kept = []; for (let i = 0; i < 12; i++) window.kept.push(new Uint8Array(128 << 20).fill(i)); 1";
    let mut told = match world.attempt(json!({"act": "eval", "script": script}), Duration::from_secs(30)) {
        Ok(done) => recovered(&done.notes),
        Err(error) => {
            assert!(matches!(error.kind, ActErrorKind::Crashed | ActErrorKind::TooLarge), "{}: {error}", error.kind);
            true
        }
    };
    for _ in 0..50 {
        if told {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
        told = match world.attempt(json!({"act": "get", "what": "title"}), Duration::from_secs(20)) {
            Ok(done) => recovered(&done.notes),
            Err(error) => error.kind == ActErrorKind::Crashed,
        };
    }
    assert!(told);
    assert!(world.session().state().resident_bytes < 1200 << 20, "{}", world.session().state().resident_bytes);
    world.works();
    world.close();
}

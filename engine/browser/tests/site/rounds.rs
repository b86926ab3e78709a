//! Open, act, be killed at a random moment, go on, close: again and again, and nothing is left of it.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::json;
use zo_browser::{Act, ActErrorKind, Session, SessionOptions};
use zo_egress::{Access, Egress};
use zo_test_site::Site;

use crate::crashing::end;
use crate::support::{PATIENCE, chromium, nothing_is_left, permitted, processes_of};

/// Says to the test that it is the one in a process of its own, and where its folder is.
const FOLDER: &str = "ZO_TEST_ROUNDS_FOLDER";

/// What a process of this kind may grow by from its third round to its last: allocators keep some of what they get.
const GROWTH_KB: usize = 24 << 10;

#[test]
fn rounds_of_random_kills_leave_nothing() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        return rounds(Path::new(&folder));
    }
    // Alone in its process, so that its memory, descriptors and threads are its own, and its temporary files in a folder of theirs.
    let folder = tempfile::tempdir().unwrap();
    let temporary = folder.path().join("tmp");
    fs::create_dir(&temporary).unwrap();
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "rounds::rounds_of_random_kills_leave_nothing", "--nocapture"])
        .env(FOLDER, folder.path())
        .env("TMPDIR", &temporary)
        .status()
        .unwrap();
    assert!(status.success());
    let left: Vec<_> = fs::read_dir(&temporary).unwrap().flatten().map(|entry| entry.path()).collect();
    assert_eq!(left, Vec::<std::path::PathBuf>::new(), "temporary files are left");
}

fn rounds(folder: &Path) {
    let count = if std::env::var_os("ZO_LONG").is_some() { 200 } else { 12 };
    let seed = std::env::var("ZO_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| u64::from(std::process::id()));
    let mut random = Random(seed | 1);
    let site = Site::start();
    let proxy = Egress::new(permitted(&site)).unwrap().proxy_on_loopback(Access::Anyone).unwrap();
    let mut early = None;
    for round in 0..count {
        let profile = folder.join("profile");
        let mut options = SessionOptions::new(chromium(), &profile, folder.join("downloads"));
        options.proxy = Some(proxy.address());
        one_round(&site, options, &mut random, &format!("ZO_SEED={seed} round {round}"));
        nothing_is_left(&profile, None);
        // What the site remembers of each request is not the session's.
        site.clear();
        let used = Used::now();
        eprintln!("round {round} of {count}, ZO_SEED={seed}: {used:?}");
        if round == 2 {
            early = Some(used);
        }
    }
    let (early, late) = (early.unwrap(), Used::now());
    assert!(late.resident_kb < early.resident_kb + GROWTH_KB, "ZO_SEED={seed}: {early:?}, and then {late:?}");
    assert!(late.threads <= early.threads + 2, "ZO_SEED={seed}: {early:?}, and then {late:?}");
    assert!(late.descriptors <= early.descriptors + 4, "ZO_SEED={seed}: {early:?}, and then {late:?}");
}

/// One session, whose browser is killed before, during or after an act, or not at all.
fn one_round(site: &Site, options: SessionOptions, random: &mut Random, place: &str) {
    let profile = options.profile.clone();
    let session = Session::open(options).unwrap_or_else(|error| panic!("{place}: {error}"));
    let act = |act: serde_json::Value| {
        let act = Act::parse_json(&act.to_string()).unwrap();
        session.act(&act, PATIENCE, &|| false)
    };
    let paths = ["/article", "/frames", "/form", "/app", "/scroll", "/websocket", "/worker"];
    let mut killed = false;
    for _ in 0..1 + random.below(3) {
        let path = paths[random.below(paths.len())];
        let pid = session.state().pids.first().copied();
        let (kill, after) = (random.below(3) > 0, Duration::from_millis(random.below(400) as u64));
        let opened = std::thread::scope(|scope| {
            if let (true, Some(pid)) = (kill, pid) {
                scope.spawn(move || {
                    std::thread::sleep(after);
                    end(pid);
                });
            }
            act(json!({"act": "open", "url": site.url_of(path)}))
        });
        match opened {
            Ok(done) => assert!(done.url.starts_with(&site.url_of(path)), "{place}: {done:?}"),
            Err(error) => {
                // One that was killed after the act before may still be ending.
                assert!(kill || killed, "{place} {path}: {error}");
                assert!(matches!(error.kind, ActErrorKind::Crashed), "{place} {path}: {}: {error}", error.kind);
            }
        }
        killed = kill;
    }
    // The kill may come between two acts, so that the first of these still meets a browser that ends.
    let opened = (0..3).find_map(|_| act(json!({"act": "open", "url": site.url_of("/article")})).ok());
    assert_eq!(opened.map(|done| done.title).as_deref(), Some("On the keeping of bees"), "{place}");
    if random.below(4) == 0 {
        // A browser that has ended is closed like any other.
        if let Some(pid) = session.state().pids.first() {
            end(*pid);
        }
    }
    if random.below(2) == 0 {
        session.close()
    } else {
        drop(session)
    }
    assert!(processes_of(&profile).len() < 100, "{place}");
}

/// What this process uses.
#[derive(Debug)]
struct Used {
    resident_kb: usize,
    threads: usize,
    descriptors: usize,
}

impl Used {
    fn now() -> Self {
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let number = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.trim_start_matches(':').trim().trim_end_matches(" kB").parse().unwrap()
        };
        let descriptors = fs::read_dir("/proc/self/fd").unwrap().count();
        Used { resident_kb: number("VmRSS"), threads: number("Threads"), descriptors }
    }
}

/// Numbers that look random and can be had again (xorshift, Marsaglia 2003).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % end
    }
}

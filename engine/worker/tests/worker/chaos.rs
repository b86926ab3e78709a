//! Many jobs, and a hub that comes and goes, forgets its answers and takes leases away, at random.
//!
//! `ZO_TEST_SEED` repeats a run as far as the threads of the system allow it.

use std::env;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use zo_worker::{AttemptContext, Execute, Happened, JobSpec, Outcome, Sink};

use crate::hub::FakeHub;
use crate::{PATIENCE, Running};

const JOBS: usize = 100;
/// Lines that each job prints.
const LINES: usize = 20;

/// Numbers that look random (xorshift64).
struct Random(u64);

impl Random {
    fn new() -> Self {
        let seed = env::var("ZO_TEST_SEED").ok().and_then(|text| text.parse().ok());
        let seed: u64 = seed.unwrap_or_else(|| RandomState::new().hash_one(0_u8)).max(1);
        eprintln!("ZO_TEST_SEED={seed}");
        Self(seed)
    }

    fn below(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % most
    }
}

/// Prints some lines, and is done.
struct Prints;

impl Execute for Prints {
    fn execute(&self, _: &JobSpec, attempt: &AttemptContext, sink: Sink<'_>) -> Outcome {
        for line in expected_log(&attempt.job).split_inclusive('\n') {
            thread::sleep(Duration::from_millis(1));
            if sink(Happened::Stdout(line.as_bytes())).is_break() {
                return Outcome::Stopped;
            }
        }
        Outcome::Done { result: json!({ "job": attempt.job }).to_string() }
    }
}

fn expected_log(job: &str) -> String {
    (0..LINES).map(|number| format!("{job} says {number} ä\n")).collect()
}

#[test]
fn no_job_is_lost_and_none_is_completed_twice_whatever_the_hub_does() {
    let mut random = Random::new();
    let hub = FakeHub::start();
    let names: Vec<String> = (0..JOBS).map(|number| format!("job-{number}")).collect();
    for name in &names {
        hub.submit(name);
    }
    hub.with(|hub| hub.expires = true);
    let mut worker = Running::with(&hub, Arc::new(Prints), 8, PATIENCE, crate::hub::TOKEN);
    let until = Instant::now() + PATIENCE;
    while hub.with(|hub| hub.ended.len()) < JOBS {
        assert!(Instant::now() < until, "{} of {JOBS} in time", hub.with(|hub| hub.ended.len()));
        thread::sleep(Duration::from_millis(random.below(30)));
        match random.below(5) {
            0 => {
                hub.vanish();
                thread::sleep(Duration::from_millis(random.below(60)));
                hub.come_back();
            }
            1 => {
                let lost = random.below(4) as usize;
                hub.with(|hub| hub.lose_answers = lost);
            }
            2 => hub.with(|hub| {
                let leased: Vec<String> = hub.leased();
                if !leased.is_empty() {
                    hub.lose_lease(&leased[random.below(leased.len() as u64) as usize]);
                }
            }),
            _ => {}
        }
    }
    hub.with(|hub| {
        hub.lose_answers = 0;
        assert_eq!(hub.completions, JOBS);
        for name in &names {
            assert_eq!(hub.ended[name], format!("done {}", json!({ "job": name })));
            assert_eq!(hub.logs[name], expected_log(name));
        }
    });
    worker.stop().unwrap();
}

//! A worker and its hub, over real HTTP on the loopback. The hub is a small one of the tests: it can be away, forget its answers, and
//! give a lease to another.
//!
//! - [`chaos`]: all of it at random. [`tls`]: whom it trusts. [`hub`]: the hub. [`work`]: something that carries out jobs as it is told.

#![allow(clippy::unwrap_used)]

mod chaos;
mod hub;
mod tls;
mod work;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use zo_worker::hub::messages::Join;
use zo_worker::{Execute, HttpHub, HubOptions, Notice, Outcome, Worker, WorkerError, WorkerOptions};

use hub::{FakeHub, State, TOKEN};
use work::Work;

/// How long a test waits for what must happen.
const PATIENCE: Duration = Duration::from_secs(60);

/// A worker that runs on a thread.
struct Running {
    stop: Arc<AtomicBool>,
    notices: Receiver<Notice>,
    thread: Option<JoinHandle<Result<(), WorkerError>>>,
    scratch: tempfile::TempDir,
}

impl Running {
    fn new(hub: &FakeHub, work: &Arc<Work>, capacity: u32, drain: Duration) -> Self {
        Self::with(hub, work.clone(), capacity, drain, TOKEN)
    }

    fn with(hub: &FakeHub, work: Arc<dyn Execute>, capacity: u32, drain: Duration, token: &str) -> Self {
        let options = HubOptions { url: hub.url(), token: token.to_owned(), authority: None };
        let http = Arc::new(HttpHub::new(&options).unwrap());
        let scratch = tempfile::tempdir().unwrap();
        let join = Join { name: "tester".to_owned(), capacity, labels: vec!["fast".to_owned()], ..Join::default() };
        let options = WorkerOptions { join, drain, scratch: scratch.path().to_owned() };
        let stop = Arc::new(AtomicBool::new(false));
        let (sender, notices) = channel();
        let (flag, sender) = (stop.clone(), Mutex::new(sender));
        let thread = thread::spawn(move || {
            let stop = || flag.load(Ordering::Relaxed);
            Worker::run(http, &*work, &options, &stop, &|notice| tell(&sender, notice))
        });
        Self { stop, notices, thread: Some(thread), scratch }
    }

    fn stop(&mut self) -> Result<(), WorkerError> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap()
    }

    /// Waits for a notice like this.
    fn notice(&self, like: impl Fn(&Notice) -> bool) -> Notice {
        let until = Instant::now() + PATIENCE;
        loop {
            let notice = self.notices.recv_timeout(until.saturating_duration_since(Instant::now())).unwrap();
            if like(&notice) {
                return notice;
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn tell(sender: &Mutex<Sender<Notice>>, notice: Notice) {
    let _ = sender.lock().unwrap_or_else(PoisonError::into_inner).send(notice);
}

fn done(result: &str) -> Outcome {
    Outcome::Done { result: result.to_owned() }
}

#[test]
fn jobs_are_taken_as_there_is_room_and_their_results_and_logs_arrive() {
    let (hub, work) = (FakeHub::start(), Work::new());
    for job in ["a", "b", "c", "d"] {
        hub.submit(job);
    }
    let mut worker = Running::new(&hub, &work, 2, PATIENCE);
    work.wait_for_begun(2);
    assert_eq!(hub.with(|hub| hub.ready.len()), 2, "there is room for two");
    work.print("a", b"one \xc3");
    work.print("a", b"\xa4\n");
    work.progress("a", 40.0);
    hub.wait(|hub| hub.percent("a") == Some(40.0));
    work.finish("a", done("{\"x\":1}"));
    work.wait_for_begun(3);
    work.finish("b", Outcome::Failed { reason: "no luck".to_owned(), retriable: true });
    work.finish("c", done("{}"));
    work.wait_for_begun(4);
    work.finish("d", Outcome::NotBegun { reason: "no disk".to_owned() });
    hub.wait(|hub| hub.ended.len() == 4);
    worker.stop().unwrap();
    hub.with(|hub| {
        assert_eq!(hub.ended["a"], "done {\"x\":1}");
        assert_eq!(hub.ended["b"], "failed no luck, retriable");
        assert_eq!(hub.ended["c"], "done {}");
        assert_eq!(hub.ended["d"], "failed no disk, retriable, not begun");
        assert_eq!(hub.logs["a"], "one ä\n");
        assert_eq!(hub.most_at_once, 2);
        assert_eq!(hub.joined.as_ref().unwrap().labels, ["fast"]);
        assert!(hub.left);
    });
    let left = std::fs::read_dir(worker.scratch.path()).unwrap().count();
    assert_eq!(left, 0, "nothing is left on the disk");
}

#[test]
fn a_hub_that_vanishes_and_comes_back_loses_nothing() {
    let (hub, work) = (FakeHub::start(), Work::new());
    hub.submit("a");
    let mut worker = Running::new(&hub, &work, 1, PATIENCE);
    work.wait_for_begun(1);
    work.print("a", b"before\n");
    hub.wait(|hub| hub.logs.get("a").is_some_and(|log| log == "before\n"));
    hub.vanish();
    work.print("a", b"while it is away\n");
    work.finish("a", done("{\"kept\":true}"));
    worker.notice(|notice| matches!(notice, Notice::Unreachable { .. }));
    hub.come_back();
    hub.wait(|hub| hub.ended.contains_key("a"));
    hub.with(|hub| {
        assert_eq!(hub.ended["a"], "done {\"kept\":true}");
        assert_eq!(hub.logs["a"], "before\nwhile it is away\n");
    });
    hub.submit("b");
    work.wait_for_begun(2);
    work.finish("b", done("{}"));
    hub.wait(|hub| hub.ended.contains_key("b"));
    worker.stop().unwrap();
}

#[test]
fn an_answer_that_is_lost_makes_nothing_happen_twice() {
    let (hub, work) = (FakeHub::start(), Work::new());
    let worker = Running::new(&hub, &work, 1, PATIENCE);
    worker.notice(|notice| matches!(notice, Notice::Joined { .. }));
    hub.submit("a");
    work.wait_for_begun(1);
    hub.with(|hub| hub.lose_answers = 3);
    work.print("a", b"said once\n");
    work.finish("a", done("{}"));
    // The second time it is refused, as the job is over; that is as good.
    worker.notice(|notice| matches!(notice, Notice::Delivered { .. } | Notice::Dropped { .. }));
    hub.with(|hub| {
        assert_eq!(hub.ended["a"], "done {}");
        assert_eq!(hub.logs["a"], "said once\n");
        assert_eq!(hub.completions, 1);
    });
}

#[test]
fn a_hub_that_lost_the_end_of_a_log_gets_it_again() {
    let (hub, work) = (FakeHub::start(), Work::new());
    hub.submit("a");
    let _worker = Running::new(&hub, &work, 1, PATIENCE);
    work.wait_for_begun(1);
    work.print("a", b"first second ");
    hub.wait(|hub| hub.logs.get("a").is_some_and(|log| log.len() == 13));
    hub.with(|hub| hub.logs.get_mut("a").unwrap().truncate(6));
    work.print("a", b"third");
    work.finish("a", done("{}"));
    hub.wait(|hub| hub.ended.contains_key("a"));
    assert_eq!(hub.with(|hub| hub.logs["a"].clone()), "first second third");
}

#[test]
fn what_is_cancelled_is_stopped_and_given_back() {
    let (hub, work) = (FakeHub::start(), Work::new());
    hub.submit("a");
    let worker = Running::new(&hub, &work, 1, PATIENCE);
    work.wait_for_begun(1);
    hub.with(|hub| hub.cancel("a"));
    hub.wait(|hub| hub.ended.contains_key("a"));
    assert_eq!(hub.with(|hub| hub.ended["a"].clone()), "released it was cancelled");
    worker.notice(|notice| matches!(notice, Notice::Delivered { how, .. } if how == "given back: it was cancelled"));
}

#[test]
fn a_lost_lease_stops_the_attempt_and_drops_what_it_brings() {
    let (hub, work) = (FakeHub::start(), Work::new());
    hub.submit("a");
    let worker = Running::new(&hub, &work, 2, PATIENCE);
    work.wait_for_begun(1);
    hub.with(|hub| hub.lose_lease("a"));
    worker.notice(|notice| matches!(notice, Notice::Dropped { attempt, .. } if attempt.attempt == 1));
    // The same job comes again, as another attempt, and that one counts.
    work.wait_for_begun(2);
    work.finish("a", done("{\"by\":2}"));
    hub.wait(|hub| hub.ended.contains_key("a"));
    assert_eq!(hub.with(|hub| (hub.ended["a"].clone(), hub.completions)), ("done {\"by\":2}".to_owned(), 1));
}

#[test]
fn a_late_result_is_refused_and_dropped() {
    let (hub, work) = (FakeHub::start(), Work::new());
    hub.submit("a");
    let worker = Running::new(&hub, &work, 1, PATIENCE);
    work.wait_for_begun(1);
    hub.vanish();
    work.finish("a", done("{\"late\":true}"));
    worker.notice(|notice| matches!(notice, Notice::Unreachable { .. }));
    hub.with(|hub| hub.give_to_another("a"));
    hub.come_back();
    worker.notice(|notice| matches!(notice, Notice::Dropped { .. }));
    assert_eq!(hub.with(|hub| hub.completions), 0);
}

#[test]
fn when_it_stops_what_runs_may_end_and_the_rest_is_given_back() {
    let (hub, work) = (FakeHub::start(), Work::new());
    hub.submit("short");
    hub.submit("long");
    let mut worker = Running::new(&hub, &work, 2, Duration::from_millis(1500));
    work.wait_for_begun(2);
    hub.submit("never");
    worker.stop.store(true, Ordering::Relaxed);
    worker.notice(|notice| matches!(notice, Notice::Draining { running: 2 }));
    hub.wait(|hub| hub.draining);
    work.finish("short", done("{}"));
    worker.stop().unwrap();
    hub.with(|hub| {
        assert_eq!(hub.ended["short"], "done {}");
        assert_eq!(hub.ended["long"], "released the node stops");
        assert_eq!(hub.ready.len(), 1, "it took nothing more");
    });
}

#[test]
fn a_hub_that_is_away_does_not_keep_it_from_stopping() {
    let (hub, work) = (FakeHub::start(), Work::new());
    hub.submit("a");
    let mut worker = Running::new(&hub, &work, 1, Duration::from_millis(100));
    work.wait_for_begun(1);
    hub.vanish();
    work.finish("a", done("{}"));
    worker.notice(|notice| matches!(notice, Notice::Unreachable { .. }));
    worker.stop().unwrap();
    worker.notice(|notice| matches!(notice, Notice::Dropped { .. }));
}

#[test]
fn a_wrong_token_is_an_error_and_not_tried_again() {
    let (hub, work) = (FakeHub::start(), Work::new());
    let mut worker = Running::with(&hub, work, 1, PATIENCE, "wrong");
    let result = worker.thread.take().unwrap().join().unwrap();
    let error = result.unwrap_err();
    assert!(error.to_string().contains("refuses the token"), "{error}");
    assert_eq!(hub.with(|hub| hub.requests), 1);
}

#[test]
fn a_token_that_is_revoked_ends_it() {
    let (hub, work) = (FakeHub::start(), Work::new());
    hub.submit("a");
    let mut worker = Running::new(&hub, &work, 1, PATIENCE);
    work.wait_for_begun(1);
    hub.with(|hub| hub.revoked = true);
    let error = worker.thread.take().unwrap().join().unwrap().unwrap_err();
    assert!(error.to_string().contains("refuses the token"), "{error}");
}

#[test]
fn a_hub_that_forgot_the_node_is_joined_again() {
    let (hub, work) = (FakeHub::start(), Work::new());
    let worker = Running::new(&hub, &work, 1, PATIENCE);
    worker.notice(|notice| matches!(notice, Notice::Joined { node } if node == "node-1"));
    hub.with(State::forget_nodes);
    worker.notice(|notice| matches!(notice, Notice::Joined { node } if node == "node-2"));
    hub.submit("a");
    work.wait_for_begun(1);
    work.finish("a", done("{}"));
    hub.wait(|hub| hub.ended.contains_key("a"));
}

#[test]
fn what_brings_the_work_down_fails_and_the_others_go_on() {
    let (hub, work) = (FakeHub::start(), Work::new());
    hub.submit("panics");
    hub.submit("b");
    let _worker = Running::new(&hub, &work, 2, PATIENCE);
    work.wait_for_begun(2);
    work.finish("b", done("{}"));
    hub.wait(|hub| hub.ended.len() == 2);
    let ended = hub.with(|hub| hub.ended["panics"].clone());
    assert!(ended.starts_with("failed the worker failed while it carried this out"), "{ended}");
}

#[test]
fn a_hub_that_drains_the_node_gets_no_claims_until_it_resumes_it() {
    let (hub, work) = (FakeHub::start(), Work::new());
    hub.with(|hub| hub.drain = true);
    let worker = Running::new(&hub, &work, 1, PATIENCE);
    worker.notice(|notice| matches!(notice, Notice::Joined { .. }));
    // A claim that was made before the first heartbeat may still get one.
    let heard = hub.with(|hub| hub.heartbeats);
    hub.wait(|hub| hub.heartbeats > heard + 1 && !hub.is_claimed_from);
    hub.submit("a");
    let heard = hub.with(|hub| hub.heartbeats);
    hub.wait(|hub| hub.heartbeats > heard + 3);
    assert_eq!(hub.with(|hub| hub.ready.len()), 1);
    hub.with(|hub| hub.drain = false);
    work.wait_for_begun(1);
    work.finish("a", done("{}"));
    hub.wait(|hub| hub.ended.contains_key("a"));
}

#[test]
fn a_job_that_is_not_understood_fails_and_the_others_go_on() {
    let (hub, work) = (FakeHub::start(), Work::new());
    hub.submit("of the future");
    hub.submit("a");
    let _worker = Running::new(&hub, &work, 2, PATIENCE);
    work.wait_for_begun(1);
    work.finish("a", done("{}"));
    hub.wait(|hub| hub.ended.len() == 2);
    let ended = hub.with(|hub| hub.ended["of the future"].clone());
    assert!(ended.starts_with("failed this worker does not understand the job"), "{ended}");
}

//! A node that works for a hub: takes jobs, carries them out, brings back what came of them.
//!
//! ```text
//! run ─┬─ claims, as long as there is room ──► one thread an attempt: carries it out, then delivers
//!      │                                          └─ one more: its log
//!      └─ heartbeats: what runs; what comes back is stopped
//! ```
//!
//! The hub may vanish and come back: nothing is lost by it here. What is finished is delivered again until the hub takes or refuses it,
//! and as long as it is not delivered it counts as running, so that its lease is kept. What is refused, as another has the lease, is
//! dropped. When it is to stop it takes no more, waits a while for what runs, and gives the rest back.
//!
//! - [`Worker::run`]: where to start. [`attempt`]: one job. [`log`]: what it printed, on its way. [`shared`]: what the threads share.

mod attempt;
mod backoff;
mod log;
mod shared;

use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use serde::Deserialize;
use thiserror::Error;

use crate::execute::{AttemptContext, Executor, Outcome, Sink};
use crate::hub::messages::{Attempt, Claim, Claimed, Heartbeat, Join, Joined};
use crate::hub::{Hub, HubError};
use crate::spec::JobSpec;
use backoff::Backoff;
use shared::{Shared, Stop};

/// How long the hub may hold a claim back until there is a job.
const CLAIM_WAIT: Duration = Duration::from_secs(20);
/// A hub that has nothing waits longer than this before it says so.
const AT_ONCE: Duration = Duration::from_millis(500);
/// A hub is asked at least so often what is to be stopped, however rarely it has to hear of a node.
const LONGEST_BEAT: Duration = Duration::from_secs(5);
/// How often it is looked whether to stop, where nothing else wakes it.
const TICK: Duration = Duration::from_millis(50);
/// How long what is given back may take to end, and the hub to hear of it.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// Carries out single attempts: an [`Executor`], or something else in tests.
pub trait Execute: Send + Sync {
    /// Carries out one attempt, on the calling thread.
    fn execute(&self, spec: &JobSpec, attempt: &AttemptContext, sink: Sink<'_>) -> Outcome;
}

impl Execute for Executor {
    fn execute(&self, spec: &JobSpec, attempt: &AttemptContext, sink: Sink<'_>) -> Outcome {
        Executor::execute(self, spec, attempt, sink)
    }
}

/// How a node works.
#[derive(Clone, Debug)]
pub struct WorkerOptions {
    /// What it is called, and what it can do.
    pub join: Join,
    /// How long it waits for what runs when it is to stop, before it gives it back.
    pub drain: Duration,
    /// Where logs lie until the hub has them.
    pub scratch: PathBuf,
}

/// What a node does, told to who watches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// It joined a hub, or joined it again.
    Joined {
        /// The id that the hub gave it.
        node: String,
    },
    /// It took a job.
    Took {
        /// Which attempt.
        attempt: Attempt,
        /// What it does, in one line.
        summary: String,
    },
    /// The hub has what came of an attempt.
    Delivered {
        /// Which one.
        attempt: Attempt,
        /// `done`, `failed: …` or `given back: …`
        how: String,
    },
    /// What came of an attempt is dropped: another has the lease, or nobody could be told in time.
    Dropped {
        /// Which one.
        attempt: Attempt,
        /// Why.
        why: String,
    },
    /// The hub does not answer; it is asked again.
    Unreachable {
        /// What happened.
        why: String,
    },
    /// The hub answers again.
    Reached,
    /// It takes no more jobs and waits for these to end.
    Draining {
        /// How many there are.
        running: usize,
    },
}

/// Why a node does not work on.
#[derive(Debug, Error)]
pub enum WorkerError {
    /// The hub does not want it, and will not want it if it asks again.
    #[error(transparent)]
    Hub(#[from] HubError),
}

/// A node that works for a hub.
#[derive(Clone, Copy, Debug)]
pub struct Worker;

impl Worker {
    /// Works until `stop` says so; returns when everything is delivered or given back, so far as the hub can be reached.
    ///
    /// # Errors
    /// If the hub refuses the token, or understands nothing.
    pub fn run(
        hub: Arc<dyn Hub>,
        executor: &dyn Execute,
        options: &WorkerOptions,
        stop: &(dyn Fn() -> bool + Sync),
        notice: &(dyn Fn(Notice) + Sync),
    ) -> Result<(), WorkerError> {
        let Some(joined) = join(&*hub, options, stop, notice)? else { return Ok(()) };
        let shared = Shared::new(hub, joined.node.clone());
        thread::scope(|scope| {
            let beating = scope.spawn(|| heartbeats(&shared, options, &joined, notice));
            let take = |claimed| {
                let (shared, executor) = (&shared, executor);
                scope.spawn(move || attempt::carry_out(shared, executor, options, claimed, notice));
            };
            claims(&shared, options, stop, notice, &take);
            drain(&shared, options, notice);
            shared.close();
            let _ = beating.join();
        });
        if !shared.is_fatal() {
            // Who does not hear it finds out by itself, when the node is not heard from.
            let _ = shared.hub.leave(&shared.node());
        }
        shared.fatal().map_or(Ok(()), |error| Err(error.into()))
    }
}

/// Joins, however long it takes for the hub to be there. `None`: it was stopped before.
fn join(
    hub: &dyn Hub,
    options: &WorkerOptions,
    stop: &(dyn Fn() -> bool + Sync),
    notice: &(dyn Fn(Notice) + Sync),
) -> Result<Option<Joined>, HubError> {
    let mut backoff = Backoff::new();
    while !stop() {
        match hub.join(&options.join) {
            Ok(joined) => {
                notice(Notice::Joined { node: joined.node.clone() });
                return Ok(Some(joined));
            }
            Err(HubError::Unreachable(why)) => {
                if backoff.is_first() {
                    notice(Notice::Unreachable { why });
                }
                wait(backoff.next(), stop);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// Sleeps, unless it is stopped.
fn wait(time: Duration, stop: &(dyn Fn() -> bool + Sync)) {
    let until = Instant::now() + time;
    while !stop() && Instant::now() < until {
        thread::sleep(TICK.min(until.saturating_duration_since(Instant::now())));
    }
}

/// Takes jobs as long as there is room, until it is stopped or the hub wants nothing more of it.
fn claims(
    shared: &Shared,
    options: &WorkerOptions,
    stop: &(dyn Fn() -> bool + Sync),
    notice: &(dyn Fn(Notice) + Sync),
    take: &dyn Fn(Claimed),
) {
    let mut backoff = Backoff::new();
    let over = || stop() || shared.is_fatal();
    while !over() {
        let room = (options.join.capacity as usize).saturating_sub(shared.running());
        if room == 0 || shared.is_drained_by_hub() {
            shared.pause(TICK);
            continue;
        }
        let wait_ms = u64::try_from(CLAIM_WAIT.as_millis()).unwrap_or(u64::MAX);
        let asked = Instant::now();
        let claim = Claim { node: shared.node(), most: u32::try_from(room).unwrap_or(u32::MAX), wait_ms };
        match shared.hub.claim(&claim, &over) {
            Ok(jobs) => {
                shared.is_reached(notice);
                if jobs.is_empty() && asked.elapsed() < AT_ONCE {
                    // A hub that has nothing for this node and does not wait.
                    shared.wait_to_try_again(&mut backoff, &over);
                    continue;
                }
                backoff.reset();
                for claimed in jobs {
                    // Known before the next claim counts what runs.
                    let attempt = Attempt { job: claimed.job.clone(), attempt: claimed.attempt };
                    if shared.begin(&attempt) {
                        notice(Notice::Took { attempt, summary: summary(&claimed) });
                        take(claimed);
                    }
                }
            }
            Err(_) if over() => {}
            Err(HubError::Unreachable(why)) => {
                shared.is_not_reached(why, notice);
                shared.wait_to_try_again(&mut backoff, &over);
            }
            Err(HubError::UnknownNode(_) | HubError::Refused(_)) => {
                shared.ask_to_join();
                shared.wait_to_try_again(&mut backoff, &over);
            }
            Err(error) => shared.fail(error),
        }
    }
}

/// What a job does, in one line.
fn summary(claimed: &Claimed) -> String {
    JobSpec::deserialize(&claimed.spec).map(|spec| spec.summary()).unwrap_or_default()
}

/// Waits for what runs, then gives it back.
fn drain(shared: &Shared, options: &WorkerOptions, notice: &(dyn Fn(Notice) + Sync)) {
    shared.drain();
    let running = shared.running();
    if running > 0 {
        notice(Notice::Draining { running });
    }
    let patience = if shared.is_fatal() { Duration::ZERO } else { options.drain };
    if !shared.wait_for_all(Instant::now() + patience) {
        shared.stop_all(Stop::Shutdown);
        shared.wait_for_all(Instant::now() + LAST_WORDS);
    }
    shared.give_up();
}

/// Says what runs, again and again, until everything is over.
fn heartbeats(shared: &Shared, options: &WorkerOptions, joined: &Joined, notice: &(dyn Fn(Notice) + Sync)) {
    let interval = Duration::from_millis(joined.heartbeat_ms.max(1)).min(LONGEST_BEAT);
    while shared.until_next_beat(interval) {
        if shared.takes_join_request() {
            again(shared, options, notice);
        }
        let (running, draining) = shared.report();
        match shared.hub.heartbeat(&Heartbeat { node: shared.node(), running, draining }) {
            Ok(heard) => {
                shared.is_reached(notice);
                shared.set_drained_by_hub(heard.drain);
                heard.cancelled.iter().for_each(|attempt| shared.stop(attempt, Stop::Cancelled));
                heard.lost.iter().for_each(|attempt| shared.stop(attempt, Stop::Lost));
            }
            Err(HubError::UnknownNode(_) | HubError::Refused(_)) => again(shared, options, notice),
            Err(HubError::Unreachable(why)) => shared.is_not_reached(why, notice),
            Err(error) => shared.fail(error),
        }
    }
}

/// Joins again, under the same name.
fn again(shared: &Shared, options: &WorkerOptions, notice: &(dyn Fn(Notice) + Sync)) {
    let running = shared.report().0.into_iter().map(|running| running.attempt).collect();
    match shared.hub.join(&Join { running, ..options.join.clone() }) {
        Ok(joined) => {
            notice(Notice::Joined { node: joined.node.clone() });
            shared.set_node(joined.node);
        }
        Err(HubError::Unreachable(_)) => {}
        Err(error) => shared.fail(error),
    }
}

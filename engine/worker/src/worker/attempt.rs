//! One attempt, from its lease to its delivery.

use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::Value;

use super::backoff::Backoff;
use super::log::{Log, Stream};
use super::shared::{Shared, Stop};
use super::{Execute, Notice, WorkerOptions};
use crate::execute::{AttemptContext, Happened, Outcome};
use crate::hub::HubError;
use crate::hub::messages::{Attempt, Claimed, Completed, Failed, Released};
use crate::spec::JobSpec;

/// Carries out what was leased, and delivers what came of it.
pub(super) fn carry_out(
    shared: &Shared,
    executor: &dyn Execute,
    options: &WorkerOptions,
    claimed: Claimed,
    notice: &(dyn Fn(Notice) + Sync),
) {
    let attempt = Attempt { job: claimed.job.clone(), attempt: claimed.attempt };
    let log = Log::new(&options.scratch);
    let outcome = thread::scope(|scope| {
        scope.spawn(|| log.ship(shared, &attempt));
        let outcome = execute(shared, executor, &claimed, &attempt, &log);
        // The rest of the log goes first: who sees the result sees all of it.
        log.close();
        outcome
    });
    deliver(shared, &attempt, outcome, notice);
    shared.end(&attempt);
}

fn execute(shared: &Shared, executor: &dyn Execute, claimed: &Claimed, attempt: &Attempt, log: &Log) -> Outcome {
    let spec: JobSpec = match JobSpec::deserialize(&claimed.spec) {
        Ok(spec) => spec,
        // Another node may be newer.
        Err(error) => return Outcome::failed(format!("this worker does not understand the job: {error}")),
    };
    let deadline = claimed.deadline_ms.and_then(|left| Instant::now().checked_add(Duration::from_millis(left)));
    let context = AttemptContext { job: attempt.job.clone(), attempt: attempt.attempt, deadline };
    let mut sink = |happened: Happened<'_>| {
        match happened {
            Happened::Stdout(bytes) => log.add(Stream::Stdout, bytes),
            Happened::Stderr(bytes) => log.add(Stream::Stderr, bytes),
            Happened::Progress(percent, message) => shared.progress(attempt, percent, message),
            Happened::Nothing => {}
        }
        if shared.stopped(attempt).is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    // One job that brings this program's code down must not take the others along.
    let result = catch_unwind(AssertUnwindSafe(|| executor.execute(&spec, &context, &mut sink)));
    result.unwrap_or_else(|_| Outcome::hopeless("the worker failed while it carried this out; its own log tells more"))
}

/// What the hub is told.
enum Delivery {
    Complete(Completed),
    Fail(Failed),
    Release(Released),
}

/// Tells the hub what came of it, until it knows, or does not want to, or nobody waits any longer.
fn deliver(shared: &Shared, attempt: &Attempt, outcome: Outcome, notice: &(dyn Fn(Notice) + Sync)) {
    let drop = |why: String| notice(Notice::Dropped { attempt: attempt.clone(), why });
    let stop = shared.stopped(attempt);
    if stop == Some(Stop::Lost) {
        return drop("its lease is another's".to_owned());
    }
    let mut delivery = Delivery::of(outcome, stop, attempt);
    let mut backoff = Backoff::new();
    loop {
        match delivery.send(shared) {
            Ok(()) => return notice(Notice::Delivered { attempt: attempt.clone(), how: delivery.how() }),
            Err(HubError::Refused(why)) => return drop(why),
            Err(HubError::Unreachable(why)) => shared.is_not_reached(why, notice),
            Err(HubError::UnknownNode(_)) => shared.ask_to_join(),
            Err(HubError::Misunderstood(why)) => match delivery {
                // The result is at fault, as far as can be told.
                Delivery::Complete(_) => {
                    let reason = format!("the hub does not take its result: {why}");
                    delivery = Delivery::of(Outcome::hopeless(reason), None, attempt);
                    continue;
                }
                Delivery::Fail(_) | Delivery::Release(_) => return drop(why),
            },
            Err(error @ (HubError::Denied(_) | HubError::Untrusted(_))) => {
                drop(error.to_string());
                return shared.fail(error);
            }
        }
        if shared.stopped(attempt) == Some(Stop::Lost) {
            return drop("its lease is another's".to_owned());
        }
        if shared.has_given_up(attempt) {
            return drop("the hub could not be told in time".to_owned());
        }
        shared.wait_to_try_again(&mut backoff, &|| shared.has_given_up(attempt));
    }
}

impl Delivery {
    fn of(outcome: Outcome, stop: Option<Stop>, attempt: &Attempt) -> Self {
        // The node is named when it is sent, as it may join again under another id.
        let (node, attempt) = (String::new(), attempt.clone());
        match outcome {
            Outcome::Done { result } => {
                let result = serde_json::from_str(&result).unwrap_or(Value::String(result));
                Self::Complete(Completed { node, attempt, result })
            }
            Outcome::Failed { reason, retriable } => {
                Self::Fail(Failed { node, attempt, reason, retriable, not_begun: false })
            }
            Outcome::NotBegun { reason } => {
                Self::Fail(Failed { node, attempt, reason, retriable: true, not_begun: true })
            }
            Outcome::Stopped => {
                let reason = match stop {
                    Some(Stop::Cancelled) => "it was cancelled",
                    Some(Stop::Shutdown) => "the node stops",
                    Some(Stop::Lost) | None => "it was stopped",
                };
                Self::Release(Released { node, attempt, reason: reason.to_owned() })
            }
        }
    }

    fn send(&mut self, shared: &Shared) -> Result<(), HubError> {
        let node = shared.node();
        match self {
            Self::Complete(completed) => {
                completed.node = node;
                shared.hub.complete(completed)
            }
            Self::Fail(failed) => {
                failed.node = node;
                shared.hub.fail(failed)
            }
            Self::Release(released) => {
                released.node = node;
                shared.hub.release(released)
            }
        }
    }

    fn how(&self) -> String {
        match self {
            Self::Complete(_) => "done".to_owned(),
            Self::Fail(failed) => format!("failed: {}", failed.reason),
            Self::Release(released) => format!("given back: {}", released.reason),
        }
    }
}

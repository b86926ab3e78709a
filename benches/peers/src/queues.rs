//! Queues of jobs as one would make them with a database server, each with what it offers for that.
//!
//! Both are on a socket of this machine, in a folder of their own, and acknowledge nothing that is not on the disk. Beside them
//! our own, asked in the same way.

mod our_queue;
mod postgres_queue;
mod redis_queue;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, ensure};

pub use our_queue::{Access, OurHand};
pub use postgres_queue::PostgresQueue;
pub use redis_queue::RedisQueue;

/// Who submits jobs, or takes them.
pub trait Hand: Send {
    /// Submits a job; on return it is durable.
    ///
    /// # Errors
    /// If the queue says no.
    fn submit(&mut self, number: u64) -> Result<()>;

    /// Takes a job and completes it; on return both is durable. False if there was none for a while.
    ///
    /// # Errors
    /// If the queue says no.
    fn work(&mut self) -> Result<bool>;
}

/// What a job is to do: the same text for every queue.
pub fn spec(number: u64) -> String {
    format!("{{\"kind\":\"command\",\"argv\":[\"process\",\"--item\",\"{number}\"]}}")
}

/// Has `producers` submit so many jobs and `consumers` do them; how long it took until the last one was done.
///
/// # Errors
/// The first error of a hand.
pub fn round(producers: &mut [Box<dyn Hand>], consumers: &mut [Box<dyn Hand>], jobs: usize) -> Result<Duration> {
    let (done, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
    let (last, error) = (Mutex::new(None), Mutex::new(None));
    let share = jobs.div_ceil(producers.len());
    let fail = |why: anyhow::Error| {
        failed.store(true, Ordering::SeqCst);
        error.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(why);
    };
    let begun = Instant::now();
    thread::scope(|scope| {
        for (index, producer) in producers.iter_mut().enumerate() {
            let fail = &fail;
            scope.spawn(move || {
                for number in (index * share)..((index + 1) * share).min(jobs) {
                    if let Err(error) = producer.submit(number as u64) {
                        return fail(error.context("cannot submit"));
                    }
                }
            });
        }
        for consumer in consumers {
            let (fail, done, failed, last) = (&fail, &done, &failed, &last);
            scope.spawn(move || {
                while done.load(Ordering::SeqCst) < jobs && !failed.load(Ordering::SeqCst) {
                    match consumer.work() {
                        Ok(true) if done.fetch_add(1, Ordering::SeqCst) + 1 == jobs => {
                            *last.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
                        }
                        Ok(_) => {}
                        Err(error) => return fail(error.context("cannot take or complete a job")),
                    }
                }
            });
        }
    });
    if let Some(error) = error.into_inner().unwrap_or_else(PoisonError::into_inner) {
        return Err(error);
    }
    let done = done.into_inner();
    ensure!(done == jobs, "{done} jobs were done, and {jobs} submitted");
    let last = last.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok(last.ok_or_else(|| anyhow!("no job was the last one"))?.duration_since(begun))
}

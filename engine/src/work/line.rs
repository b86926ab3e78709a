//! The line of those who wait for a job: behind each commit those are woken that can be given one, and nobody else.
//!
//! Were all of them woken by each commit, every job would cost as many looks at the views as there are who wait. A wake-up is
//! a hint as any other: who is woken looks himself, and whoever is not looks now and then.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use zo_projections::views::nodes::NodeState;
use zo_projections::{NodeId, Timestamp, Views};

/// Those who wait for a job, first come first.
#[derive(Default)]
pub(crate) struct Line {
    waiting: Mutex<VecDeque<Arc<Waiting>>>,
    /// How many they are: looked at behind each commit, without the lock.
    count: AtomicUsize,
}

struct Waiting {
    node: NodeId,
    queues: Vec<String>,
    called: Mutex<bool>,
    calls: Condvar,
}

/// A place in the line, left by dropping it.
pub(crate) struct Place<'a> {
    line: &'a Line,
    waiting: Arc<Waiting>,
}

/// Whether there is a job that a node could be given now; none if there is no such node.
pub(crate) fn has_job(views: &Views, node: NodeId, queues: &[String], now: Timestamp) -> Option<bool> {
    let known = views.nodes.get(node)?;
    let has_room = known.state == NodeState::Up && views.jobs.load_of(node) < known.capacity as usize;
    Some(has_room && views.jobs.next_for(known, views.nodes.price_of(known), queues, now).is_some())
}

impl Line {
    /// Takes a place at the end. What became ready before has called nobody: look once more, then wait.
    pub(crate) fn join(&self, node: NodeId, queues: &[String]) -> Place<'_> {
        let waiting =
            Arc::new(Waiting { node, queues: queues.to_vec(), called: Mutex::default(), calls: Condvar::new() });
        let mut line = lock(&self.waiting);
        line.push_back(waiting.clone());
        self.count.store(line.len(), Ordering::SeqCst);
        drop(line);
        Place { line: self, waiting }
    }

    /// Whether nobody waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.count.load(Ordering::SeqCst) == 0
    }

    /// Calls those who can be given a job, in their order, and not more of them than there are jobs.
    pub(crate) fn call(&self, views: &Views, now: Timestamp) {
        let mut jobs = views.jobs.counts().ready;
        if jobs == 0 {
            return;
        }
        let mut line = lock(&self.waiting);
        line.retain(|waiting| {
            if jobs == 0 || has_job(views, waiting.node, &waiting.queues, now) == Some(false) {
                return true;
            }
            // Whoever waits as a node that is gone is told so when he looks.
            jobs -= 1;
            *lock(&waiting.called) = true;
            waiting.calls.notify_one();
            false
        });
        self.count.store(line.len(), Ordering::SeqCst);
    }
}

impl Place<'_> {
    /// Whether it was called, and is no place any more.
    pub(crate) fn was_called(&self) -> bool {
        *lock(&self.waiting.called)
    }

    /// Waits until it is called, or `patience` is over.
    pub(crate) fn wait(&self, patience: Duration) {
        let until = Instant::now() + patience;
        let mut called = lock(&self.waiting.called);
        while !*called {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            called = self.waiting.calls.wait_timeout(called, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut line = lock(&self.line.waiting);
        line.retain(|waiting| !Arc::ptr_eq(waiting, &self.waiting));
        self.line.count.store(line.len(), Ordering::SeqCst);
    }
}

/// Held around a few accesses, in which nothing panics.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;

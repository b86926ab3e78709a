//! A handover between the thread that reads and the one that writes: bounded in bytes, and never waiting for more
//! than one item.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Things that were read and are yet to be taken, with the bytes they hold.
pub(crate) struct Queue<T> {
    state: Mutex<State<T>>,
    /// Something was pushed, or nothing more will be.
    pushed: Condvar,
    /// Something was taken, or nothing more will be.
    taken: Condvar,
    capacity: usize,
}

struct State<T> {
    items: VecDeque<(T, usize)>,
    bytes: usize,
    ended: bool,
    abandoned: bool,
}

/// What taking came to.
#[derive(Debug, PartialEq)]
pub(crate) enum Taken<T> {
    /// What was there, in order; at least one.
    Items(Vec<T>),
    /// Nothing came within the time.
    Nothing,
    /// Nothing will ever come.
    End,
}

impl<T> Queue<T> {
    /// A queue that makes the reader wait while it holds more than `capacity` bytes.
    pub(crate) fn new(capacity: usize) -> Self {
        let state = State { items: VecDeque::new(), bytes: 0, ended: false, abandoned: false };
        Self { state: Mutex::new(state), pushed: Condvar::new(), taken: Condvar::new(), capacity }
    }

    /// Hands an item over, once there is room; `false` if nobody takes any more.
    pub(crate) fn push(&self, item: T, bytes: usize) -> bool {
        let full = |state: &mut State<T>| state.bytes > self.capacity && !state.abandoned;
        let mut state = self.taken.wait_while(self.lock(), full).unwrap_or_else(PoisonError::into_inner);
        if state.abandoned {
            return false;
        }
        state.bytes += bytes;
        state.items.push_back((item, bytes));
        drop(state);
        self.pushed.notify_one();
        true
    }

    /// Says that nothing more will be pushed.
    pub(crate) fn end(&self) {
        self.lock().ended = true;
        self.pushed.notify_one();
    }

    /// Says that nothing more will be taken.
    pub(crate) fn abandon(&self) {
        self.lock().abandoned = true;
        self.taken.notify_one();
    }

    /// Takes what is there, at most so many items and about so many bytes; waits at most `patience` for the first.
    pub(crate) fn take(&self, most_items: usize, most_bytes: usize, patience: Duration) -> Taken<T> {
        let empty = |state: &mut State<T>| state.items.is_empty() && !state.ended;
        let waited = self.pushed.wait_timeout_while(self.lock(), patience, empty);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if state.items.is_empty() {
            return if state.ended { Taken::End } else { Taken::Nothing };
        }
        let mut items = Vec::new();
        let mut bytes = 0;
        while items.len() < most_items && (items.is_empty() || bytes < most_bytes) {
            let Some((item, size)) = state.items.pop_front() else { break };
            bytes += size;
            items.push(item);
        }
        state.bytes -= bytes;
        drop(state);
        self.taken.notify_one();
        Taken::Items(items)
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::ZERO;

    #[test]
    fn what_is_there_is_taken_without_waiting_for_more() {
        let queue = Queue::new(100);
        assert_eq!(queue.take(10, 100, NOW), Taken::<u8>::Nothing);
        assert!(queue.push(1, 1) && queue.push(2, 1));
        assert_eq!(queue.take(10, 100, Duration::from_secs(60)), Taken::Items(vec![1, 2]));
        queue.push(3, 1);
        queue.end();
        assert_eq!(queue.take(10, 100, NOW), Taken::Items(vec![3]));
        assert_eq!(queue.take(10, 100, Duration::from_secs(60)), Taken::End);
    }

    #[test]
    fn a_batch_is_bounded_in_items_and_bytes() {
        let queue = Queue::new(1000);
        for item in 0..6 {
            queue.push(item, 10);
        }
        assert_eq!(queue.take(2, 1000, NOW), Taken::Items(vec![0, 1]));
        assert_eq!(queue.take(10, 15, NOW), Taken::Items(vec![2, 3]));
        assert_eq!(queue.take(10, 1, NOW), Taken::Items(vec![4]), "always one, however large");
    }

    #[test]
    fn a_full_queue_makes_the_reader_wait_until_it_is_abandoned() {
        let queue = Queue::new(5);
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| (0..100).take_while(|&item| queue.push(item, 10)).count());
            let Taken::Items(first) = queue.take(1, 1, Duration::from_secs(60)) else { panic!("the reader pushes") };
            assert_eq!(first, [0]);
            queue.abandon();
            assert!(reader.join().expect("the reader ends") < 3);
        });
    }
}

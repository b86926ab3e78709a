//! Work split among a few threads that end with it.

use std::ops::Range;
use std::panic::resume_unwind;
use std::sync::{Mutex, PoisonError};
use std::thread;

/// The most threads that are used. What a search does is soon limited by memory, not by cores.
const MAX_THREADS: usize = 4;

/// How many threads this machine has for one search.
pub(super) fn available() -> usize {
    thread::available_parallelism().map_or(1, |cores| cores.get().min(MAX_THREADS))
}

/// Splits `0..items` into up to `threads` ranges of about the same length, none of which is shorter than `least`
/// unless it is the only one.
pub(super) fn split(items: usize, least: usize, threads: usize) -> impl Iterator<Item = Range<usize>> {
    let parts = (items / least).clamp(1, threads);
    (0..parts).map(move |part| items * part / parts..items * (part + 1) / parts)
}

/// Works on all parts at once, in this thread and one more for each further part. Results are in the parts' order.
pub(super) fn side_by_side<P: Send, T: Send>(
    parts: impl IntoIterator<Item = P>,
    work: impl Fn(P) -> T + Sync,
) -> Vec<T> {
    let parts: Vec<P> = parts.into_iter().collect();
    let helpers = parts.len().saturating_sub(1);
    let queue = Mutex::new(parts.into_iter().enumerate());
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
    let run = || {
        let mut done = Vec::new();
        while let Some((index, part)) = next() {
            done.push((index, work(part)));
        }
        done
    };
    let mut done = thread::scope(|scope| {
        // What a thread that cannot be started would have done, the others do.
        let start = |_| thread::Builder::new().spawn_scoped(scope, run).ok();
        let helpers: Vec<_> = (0..helpers).filter_map(start).collect();
        let mut done = run();
        for helper in helpers {
            done.extend(helper.join().unwrap_or_else(|panic| resume_unwind(panic)));
        }
        done
    });
    done.sort_unstable_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_in_the_order_of_the_parts() {
        for (items, parts) in [(0, 1), (99, 1), (350, 3), (9_999, 4)] {
            let ranges = side_by_side(split(items, 100, 4), |range| range);
            assert_eq!(ranges.len(), parts);
            assert_eq!(ranges.iter().cloned().flatten().collect::<Vec<_>>(), Vec::from_iter(0..items));
        }
        assert!(side_by_side(Vec::<u8>::new(), |part| part).is_empty());
    }
}

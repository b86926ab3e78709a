//! Work split among a few threads that end with it.

use std::ops::Range;
use std::panic::resume_unwind;
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

/// Works on all parts at once, the first of them in this thread. Results are in the parts' order.
pub(super) fn side_by_side<P: Send, T: Send>(
    parts: impl IntoIterator<Item = P>,
    work: impl Fn(P) -> T + Sync,
) -> Vec<T> {
    let mut parts = parts.into_iter();
    let Some(first) = parts.next() else { return Vec::new() };
    thread::scope(|scope| {
        let work = &work;
        let others: Vec<_> = parts.map(|part| scope.spawn(move || work(part))).collect();
        let mut results = vec![work(first)];
        results.extend(others.into_iter().map(|other| other.join().unwrap_or_else(|panic| resume_unwind(panic))));
        results
    })
}

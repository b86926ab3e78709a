//! The suite that every [`Store`] passes, and the packs it is made of. Only for tests: it panics where a
//! store does not keep its promises.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use zo_projections::Position;

use super::{AppendError, Store};
use crate::log::{Head, HomeId, Pack};

/// The home the packs of the suite belong to.
pub const HOME: HomeId = *b"a home for tests";

/// `count` packs behind `head`, each of 1 to 4 records of about `bytes` bytes together. The bytes depend on
/// the position only, and do not compress well.
pub fn packs_after(head: &Head, count: usize, bytes: usize) -> Vec<Pack> {
    let mut head = *head;
    (0..count)
        .map(|_| {
            let position = head.position.next().0;
            let mut records = vec![0; bytes + position as usize % 7];
            let mut noise = blake3::Hasher::new().update(&position.to_le_bytes()).finalize_xof();
            noise.fill(&mut records);
            let pack = Pack::build(&head, 1 + position as u32 % 4, &records);
            head = pack.head();
            pack
        })
        .collect()
}

/// Everything from `from` to the head, in reads of 64 KiB.
pub fn read_all(store: &dyn Store, from: Position) -> Vec<Pack> {
    let mut all: Vec<Pack> = Vec::new();
    let mut from = from;
    loop {
        let packs = store.read(from, 64 * 1024).expect("what was appended can be read");
        let Some(last) = packs.last() else { return all };
        from = last.last().next();
        all.extend(packs);
    }
}

/// Runs the whole suite; `open` makes an empty store of [`HOME`].
///
/// # Panics
/// If the store breaks a promise of the port.
pub fn conformance(open: &dyn Fn() -> Arc<dyn Store>) {
    begins_empty(&*open());
    what_was_appended_is_read(&*open());
    reads_begin_within_packs_and_end_by_bytes(&*open());
    a_wrong_expectation_is_a_conflict(&*open());
    broken_chains_are_refused(&*open());
    large_packs_survive(&*open());
    packs_that_are_too_long_are_refused(&*open());
    readers_run_beside_the_writer(open());
    closing_ends_appending(&*open());
}

fn begins_empty(store: &dyn Store) {
    assert_eq!(store.head(), Head::start(&HOME));
    for from in [0, 1, 2, u64::MAX] {
        assert_eq!(store.read(Position(from), 1).expect("an empty log can be read"), []);
    }
    assert_eq!(store.append(store.head(), &[]).expect("nothing to do"), Head::start(&HOME));
}

fn what_was_appended_is_read(store: &dyn Store) {
    let mut appended = Vec::new();
    for (round, count) in [1, 1, 3, 40, 1].into_iter().enumerate() {
        let packs = packs_after(&store.head(), count, 100 + round * 90);
        let head = store.append(store.head(), &packs).expect("the packs follow the head");
        assert_eq!(head, packs[count - 1].head());
        assert_eq!(head, store.head());
        appended.extend(packs);
        assert_eq!(read_all(store, Position(1)), appended, "after append {round}");
    }
    assert_eq!(read_all(store, Position::START), appended, "position 0 is the start");
}

fn reads_begin_within_packs_and_end_by_bytes(store: &dyn Store) {
    let packs = packs_after(&store.head(), 20, 300);
    store.append(store.head(), &packs).expect("the packs follow the head");
    let whole: usize = packs.iter().map(|pack| pack.bytes().len()).sum();
    for (index, pack) in packs.iter().enumerate() {
        for from in pack.first().0..=pack.last().0 {
            let read = store.read(Position(from), 1).expect("it was appended");
            assert_eq!(read, packs[index..=index], "one pack at least, and no more than asked for");
        }
        let read = store.read(pack.first(), whole).expect("it was appended");
        assert!(!read.is_empty());
        assert_eq!(read, packs[index..index + read.len()]);
        assert!(read[1..].iter().map(|pack| pack.bytes().len()).sum::<usize>() <= whole);
    }
    assert_eq!(store.read(store.head().position.next(), whole).expect("past the head"), []);
    assert_eq!(store.read(Position(u64::MAX), whole).expect("past the head"), []);
}

fn a_wrong_expectation_is_a_conflict(store: &dyn Store) {
    let start = store.head();
    let packs = packs_after(&start, 2, 50);
    let head = store.append(start, &packs).expect("the packs follow the head");
    let again = store.append(start, &packs);
    assert!(matches!(again, Err(AppendError::Conflict { expected, head: at }) if expected == start && at == head));
    let other = Head { hash: [0; 32], ..head };
    assert!(matches!(store.append(other, &packs_after(&other, 1, 50)), Err(AppendError::Conflict { .. })));
    assert_eq!(read_all(store, Position(1)), packs);
}

fn broken_chains_are_refused(store: &dyn Store) {
    let start = store.head();
    let packs = packs_after(&start, 3, 50);
    for broken in [&packs[1..], &[packs[0].clone(), packs[2].clone()], &[packs[0].clone(), packs[0].clone()]] {
        assert!(matches!(store.append(start, broken), Err(AppendError::Unchained { .. })));
    }
    let elsewhere = packs_after(&Head::start(&[0; 16]), 1, 50);
    assert!(matches!(store.append(start, &elsewhere), Err(AppendError::Unchained { .. })));
    assert_eq!(store.head(), start);
    store.append(start, &packs).expect("a refusal leaves the store in order");
    assert_eq!(read_all(store, Position(1)), packs);
}

fn large_packs_survive(store: &dyn Store) {
    let mut appended = Vec::new();
    for bytes in [3_900, 4_000, 4_100, 70_000, 10, 600_000] {
        let packs = packs_after(&store.head(), 2, bytes);
        store.append(store.head(), &packs).expect("the packs follow the head");
        appended.extend(packs);
    }
    assert_eq!(read_all(store, Position(1)), appended);
}

fn packs_that_are_too_long_are_refused(store: &dyn Store) {
    let start = store.head();
    let pack = Pack::build(&start, 1, &vec![0; crate::log::pack::MAX_BYTES]);
    assert!(matches!(store.append(start, &[pack]), Err(AppendError::TooLong { .. })));
    assert_eq!(store.head(), start);
}

fn readers_run_beside_the_writer(store: Arc<dyn Store>) {
    let done = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..3)
        .map(|_| {
            let (store, done) = (Arc::clone(&store), Arc::clone(&done));
            thread::spawn(move || {
                let mut head = Head::start(&HOME);
                loop {
                    let finished = done.load(Ordering::Acquire);
                    let durable = store.head();
                    for pack in read_all(&*store, head.position.next()) {
                        assert!(pack.follows(&head), "readers see the chain without a gap");
                        head = pack.head();
                    }
                    assert!(head.position >= durable.position, "what is durable can be read at once");
                    if finished {
                        return head;
                    }
                }
            })
        })
        .collect();
    for round in 0..200 {
        let packs = packs_after(&store.head(), 1 + round % 5, 200);
        store.append(store.head(), &packs).expect("the packs follow the head");
    }
    done.store(true, Ordering::Release);
    for reader in readers {
        assert_eq!(reader.join().expect("the reader found no gap"), store.head());
    }
}

fn closing_ends_appending(store: &dyn Store) {
    let packs = packs_after(&store.head(), 1, 50);
    let head = store.append(store.head(), &packs).expect("the packs follow the head");
    store.close();
    store.close();
    assert!(matches!(store.append(head, &packs_after(&head, 1, 50)), Err(AppendError::Poisoned(_))));
    assert_eq!(store.head(), head);
}

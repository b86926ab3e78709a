use std::sync::Arc;
use std::time::Duration;

use zo_projections::Position;

use super::*;
use crate::store::MemoryStore;
use crate::store::testing::{HOME, packs_after, read_all};

fn faulty() -> (Arc<MemoryStore>, FaultyStore) {
    let memory = Arc::new(MemoryStore::new(&HOME));
    (Arc::clone(&memory), FaultyStore::new(memory))
}

#[test]
fn a_failure_before_the_write_leaves_nothing_and_poisons() {
    let (_, store) = faulty();
    let store = store.failing(1, Fault::Before);
    let head = store.head();
    let packs = packs_after(&head, 2, 30);
    assert!(matches!(store.append(head, &packs), Err(AppendError::Poisoned(_))));
    assert!(matches!(store.append(head, &packs), Err(AppendError::Poisoned(_))), "it stays poisoned");
    assert_eq!(store.head(), head);
    store.reopen();
    assert!(store.append(head, &packs).is_ok());
    assert_eq!(store.appends(), 3);
}

#[test]
fn a_failure_after_the_write_leaves_everything_though_nothing_was_acknowledged() {
    let (_, store) = faulty();
    let store = store.failing(1, Fault::After);
    let packs = packs_after(&store.head(), 2, 30);
    assert!(store.append(store.head(), &packs).is_err());
    assert_eq!(read_all(&store, Position(1)), packs);
}

#[test]
fn a_torn_append_leaves_whole_packs_only() {
    let (_, store) = faulty();
    let store = store.failing(1, Fault::Torn { packs: 1 });
    let packs = packs_after(&store.head(), 3, 30);
    assert!(store.append(store.head(), &packs).is_err());
    assert_eq!(read_all(&store, Position(1)), packs[..1]);
}

#[test]
fn a_full_disk_passes_and_a_slow_one_succeeds() {
    let (_, store) = faulty();
    let store = store.failing(1, Fault::DiskFull).failing(2, Fault::Slow(Duration::from_millis(1)));
    let head = store.head();
    let packs = packs_after(&head, 1, 30);
    assert!(matches!(store.append(head, &packs), Err(AppendError::DiskFull { .. })));
    assert!(store.append(head, &packs).is_ok());
}

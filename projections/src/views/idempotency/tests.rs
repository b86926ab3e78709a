//! Idempotency keys: how long they are kept.

use super::*;
use crate::event::memory::Retracted;
use crate::ids::MemoryId;
use crate::testing::{assert_lines, recorded, saved, short};

/// Folds `(position, at, key)` (key 0 is none); the keys that are still remembered, and the anomalies.
fn check(events: &[(u64, i64, u128)], expected: &str) {
    let (mut keys, mut anomalies) = (IdempotencyKeys::default(), String::new());
    for &(position, at, key) in events {
        let mut recorded = recorded(position, MemoryId(key), 1, Retracted {});
        recorded.header.at = Timestamp(at);
        recorded.header.idempotency = (key != 0).then_some(key);
        if let Err(anomaly) = keys.apply(&recorded) {
            anomalies += &format!("!{} {}\n", anomaly.position, short(&anomaly.what));
        }
        let loaded = IdempotencyKeys::load(&saved(&keys)).expect("it was just saved");
        assert_eq!(saved(&loaded), saved(&keys));
        for &(_, _, key) in events {
            assert_eq!(loaded.get(key), keys.get(key), "the same after it was loaded");
        }
    }
    let mut text = String::new();
    for key in 1..10 {
        if let Some(Receipt { stream, position, events, .. }) = keys.get(key) {
            assert_eq!((stream, events), (MemoryId(key).into(), 0));
            text += &format!("{key} at {position}\n");
        }
    }
    assert_eq!(text.lines().count(), keys.len());
    assert_eq!(keys.is_empty(), text.is_empty());
    assert_lines(&(text + &anomalies), expected);
}

#[test]
fn a_key_is_remembered_with_the_place_of_its_event() {
    check(&[(1, 0, 5), (2, 0, 0), (3, 0, 7)], "5 at 1\n7 at 3");
    check(&[(1, 0, 0)], "");
}

#[test]
fn the_first_use_of_a_key_counts() {
    check(&[(1, 0, 5), (2, 0, 5), (3, 0, 6)], "5 at 1\n6 at 3\n!2 idempotency key 5 was used before");
}

#[test]
fn a_key_is_kept_for_a_million_positions() {
    let last = 1 + KEPT_POSITIONS;
    check(&[(1, 0, 5), (2, 0, 6), (last, 0, 0)], "5 at 1\n6 at 2");
    check(&[(1, 0, 5), (2, 0, 6), (last + 1, 0, 0)], "6 at 2");
    check(&[(1, 0, 5), (2, 0, 6), (last + 1, 0, 5)], &format!("5 at {}\n6 at 2", last + 1));
    check(
        &[(1, 0, 5), (2, 0, 6), (last + 9, 0, 5), (last + 10, 0, 7)],
        &format!("5 at {}\n7 at {}", last + 9, last + 10),
    );
}

#[test]
fn a_key_is_kept_for_seven_days() {
    check(&[(1, 0, 5), (2, KEPT_MS, 6)], "5 at 1\n6 at 2");
    check(&[(1, 0, 5), (2, KEPT_MS + 1, 6)], "6 at 2");
    check(&[(1, i64::MIN, 5), (2, i64::MAX, 0)], "");
    // A clock that went back does not make a key older.
    check(&[(1, i64::MAX, 5), (2, i64::MIN, 0)], "5 at 1");
}

#[test]
fn places_wrap_around() {
    let mut keys = IdempotencyKeys { dropped: u32::MAX - 1, ..IdempotencyKeys::default() };
    for position in 1..=5 {
        let mut recorded = recorded(position, MemoryId(1), 1, Retracted {});
        recorded.header.idempotency = Some(u128::from(position));
        keys.apply(&recorded).expect("the key is new");
    }
    let places =
        |keys: &IdempotencyKeys| (1..=5).map(|key| keys.get(key).map_or(0, |r| r.position.0)).collect::<Vec<_>>();
    assert_eq!(places(&keys), [1, 2, 3, 4, 5]);
    for _ in 0..3 {
        keys.drop_oldest();
    }
    assert_eq!((places(&keys), keys.dropped), (vec![0, 0, 0, 4, 5], 1));
}

#[test]
fn a_state_with_one_key_twice_is_not_loaded() {
    let entry = Entry { key: 5, stream: MemoryId(1).into(), position: Position(1), at: Timestamp(0) };
    let mut bytes = Vec::new();
    save_value(&vec![entry; 2], &mut bytes);
    let error = IdempotencyKeys::load(&bytes).expect_err("it is there twice").to_string();
    assert_eq!(short(&error), "not a snapshot of this projection: idempotency key 5 is there twice");
}

//! Streams: versions without a gap, and keys.

use super::*;
use crate::event::bench::Placeholder;
use crate::ids::MemoryId;
use crate::testing::{assert_lines, recorded, saved, short};

/// Folds `(stream, version, key)`, which lie at positions 1, 2, 3…; every stream, the highest key, the anomalies.
fn check(events: &[(u128, u32, u32)], expected: &str) {
    let (mut streams, mut anomalies) = (Streams::default(), String::new());
    for (&(stream, version, key), position) in events.iter().zip(1..) {
        let event = Placeholder { stands_for: "a".to_owned(), filling: Vec::new() };
        let mut recorded = recorded(position, MemoryId(stream), version, event);
        recorded.header.key = KeyId(key);
        if let Err(anomaly) = streams.apply(&recorded) {
            anomalies += &format!("!{} {}\n", anomaly.position, short(&anomaly.what));
        }
    }
    let loaded = Streams::load(&saved(&streams)).expect("it was just saved");
    assert_eq!(saved(&loaded), saved(&streams));
    let mut text = String::new();
    for id in 0..10 {
        let stream = StreamId::from(MemoryId(id));
        assert_eq!(streams.get(stream), loaded.get(stream));
        assert_eq!(streams.version(stream), streams.get(stream).map_or(0, |state| state.version));
        if let Some(StreamState { version, key, last }) = streams.get(stream) {
            text += &format!("{id} v{version} key {} last {last}\n", key.0);
        }
    }
    text += &format!("{} streams, last key {}\n", streams.len(), streams.last_key().0);
    assert_eq!(streams.is_empty(), events.is_empty());
    assert_lines(&(text + &anomalies), expected);
}

#[test]
fn versions_count_and_a_key_stays() {
    check(
        &[(1, 1, 0), (2, 1, 7), (1, 2, 3), (2, 2, 0), (1, 3, 0)],
        "1 v3 key 3 last 5
         2 v2 key 7 last 4
         2 streams, last key 7",
    );
    check(&[], "0 streams, last key 0");
}

#[test]
fn a_version_that_skips_or_goes_back_is_an_anomaly_and_the_next_one_still_goes_on() {
    check(
        &[(1, 1, 0), (1, 3, 0), (1, 2, 9), (1, 4, 0), (2, 0, 0), (2, 1, 0), (3, 5, 0), (3, 6, 0)],
        "1 v4 key 9 last 4
         2 v1 key 0 last 6
         3 v6 key 0 last 8
         3 streams, last key 9
         !2 memory/1 has version 3, and 2 is due
         !3 memory/1 has version 2, and 4 is due
         !5 memory/2 has version 0, and 1 is due
         !7 memory/3 has version 5, and 1 is due",
    );
}

#[test]
fn the_last_version_does_not_wrap() {
    check(
        &[(1, u32::MAX, u32::MAX), (1, 0, 0), (1, 1, 0)],
        "1 v4294967295 key 4294967295 last 3
         1 streams, last key 4294967295
         !1 memory/1 has version 4294967295, and 1 is due
         !2 memory/1 has version 0, and 4294967295 is due
         !3 memory/1 has version 1, and 4294967295 is due",
    );
}

#[test]
fn streams_of_the_same_number_in_two_categories_are_two() {
    let mut streams = Streams::default();
    for (category, position) in Category::ALL.into_iter().zip(1..) {
        let event = Placeholder { stands_for: "a".to_owned(), filling: Vec::new() };
        streams.apply(&recorded(position, StreamId::new(category, 5), 1, event)).expect("every stream is new");
    }
    assert_eq!(streams.len(), 14);
    assert_eq!(streams.get(StreamId::new(Category::Vault, 5)).map(|state| state.last), Some(Position(13)));
}

#[test]
fn equal_states_give_equal_bytes_whatever_the_order_in_the_table() {
    // Events that claim the same position: the order of the saved streams must not depend on the hash.
    let state = || {
        let mut streams = Streams::default();
        for id in 0..100 {
            let event = Placeholder { stands_for: "a".to_owned(), filling: Vec::new() };
            streams.apply(&recorded(1, MemoryId(id), 1, event)).expect("every stream is new");
        }
        saved(&streams)
    };
    assert_eq!(state(), state());
}

#[test]
fn a_state_with_one_stream_twice_is_not_loaded() {
    let state = StreamState { version: 1, key: KeyId::NONE, last: Position(1) };
    let mut bytes = Vec::new();
    save_value(&(vec![(StreamId::from(MemoryId(1)), state); 2], KeyId::NONE), &mut bytes);
    let error = Streams::load(&bytes).expect_err("it is there twice").to_string();
    assert_eq!(short(&error), "not a snapshot of this projection: memory/1 is there twice");
}

//! The codec of events and bodies: what cannot be read is an error, and never much memory.

use bincode::{Decode, Encode};
use proptest::prelude::*;
use serde::Serialize;

use super::conversation::{MessageBody, ToolCall};
use super::memory::Body;
use super::*;
use crate::testing::samples;

fn encoded(event: &Event) -> Vec<u8> {
    let mut bytes = Vec::new();
    event.encode(&mut bytes);
    bytes
}

/// Decodes bytes as an event; the event's name, or what is said of the bytes.
fn check(kind: u16, schema: u8, bytes: &[u8], expected: &str) {
    let actual = match Event::decode(kind, schema, bytes) {
        Ok(event) => event.name().to_owned(),
        Err(error) => error.to_string(),
    };
    assert_eq!(actual, expected);
}

#[test]
fn every_sample_comes_back() {
    for event in samples() {
        assert_eq!(Event::decode(event.kind(), event.schema(), &encoded(&event)).as_ref(), Ok(&event));
    }
}

#[test]
fn every_cut_and_every_byte_too_many_is_an_error() {
    for event in samples() {
        let mut bytes = encoded(&event);
        for length in 0..bytes.len() {
            let error = Event::decode(event.kind(), event.schema(), &bytes[..length]).expect_err("it is cut");
            assert!(matches!(error, EventError::Bytes { .. }), "{error}");
        }
        bytes.push(0);
        let message = format!("{} of schema {} cannot be read: 1 bytes left over", event.name(), event.schema());
        check(event.kind(), event.schema(), &bytes, &message);
    }
}

#[test]
fn what_a_newer_version_wrote_is_named() {
    check(0x0FFF, 1, &[], "event kind 0x0fff is not known: it was written by a newer version of zo");
    check(0x0203, 2, &[], "memory.retracted has schema 2, and this version of zo knows 1 at the most");
    check(0x0203, 0, &[], "memory.retracted has schema 0, and this version of zo knows 1 at the most");
    check(0x0203, 1, &[], "memory.retracted");
}

#[test]
fn huge_lengths_are_refused_before_they_are_allocated() {
    // A text, a list and bytes that claim to be longer than any memory is; the last two only longer than an event.
    let claims = [u64::MAX, u64::MAX / 48, 1 << 40, MAX_BYTES as u64 + 1, 1 << 17];
    for claim in claims {
        let claim = claim.to_le_bytes();
        check(0x0001, 1, &claim, "home.created of schema 1 cannot be read: LimitExceeded");
        check(0x0402, 1, &claim, "run.recalled of schema 1 cannot be read: LimitExceeded");
        let stands_for = [&[0; 8][..], &claim].concat();
        check(0xFE01, 1, &stands_for, "bench.placeholder of schema 1 cannot be read: LimitExceeded");
    }
    for claim in [u64::MAX, u64::MAX / 72, MAX_BODY_BYTES as u64 + 1] {
        let error = decode_body::<Body>("memory.memorized", 1, &[&[0][..], &claim.to_le_bytes()].concat());
        assert!(error.is_err_and(|error| error.to_string().ends_with("LimitExceeded")));
    }
}

#[test]
fn a_body_may_be_far_longer_than_an_event() {
    let body = Body { name: None, content: "ä".repeat(8 * 1024 * 1024), meta: Some("{}".repeat(1024)) };
    let mut bytes = Vec::new();
    encode_into(&body, &mut bytes);
    assert!(bytes.len() > MAX_BYTES);
    assert!(decode_body::<Body>("memory.memorized", 1, &bytes).as_ref() == Ok(&body));
    assert!(decode_exactly::<Body>("memory.memorized", 1, &bytes).is_err(), "an event may not");
    assert!(decode_body::<Body>("memory.memorized", 1, &bytes[..bytes.len() - 1]).is_err());

    let call = ToolCall { id: "1".to_owned(), name: "read".to_owned(), arguments: "{}".to_owned() };
    let body = MessageBody { tool_calls: vec![call; usize::from(u16::MAX)], ..MessageBody::default() };
    bytes.clear();
    encode_into(&body, &mut bytes);
    assert_eq!(decode_body("conversation.message_added", 1, &bytes).as_ref(), Ok(&body));
}

#[test]
fn kinds_are_told_apart_by_number_and_by_name() {
    for (index, (number, name, schema)) in KINDS.iter().enumerate() {
        assert!(*schema >= 1);
        assert_eq!(kind_name(*number), Some(*name));
        for (other_number, other_name, _) in &KINDS[index + 1..] {
            assert!(number != other_number && name != other_name, "{name} is there twice");
        }
        let (subsystem, _) = name.split_once('.').expect("a name is subsystem.past_tense");
        match u8::try_from(number >> 8).ok().and_then(Category::from_number) {
            Some(category) => assert_eq!(category.name(), subsystem),
            None => assert_eq!((subsystem, number >> 8), ("bench", 0xFE)),
        }
    }
    assert_eq!(kind_name(0xFFFF), None);
}

#[test]
fn an_event_stands_only_in_a_stream_of_its_subsystem() {
    for event in samples() {
        let at_home: Vec<_> = Category::ALL.into_iter().filter(|category| event.belongs_to(*category)).collect();
        match &event {
            Event::Placeholder(_) => assert_eq!(at_home, Category::ALL),
            event => assert_eq!(
                at_home.iter().map(|c| c.name()).collect::<Vec<_>>(),
                [event.name().split('.').next().unwrap_or_default()]
            ),
        }
    }
}

/// A kind that has been changed once: its schema 1 counted in seconds and had no note.
#[derive(Debug, PartialEq, Encode, Decode, Serialize)]
struct Waited {
    ms: u64,
    note: Option<String>,
}

/// Schema 1 of [`Waited`], frozen.
#[derive(Encode, Decode)]
struct Waited1 {
    seconds: u32,
}

impl Payload for Waited {
    const KIND: u16 = 0xFE02;
    const NAME: &'static str = "bench.waited";
    const SCHEMA: u8 = 2;

    fn upcast(schema: u8, bytes: &[u8]) -> Result<Self, EventError> {
        // The caller lets through only what is older than the newest: here, 1.
        let Waited1 { seconds } = decode_exactly(Self::NAME, schema, bytes)?;
        Ok(Self { ms: u64::from(seconds) * 1000, note: None })
    }
}

#[test]
fn an_old_schema_is_lifted_to_the_newest() {
    let waited = |schema, bytes: &[u8]| decode_payload::<Waited>(schema, bytes).map_err(|error| error.to_string());
    assert_eq!(waited(1, &[7, 0, 0, 0]), Ok(Waited { ms: 7000, note: None }));
    let new = Waited { ms: 1, note: Some("a".to_owned()) };
    let mut bytes = Vec::new();
    encode_into(&new, &mut bytes);
    assert_eq!(waited(2, &bytes), Ok(new));

    let fails = |schema, bytes: &[u8], why: &str| assert_eq!(waited(schema, bytes), Err(why.to_owned()));
    fails(1, &[7, 0, 0, 0, 9], "bench.waited of schema 1 cannot be read: 1 bytes left over");
    assert!(waited(1, &[7, 0, 0]).is_err_and(|why| why.starts_with("bench.waited of schema 1 cannot be read")));
    for schema in [0, 3, 255] {
        fails(schema, &bytes, &format!("bench.waited has schema {schema}, and this version of zo knows 2 at the most"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_an_event_or_an_error(kind in 0..KINDS.len(), bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let (kind, _, schema) = KINDS[kind];
        if let Ok(event) = Event::decode(kind, schema, &bytes) {
            prop_assert_eq!(event.kind(), kind);
            prop_assert_eq!(encoded(&event), bytes, "one event has one form");
        }
    }
}

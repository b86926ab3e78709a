//! The codec of records: what was written comes back, and nothing else is taken for it.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::event::{home, memory, run};
use crate::ids::RunId;
use crate::testing::{Golden, check_golden, read_golden, samples, to_hex};

const POSITION: Position = Position(7);

/// A record with every optional field.
fn full() -> (Recorded, &'static [u8]) {
    let body = b"sealed bytes";
    let header = Header {
        position: POSITION,
        id: EventId(0x0102_0304_0506_0708_090A_0B0C_0D0E_0F10),
        stream: StreamId::new(Category::Run, 0x1112_1314_1516_1718_191A_1B1C_1D1E_1F20),
        version: 0x2122_2324,
        at: Timestamp(1_700_000_000_123),
        actor: Actor::Client,
        causation: Some(Position(6)),
        correlation: Some(0x3132_3334_3536_3738_393A_3B3C_3D3E_3F40),
        idempotency: Some(0x4142_4344_4546_4748_494A_4B4C_4D4E_4F50),
        key: KeyId(0x5152_5354),
        body: BodyPlace::Inline(12),
    };
    let event = run::Started {
        conversation: crate::ConversationId(4),
        question: crate::MessageId(5),
        model: "ollama/llama3:8".to_owned(),
        agent: None,
    };
    (Recorded { header, event: event.into() }, body)
}

fn written(recorded: &Recorded, body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(&recorded.header, &recorded.event, body, &mut bytes);
    bytes
}

/// Reads a record at position 7; what is in it in short, or what is said of the bytes.
fn check(bytes: &[u8], expected: &str) {
    let actual = match RawRecord::read(POSITION, bytes) {
        Ok((raw, length)) => {
            let header = raw.header;
            let event =
                raw.decode().map_or_else(|error| error.to_string(), |recorded| recorded.event.name().to_owned());
            format!(
                "{} v{} {event}, body {:?}, {length} bytes",
                header.stream.category.name(),
                header.version,
                header.body
            )
        }
        Err(error) => error.to_string(),
    };
    assert_eq!(actual, expected);
}

/// Writes bytes into a record and makes its checksum fit again: what only a faulty or newer writer can do.
fn forged(bytes: &[u8], at: usize, new: &[u8]) -> Vec<u8> {
    let mut forged = bytes.to_vec();
    forged[at..at + new.len()].copy_from_slice(new);
    let checksum = crc32fast::hash(&forged[8..]);
    forged[4..8].copy_from_slice(&checksum.to_le_bytes());
    forged
}

#[test]
fn every_combination_of_fields_comes_back() {
    for fields in 0..8 {
        for place in [BodyPlace::None, BodyPlace::Inline(3), BodyPlace::Blob { hash: [9; 32], length: u64::MAX }] {
            let body: &[u8] = if place == BodyPlace::Inline(3) { &[1, 2, 3] } else { &[] };
            for (event, actor) in samples().into_iter().zip((0..5).cycle()) {
                let (Recorded { mut header, .. }, _) = full();
                header.causation = header.causation.filter(|_| fields & 1 != 0);
                header.correlation = header.correlation.filter(|_| fields & 2 != 0);
                header.idempotency = header.idempotency.filter(|_| fields & 4 != 0);
                header.body = place;
                header.actor = Actor::from_number(actor).expect("there are five");
                let recorded = Recorded { header, event };
                let mut bytes = written(&recorded, body);
                let length = bytes.len();
                bytes.extend_from_slice(b"the next record");
                let (raw, used) = RawRecord::read(POSITION, &bytes).expect("it was just written");
                assert_eq!((raw.decode(), raw.body, used), (Ok(recorded), body, length));
            }
        }
    }
}

#[test]
fn extreme_values_come_back() {
    let (mut recorded, body) = full();
    recorded.header.id = EventId(u128::MAX);
    recorded.header.stream = StreamId::new(Category::Vault, u128::MAX);
    recorded.header.version = u32::MAX;
    recorded.header.at = Timestamp(i64::MIN);
    recorded.header.key = KeyId(u32::MAX);
    recorded.header.causation = Some(Position(u64::MAX));
    let bytes = written(&recorded, body);
    assert_eq!(RawRecord::read(POSITION, &bytes).expect("it was just written").0.decode(), Ok(recorded));
}

#[test]
fn records_follow_one_another_in_one_buffer() {
    let (recorded, body) = full();
    let mut bytes = written(&recorded, body);
    let first = bytes.len();
    write(&recorded.header, &recorded.event, body, &mut bytes);
    assert_eq!(bytes[..first], bytes[first..]);
}

#[test]
fn every_cut_is_an_error_that_says_what_is_missing() {
    let (recorded, body) = full();
    let bytes = written(&recorded, body);
    let whole = bytes.len();
    for length in 0..whole {
        let needed = if length < FIXED { FIXED } else { whole };
        check(&bytes[..length], &format!("record at position 7 is cut: {needed} bytes needed, {length} there"));
    }
}

#[test]
fn every_flipped_bit_is_an_error() {
    let (recorded, body) = full();
    let bytes = written(&recorded, body);
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(RawRecord::read(POSITION, &flipped).is_err(), "bit {bit}");
        // Behind it there may be anything, so that a longer length finds its bytes.
        flipped.extend(std::iter::repeat_n(0xA5, 1 << 16));
        assert!(RawRecord::read(POSITION, &flipped).is_err(), "bit {bit}");
    }
}

#[test]
fn every_changed_byte_is_an_error() {
    let (recorded, body) = full();
    let bytes = written(&recorded, body);
    for place in 0..bytes.len() {
        for change in 1..=255 {
            let mut changed = bytes.clone();
            changed[place] ^= change;
            assert!(RawRecord::read(POSITION, &changed).is_err(), "byte {place} changed by {change:#x}");
        }
    }
}

#[test]
fn what_this_version_does_not_write_is_refused_though_its_checksum_fits() {
    let (recorded, body) = full();
    let bytes = written(&recorded, body);
    check(&bytes, "run v555885348 run.started, body Inline(12), 180 bytes");
    let no = |at: usize, new: &[u8], what: &str| {
        check(&forged(&bytes, at, new), &format!("record at position 7 has no valid {what}"));
    };
    no(11, &[0x2F], "flags: 47");
    no(11, &[0x80], "flags: 128");
    no(11, &[0x17], "flags: 23"); // a blob, but no body
    no(11, &[0x07], "length of the body: 12"); // a body, but no flag that says so
    no(11, &[0x1F], "blob reference: 12");
    no(12, &[5], "actor: 5");
    no(13, &[14], "category: 14");
    no(14, &[1], "reserved field: 1");
    no(15, &[1], "reserved field: 256");
    no(64, &[0], "length: 180");
    no(64, &[0xFF; 4], "length: 180");
    no(68, &[11], "length: 180");
    no(68, &[13], "length: 180");
    check(
        &forged(&bytes, 10, &[3]),
        "run v555885348 run.started has schema 3, and this version of zo knows 2 at the most, body Inline(12), 180 bytes",
    );
    check(
        &forged(&bytes, 8, &[0xFF, 0x0F]),
        "run v555885348 event kind 0x0fff is not known: it was written by a newer version of zo, body Inline(12), 180 bytes",
    );
}

#[test]
fn a_length_shorter_than_a_record_is_an_error() {
    let (recorded, body) = full();
    for length in [0_u32, 1, 63] {
        let mut bytes = written(&recorded, body);
        bytes[..4].copy_from_slice(&length.to_le_bytes());
        check(&bytes, "record at position 7 is cut: 72 bytes needed, 180 there");
    }
    let mut bytes = written(&recorded, body);
    bytes[..4].copy_from_slice(&u32::MAX.to_le_bytes());
    check(&bytes, "record at position 7 is cut: 4294967303 bytes needed, 180 there");
}

/// The layout in the module's documentation, read from the bytes.
#[test]
fn fields_lie_where_the_documentation_says() {
    let (recorded, body) = full();
    let bytes = written(&recorded, body);
    let hex = |from: usize, to: usize| to_hex(&bytes[from..to]);
    assert_eq!(hex(0, 4), "ac000000"); // 180 - 8
    assert_eq!(hex(8, 16), "0104020f04040000"); // kind, schema, flags, actor, category, zero
    assert_eq!(hex(16, 32), "100f0e0d0c0b0a090807060504030201");
    assert_eq!(hex(32, 48), "201f1e1d1c1b1a191817161514131211");
    assert_eq!(hex(48, 72), "24232221545352517b68e5cf8b010000".to_owned() + "380000000c000000");
    assert_eq!(hex(72, 80), "0600000000000000");
    assert_eq!(hex(80, 112), "403f3e3d3c3b3a393837363534333231504f4e4d4c4b4a494847464544434241");
    assert_eq!(&bytes[168..], body);
}

fn body_meaning(body: BodyPlace) -> serde_json::Value {
    match body {
        BodyPlace::None => json!(null),
        BodyPlace::Inline(length) => json!({ "inline": length }),
        BodyPlace::Blob { hash, length } => json!({ "blob": to_hex(&hash), "length": length }),
    }
}

#[test]
fn the_record_keeps_its_bytes() {
    let (recorded, body) = full();
    let (mut blob, _) = full();
    blob.header.body = BodyPlace::Blob { hash: [0xAB; 32], length: 1 << 20 };
    let mut small = full().0;
    small.header = Header {
        causation: None,
        correlation: None,
        idempotency: None,
        key: KeyId::NONE,
        body: BodyPlace::None,
        stream: StreamId::new(Category::Home, 0),
        version: 1,
        ..small.header
    };
    small.event = home::Created { zo_version: "0.1.0".to_owned() }.into();
    let goldens = [(recorded, body), (blob, &[]), (small, &[])].map(|(recorded, body)| {
        let bytes = written(&recorded, body);
        let (raw, _) = RawRecord::read(POSITION, &bytes).expect("it was just written");
        assert_eq!(raw.decode().as_ref(), Ok(&recorded));
        let header = raw.header;
        let meaning = json!({
            "id": header.id, "stream": header.stream, "version": header.version, "at": header.at,
            "actor": header.actor, "causation": header.causation,
            "correlation": header.correlation.map(EventId), "idempotency": header.idempotency.map(EventId),
            "key": header.key.0, "body": body_meaning(header.body),
            "kind": recorded.event.name(), "schema": raw.schema, "data": recorded.event,
        });
        Golden::new(bytes, &meaning)
    });
    check_golden("records/every_field.3.hex", &goldens);
}

/// What was written when `run.finished` had its first schema, and when `run.started` had.
#[test]
fn records_of_an_older_schema_are_read() {
    for file in ["records/every_field.1.hex", "records/every_field.2.hex"] {
        for golden in read_golden(file).expect("it was there once") {
            let (raw, length) = RawRecord::read(POSITION, &golden.bytes).expect("an old log has it");
            assert_eq!(length, golden.bytes.len());
            let recorded = raw.decode().expect("every schema is lifted to the newest");
            let meaning = json!({"name": recorded.event.name(), "data": recorded.event});
            let meaning = Golden::new(Vec::new(), &meaning).meaning;
            assert_eq!(meaning["name"], golden.meaning["kind"]);
            assert_eq!(meaning["data"], golden.meaning["data"]);
            assert_eq!(golden.meaning["schema"], json!(raw.schema));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_a_record_or_an_error(mut bytes in proptest::collection::vec(any::<u8>(), 0..300), fits in any::<bool>()) {
        if fits && bytes.len() >= 8 {
            let length = u32::try_from(bytes.len() - 8).expect("it is short");
            bytes[..4].copy_from_slice(&length.to_le_bytes());
            bytes = forged(&bytes, 0, &[]);
        }
        if let Ok((raw, length)) = RawRecord::read(POSITION, &bytes) {
            prop_assert!(length <= bytes.len());
            let _ = raw.decode();
        }
    }
}

#[test]
fn a_forged_record_of_random_fields_never_panics() {
    // Every pair of bytes of the fixed part at its extremes: lengths, flags and kinds that contradict each other.
    let event = memory::Retracted {};
    let (mut recorded, body) = full();
    recorded.event = event.into();
    recorded.header.stream = RunId(1).into();
    let bytes = written(&recorded, body);
    for first in 8..FIXED {
        for second in first + 1..FIXED {
            for value in [0x00, 0x7F, 0xFF] {
                let bytes = forged(&forged(&bytes, first, &[value]), second, &[value]);
                if let Ok((raw, _)) = RawRecord::read(POSITION, &bytes) {
                    let _ = raw.decode();
                }
            }
        }
    }
}

use std::sync::Arc;

use super::*;

const HOME: HomeId = [7; 16];

fn pack() -> Pack {
    Pack::build(&Head::start(&HOME), 3, b"three records, more or less")
}

#[test]
fn a_pack_reads_back_and_ignores_what_follows() {
    let built = pack();
    let mut bytes = built.bytes().to_vec();
    bytes.extend_from_slice(b"something else");
    let read = Pack::read(&bytes).expect("it was just built");
    assert_eq!(read, built);
    assert_eq!((read.first(), read.last(), read.count()), (Position(1), Position(3), 3));
    assert!(read.follows(&Head::start(&HOME)));
    assert!(!read.follows(&Head::start(&[8; 16])), "a pack of another home does not follow");
}

#[test]
fn packs_of_one_buffer_share_it_and_can_be_detached() {
    let one = pack();
    let two = Pack::build(&one.head(), 1, b"one");
    let buffer = Arc::new([one.bytes(), two.bytes()].concat());
    let shared = Pack::read_shared(&buffer, one.bytes().len()).expect("the second pack");
    assert_eq!(shared, two);
    assert!(shared.follows(&one.head()));
    let detached = shared.detached();
    assert_eq!(detached.bytes(), two.bytes());
    assert_eq!(detached.head(), two.head());
    assert_eq!(Pack::read_shared(&buffer, buffer.len() + 9), Err(PackError::NotAPack));
}

#[test]
fn every_flipped_bit_and_every_cut_is_noticed() {
    let bytes = pack().bytes().to_vec();
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << bit;
            assert!(Pack::read(&damaged).is_err(), "byte {at} bit {bit}");
        }
        assert!(Pack::read(&bytes[..at]).is_err(), "cut at {at}");
    }
}

#[test]
fn a_flipped_version_is_damage_and_a_newer_pack_is_newer() {
    let mut bytes = pack().bytes().to_vec();
    bytes[4] = 9;
    assert_eq!(Pack::read(&bytes), Err(PackError::Hash { first: Position(1) }));
    let content = bytes.len() - TRAILER;
    let hash = *blake3::hash(&bytes[..content]).as_bytes();
    bytes[content..].copy_from_slice(&hash);
    assert_eq!(Pack::read(&bytes), Err(PackError::Newer { found: 9 }));
}

#[test]
fn the_bytes_of_a_pack_are_frozen() {
    let golden = "67a0837ae52ca3cde8ce870cd7ff2b9af19c677e59ee2add9e60ff840bf58f72";
    assert_eq!(blake3::hash(pack().bytes()).to_hex().as_str(), golden);
}

#[test]
fn positions_that_would_overflow_are_damage() {
    let head = Head { position: Position(u64::MAX - 2), hash: [0; 32] };
    let pack = Pack::build(&head, 5, b"x");
    assert!(matches!(Pack::read(pack.bytes()), Err(PackError::Hash { .. })));
}

use std::fs;

use super::*;

const HOME: HomeId = [5; 16];

fn slot(position: u64) -> Slot {
    let head = Head { position: Position(position), hash: [position as u8; 32] };
    Slot {
        head,
        trusted: Position(position / 2),
        closed: position.is_multiple_of(3),
        twins_complete: position.is_multiple_of(2),
        boot: this_boot(),
    }
}

#[test]
fn the_newest_slot_counts_and_slots_alternate() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("head");
    let (mut file, found) = HeadFile::open(&path, HOME).expect("made");
    assert_eq!(found, Found::Missing);
    assert_eq!(HeadFile::read(&path, &HOME).expect("read"), Found::Damaged, "empty slots say nothing");
    for position in 1..8 {
        file.write(&slot(position)).expect("written");
        let found = HeadFile::read(&path, &HOME).expect("read");
        assert_eq!(found, Found::Slot { slot: slot(position), both: true });
    }
    file.sync().expect("synced");
    drop(file);
    let (mut file, found) = HeadFile::open(&path, HOME).expect("opened again");
    assert_eq!(found, Found::Slot { slot: slot(7), both: true });
    file.write(&slot(8)).expect("written");
    assert_eq!(HeadFile::read(&path, &HOME).expect("read"), Found::Slot { slot: slot(8), both: true });
    assert_eq!(HeadFile::read(&path, &[6; 16]).expect("read"), Found::OtherHome);
}

#[test]
fn the_bytes_of_a_slot_are_frozen() {
    let bytes = encode(&Slot { boot: 4, ..slot(12) }, &HOME, 9);
    assert_eq!(
        blake3::hash(&bytes).to_hex().as_str(),
        "10edbedbd0874476ad532f2152fd66c01c960005b4096d5405bbf75c9bba1ee9"
    );
}

#[test]
fn one_damaged_slot_leaves_the_other() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("head");
    let (mut file, _) = HeadFile::open(&path, HOME).expect("made");
    file.write(&slot(1)).expect("written");
    file.write(&slot(2)).expect("written");
    let whole = fs::read(&path).expect("the file");
    for at in (0..SLOT_BYTES).chain(4096..4096 + SLOT_BYTES) {
        let mut damaged = whole.clone();
        damaged[at] ^= 1;
        fs::write(&path, damaged).expect("damaged");
        // The counter's parity puts the first write into the second slot.
        let left = if at < 4096 { slot(1) } else { slot(2) };
        let found = HeadFile::read(&path, &HOME).expect("read");
        assert_eq!(found, Found::Slot { slot: left, both: false }, "byte {at}");
    }
    for length in [0, 1, 127, 4096, 4100, 8191] {
        fs::write(&path, &whole[..length]).expect("cut");
        let (_, found) = HeadFile::open(&path, HOME).expect("opened");
        match found {
            Found::Slot { slot: left, .. } => assert!(left == slot(2) || left == slot(1), "cut at {length}"),
            other => assert!(length < SLOT_BYTES && other == Found::Damaged, "cut at {length}: {other:?}"),
        }
    }
}

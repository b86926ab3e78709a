use std::fs;

use std::sync::Arc;

use super::*;
use crate::log::Pack;
use crate::log::pack::HEADER as PACK_HEADER;
use crate::store::testing::{HOME, packs_after};

const TINY: Sizes = Sizes { file_bytes: 32 << 10, first_chunk: 8 << 10, largest_chunk: 16 << 10, spare_files: 2 };

fn start() -> Head {
    Head::start(&HOME)
}

fn begin(folder: &Path) -> (Journal, Arc<Spares>) {
    let spares = Arc::new(Spares::new(folder, TINY, Vec::new()).expect("no spares yet"));
    let header = FileHeader { home: HOME, sequence: 1, start: start() };
    let file = writer::begin_file(folder, &spares, &header, TINY.first_chunk).expect("the first file");
    let journal =
        Journal::resume(folder, HOME, TINY, Arc::clone(&spares), Arc::new(file), HEADER_BYTES).expect("a journal");
    (journal, spares)
}

fn scan_file(journal: &Journal, head: Head) -> Scanned {
    scan(&journal.current().read_all().expect("the file"), HEADER_BYTES as usize, head, Position::START)
}

fn bytes_of(packs: &[Pack]) -> Vec<u8> {
    packs.iter().flat_map(|pack| pack.bytes().to_vec()).collect()
}

#[test]
fn a_header_reads_back_and_every_flipped_byte_is_noticed() {
    let header = FileHeader { home: HOME, sequence: 7, start: Head { position: Position(9), hash: [3; 32] } };
    let bytes = header.encode();
    assert_eq!(bytes.len() as u64, HEADER_BYTES);
    assert_eq!(FileHeader::decode(&bytes), Ok(header));
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x10;
        assert_eq!(FileHeader::decode(&damaged), Err(HeaderError::Damaged), "byte {at}");
    }
    let mut newer = bytes.clone();
    newer[8] = 2;
    let hash = *blake3::hash(&newer[..HASH_AT]).as_bytes();
    newer[HASH_AT..].copy_from_slice(&hash);
    assert_eq!(FileHeader::decode(&newer), Err(HeaderError::Newer { found: 2 }));
}

#[test]
fn the_bytes_of_a_header_are_frozen() {
    let header = FileHeader { home: HOME, sequence: 7, start: Head { position: Position(9), hash: [3; 32] } };
    assert_eq!(
        blake3::hash(&header.encode()).to_hex().as_str(),
        "3c0259b076ee73590b43624fcd0c7013c0cc60ed5638db7c151c78cbe1795403"
    );
}

#[test]
fn what_was_appended_is_found_and_space_grows_by_written_zeros() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (mut journal, _) = begin(folder.path());
    let packs = packs_after(&start(), 12, 900);
    let mut lengths = Vec::new();
    for pair in packs.chunks(2) {
        let offset = journal.append(pair).expect("appended");
        assert_eq!(offset + bytes_of(pair).len() as u64, journal.offset());
        lengths.push(journal.current().length().expect("its length"));
    }
    assert_eq!(lengths.first(), Some(&(8 << 10)));
    assert_eq!(lengths.last(), Some(&(16 << 10)), "space doubles");
    let scanned = scan_file(&journal, start());
    assert_eq!(scanned.packs.len(), packs.len());
    assert_eq!(scanned.end, packs[11].head());
    assert_eq!(scanned.end_offset as u64, journal.offset());
    assert_eq!(scanned.stop, Stop::Nothing);
}

#[test]
fn a_commit_larger_than_a_file_gets_one_of_its_own() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (mut journal, _) = begin(folder.path());
    let small = packs_after(&start(), 1, 100);
    journal.append(&small).expect("appended");
    let large = packs_after(&small[0].head(), 1, 100_000);
    assert!(journal.must_rotate(bytes_of(&large).len() as u64));
    journal.rotate(&small[0].head()).expect("rotated");
    assert!(!journal.must_rotate(bytes_of(&large).len() as u64), "an empty file takes whatever comes");
    journal.append(&large).expect("appended");
    assert_eq!(scan_file(&journal, small[0].head()).end, large[0].head());
}

#[test]
fn a_recycled_file_never_shows_its_former_life() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (mut journal, spares) = begin(folder.path());
    let mut head = start();
    // Packs of equal length, so that those of the former life lie exactly behind those of the new one.
    let mut append = |journal: &mut Journal, count: usize| {
        for _ in 0..count {
            let pack = Pack::build(&head, 1, &[7; 400]);
            journal.append(std::slice::from_ref(&pack)).expect("appended");
            head = pack.head();
        }
        head
    };
    append(&mut journal, 50);
    let first = journal.current().path().to_owned();
    let rotated = append(&mut journal, 5);
    journal.rotate(&rotated).expect("rotated");
    let length = fs::metadata(&first).expect("the first file").len();
    fs::OpenOptions::new().write(true).open(&first).and_then(|file| file.set_len(TINY.file_bytes)).expect("grown");
    assert!(length <= TINY.file_bytes);
    spares.recycle(&first, true).expect("recycled");
    assert_eq!((spares.count(), first.exists()), (1, false));
    let second = append(&mut journal, 10);
    journal.rotate(&second).expect("rotated into the spare");
    assert_eq!(spares.count(), 0);
    assert_eq!(scan_file(&journal, second).packs, [], "nothing of the former life follows");
    let third = append(&mut journal, 10);
    let scanned = scan_file(&journal, second);
    assert_eq!((scanned.packs.len(), scanned.end, scanned.stop), (10, third, Stop::Nothing));
    let (live, spare) = files(folder.path()).expect("the folder");
    assert_eq!((live.iter().map(|(n, _)| *n).collect::<Vec<_>>(), spare.len()), (vec![2, 3], 0));
}

#[test]
fn only_so_many_whole_files_are_kept() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (mut journal, spares) = begin(folder.path());
    for _ in 0..3 {
        spares.prepare().expect("prepared");
    }
    journal.rotate(&start()).expect("rotated");
    assert_eq!(spares.count(), 2);
    spares.recycle(&folder.path().join(file_name(1)), true).expect("too short to be kept");
    assert_eq!(spares.count(), 2);
    let (_, found) = files(folder.path()).expect("the folder");
    fs::write(&found[0], b"cut").expect("cut");
    let again = Spares::new(folder.path(), TINY, found).expect("the folder");
    assert_eq!(again.count(), 1, "a spare that is not whole is removed");
    assert_eq!(files(folder.path()).expect("the folder").1.len(), 1);
}

#[test]
fn a_torn_pack_is_told_from_a_former_life() {
    let packs = packs_after(&start(), 3, 600);
    let whole = bytes_of(&packs);
    let first = packs[0].bytes().len();
    for cut in first + 1..first + packs[1].bytes().len() {
        let mut bytes = whole[..cut].to_vec();
        bytes.resize(whole.len() + 100, 0);
        let scanned = scan(&bytes, 0, start(), Position::START);
        assert_eq!((scanned.end, scanned.end_offset), (packs[0].head(), first));
        let begun = matches!(scanned.stop, Stop::Begun { bytes } if bytes >= (cut - first).min(600));
        // Of a header only its magic and perhaps part of a number: as good as nothing.
        assert!(begun || cut < first + PACK_HEADER, "cut at {cut}: {:?}", scanned.stop);
    }
    let elsewhere = bytes_of(&packs_after(&Head { position: Position(50), hash: [9; 32] }, 2, 600));
    assert_eq!(scan(&elsewhere, 0, start(), Position::START).stop, Stop::Nothing);
}

#[test]
fn trusted_packs_are_only_linked_but_the_last_is_always_verified() {
    let packs = packs_after(&start(), 4, 300);
    let trusted = packs[3].last();
    let whole = bytes_of(&packs);
    let lengths: Vec<usize> = packs.iter().map(|pack| pack.bytes().len()).collect();
    let mut damaged = whole.clone();
    damaged[lengths[0] + PACK_HEADER + 5] ^= 1;
    assert_eq!(scan(&damaged, 0, start(), trusted).packs.len(), 4, "a record of a trusted pack is not looked at");
    assert_eq!(scan(&damaged, 0, start(), Position::START).packs.len(), 1);
    for at in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x40;
        let scanned = scan(&damaged, 0, start(), trusted);
        let reached = scanned.packs.len();
        assert_eq!(scanned.end, reached.checked_sub(1).map_or(start(), |last| packs[last].head()), "byte {at}");
        if at >= whole.len() - lengths[3] {
            assert_eq!(reached, 3, "byte {at} of the last pack");
        }
    }
}

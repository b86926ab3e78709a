use super::*;
use crate::store::testing::{HOME, packs_after};

const CACHE: u64 = 16 << 20;

fn sample() -> Vec<Pack> {
    let mut packs = Vec::new();
    let mut head = Head::start(&HOME);
    for bytes in [10, 300, 300, 3_900, 9_000, 20, 4_000, 50_000, 100, 100] {
        packs.extend(packs_after(&head, 3, bytes));
        head = packs.last().expect("three more").head();
    }
    packs
}

fn read_everything(recent: &Recent, from: Position) -> Vec<Pack> {
    let mut packs: Vec<Pack> = Vec::new();
    let mut from = from;
    loop {
        let more = recent.read(from, 10_000).expect("it can be read");
        let Some(last) = more.last() else { return packs };
        from = last.last().next();
        packs.extend(more);
    }
}

#[test]
fn packs_of_all_sizes_come_back_from_any_position() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let packs = sample();
    let recent = Recent::open(folder.path(), CACHE).expect("a new range");
    assert_eq!((recent.walk(), recent.last()), (Ok(None), Ok(None)));
    assert_eq!(recent.read(Position(1), 100).expect("empty"), []);
    for batch in packs.chunks(4) {
        recent.put(batch).expect("put");
        assert_eq!(recent.last(), Ok(batch.last().map(Pack::head)));
    }
    drop(recent);
    let recent = Recent::open(folder.path(), CACHE).expect("opened again");
    assert_eq!(recent.walk(), Ok(Some((Head::start(&HOME), packs[packs.len() - 1].head()))));
    assert_eq!(read_everything(&recent, Position(1)), packs);
    for (index, pack) in packs.iter().enumerate() {
        let read = recent.read(pack.last(), 1).expect("it can be read");
        assert_eq!(read, packs[index..=index]);
    }
    let beyond = packs[packs.len() - 1].last().next();
    assert_eq!(recent.read(beyond, 100).expect("past the end"), []);
}

#[test]
fn a_gap_is_found_by_the_walk() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let packs = sample();
    let recent = Recent::open(folder.path(), CACHE).expect("a new range");
    recent.put(&packs[..5]).expect("put");
    recent.put(&packs[6..]).expect("put");
    assert!(matches!(recent.walk(), Err(RecentError::Damaged { position, .. }) if position == packs[6].first()));
}

#[test]
fn a_damaged_file_is_an_error_and_can_be_discarded() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let range = folder.path().join("recent");
    let packs = sample();
    let recent = Recent::open(&range, CACHE).expect("a new range");
    recent.put(&packs).expect("put");
    drop(recent);
    let other = "segment_size: 4096\nuse_compression: false\nversion: 0.34\n";
    std::fs::write(range.join("conf"), other).expect("damaged");
    assert!(Recent::open(&range, CACHE).is_err());
    Recent::discard(&range).expect("removed");
    Recent::discard(&range).expect("nothing to remove");
    std::fs::write(&range, b"a file in its place").expect("written");
    assert!(Recent::open(&range, CACHE).is_err());
    Recent::discard(&range).expect("removed");
    let recent = Recent::open(&range, CACHE).expect("a new range");
    assert_eq!(recent.walk(), Ok(None));
}

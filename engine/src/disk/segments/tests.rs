use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;

use super::*;
use crate::log::Pack;
use crate::store::testing::{HOME, packs_after};

fn sample(count: usize) -> Vec<Pack> {
    // Half of them compress well, half do not at all.
    let mut packs = packs_after(&Head::start(&HOME), count / 2, 700);
    let mut head = packs.last().map_or(Head::start(&HOME), Pack::head);
    for number in 0..count - count / 2 {
        let pack = Pack::build(&head, 2, "a sentence said again and again. ".repeat(10 + number % 30).as_bytes());
        head = pack.head();
        packs.push(pack);
    }
    packs
}

fn write(folder: &Path, packs: &[Pack], block_bytes: usize) -> PathBuf {
    let start = Head { position: Position(packs[0].first().0 - 1), hash: packs[0].previous() };
    let mut writer = SegmentWriter::with_blocks_of(folder, HOME, start, block_bytes).expect("a new file");
    packs.iter().try_for_each(|pack| writer.push(pack)).expect("they follow");
    let (info, path) = writer.finish().expect("written and verified");
    assert_eq!(info.packs, packs.len() as u64);
    path
}

fn read_all(segment: &Segment) -> Result<Vec<Pack>, SegmentError> {
    let mut packs = Vec::new();
    for index in 0..segment.blocks() {
        packs.extend_from_slice(segment.read_block(index)?.packs());
    }
    if packs.last().map(Pack::head) != Some(segment.info().end) {
        let what = "blocks are missing".to_owned();
        return Err(SegmentError::Damaged { path: segment.path().to_owned(), what, positions: None });
    }
    Ok(packs)
}

fn flaws(segment: &Segment) -> (bool, Vec<Flaw>) {
    let mut flaws = Vec::new();
    let readable = segment.check(&mut |flaw| {
        flaws.push(flaw);
        Ok(())
    });
    (readable.expect("the file can be read"), flaws)
}

use super::read::Flaw;

#[test]
fn a_segment_reads_back_and_depends_on_the_packs_alone() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let packs = sample(120);
    let path = write(folder.path(), &packs, 2000);
    let bytes = fs::read(&path).expect("the file");
    assert_eq!(bytes.len() % PAGE, 0);
    let segment = Segment::open(&path).expect("it was just written");
    assert!(segment.condition().is_whole() && segment.blocks() > 2 * GROUP_BLOCKS);
    assert_eq!(read_all(&segment).expect("whole"), packs);
    assert_eq!(flaws(&segment), (true, Vec::new()));
    assert_eq!(Segment::peek(&path).expect("its header"), *segment.info());
    for pack in &packs {
        let block = segment.block_of(pack.first()).expect("it is in the segment");
        assert_eq!(segment.block_of(pack.last()), Some(block));
        assert!(segment.read_block(block).expect("whole").packs().contains(pack));
    }
    assert_eq!(segment.block_of(segment.info().last().next()), None);
    assert_eq!(files(folder.path()).expect("the folder"), [(Position(1), segment.info().last(), path.clone())]);
    let again = tempfile::tempdir().expect("a temporary folder");
    assert_eq!(fs::read(write(again.path(), &packs, 2000)).expect("the file"), bytes);
}

#[test]
fn the_bytes_of_a_segment_are_frozen() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let bytes = fs::read(write(folder.path(), &sample(24), 2000)).expect("the file");
    assert_eq!(
        blake3::hash(&bytes).to_hex().as_str(),
        "95a810866e6b44cf3fcc24655474cb6052553f2d5e902dab2ac16209627cb45f"
    );
}

#[test]
fn a_pack_that_does_not_follow_is_refused_and_leaves_nothing() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let packs = sample(4);
    let mut writer = SegmentWriter::create(folder.path(), HOME, Head::start(&HOME)).expect("a new file");
    writer.push(&packs[0]).expect("it follows");
    assert!(writer.push(&packs[2]).is_err());
    drop(writer);
    assert_eq!(list(folder.path()).expect("the folder"), [] as [PathBuf; 0]);
}

#[test]
fn every_damaged_byte_is_noticed_and_repaired() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let packs = sample(24);
    let path = write(folder.path(), &packs, 1500);
    let whole = fs::read(&path).expect("the file");
    let file = OpenOptions::new().write(true).open(&path).expect("the file");
    let last_page = whole.len() - PAGE;
    let every = |at: &usize| *at < 160 || at.is_multiple_of(61) || at % PAGE < 33 || *at > last_page + 4000;
    for at in (0..whole.len()).filter(every) {
        file.write_all_at(&[whole[at] ^ 0x20], at as u64).expect("damaged");
        let segment = Segment::open(&path).expect("one damaged byte never makes it unreadable");
        assert_eq!(read_all(&segment).expect("repaired"), packs, "byte {at}");
        let (readable, flaws) = flaws(&segment);
        assert!(readable && !flaws.is_empty(), "byte {at} is noticed");
        assert!(flaws.iter().all(|flaw| flaw.repaired), "byte {at}: {flaws:?}");
        file.write_all_at(&whole[at..=at], at as u64).expect("as it was");
    }
}

#[test]
fn one_zeroed_page_per_group_is_repaired_and_two_are_an_error() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let packs = sample(100);
    let path = write(folder.path(), &packs, 3500);
    let whole = fs::read(&path).expect("the file");
    let pages = whole.len() / PAGE;
    let zeroed = |pages: &[usize]| {
        let mut bytes = whole.clone();
        pages.iter().for_each(|page| bytes[page * PAGE..(page + 1) * PAGE].fill(0));
        fs::write(&path, bytes).expect("damaged");
        Segment::open(&path)
    };
    for page in 0..pages {
        let segment = zeroed(&[page]).expect("one page never makes it unreadable");
        assert_eq!(read_all(&segment).expect("repaired"), packs, "page {page}");
        assert!(flaws(&segment).0, "page {page}");
    }
    let two = zeroed(&[1, 2]).expect("header and index are there");
    if let Ok(read) = read_all(&two) {
        assert_eq!(read, packs);
    }
    let same_group = zeroed(&[1, 5]).expect("header and index are there");
    assert!(matches!(read_all(&same_group), Err(SegmentError::Damaged { positions: Some(_), .. })));
    assert!(!flaws(&same_group).0);
    assert!(matches!(zeroed(&[0, pages - 1]), Err(SegmentError::Damaged { .. })), "header and index");
}

#[test]
fn a_cut_segment_gives_what_is_left_or_an_error() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let packs = sample(60);
    let path = write(folder.path(), &packs, 2500);
    let whole = fs::read(&path).expect("the file");
    for length in (0..whole.len()).step_by(509) {
        fs::write(&path, &whole[..length]).expect("cut");
        assert!(Segment::peek(&path).is_err(), "a cut is seen by the header alone");
        let Ok(segment) = Segment::open(&path) else {
            assert!(length < PAGE, "cut at {length}");
            continue;
        };
        assert!(!segment.condition().is_whole());
        let (readable, flaws) = flaws(&segment);
        assert!(!flaws.is_empty());
        match read_all(&segment) {
            Ok(read) => assert!(readable && read == packs, "cut at {length}"),
            Err(_) => assert!(!readable, "cut at {length}"),
        }
    }
}

#[test]
fn a_newer_format_is_told_from_damage() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = write(folder.path(), &sample(4), 2500);
    let mut bytes = fs::read(&path).expect("the file");
    bytes[8] = 2;
    let hash = *blake3::hash(&bytes[..PAGE - HASH]).as_bytes();
    bytes[PAGE - HASH..PAGE].copy_from_slice(&hash);
    fs::write(&path, bytes).expect("written");
    assert!(matches!(Segment::open(&path), Err(SegmentError::Newer { found: 2, .. })));
    assert!(matches!(Segment::peek(&path), Err(SegmentError::Newer { found: 2, .. })));
}

#[test]
fn the_cache_keeps_what_was_read_last() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let packs = sample(100);
    let segment = Segment::open(&write(folder.path(), &packs, 3000)).expect("a segment");
    let cache = BlockCache::new(7000);
    let first = cache.read(&segment, 0).expect("read");
    assert!(std::sync::Arc::ptr_eq(&first, &cache.read(&segment, 0).expect("read")), "from the cache");
    for index in 1..6 {
        cache.read(&segment, index).expect("read");
    }
    assert!(!std::sync::Arc::ptr_eq(&first, &cache.read(&segment, 0).expect("read")), "read again");
}

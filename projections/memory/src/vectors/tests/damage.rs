//! Kills, power cuts and flipped bytes: what is left is the first so many rows, and each of them is right.

use std::fs;

use super::*;

const DIMENSIONS: usize = 20;

/// A folder with some synced rows, the rows, and what a change to a file of it did.
struct Damaged {
    dir: tempfile::TempDir,
    vectors: Vec<Vec<f32>>,
}

impl Damaged {
    fn new(rows: usize) -> Damaged {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let vectors = clustered(&mut Random(11), rows, 3, DIMENSIONS);
        let store = open(&dir.path().join("store"), DIMENSIONS).store;
        append(&store, &vectors);
        store.sync().expect("the disk is fine");
        Damaged { dir, vectors }
    }

    /// Opens a copy in which one file has other contents; what was noticed in opening, verifying and opening again,
    /// and how many rows were left.
    fn with(&self, file: &str, contents: &[u8]) -> (Vec<String>, u32) {
        let copy = self.dir.path().join("copy");
        let _ = fs::remove_dir_all(&copy);
        fs::create_dir(&copy).expect("a new folder of our own");
        for name in ["codes", "vectors"] {
            let original = fs::read(self.dir.path().join("store").join(name)).expect("it was written above");
            fs::write(copy.join(name), if name == file { contents } else { &original }).expect("a folder of our own");
        }
        let mut noticed = Vec::new();
        let OpenedVectors { mut store, rebuilt } = open(&copy, DIMENSIONS);
        noticed.extend(rebuilt);
        if let Err(error) = store.verify() {
            assert!(matches!(error, IndexError::Damaged { .. }), "{error}");
            noticed.push(error.to_string());
            drop(store);
            let again = open(&copy, DIMENSIONS);
            noticed.push(again.rebuilt.expect("the folder was marked"));
            store = again.store;
        }
        store.verify().expect("what was damaged is gone");
        for row in 0..store.rows() {
            let kept = store.vector(row).expect("it was just verified");
            assert!(cosine(&kept, &self.vectors[row as usize]) > 0.99999, "row {row} is wrong");
            assert_eq!(store.digest(row), Some(u128::from(row)));
            assert_eq!(store.nearest(&self.vectors[row as usize], 1, None).expect("verified").hits[0].0, row);
        }
        let rows = store.rows();
        append(&store, &self.vectors[rows as usize..]);
        store.sync().expect("the disk is fine");
        assert_eq!(open(&copy, DIMENSIONS).store.rows() as usize, self.vectors.len());
        (noticed, rows)
    }

    fn file(&self, name: &str) -> Vec<u8> {
        fs::read(self.dir.path().join("store").join(name)).expect("it was written at the start")
    }
}

#[test]
fn a_file_cut_at_any_byte_leaves_the_rows_before() {
    let damaged = Damaged::new(5);
    for name in ["codes", "vectors"] {
        let whole = damaged.file(name);
        let record_bytes = (whole.len() - 84) / 5;
        for length in 0..whole.len() {
            let (noticed, rows) = damaged.with(name, &whole[..length]);
            let left = length.saturating_sub(84) / record_bytes;
            assert_eq!(
                rows as usize,
                if name == "vectors" && length < 84 { 0 } else { left },
                "{name} of {length} bytes"
            );
            // The end of `codes` is where a kill may leave it; the end of `vectors` is not.
            let expected = name == "vectors" || length < 84;
            assert_eq!(!noticed.is_empty(), expected, "{name} of {length} bytes: {noticed:?}");
        }
    }
}

#[test]
fn every_flipped_byte_is_noticed() {
    let damaged = Damaged::new(4);
    for name in ["codes", "vectors"] {
        let whole = damaged.file(name);
        let record_bytes = (whole.len() - 84) / 4;
        for at in 0..whole.len() {
            let mut flipped = whole.clone();
            flipped[at] ^= 0x10;
            let (noticed, rows) = damaged.with(name, &flipped);
            assert!(!noticed.is_empty(), "byte {at} of {name}");
            assert_eq!(rows as usize, at.saturating_sub(84) / record_bytes, "byte {at} of {name}: {noticed:?}");
        }
    }
}

#[test]
fn records_that_changed_places_are_noticed() {
    let damaged = Damaged::new(4);
    for name in ["codes", "vectors"] {
        let mut contents = damaged.file(name);
        let record_bytes = (contents.len() - 84) / 4;
        let (left, right) = contents[84..].split_at_mut(2 * record_bytes);
        left[record_bytes..].swap_with_slice(&mut right[..record_bytes]);
        let (noticed, rows) = damaged.with(name, &contents);
        assert_eq!((rows, noticed.is_empty()), (1, false), "{name}");
    }
}

/// What a power cut may leave of a file that was written to and not synced: its old or its new length, and any of its
/// pages old or new.
fn torn(old: &[u8], new: &[u8], random: &mut Random) -> Vec<u8> {
    const PAGE: usize = 4_096;
    let mut left = new[..if random.below(2) == 0 { old.len().min(new.len()) } else { new.len() }].to_vec();
    for (page, place) in left.chunks_mut(PAGE).enumerate() {
        if random.below(2) == 0 {
            let before = old.get(page * PAGE..).unwrap_or_default();
            let kept = before.len().min(place.len());
            place[..kept].copy_from_slice(&before[..kept]);
            place[kept..].fill(0);
        }
    }
    left
}

#[test]
fn a_power_cut_leaves_all_that_was_synced_and_no_wrong_row() {
    let mut random = Random(13);
    for round in 0..60 {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let file = |name: &str| fs::read(dir.path().join(name)).expect("the store made it");
        let mut rows = clustered(&mut random, 900, 3, DIMENSIONS);
        let store = open(dir.path(), DIMENSIONS).store;
        append(&store, &rows[..500]);
        store.sync().expect("the disk is fine");
        let mut synced = 500;
        if round % 2 == 0 {
            // Other rows take the places of some.
            synced = 200 + random.below(300) as u32;
            store.truncate(synced).expect("the disk is fine");
            rows.drain(synced as usize..500);
        }
        let (codes, vectors) = (file("codes"), file("vectors"));
        append(&store, &rows[synced as usize..]);
        let left = if round % 3 == 0 {
            // Before the next sync: rows are being written.
            (codes, torn(&vectors, &file("vectors"), &mut random))
        } else {
            // Amid it: rows are durable, their codes are being written.
            store.sync().expect("the disk is fine");
            (torn(&codes, &file("codes"), &mut random), file("vectors"))
        };
        drop(store);
        fs::write(dir.path().join("codes"), left.0).expect("a folder of our own");
        fs::write(dir.path().join("vectors"), left.1).expect("a folder of our own");
        let store = open(dir.path(), DIMENSIONS).store;
        assert!(store.rows() >= synced, "round {round}: {} rows of {synced}", store.rows());
        store.verify().expect("no row is wrong");
        for row in 0..store.rows() {
            let kept = store.vector(row).expect("it was just verified");
            assert!(cosine(&kept, &rows[row as usize]) > 0.99999, "round {round}: row {row} is wrong");
        }
    }
}

#[test]
fn a_search_that_meets_damage_says_so_and_the_next_opening_drops_it() {
    let damaged = Damaged::new(6);
    let path = damaged.dir.path().join("store");
    let mut contents = damaged.file("vectors");
    let record_bytes = (contents.len() - 84) / 6;
    contents[84 + 3 * record_bytes] ^= 1;
    fs::write(path.join("vectors"), contents).expect("a folder of our own");
    let opened = open(&path, DIMENSIONS);
    assert_eq!((opened.store.rows(), opened.rebuilt), (6, None));
    let error = opened.store.nearest(&damaged.vectors[0], 2, None).expect_err("row 3 is damaged");
    assert!(error.to_string().contains("row 3"), "{error}");
    drop(opened.store);
    let opened = open(&path, DIMENSIONS);
    assert_eq!(opened.store.rows(), 3);
    assert_eq!(opened.rebuilt.as_deref(), Some("row 3 is not what was written; of 6 rows 3 were kept"));
    assert_eq!(open(&path, DIMENSIONS).rebuilt, None);
}

#[test]
fn what_does_not_look_like_a_store_is_set_aside() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("store");
    fs::write(&path, "a file").expect("a folder of our own");
    assert_eq!(open(&path, 4).rebuilt.as_deref(), Some("it is a file, not a folder"));
    drop(fs::remove_dir_all(&path));
    fs::create_dir(&path).expect("a folder of our own");
    fs::write(path.join("codes"), vec![7; 500]).expect("a folder of our own");
    fs::write(path.join("vectors"), vec![7; 500]).expect("a folder of our own");
    assert!(open(&path, 4).rebuilt.is_some_and(|why| why.contains("header")));
}

use std::fs;
use std::os::unix::fs::FileExt;

use tempfile::{TempDir, tempdir};

use super::*;
use crate::testing::{HOME, all_valid, document, found, open, question, search};
use crate::{Hit, MemoryIndex, Opened};

const QUESTION: &str = "which boat needs paint";

/// A small index of several segments, with what it answers when it is whole.
struct Whole {
    dir: TempDir,
    hits: Vec<Hit>,
}

impl Whole {
    fn new() -> Whole {
        let dir = tempdir().expect("a temporary folder");
        let index = open(dir.path()).index;
        for commit in 0..3u64 {
            for position in 1..=12 {
                let position = commit * 12 + position;
                let text = format!("boat number {position} needs {}", "paint ".repeat(position as usize % 3));
                index.add(&[document(position, &text)]).expect("added");
            }
            index.commit(commit * 12 + 12).expect("committed");
        }
        let hits = search(&index, QUESTION);
        assert_eq!(hits.len(), 36);
        Whole { dir, hits }
    }

    fn files(&self) -> Vec<(String, Vec<u8>)> {
        let entries = fs::read_dir(self.dir.path()).expect("readable");
        let mut files: Vec<_> = entries
            .map(|entry| {
                let entry = entry.expect("readable");
                let name = entry.file_name().into_string().expect("tantivy's names are ASCII");
                (name, fs::read(entry.path()).expect("readable"))
            })
            .collect();
        files.sort();
        files
    }

    /// Opens a copy in which `name` has other contents, or is missing, and makes sure that it
    /// either answers as before or says that it was rebuilt. Returns whether it was rebuilt.
    fn check(&self, name: &str, contents: Option<&[u8]>) -> bool {
        let dir = tempdir().expect("a temporary folder");
        let path = dir.path().join("index");
        fs::create_dir(&path).expect("empty so far");
        for (file, whole) in self.files() {
            match contents {
                _ if file != name => fs::write(path.join(file), whole).expect("writable"),
                Some(changed) => fs::write(path.join(file), changed).expect("writable"),
                None => {}
            }
        }
        let Opened { index, position, rebuilt } = open(&path);
        let hits = search(&index, QUESTION);
        if rebuilt.is_none() {
            assert_eq!((position, &hits), (36, &self.hits), "{name}");
        } else {
            assert_eq!((position, hits.len()), (0, 0), "{name}");
        }
        rebuilt.is_some()
    }
}

/// Files without contents that anybody reads: locks.
fn is_lock(name: &str) -> bool {
    name.ends_with(".lock")
}

#[test]
fn a_missing_or_cut_file_is_noticed() {
    let whole = Whole::new();
    for (name, contents) in whole.files() {
        let gone = whole.check(&name, None);
        // The last byte of a JSON file is a line end, which nobody misses.
        let mut cuts = vec![0, contents.len() / 2, contents.len().saturating_sub(2)];
        cuts.retain(|cut| *cut < contents.len());
        let noticed = cuts.iter().filter(|cut| whole.check(&name, Some(&contents[..**cut]))).count();
        if name == ".managed.json" {
            // Only a list of what may be deleted: without it nothing is lost.
            assert!(noticed > 0, "{name}");
        } else if !is_lock(&name) {
            assert!(gone, "{name} is missing");
            assert_eq!(noticed, cuts.len(), "{name} is cut");
        }
    }
}

#[test]
fn a_rebuilt_index_takes_documents_again() {
    let whole = Whole::new();
    fs::write(whole.dir.path().join(META_FILE), "{").expect("writable");
    let Opened { index, rebuilt, .. } = open(whole.dir.path());
    assert!(rebuilt.is_some());
    index.add(&[document(1, "a new boat")]).expect("added");
    index.commit(1).expect("committed");
    drop(index);
    let Opened { index, position, rebuilt } = open(whole.dir.path());
    assert_eq!((position, rebuilt, found(&index, "boat")), (1, None, vec![1]));
}

#[test]
fn a_flipped_bit_anywhere_is_noticed_or_harmless() {
    let whole = Whole::new();
    let (mut trials, mut noticed) = (0, 0);
    for (name, contents) in whole.files() {
        let step = (contents.len() / 40).max(1);
        for at in (0..contents.len()).step_by(step) {
            let mut changed = contents.clone();
            changed[at] ^= 1 << (at % 8);
            trials += 1;
            noticed += usize::from(whole.check(&name, Some(&changed)));
        }
    }
    // Unnoticed may go what nobody reads: locks, the list of files, numbers of commits.
    assert!(noticed * 10 > trials * 8, "only {noticed} of {trials} flips were noticed");
}

#[test]
fn damage_met_while_in_use_is_an_error_and_the_next_opening_rebuilds() {
    let whole = Whole::new();
    let mut errors = 0;
    for (name, contents) in whole.files() {
        if is_lock(&name) || name.ends_with(".json") {
            continue;
        }
        let dir = tempdir().expect("a temporary folder");
        for (file, contents) in whole.files() {
            fs::write(dir.path().join(file), contents).expect("writable");
        }
        let index = open(dir.path()).index;
        // The file is mapped into memory by now, and changes there.
        let file = fs::File::options().write(true).open(dir.path().join(&name)).expect("writable");
        let garbage: Vec<u8> = contents.iter().map(|byte| byte ^ 0xa5).collect();
        file.write_all_at(&garbage, 0).expect("writable");
        let answer = index.search(&question(QUESTION, 50), &all_valid);
        assert!(matches!(index.verify(), Err(IndexError::Damaged { .. })), "{name}");
        drop(index);
        let reopened = open(dir.path());
        assert!(reopened.rebuilt.is_some(), "{name}");
        if let Err(error) = answer {
            assert!(matches!(error, IndexError::Damaged { .. }), "{error:?}");
            errors += 1;
        }
    }
    assert!(errors > 0, "no search met the damage");
}

#[test]
fn a_file_or_strange_folder_in_the_way_is_set_aside() {
    let dir = tempdir().expect("a temporary folder");
    let path = dir.path().join("index");
    fs::write(&path, "a letter").expect("writable");
    let opened = open(&path);
    assert_eq!(opened.rebuilt.as_deref(), Some("it is a file, not a folder"));
    drop(opened);

    fs::remove_dir_all(&path).expect("removable");
    fs::create_dir(&path).expect("writable");
    fs::write(path.join("letter"), "Dear Anna").expect("writable");
    let opened = open(&path);
    assert_eq!(opened.rebuilt.as_deref(), Some("meta.json is missing"));
    assert!(dir.path().join("index.set-aside").join("letter").exists());
}

#[test]
fn an_index_of_another_version_is_rebuilt() {
    let whole = Whole::new();
    for (name, contents) in whole.files() {
        if name == META_FILE {
            let text = String::from_utf8(contents).expect("JSON");
            let renamed = text.replace("\"words\"", "\"wards\"");
            assert_ne!(text, renamed);
            assert!(whole.check(&name, Some(renamed.as_bytes())));
            let newer = Payload { schema_version: 99, ..Payload::new(HOME, 36, 36) };
            let present = Payload::new(HOME, 36, 36);
            let changed = text.replace(&present.to_line(), &newer.to_line());
            assert_ne!(text, changed);
            assert!(whole.check(&name, Some(changed.as_bytes())));
        }
    }
}

#[test]
fn a_folder_that_cannot_be_made_is_an_error() {
    let dir = tempdir().expect("a temporary folder");
    fs::write(dir.path().join("file"), "").expect("writable");
    let below_a_file = dir.path().join("file").join("index");
    let error = MemoryIndex::open(&below_a_file, &HOME).expect_err("a file is in the way");
    assert!(error.to_string().contains("memory index at"), "{error}");
}

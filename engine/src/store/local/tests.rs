mod backups;
mod damage;
mod random;
mod recovery;

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use super::*;
use crate::store::testing::{HOME, conformance, packs_after, read_all};

const PATIENCE: Duration = Duration::from_secs(100);

/// Files of 16 KiB, so that a few dozen packs rotate, seal and recycle.
fn tiny() -> Options {
    Options {
        journal: Sizes { file_bytes: 16 << 10, first_chunk: 4 << 10, largest_chunk: 8 << 10, spare_files: 2 },
        tail_bytes: 4 << 10,
        block_cache_bytes: 8 << 10,
        recent_cache_bytes: 1 << 20,
        idle: Duration::from_millis(2),
        space_margin: 1 << 20,
        reserve_bytes: 4 << 10,
        seal: true,
    }
}

/// Waits until the threads behind the writer have come to rest.
fn settle(store: &LocalStore) {
    if !store.settle(PATIENCE) {
        let state = store.shared.lock();
        let files: Vec<_> =
            state.files.iter().map(|live| (live.file.sequence(), live.unfilled(), live.halted)).collect();
        let wanted = (&state.repairs, state.wanted_twin, &state.flawed);
        panic!("still at work: {:?} {:?} {files:?} {wanted:?} {:?}", state.filler, state.sealer, state.findings);
    }
}

/// A log in a temporary folder, and what should be in it.
struct Sample {
    folder: TempDir,
    packs: Vec<Pack>,
}

impl Sample {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder"), packs: Vec::new() }
    }

    /// In memory, where there is a folder for that: for tests that make thousands of logs.
    fn in_memory() -> Self {
        Self { folder: crate::disk::folder_in_memory(), packs: Vec::new() }
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    fn open(&self, options: Options) -> Opened {
        LocalStore::open(&self.log(), HOME, options).expect("the log opens")
    }

    fn append(&mut self, store: &LocalStore, commits: usize, packs: usize, bytes: usize) {
        for _ in 0..commits {
            let packs = packs_after(&store.head(), packs, bytes);
            store.append(store.head(), &packs).expect("appended");
            self.packs.extend(packs);
        }
    }

    fn check(&self, store: &LocalStore) {
        assert_eq!(store.head(), self.packs.last().map_or(Head::start(&HOME), Pack::head));
        assert_eq!(read_all(store, Position(1)), self.packs);
    }

    /// The folder as a kill would leave it at this moment. Nothing may be moving in it.
    fn killed(&self) -> Sample {
        self.killed_if_possible().expect("nothing is moving")
    }

    fn killed_if_possible(&self) -> Option<Sample> {
        let beside = self.folder.path().parent().expect("it is in a folder");
        let folder = tempfile::tempdir_in(beside).expect("a temporary folder");
        let copy = Sample { folder, packs: self.packs.clone() };
        crate::disk::files::copy_folder(&self.log(), &copy.log()).ok()?;
        Some(copy)
    }
}

#[test]
fn it_conforms() {
    for options in [tiny(), Options::default()] {
        let folders = std::cell::RefCell::new(Vec::new());
        conformance(&|| {
            let folder = tempfile::tempdir().expect("a temporary folder");
            let opened = LocalStore::open(&folder.path().join("log"), HOME, options).expect("a new log");
            assert!(opened.report.is_clean(), "{}", opened.report);
            folders.borrow_mut().push(folder);
            opened.store
        });
    }
}

#[test]
fn everything_is_there_after_reopening_through_many_files() {
    let mut sample = Sample::new();
    for round in 0..6 {
        let Opened { store, report } = sample.open(tiny());
        assert!(report.is_clean(), "round {round}: {report}");
        sample.check(&store);
        sample.append(&store, 10, 1 + round, 700);
        if round % 2 == 0 {
            store.close();
        }
        if round == 3 {
            settle(&store);
        }
        sample.check(&store);
        assert_eq!(store.health(), []);
    }
    assert!(sample.packs.len() > 100);
}

#[test]
fn closed_files_are_sealed_and_recycled() {
    let mut sample = Sample::new();
    let Opened { store, .. } = sample.open(tiny());
    sample.append(&store, 100, 1, 900);
    settle(&store);
    {
        let state = store.shared.lock();
        assert_eq!(state.files.len(), 1);
        assert!(state.segments.len() >= 5, "{} segments", state.segments.len());
        assert_eq!(state.segments.last().map(|info| info.end), Some(state.sealed));
    }
    let (live, spares) = crate::disk::journal::files(&sample.log().join("journal")).expect("the journal");
    assert_eq!(live.len(), 1);
    assert!(spares.len() <= 2);
    assert!(crate::disk::files::list(&sample.log().join("recent")).expect("the recent range").len() <= 2);
    sample.check(&store);
    store.close();
    let Opened { store, report } = sample.open(tiny());
    assert!(report.is_clean(), "{report}");
    sample.check(&store);
    assert_eq!(store.health(), []);
}

#[test]
fn an_idle_log_has_everything_twice() {
    let mut sample = Sample::new();
    let Opened { store, .. } = sample.open(tiny());
    sample.append(&store, 8, 1, 900);
    settle(&store);
    let killed = sample.killed();
    fs::remove_dir_all(killed.log().join("journal")).expect("the journal is gone");
    let Opened { store: again, report } = killed.open(tiny());
    assert!(report.to_string().contains("the recent range"), "{report}");
    killed.check(&again);
}

#[test]
fn a_second_opener_is_told_who_has_it() {
    let sample = Sample::new();
    let Opened { store, .. } = sample.open(tiny());
    let refused = LocalStore::open(&sample.log(), HOME, tiny()).err().expect("it is held");
    assert!(matches!(refused, OpenError::Held { holder: Some(pid) } if pid == std::process::id()));
    store.close();
    sample.open(tiny());
}

#[test]
fn a_file_in_place_of_the_folder_and_another_home_are_named() {
    let mut sample = Sample::new();
    fs::write(sample.log(), b"a file").expect("written");
    let refused = LocalStore::open(&sample.log(), HOME, tiny()).err().expect("it is a file");
    assert!(matches!(refused, OpenError::NotAFolder { .. }), "{refused}");
    fs::remove_file(sample.log()).expect("removed");
    let Opened { store, .. } = sample.open(tiny());
    sample.append(&store, 3, 1, 100);
    store.close();
    let refused = LocalStore::open(&sample.log(), [0; 16], tiny()).err().expect("another home");
    assert!(matches!(refused, OpenError::OtherHome { .. }), "{refused}");
}

#[test]
fn a_full_disk_refuses_appends_until_there_is_space() {
    let mut sample = Sample::new();
    let free = crate::disk::files::free_bytes(sample.folder.path()).expect("it tells");
    let Opened { store, .. } = sample.open(Options { space_margin: free * 2, ..tiny() });
    let packs = packs_after(&store.head(), 1, 100);
    let refused = store.append(store.head(), &packs).expect_err("there is no space");
    assert!(matches!(refused, AppendError::DiskFull { available, needed } if available < needed));
    sample.check(&store);
    store.close();
    let Opened { store, report } = sample.open(tiny());
    assert!(report.is_clean(), "{report}");
    sample.append(&store, 1, 1, 100);
    sample.check(&store);
}

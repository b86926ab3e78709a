use std::sync::Arc;

use super::*;
use crate::store::testing::{HOME, conformance, packs_after, read_all};

fn tiny() -> Options {
    let journal = Sizes { file_bytes: 16 << 10, first_chunk: 4 << 10, largest_chunk: 8 << 10, spare_files: 2 };
    Options { journal, tail_bytes: 4 << 10, ..Options::default() }
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
fn everything_is_there_after_reopening() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut all = Vec::new();
    for round in 0..6 {
        let opened = LocalStore::open(folder.path(), HOME, tiny()).expect("the log");
        assert!(opened.report.is_clean(), "{}", opened.report);
        let store = opened.store;
        assert_eq!(read_all(&*store, Position(1)), all);
        for _ in 0..10 {
            let packs = packs_after(&store.head(), 1 + round, 700);
            store.append(store.head(), &packs).expect("appended");
            all.extend(packs);
        }
        if round % 2 == 0 {
            store.close();
        }
        assert_eq!(read_all(&*store, Position(1)), all);
    }
    assert!(Arc::new(all).len() > 100);
}

//! Backups, restores and verification.

use super::*;

fn sealed_log() -> (Sample, Arc<LocalStore>) {
    let mut sample = Sample::in_memory();
    let Opened { store, .. } = sample.open(tiny());
    sample.append(&store, 40, 1, 900);
    settle(&store);
    (sample, store)
}

fn names(folder: &Path) -> Vec<String> {
    let paths = crate::disk::files::list(folder).expect("a folder");
    paths.iter().filter_map(|path| path.file_name()?.to_str().map(str::to_owned)).collect()
}

#[test]
fn a_backup_is_incremental_and_restores_to_the_same_log() {
    let (mut sample, store) = sealed_log();
    let to = sample.folder.path().join("backup");
    let first = store.backup(&to).expect("a backup");
    assert_eq!((first.head, first.kept), (store.head(), 0));
    assert!(first.copied >= 3 && first.unsealed > 0);
    let again = store.backup(&to).expect("nothing new");
    assert_eq!((again.copied, again.kept), (0, first.copied));
    assert_eq!(names(&to).len(), first.copied + 1);
    sample.append(&store, 30, 1, 900);
    settle(&store);
    let third = store.backup(&to).expect("more");
    assert!(third.copied > 0 && third.kept == first.copied);
    assert_eq!(names(&to).len(), third.copied + third.kept + 1, "the tail of the backup before is gone");

    let into = sample.folder.path().join("again");
    let restored = restore(&to, &into).expect("restored");
    assert_eq!((restored.head, restored.lost), (store.head(), None));
    let other = LocalStore::open(&into, HOME, tiny()).expect("it opens");
    assert!(other.report.is_clean(), "{}", other.report);
    sample.check(&other.store);
    let more = packs_after(&other.store.head(), 3, 500);
    other.store.append(other.store.head(), &more).expect("it goes on");
    assert!(matches!(restore(&to, &into), Err(RestoreError::Occupied { .. })));
    // The log has gone another way than its copy: neither may overwrite the other's backup.
    let elsewhere = sample.folder.path().join("elsewhere");
    other.store.backup(&elsewhere).expect("a backup");
    sample.append(&store, 1, 3, 100);
    assert!(matches!(store.backup(&elsewhere), Err(BackupError::OtherHistory { .. })));
}

#[test]
fn restoring_from_nothing_is_an_error() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let refused = restore(&folder.path().join("none"), &folder.path().join("log"));
    assert!(matches!(refused, Err(RestoreError::NothingThere { .. })));
}

#[test]
fn a_backup_brings_back_what_is_damaged_beyond_repair() {
    let (sample, store) = sealed_log();
    let to = sample.folder.path().join("backup");
    store.backup(&to).expect("a backup");
    store.close();
    let segments = sample.log().join("segments");
    for name in names(&segments) {
        for length in [None, Some(5000)] {
            let copy = sample.killed();
            let path = copy.log().join("segments").join(&name);
            match length {
                None => fs::remove_file(&path).expect("removed"),
                Some(length) => fs::write(&path, &fs::read(&path).expect("a file")[..length]).expect("cut"),
            }
            match LocalStore::open(&copy.log(), HOME, tiny()) {
                Ok(opened) => copy.check(&opened.store),
                Err(error) => {
                    assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
                    let restored = restore_local(&copy.log(), HOME, &tiny(), Some(&to)).expect("restored");
                    assert_eq!((restored.lost, restored.head), (None, sample.packs[39].head()));
                    copy.check(&copy.open(tiny()).store);
                }
            }
        }
    }
}

#[test]
fn without_a_backup_a_damaged_segment_ends_the_log_and_nothing_is_thrown_away() {
    let (sample, store) = sealed_log();
    store.close();
    let path = sample.log().join("segments").join(&names(&sample.log().join("segments"))[1]);
    // They would help.
    for spare in crate::disk::journal::files(&sample.log().join("journal")).expect("the journal").1 {
        fs::remove_file(spare).expect("removed");
    }
    let mut bytes = fs::read(&path).expect("a segment");
    // The block and its parity: more than can be repaired.
    let end = bytes.len() - 8192;
    bytes[6000..end].iter_mut().for_each(|byte| *byte ^= 0x55);
    fs::write(&path, bytes).expect("damaged");
    let Opened { store, .. } = sample.open(tiny());
    let verified = store.verify(&mut |_| {}).expect("it can be looked at");
    assert!(!verified.is_ok() && verified.events < sample.packs[39].last().0);
    let error = store.read(verified.head.position.next(), 1).expect_err("it is damaged");
    assert!(matches!(error, ReadError::Damaged { .. }));
    store.close();
    let restored = restore_local(&sample.log(), HOME, &tiny(), None).expect("what is readable is kept");
    assert_eq!(restored.lost, Some((verified.head.position.next(), sample.packs[39].last())));
    assert_eq!(restored.head, verified.head);
    let mut sample = sample;
    sample.packs.retain(|pack| pack.last() <= restored.head.position);
    sample.check(&sample.open(tiny()).store);
}

#[test]
fn verification_names_the_damage_and_changes_nothing() {
    let (sample, store) = sealed_log();
    let mut told = Vec::new();
    let verified = store.verify(&mut |position| told.push(position)).expect("it can be looked at");
    assert_eq!((verified.problems.as_slice(), verified.head), (&[][..], store.head()));
    assert_eq!(verified.events, store.head().position.0);
    assert!(told.is_sorted() && told.last() == Some(&store.head().position));
    store.close();
    let verified = verify(&sample.log(), HOME, &mut |_| {}).expect("it can be looked at");
    assert_eq!((verified.problems.as_slice(), verified.head), (&[][..], store.head()));
    let live = crate::disk::journal::files(&sample.log().join("journal")).expect("the journal").0;
    let files = [
        (sample.log().join("segments").join(&names(&sample.log().join("segments"))[0]), 5000, Some("its own parity")),
        (live[0].1.clone(), 4400, Some("the recent range")),
        (live[0].1.clone(), 100, Some("the chain")),
        (sample.log().join("head"), 20, Some("the other one")),
    ];
    for (path, at, restored_by) in files {
        let copy = sample.killed();
        let path = copy.log().join(path.strip_prefix(sample.log()).expect("below the log"));
        let mut bytes = fs::read(&path).expect("a file");
        bytes[at] ^= 1;
        fs::write(&path, &bytes).expect("damaged");
        let verified = verify(&copy.log(), HOME, &mut |_| {}).expect("it can be looked at");
        assert_eq!(verified.problems.len(), 1, "{}: {:?}", path.display(), verified.problems);
        assert_eq!(verified.problems[0].restored_by.as_deref(), restored_by);
        assert_eq!(verified.head, store.head(), "everything can be had");
        assert_eq!(fs::read(&path).expect("a file"), bytes, "nothing is changed");
        assert!(!copy.log().join("recent-copy.tmp").exists());
    }
}

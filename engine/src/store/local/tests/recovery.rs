//! What open makes of files as a crash, a power cut or damage left them.

use std::os::unix::fs::FileExt;

use super::*;
use crate::disk::journal::{HEADER_BYTES, file_name};

/// Nothing is sealed: what is in the journal stays there.
fn unsealed() -> Options {
    Options { seal: false, ..tiny() }
}

fn journal_file(sample: &Sample, sequence: u64) -> PathBuf {
    sample.log().join("journal").join(file_name(sequence))
}

fn overwrite(path: &Path, at: u64, bytes: &[u8]) {
    let file = fs::OpenOptions::new().write(true).open(path).expect("a file");
    file.write_all_at(bytes, at).expect("written");
}

fn flip(path: &Path, at: u64) {
    let byte = fs::read(path).expect("a file")[usize::try_from(at).expect("small")];
    overwrite(path, at, &[byte ^ 1]);
}

fn refused(sample: &Sample, options: Options) -> OpenError {
    LocalStore::open(&sample.log(), HOME, options).err().expect("it must not open as if nothing had happened")
}

/// A log of `commits` commits in files that are not sealed, killed while idle, and where each pack lies.
fn killed_while_idle(commits: usize) -> (Sample, Vec<(u64, u64)>) {
    let mut sample = Sample::in_memory();
    let Opened { store, .. } = sample.open(unsealed());
    sample.append(&store, commits, 1, 900);
    settle(&store);
    let places = places(&store);
    (sample.killed(), places)
}

/// File and offset of every pack.
fn places(store: &LocalStore) -> Vec<(u64, u64)> {
    let state = store.shared.lock();
    let of =
        |live: &LiveFile| live.packs.iter().map(|placed| (live.file.sequence(), placed.offset)).collect::<Vec<_>>();
    state.files.iter().flat_map(of).collect()
}

#[test]
fn a_torn_commit_is_set_aside_and_reported() {
    let (mut sample, _) = killed_while_idle(5);
    let head = sample.packs[4].head();
    let torn = packs_after(&head, 3, 700);
    let bytes: Vec<u8> = torn.iter().flat_map(|pack| pack.bytes().to_vec()).collect();
    let end: u64 = HEADER_BYTES + sample.packs.iter().map(|pack| pack.bytes().len() as u64).sum::<u64>();
    // The first pack has lost a page, the others are whole.
    overwrite(&journal_file(&sample, 1), end, &bytes);
    overwrite(&journal_file(&sample, 1), end + 100, &[0; 50]);
    let Opened { store, report } = sample.open(unsealed());
    let said = report.to_string();
    assert!(said.contains("not finished") && said.contains("set-aside/00000001.zoj"), "{said}");
    let aside = crate::disk::files::list(&sample.log().join("set-aside")).expect("the folder");
    assert_eq!(fs::read(&aside[0]).expect("kept").len(), bytes.len());
    sample.append(&store, 3, 1, 300);
    store.close();
    let Opened { store, report } = sample.open(unsealed());
    assert!(report.is_clean(), "{report}");
    sample.check(&store);
}

#[test]
fn a_commit_that_was_written_but_not_acknowledged_is_kept_whole() {
    let (mut sample, _) = killed_while_idle(5);
    let more = packs_after(&sample.packs[4].head(), 2, 200);
    let bytes: Vec<u8> = more.iter().flat_map(|pack| pack.bytes().to_vec()).collect();
    let end: u64 = HEADER_BYTES + sample.packs.iter().map(|pack| pack.bytes().len() as u64).sum::<u64>();
    overwrite(&journal_file(&sample, 1), end, &bytes);
    sample.packs.extend(more);
    let Opened { store, report } = sample.open(unsealed());
    assert!(report.is_clean(), "{report}");
    sample.check(&store);
}

#[test]
fn damage_in_any_file_of_the_journal_is_written_back() {
    let (sample, places) = killed_while_idle(40);
    assert!(places.iter().any(|(sequence, _)| *sequence >= 3), "it spans several files");
    for (sequence, offset) in &places {
        let copy = sample.killed();
        flip(&journal_file(&copy, *sequence), offset + 300);
        let Opened { store, report } = copy.open(unsealed());
        copy.check(&store);
        settle(&store);
        let said: Vec<String> = store.health().iter().map(Finding::to_string).collect();
        let said = format!("{report}{}", said.join("\n"));
        let repaired = said.contains("written back from the recent range");
        if !repaired {
            // The twin was opened so soon that the damaged copy was never read.
            let verified = store.verify(&mut |_| {}).expect("it can be looked at");
            assert_eq!(verified.problems.len(), 1, "file {sequence} at {offset}: {said}");
            assert_eq!(verified.problems[0].restored_by.as_deref(), Some("the recent range"));
            continue;
        }
        drop(store);
        let original = fs::read(journal_file(&sample, *sequence)).expect("the file");
        let end = usize::try_from(*offset).expect("small") + 900;
        assert!(fs::read(journal_file(&copy, *sequence)).expect("the file")[..end] == original[..end]);
    }
}

#[test]
fn a_missing_or_beheaded_file_of_the_journal_is_restored() {
    let (sample, places) = killed_while_idle(40);
    let last = places[places.len() - 1].0;
    for sequence in 1..=last {
        let copy = sample.killed();
        fs::remove_file(journal_file(&copy, sequence)).expect("removed");
        let Opened { store, report } = copy.open(unsealed());
        assert!(report.to_string().contains("the recent range"), "file {sequence}: {report}");
        copy.check(&store);
        store.close();
        copy.check(&copy.open(tiny()).store);

        let copy = sample.killed();
        overwrite(&journal_file(&copy, sequence), 0, &[0; HEADER_BYTES as usize]);
        let Opened { store, report } = copy.open(unsealed());
        assert!(report.to_string().contains("header was damaged"), "file {sequence}: {report}");
        copy.check(&store);
    }
}

#[test]
fn a_loss_is_named_and_what_is_readable_can_be_kept() {
    let (sample, places) = killed_while_idle(20);
    for damaged in [0, 7, 19] {
        let mut copy = sample.killed();
        // Both copies are gone.
        fs::remove_dir_all(copy.log().join("recent")).expect("removed");
        let (sequence, offset) = places[damaged];
        flip(&journal_file(&copy, sequence), offset + 20);
        let acknowledged = copy.packs[19].last();
        let readable_to = damaged.checked_sub(1).map_or(Position::START, |last| copy.packs[last].last());
        let error = refused(&copy, unsealed());
        let named = matches!(&error, OpenError::Damaged { readable_to: to, acknowledged: of, .. }
            if *to == readable_to && *of == acknowledged);
        assert!(named && error.to_string().contains("zo log restore"), "{error:?}");
        let verified = verify(&copy.log(), HOME, &mut |_| {}).expect("it can be looked at");
        assert_eq!((verified.head.position, verified.is_ok()), (readable_to, false));
        assert!(verified.problems.iter().any(|problem| problem.restored_by.is_none()));
        let restored = restore_local(&copy.log(), HOME, &unsealed(), None).expect("what is readable is kept");
        assert_eq!(restored.lost, Some((readable_to.next(), acknowledged)));
        assert!(!crate::disk::files::list(&copy.log().join("set-aside")).expect("a folder").is_empty());
        copy.packs.truncate(damaged);
        let Opened { store, report } = copy.open(unsealed());
        assert!(report.is_clean(), "{report}");
        copy.check(&store);
        copy.append(&store, 30, 1, 500);
        copy.check(&store);
    }
}

#[test]
fn a_head_file_that_lags_is_followed_and_one_that_leads_is_a_loss() {
    let mut sample = Sample::in_memory();
    let Opened { store, .. } = sample.open(unsealed());
    sample.append(&store, 3, 1, 300);
    let old = fs::read(sample.log().join("head")).expect("the head file");
    sample.append(&store, 3, 1, 300);
    settle(&store);
    let lagging = sample.killed();
    fs::write(lagging.log().join("head"), &old).expect("put back");
    lagging.check(&lagging.open(unsealed()).store);

    let mut leading = sample.killed();
    fs::remove_dir_all(leading.log().join("recent")).ok();
    fs::remove_dir_all(leading.log().join("journal")).expect("removed");
    assert!(matches!(refused(&leading, unsealed()), OpenError::Damaged { acknowledged, .. }
        if acknowledged == leading.packs[5].last()));
    leading.packs.clear();
    let restored = restore_local(&leading.log(), HOME, &unsealed(), None).expect("an empty log is left");
    assert_eq!(restored.lost.map(|(first, _)| first), Some(Position(1)));
    leading.check(&leading.open(unsealed()).store);
}

#[test]
fn a_range_in_both_a_segment_and_the_journal_is_told_by_its_positions() {
    let (sample, _) = killed_while_idle(40);
    let unsealed_journal = sample.killed();
    let Opened { store, .. } = sample.open(tiny());
    settle(&store);
    store.close();
    // As if it had been killed between the rename of the segment and the recycling of the file.
    for sequence in 1..=2 {
        fs::copy(journal_file(&unsealed_journal, sequence), journal_file(&sample, sequence)).expect("copied");
    }
    for temporary in ["segments/from-1.tmp", "recent-copy.tmp"] {
        fs::write(sample.log().join(temporary), b"left behind").expect("written");
    }
    let Opened { store, report } = sample.open(tiny());
    assert!(report.is_clean(), "{report}");
    sample.check(&store);
    assert!(!journal_file(&sample, 1).exists());
    assert!(!sample.log().join("segments/from-1.tmp").exists());
}

#[test]
fn a_newer_format_is_named_as_such() {
    let (sample, _) = killed_while_idle(3);
    let path = journal_file(&sample, 1);
    let mut header = fs::read(&path).expect("the file")[..4096].to_vec();
    header[8] = 2;
    let hash = *blake3::hash(&header[..4064]).as_bytes();
    header[4064..].copy_from_slice(&hash);
    overwrite(&path, 0, &header);
    assert!(matches!(refused(&sample, tiny()), OpenError::Newer { found: 2, .. }));
}

#[test]
fn a_useless_recent_range_is_replaced_and_reported() {
    let (sample, _) = killed_while_idle(6);
    let twin = sample.log().join("recent/00000001");
    fs::remove_dir_all(&twin).expect("removed");
    fs::write(&twin, b"not a folder").expect("written");
    let Opened { store, .. } = sample.open(unsealed());
    settle(&store);
    let said = store.health();
    assert!(said.iter().any(|finding| finding.place == "recent/00000001"), "{said:?}");
    sample.check(&store);
    assert!(store.verify(&mut |_| {}).expect("it can be looked at").is_ok());
    drop(store);
    fs::remove_dir_all(sample.log().join("journal")).expect("removed");
    sample.check(&sample.open(unsealed()).store);
}

#[test]
fn a_recent_range_that_fails_is_done_without() {
    let mut sample = Sample::in_memory();
    let Opened { store, .. } = sample.open(unsealed());
    sample.append(&store, 20, 1, 900);
    settle(&store);
    let twins: Vec<_> = store.shared.lock().files.iter().filter_map(|live| live.twin.open().cloned()).collect();
    assert!(twins.len() > 1);
    for twin in &twins {
        store.shared.abandon(twin, "sled panicked: as if");
    }
    drop(twins);
    sample.append(&store, 20, 1, 900);
    sample.check(&store);
    settle(&store);
    assert!(store.health().iter().any(|finding| finding.what.contains("as if")));
    assert!(store.verify(&mut |_| {}).expect("it can be looked at").is_ok());
    store.close();
    let Opened { store, report } = sample.open(unsealed());
    assert!(report.is_clean(), "{report}");
    settle(&store);
    drop(store);
    fs::remove_dir_all(sample.log().join("journal")).expect("removed");
    sample.check(&sample.open(unsealed()).store);
}

#[test]
fn a_log_that_died_while_it_was_made_opens_without_a_word() {
    let sample = Sample::in_memory();
    drop(sample.open(tiny()));
    fs::remove_file(sample.log().join("head")).expect("removed");
    let Opened { store, report } = sample.open(tiny());
    assert!(report.is_clean(), "{report}");
    sample.check(&store);
}

#[test]
fn refusals_of_the_system_have_their_own_names() {
    use std::io::{Error, ErrorKind};
    let open_error = |kind| {
        let source = Error::from(kind);
        OpenError::from(crate::disk::DiskError { action: "open", path: "/no/such/log".into(), source })
    };
    assert!(matches!(open_error(ErrorKind::PermissionDenied), OpenError::Forbidden { .. }));
    assert!(matches!(open_error(ErrorKind::ReadOnlyFilesystem), OpenError::Forbidden { .. }));
    assert!(matches!(open_error(ErrorKind::StorageFull), OpenError::DiskFull { .. }));
    assert!(matches!(open_error(ErrorKind::NotADirectory), OpenError::NotAFolder { .. }));
    assert!(matches!(open_error(ErrorKind::NotFound), OpenError::Io(_)));
}

#[test]
fn a_failed_write_poisons_until_the_next_open() {
    let mut sample = Sample::in_memory();
    let Opened { store, .. } = sample.open(tiny());
    sample.append(&store, 3, 1, 300);
    {
        let mut writer = store.writer();
        let path = writer.journal.current().path().to_owned();
        let file = crate::disk::journal::JournalFile::open_to_read(&path, 1).expect("the file");
        let (folder, spares) = (sample.log().join("journal"), Arc::clone(&store.shared.spares));
        let offset = writer.journal.offset();
        let sizes = store.shared.options.journal;
        writer.journal = Journal::resume(&folder, HOME, sizes, spares, Arc::new(file), offset).expect("a journal");
    }
    for _ in 0..2 {
        let packs = packs_after(&store.head(), 1, 300);
        assert!(matches!(store.append(store.head(), &packs), Err(AppendError::Poisoned(_))));
    }
    sample.check(&store);
    store.close();
    let Opened { store, .. } = sample.open(tiny());
    sample.check(&store);
    sample.append(&store, 3, 1, 300);
    sample.check(&store);
}

use std::panic::{AssertUnwindSafe, catch_unwind};

use tempfile::tempdir;

use super::*;
use crate::Kind;
use crate::testing::{HOME, all_valid, document, found, open, question, search};

fn boats() -> Vec<Document> {
    vec![
        document(3, "Anna rents the red boat in summer"),
        document(5, "The hull of the boat needs paint"),
        document(9, "Nobody plays chess any more"),
    ]
}

#[test]
fn what_is_added_is_found_at_once_and_after_commit_and_reopening() {
    let dir = tempdir().expect("a temporary folder");
    let path = dir.path().join("deep").join("index");
    let Opened { index, position, rebuilt } = open(&path);
    assert_eq!((position, rebuilt), (0, None));
    assert_eq!(index.add(&boats()).expect("added"), 3);
    assert_eq!((index.uncommitted(), index.documents()), (3, 3));
    let before = search(&index, "painting boats");
    assert_eq!(before.iter().map(|hit| hit.position).collect::<Vec<_>>(), [5, 3]);

    index.commit(12).expect("committed");
    assert_eq!((index.uncommitted(), index.documents(), index.position()), (0, 3, 12));
    assert_eq!(search(&index, "painting boats"), before);
    drop(index);

    let Opened { index, position, rebuilt } = open(&path);
    assert_eq!((position, rebuilt), (12, None));
    assert_eq!(search(&index, "painting boats"), before);
    assert!(!dir.path().join("deep").join("index.set-aside").exists());
}

#[test]
fn hits_carry_what_was_given() {
    let dir = tempdir().expect("a temporary folder");
    let index = open(dir.path()).index;
    let given = Document { item: u128::MAX - 5, kind: Kind::Message, ..document(4, "Zürich,\n tea") };
    index.add(std::slice::from_ref(&given)).expect("added");
    let uncommitted = search(&index, "zurich").remove(0);
    let hit = &uncommitted;
    assert_eq!((hit.position, hit.item, hit.kind), (4, given.item, Kind::Message));
    assert_eq!((hit.passage, hit.passages, hit.cosine), (0, 1, None));
    assert_eq!((hit.previous, hit.next), (None, None));
    assert_eq!(hit.terms, [("zurich".to_owned(), hit.bm25)]);
    assert!(hit.bm25 > 0.0 && hit.bm25 < hit.ceiling && hit.coverage == 1.0);
    index.commit(4).expect("committed");
    assert_eq!(search(&index, "zurich"), [uncommitted]);
}

#[test]
fn title_speaker_and_date_are_searchable() {
    let dir = tempdir().expect("a temporary folder");
    let index = open(dir.path()).index;
    let said = Document {
        title: Some("Logbook".to_owned()),
        speaker: Some("Okafor".to_owned()),
        date_ms: Some(1_683_554_160_000),
        ..document(1, "Nothing to report")
    };
    index.add(&[said, document(2, "report")]).expect("added");
    for query in ["logbook", "what did Okafor say?", "8 May", "May 2023"] {
        assert_eq!(found(&index, query), [1], "{query}");
    }
}

#[test]
fn only_valid_documents_are_found_and_the_limit_is_filled_with_them() {
    let dir = tempdir().expect("a temporary folder");
    let index = open(dir.path()).index;
    let documents: Vec<_> =
        (0..3_000).map(|at| document(at, &format!("boat {}", "x ".repeat(at as usize % 7)))).collect();
    index.add(&documents[..2_000]).expect("added");
    index.commit(2_000).expect("committed");
    index.add(&documents[2_000..]).expect("added");
    let valid = |answer: fn(u64) -> bool| {
        move |revisions: &[(u128, u64)]| -> Vec<bool> {
            assert!(revisions.iter().all(|(item, position)| u128::from(*position) == item >> 70));
            revisions.iter().map(|(_, position)| answer(*position)).collect()
        }
    };
    let ask = |limit, answer| index.search(&question("boat", limit), &valid(answer)).expect("searched");
    let positions: Vec<_> = ask(10, |position| position % 14 == 7).iter().map(|hit| hit.position).collect();
    assert_eq!(positions, [7, 21, 35, 49, 63, 77, 91, 105, 119, 133], "equal scores, by position");
    let positions: Vec<_> = ask(10, |position| position > 2_990).iter().map(|hit| hit.position).collect();
    assert_eq!(positions, [2996, 2997, 2991, 2998, 2992, 2999, 2993, 2994, 2995], "all but a few are not valid");
    assert!(ask(10, |_| false).is_empty());
    assert!(ask(0, |_| true).is_empty());
    assert_eq!(ask(usize::MAX, |_| true).len(), 3_000);
    let short_answer = |_: &[(u128, u64)]| vec![true];
    let hits = index.search(&question("boat", 10), &short_answer).expect("searched");
    assert!((1..10).contains(&hits.len()), "what was not answered is not valid");
}

#[test]
fn feeding_the_same_stretch_twice_adds_nothing() {
    let dir = tempdir().expect("a temporary folder");
    let index = open(dir.path()).index;
    assert_eq!(index.add(&boats()).expect("added"), 3);
    assert_eq!(index.add(&boats()).expect("added"), 0, "uncommitted");
    index.commit(9).expect("committed");
    assert_eq!(index.add(&boats()).expect("added"), 0, "committed");
    assert_eq!(index.documents(), 3);
    let some_new = [boats(), vec![document(10, "a new boat"), document(10, "a new boat")]].concat();
    assert_eq!(index.add(&some_new).expect("added"), 1);
}

#[test]
fn a_document_before_others_is_refused_and_nothing_added() {
    let dir = tempdir().expect("a temporary folder");
    let index = open(dir.path()).index;
    index.add(&boats()).expect("added");
    let late = [document(20, "a boat"), document(4, "a boat behind the others")];
    let error = index.add(&late).expect_err("out of order");
    assert_eq!(error.to_string(), "a document at position 4 was added to the memory index behind one at position 20");
    assert!(matches!(index.add(&late[1..]), Err(IndexError::OutOfOrder { position: 4, last: 9 })));
    assert_eq!(index.documents(), 3);
}

#[test]
fn a_commit_with_nothing_to_write_opens_no_writer() {
    let dir = tempdir().expect("a temporary folder");
    let index = open(dir.path()).index;
    index.commit(0).expect("nothing to do");
    assert!(index.writer.lock().expect("no commit panicked").is_none());
    index.commit(8).expect("the position alone");
    index.commit(3).expect("never backwards");
    assert_eq!(index.position(), 8);
    drop(index);
    assert_eq!(open(dir.path()).position, 8);
}

#[test]
fn what_was_not_committed_is_gone_after_reopening() {
    let dir = tempdir().expect("a temporary folder");
    let index = open(dir.path()).index;
    index.add(&boats()[..1]).expect("added");
    index.commit(3).expect("committed");
    index.add(&boats()[1..]).expect("added");
    drop(index);
    let Opened { index, position, rebuilt } = open(dir.path());
    assert_eq!((position, index.documents(), rebuilt), (3, 1, None));
}

#[test]
fn many_small_commits_keep_everything_and_bound_the_number_of_files() {
    let dir = tempdir().expect("a temporary folder");
    let index = open(dir.path()).index;
    for position in 1..=60 {
        index.add(&[document(position, "boat")]).expect("added");
        index.commit(position).expect("committed");
    }
    assert_eq!(found(&index, "boat"), (1..=60).collect::<Vec<_>>());
    drop(index);
    let Opened { index, position, rebuilt } = open(dir.path());
    assert_eq!((position, index.documents(), rebuilt), (60, 60, None));
    index.verify().expect("nothing damaged it");
    let files = std::fs::read_dir(dir.path()).expect("readable").count();
    assert!(files < 200, "{files} files");
}

#[test]
fn a_second_writer_is_refused_with_a_hint_and_loses_nothing() {
    let dir = tempdir().expect("a temporary folder");
    let (first, second) = (open(dir.path()).index, open(dir.path()).index);
    first.add(&boats()[..1]).expect("added");
    first.commit(3).expect("committed");
    second.add(&boats()[1..]).expect("added");
    let error = second.commit(9).expect_err("the first one writes");
    assert!(matches!(error, IndexError::Locked { .. }), "{error:?}");
    assert!(error.to_string().contains("let it finish"), "{error}");
    assert_eq!(found(&second, "hull"), [5]);

    // When the first one is gone, the second has an old view: it must not write over what it
    // has not seen.
    drop(first);
    let error = second.commit(9).expect_err("the folder has changed");
    assert!(matches!(error, IndexError::Damaged { .. }), "{error:?}");
    drop(second);
    assert!(open(dir.path()).rebuilt.is_some());
}

#[test]
fn odd_queries_find_nothing_or_something_but_never_fail() {
    let dir = tempdir().expect("a temporary folder");
    let index = open(dir.path()).index;
    index.add(&boats()).expect("added");
    index
        .add(&[document(20, "我住在东京"), document(21, "שלום עולם"), document(22, "to be or not to be")])
        .expect("added");
    index.commit(22).expect("committed");
    for nothing in ["", " ", "🎉🎉", "?!", "\0", "zzzz"] {
        assert!(found(&index, nothing).is_empty(), "{nothing:?}");
    }
    assert_eq!(found(&index, "东京"), [20]);
    assert_eq!(found(&index, "שלום"), [21]);
    assert_eq!(found(&index, "to be or not"), [22], "all of it stop words");
    assert!(found(&index, &"y".repeat(10_000)).is_empty());
    assert_eq!(found(&index, &format!("boat {}", "lorem ipsum dolor ".repeat(60_000))), [3, 5]);
    let all_different: String = (0..150_000).map(|at| format!("q{at} ")).collect();
    assert_eq!(found(&index, &format!("chess {all_different}")), [9]);
}

#[test]
fn of_too_many_words_the_rarest_are_looked_for() {
    let dir = tempdir().expect("a temporary folder");
    let index = open(dir.path()).index;
    let common: String = (0..200).map(|at| format!("c{at} ")).collect();
    let documents: Vec<_> = (0..20).map(|at| document(at, &common)).collect();
    index.add(&documents).expect("added");
    index.add(&[document(50, "needle")]).expect("added");
    let hits = search(&index, &format!("{common} needle"));
    assert!(hits.iter().any(|hit| hit.position == 50));
    assert!(hits.iter().all(|hit| hit.coverage > 0.0 && hit.coverage <= 1.0));
}

#[test]
fn coverage_is_low_where_the_main_word_is_missing() {
    let dir = tempdir().expect("a temporary folder");
    let index = open(dir.path()).index;
    index.add(&boats()).expect("added");
    let coverage = |query: &str| search(&index, query)[0].coverage;
    assert_eq!(coverage("Anna's boat"), 1.0);
    assert!(coverage("paint on submarines") > 0.4, "two words, one of them there");
    assert!(coverage("boat voltage transformer windings") < 1.0 / 3.0);
}

#[test]
fn a_panic_of_the_callers_own_is_the_callers() {
    let dir = tempdir().expect("a temporary folder");
    let index = open(dir.path()).index;
    index.add(&boats()).expect("added");
    let panicking = |_: &[(u128, u64)]| -> Vec<bool> { panic!("not my day") };
    assert!(catch_unwind(AssertUnwindSafe(|| index.search(&question("boat", 3), &panicking))).is_err());
    assert_eq!(found(&index, "boat"), [3, 5]);
    index.add(&[document(30, "another boat")]).expect("added");
    drop(index);
    assert_eq!(open(dir.path()).rebuilt, None);
}

#[test]
fn the_index_may_be_added_to_and_committed_while_the_caller_is_asked() {
    let dir = tempdir().expect("a temporary folder");
    let index = open(dir.path()).index;
    index.add(&boats()).expect("added");
    let meddling = |revisions: &[(u128, u64)]| {
        index.add(&[document(100, "a boat that came too late")]).expect("added");
        index.commit(100).expect("committed");
        all_valid(revisions)
    };
    let hits = index.search(&question("boat", 9), &meddling).expect("searched");
    assert_eq!(hits.iter().map(|hit| hit.position).collect::<Vec<_>>(), [3, 5]);
    assert_eq!(found(&index, "boat"), [100, 3, 5]);
}

#[test]
fn searches_beside_commits_see_every_document_once() {
    let dir = tempdir().expect("a temporary folder");
    let index = open(dir.path()).index;
    index.add(&[document(0, "boat")]).expect("added");
    std::thread::scope(|threads| {
        let writing = threads.spawn(|| {
            for round in 1..=15 {
                index.add(&[document(2 * round, "boat")]).expect("added");
                index.commit(2 * round).expect("committed");
                index.add(&[document(2 * round + 1, "boat")]).expect("added");
            }
        });
        let mut least = 1;
        while !writing.is_finished() {
            let found = found(&index, "boat");
            let mut once = found.clone();
            once.dedup();
            assert_eq!(found, once);
            assert!(found.len() >= least, "{} after {least}", found.len());
            least = found.len();
        }
    });
    assert_eq!(found(&index, "boat").len(), 31);
}

#[test]
fn another_home_gets_an_empty_index_and_the_reason() {
    let dir = tempdir().expect("a temporary folder");
    let path = dir.path().join("index");
    let index = open(&path).index;
    index.add(&boats()).expect("added");
    index.commit(9).expect("committed");
    drop(index);
    let Opened { index, position, rebuilt } = MemoryIndex::open(&path, &[8; 32]).expect("opened");
    assert_eq!((position, index.documents()), (0, 0));
    assert_eq!(rebuilt.as_deref(), Some("it belongs to another home, or was made of other documents"));
    assert!(dir.path().join("index.set-aside").join("meta.json").exists());
    assert_ne!(HOME, [8; 32]);
}

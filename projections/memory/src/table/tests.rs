use tempfile::tempdir;

use super::*;
use crate::testing::{Random, document, open};
use crate::{MemoryIndex, passages};

/// A document with a text of several passages, a session and a speaker now and then.
fn varied(position: u64, random: &mut Random) -> Document {
    let text = match random.below(4) {
        0 => "A long story. ".repeat(random.below(400) as usize),
        _ => random.text(20),
    };
    let session = (random.below(3) > 0).then(|| format!("session {}", random.below(12)));
    let speaker =
        (random.below(3) > 0).then(|| ["Anna", "anna", "Ben", "Anna Okafor"][random.below(4) as usize].into());
    let kind = if random.below(2) == 0 { Kind::Memory } else { Kind::Message };
    let date_ms = (random.below(2) == 0).then(|| random.below(1 << 50) as i64 - (1 << 49));
    Document { item: u128::MAX - u128::from(position), kind, session, speaker, date_ms, ..document(position, &text) }
}

/// What the table says of each document, without where tantivy keeps it.
fn snapshot(index: &MemoryIndex) -> Vec<Entry> {
    let copy = |view: &crate::view::View| {
        let table = &view.table;
        Ok((0..table.len()).map(|ordinal| Entry { address: Address::NONE, ..*table.entry(ordinal) }).collect())
    };
    index.look(copy).expect("nothing damaged it")
}

/// Sessions and speakers by who shares them: their numbers depend on which segment is read first.
fn partition(of: impl Iterator<Item = u32>) -> Vec<usize> {
    let numbers: Vec<u32> = of.collect();
    numbers.iter().map(|number| numbers.iter().position(|other| other == number).expect("itself")).collect()
}

#[test]
fn the_table_is_the_same_after_commits_merges_and_reopening() {
    let mut random = Random(0x7ab1e);
    let documents: Vec<Document> = (0..600).map(|at| varied(3 * at + random.below(3), &mut random)).collect();
    let dir = tempdir().expect("a temporary folder");
    let index = open(dir.path()).index;
    for batch in documents.chunks(23) {
        index.add(batch).expect("added");
        if random.below(4) > 0 {
            index.commit(batch[0].position).expect("committed");
        }
    }
    let before = snapshot(&index);
    index.commit(2_000).expect("committed");
    assert_eq!(snapshot(&index), before);
    let addressed = index.look(|view| {
        // Every document is where the table says it is.
        for ordinal in 0..view.table.len() {
            let Address { slot, doc } = view.table.entry(ordinal).address;
            let place = view.segments.place(slot).expect("the slot of a segment") as usize;
            assert_eq!(view.segments.at(place).ordinals.get_val(doc), u64::from(ordinal));
        }
        Ok(view.committed())
    });
    assert_eq!(addressed.expect("nothing damaged it"), 600);
    drop(index);

    let reopened = open(dir.path());
    assert_eq!(reopened.rebuilt, None);
    let after = snapshot(&reopened.index);
    let plain = |entries: &[Entry]| -> Vec<Entry> {
        entries.iter().map(|entry| Entry { session: NONE, speaker: NONE, ..*entry }).collect()
    };
    assert_eq!(plain(&after), plain(&before));
    for name in [|entry: &Entry| entry.session, |entry: &Entry| entry.speaker] {
        assert_eq!(partition(after.iter().map(name)), partition(before.iter().map(name)));
    }
}

#[test]
fn rows_are_the_passages_in_order() {
    let mut random = Random(0x70b5);
    let documents: Vec<Document> = (0..200).map(|at| varied(2 * at + 5, &mut random)).collect();
    let dir = tempdir().expect("a temporary folder");
    let index = open(dir.path()).index;
    assert_eq!((index.rows(), index.row(0), index.embedded_position(0)), (0, None, 0));
    index.add(&documents[..150]).expect("added");
    index.commit(400).expect("committed");
    index.add(&documents[150..]).expect("added");
    let all: Vec<(u64, u32)> = documents
        .iter()
        .flat_map(|document| (0..passages(&document.text).len() as u32).map(|passage| (document.position, passage)))
        .collect();
    assert!(all.len() > 300, "some are long");
    assert_eq!(index.rows() as usize, all.len());
    assert_eq!(index.rows_from(0, usize::MAX), all);
    assert_eq!(index.rows_from(17, 5), all[17..22]);
    assert_eq!(index.rows_from(index.rows(), 5), []);
    for (row, place) in all.iter().enumerate() {
        assert_eq!(index.row(row as u32), Some(*place));
        // Below the first document that lacks a vector.
        assert_eq!(index.embedded_position(row as u32), place.0 - 1);
    }
    assert_eq!((index.row(index.rows()), index.row(u32::MAX)), (None, None));
    assert_eq!(index.embedded_position(index.rows()), 403);
    assert_eq!(index.embedded_position(u32::MAX), 403);
}

#[test]
fn documents_that_are_not_numbered_through_are_damage() {
    let dir = tempdir().expect("a temporary folder");
    let path = dir.path().join("index");
    let index = open(&path).index;
    index.add(&[document(1, "boat"), document(2, "boat")]).expect("added");
    index.commit(2).expect("committed");
    drop(index);
    // One that pretends to be the second document again is written behind the index's back.
    let tantivy = tantivy::Index::open_in_dir(&path).expect("an index");
    tantivy.tokenizers().register(crate::schema::ANALYZER, crate::analysis::analyzer());
    let fields = crate::schema::schema().1;
    let mut writer = tantivy.writer_with_num_threads(1, 15 << 20).expect("nobody else writes");
    writer.add_document(fields.to_disk(&document(3, "boat"), 1, 1)).expect("room");
    let mut commit = writer.prepare_commit().expect("room");
    commit.set_payload(&crate::folder::Payload::new(crate::testing::HOME, 3, 3).to_line());
    commit.commit().expect("room");
    drop(writer);
    let reopened = open(&path);
    assert_eq!((reopened.position, reopened.index.documents()), (0, 0));
    assert!(reopened.rebuilt.expect("set aside").contains("document 1 makes no sense"));
    assert!(dir.path().join("index.set-aside").is_dir());
}

#[test]
fn a_question_names_people_by_words_of_their_names() {
    let mut speakers = Speakers::default();
    let anna = speakers.number("Anna");
    let ben = speakers.number("Ben");
    let okafor = speakers.number("Anna Okafor");
    assert_eq!(speakers.number("ANNA"), anna);
    assert_eq!(speakers.number(""), NONE);
    let named = |words: &[&str]| speakers.named(words.iter().copied());
    assert_eq!(named(&["ben", "boat"]), [ben]);
    assert_eq!(named(&["anna", "okafor"]), [okafor], "the other one has fewer of the words");
    assert_eq!(named(&["anna", "ben"]), [anna, ben, okafor]);
    assert!(named(&["boat"]).is_empty());
}

//! Searches by words and meaning.

use std::collections::BTreeMap;

use proptest::prelude::*;
use tempfile::{TempDir, tempdir};

use crate::testing::{Random, all_valid, document, embed, open, question, search, vectors};
use crate::{Dense, Document, Filter, Hit, Kind, MemoryIndex, Parts, Question, VectorStore, embedding_texts};

/// An index and the vectors of its documents.
struct Both {
    _dir: TempDir,
    index: MemoryIndex,
    store: VectorStore,
    documents: Vec<Document>,
}

impl Both {
    /// The first `committed` documents are committed in two steps, and the first `rows` passages have
    /// vectors.
    fn new(documents: Vec<Document>, committed: usize, rows: usize) -> Both {
        let dir = tempdir().expect("a temporary folder");
        let index = open(&dir.path().join("words")).index;
        let half = committed / 2;
        for part in [&documents[..half], &documents[half..committed]] {
            index.add(part).expect("added");
            index.commit(part.last().map_or(0, |document| document.position)).expect("committed");
        }
        index.add(&documents[committed..]).expect("added");
        let store = vectors(&dir.path().join("vectors"), &documents, rows);
        Both { _dir: dir, index, store, documents }
    }

    fn ask_with(&self, question: Question<'_>, valid: &dyn Fn(u64) -> bool) -> Vec<Hit> {
        let query = embed(question.text);
        let dense = Some(Dense { vectors: &self.store, query: &query });
        let valid = |revisions: &[(u128, u64)]| revisions.iter().map(|(_, position)| valid(*position)).collect();
        self.index.search(&Question { dense, ..question }, &valid).expect("nothing damaged it")
    }

    fn ask(&self, text: &str, limit: usize) -> Vec<Hit> {
        self.ask_with(question(text, limit), &|_| true)
    }

    /// The cosines of a document's passages that have vectors.
    fn cosines(&self, position: u64, text: &str) -> Vec<f32> {
        let rows = self.index.rows_from(0, usize::MAX);
        let rows: Vec<u32> = (0..self.store.rows()).filter(|row| rows[*row as usize].0 == position).collect();
        self.store.cosines(&embed(text), &rows).expect("rows that are there")
    }
}

fn positions(hits: &[Hit]) -> Vec<u64> {
    hits.iter().map(|hit| hit.position).collect()
}

/// Documents of a few conversations, some long, with gaps between their positions.
fn varied(count: u64, seed: u64) -> Vec<Document> {
    let mut random = Random(seed);
    let mut document = |at: u64| {
        let mut text = random.text(25);
        if random.below(9) == 0 {
            text = (0..8).map(|_| format!("{}.\n\n", random.text(90))).collect();
        }
        if random.below(4) == 0 {
            text.push('?');
        }
        let session = (random.below(5) > 0).then(|| format!("session {}", random.below(1 + count / 10)));
        let speaker = ["w3", "w5 w9", "Ben"][random.below(3) as usize].to_owned();
        let kind = if session.is_some() { Kind::Message } else { Kind::Memory };
        let facets = vec![("third".to_owned(), (at % 3).to_string())];
        Document { session, speaker: Some(speaker), kind, facets, ..document(2 * at + 1, &text) }
    };
    (0..count).map(&mut document).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn hits_do_not_depend_on_what_is_committed(
        count in 1..160u64,
        seed in 1..u64::MAX,
        committed in any::<u16>(),
        rows in any::<u16>(),
        filtered in any::<(bool, bool)>(),
        limit in 1..20usize,
    ) {
        let documents = varied(count, seed);
        let passages = documents.iter().flat_map(embedding_texts).count();
        let rows = if rows & 1 == 0 { passages } else { rows as usize % (passages + 1) };
        let mut random = Random(seed | 1);
        let questions: Vec<String> = (0..4).map(|_| format!("w1 {} unheard", random.text(6))).collect();
        let filter = Filter {
            facets: if filtered.0 { vec![("third".to_owned(), "1".to_owned())] } else { Vec::new() },
            up_to: filtered.1.then_some(count),
            ..Filter::default()
        };
        let valid = |position: u64| !(position / 2).is_multiple_of(5);
        let all = |both: &Both| -> Vec<Vec<Hit>> {
            let ask = |text: &String| both.ask_with(Question { filter: filter.clone(), ..question(text, limit) }, &valid);
            questions.iter().map(ask).collect()
        };
        let fresh = Both::new(documents.clone(), 0, rows);
        let expected = all(&fresh);
        fresh.index.commit(1).expect("committed");
        prop_assert_eq!(&all(&fresh), &expected);
        let mixed = Both::new(documents, committed as usize % (count as usize + 1), rows);
        prop_assert_eq!(&all(&mixed), &expected);

        for (text, hits) in questions.iter().zip(&expected) {
            for (at, hit) in hits.iter().enumerate() {
                prop_assert!(valid(hit.position));
                prop_assert!(filter.up_to.is_none_or(|last| hit.position <= last));
                prop_assert!(!filtered.0 || hit.position / 2 % 3 == 1);
                prop_assert!(at == 0 || hits[at - 1].score >= hit.score);
                let parts = hit.parts;
                let sum = parts.lexical + parts.dense + parts.neighbours + parts.speaker + parts.session;
                prop_assert!((sum - hit.score).abs() < 1e-5, "{} is not {}", sum, hit.score);
                let of_terms: f32 = hit.terms.iter().map(|(_, added)| added).sum();
                prop_assert!((of_terms - hit.bm25).abs() < 1e-4 && hit.bm25 < hit.ceiling);
                prop_assert_eq!(hit.coverage > 0.0, hit.bm25 > 0.0);
                let cosines = fresh.cosines(hit.position, text);
                let nearest = cosines.iter().copied().reduce(f32::max);
                prop_assert_eq!(hit.cosine, nearest);
                if let Some(nearest) = nearest {
                    prop_assert_eq!(cosines[hit.passage as usize], nearest);
                }
            }
        }
    }
}

#[test]
fn a_document_without_a_common_word_is_found_by_meaning() {
    let texts = ["the hull needs paint", "nobody plays chess", "tea at four"];
    let documents: Vec<_> = (1..).zip(texts).map(|(position, text)| document(position, text)).collect();
    let both = Both::new(documents, 2, 3);
    // Words are counted by the stand-in as they are spelled, and by the index as they are stemmed.
    let query = embed("nobody plays chess");
    let dense = Some(Dense { vectors: &both.store, query: &query });
    let hits = both.index.search(&Question { dense, ..question("board game", 3) }, &all_valid).expect("searched");
    assert_eq!(hits[0].position, 2);
    assert!(hits[0].cosine.expect("embedded") > 0.999 && hits[0].bm25 == 0.0 && hits[0].terms.is_empty());
    assert_eq!((hits.len(), hits[0].coverage), (3, 0.0));
}

#[test]
fn what_has_no_vector_yet_is_found_by_its_words() {
    let documents: Vec<_> = (1..=30).map(|position| document(position, &format!("boat number{position}"))).collect();
    let both = Both::new(documents, 20, 10);
    let hit = both.ask("number25", 1).remove(0);
    assert_eq!((hit.position, hit.cosine), (25, None));
    let hit = both.ask("number5", 1).remove(0);
    assert_eq!(hit.position, 5);
    assert!(hit.cosine.is_some());
}

#[test]
fn vectors_of_documents_that_the_index_has_lost_are_passed_over() {
    // As after a kill: the vectors were written, the index was not committed.
    let documents = varied(40, 77);
    let both = Both::new(documents.clone(), 40, usize::MAX);
    let dir = tempdir().expect("a temporary folder");
    let shorter = open(dir.path()).index;
    shorter.add(&documents[..25]).expect("added");
    let rows = shorter.rows() as usize;
    let ask = |index: &MemoryIndex, vectors: &VectorStore| {
        let query = embed("w1 w2 w3");
        let dense = Some(Dense { vectors, query: &query });
        index.search(&Question { dense, ..question("w1 w2 w3", 9) }, &all_valid).expect("searched")
    };
    let store = vectors(&dir.path().join("vectors"), &documents, rows);
    let expected = ask(&shorter, &store);
    assert_eq!(expected.len(), 9);
    assert_eq!(ask(&shorter, &both.store), expected);
}

#[test]
fn the_nearest_passage_of_a_long_document_is_told() {
    let long: String = (0..200).map(|at| format!("paragraph{at} {}\n\n", format!("filler{at} ").repeat(60))).collect();
    let documents = vec![document(1, "short"), document(2, &long), document(3, "short too")];
    let both = Both::new(documents, 2, usize::MAX);
    let texts: Vec<String> = embedding_texts(&both.documents[1]).collect();
    assert!(texts.len() > 90, "{}", texts.len());
    for at in [0, 50, texts.len() - 1] {
        let hit = both.ask(&texts[at], 1).remove(0);
        assert_eq!((hit.position, hit.passage as usize, hit.passages as usize), (2, at, texts.len()));
    }
    // Found by its words alone, it is looked through for the nearest passage all the same.
    let query = embed(&texts[50]);
    let dense = Some(Dense { vectors: &both.store, query: &query });
    let words_only = Parts { dense: false, ..Parts::default() };
    let question = Question { dense, parts: words_only, ..question("paragraph3", 1) };
    assert_eq!(both.index.search(&question, &all_valid).expect("searched")[0].passage, 50);
}

#[test]
fn neighbours_are_the_valid_ones_of_the_session() {
    let say = |position: u64, session: &str, text: &str| Document {
        session: (!session.is_empty()).then(|| session.to_owned()),
        kind: Kind::Message,
        ..document(position, text)
    };
    let documents = vec![
        say(1, "harbour", "hello"),
        say(2, "harbour", "the boat leaks"),
        say(3, "kitchen", "tea"),
        say(4, "harbour", "the boat leaks badly"),
        say(5, "", "a boat of no session"),
        say(6, "harbour", "bring paint"),
        say(7, "", "alone"),
    ];
    for committed in [0, 4, 7] {
        let both = Both::new(documents.clone(), committed, usize::MAX);
        let neighbours = |valid: &dyn Fn(u64) -> bool, up_to| -> BTreeMap<u64, (Option<u64>, Option<u64>)> {
            let filter = Filter { up_to, ..Filter::default() };
            let hits = both.ask_with(Question { filter, ..question("boat", 9) }, valid);
            hits.iter().map(|hit| (hit.position, (hit.previous, hit.next))).collect()
        };
        let all = neighbours(&|_| true, None);
        assert_eq!(all[&2], (Some(1), Some(4)));
        assert_eq!(all[&4], (Some(2), Some(6)));
        assert_eq!(all[&5], (None, None));
        assert_eq!(all[&3], (None, None));
        let superseded = neighbours(&|position| position != 2, None);
        assert_eq!(superseded[&4], (Some(1), Some(6)), "passed over");
        assert!(!superseded.contains_key(&2));
        assert_eq!(neighbours(&|_| true, Some(4))[&4], (Some(2), None), "as of then");
    }
}

#[test]
fn few_valid_ones_among_many_are_found_by_words_and_by_meaning() {
    let documents: Vec<_> = (0..3_000).map(|at| document(at + 1, &format!("boat of harbour{}", at % 50))).collect();
    let both = Both::new(documents, 2_500, usize::MAX);
    let valid = |position: u64| position.is_multiple_of(700);
    let hits = both.ask_with(question("boat", 4), &valid);
    assert_eq!(hits.len(), 4);
    assert!(hits.iter().all(|hit| hit.position % 700 == 0 && hit.cosine.is_some()));
    let hits = both.ask_with(question("vessel", 4), &valid);
    assert_eq!(hits.len(), 4, "by meaning alone");
    assert!(both.ask_with(question("boat", 4), &|_| false).is_empty());
}

#[test]
fn odd_questions_and_limits_are_answered() {
    let both = Both::new(varied(50, 5), 30, usize::MAX);
    for nothing in ["", " \n\t"] {
        assert!(both.ask(nothing, 10).is_empty(), "{nothing:?}");
    }
    assert!(both.ask("w1", 0).is_empty());
    assert_eq!(both.ask("w1", usize::MAX).len(), 50);
    assert_eq!(both.ask("🎉🎉 ?!", 3).len(), 3, "by meaning");
    let megabyte = "lorem ipsum w1 ".repeat(70_000);
    assert_eq!(both.ask(&megabyte, 3).len(), 3);
    for text in ["东京", "שלום", &"y".repeat(10_000), "\0"] {
        both.ask(text, 3);
    }
    let nobody = Filter { up_to: Some(0), ..Filter::default() };
    assert!(both.ask_with(Question { filter: nobody, ..question("w1", 3) }, &|_| true).is_empty());
    let wrong = [1.0];
    let dense = Some(Dense { vectors: &both.store, query: &wrong });
    let error = both.index.search(&Question { dense, ..question("w1", 3) }, &all_valid).expect_err("one dimension");
    assert!(error.to_string().contains("dimensions"), "{error}");
    assert_eq!(search(&both.index, "w1").len(), positions(&search(&both.index, "w1")).len());
}

#[test]
fn an_empty_index_or_one_without_vectors_answers_by_what_it_has() {
    let empty = Both::new(Vec::new(), 0, 0);
    assert!(empty.ask("boat", 3).is_empty());
    let documents = vec![document(1, "boat"), document(2, "tea")];
    let without = Both::new(documents, 1, 0);
    assert_eq!(positions(&without.ask("boat", 3)), [1]);
    assert_eq!(without.ask("boat", 3), without.index.search(&question("boat", 3), &all_valid).expect("searched"));
}

#[test]
fn the_one_who_is_named_is_preferred() {
    let say = |position, speaker: &str| Document {
        speaker: Some(speaker.to_owned()),
        session: Some("harbour".to_owned()),
        ..document(position, "I painted the boat")
    };
    let both = Both::new(vec![say(1, "Ben"), say(2, "Anna"), say(3, "Ben"), say(4, "Anna")], 2, usize::MAX);
    let speaks = |text: &str| -> Vec<bool> { both.ask(text, 4).iter().map(|hit| hit.parts.speaker > 0.0).collect() };
    assert_eq!(speaks("did Anna paint a boat"), [true, true, false, false]);
    assert_eq!(speaks("did Anna and Ben paint a boat"), [false; 4]);
    assert_eq!(speaks("who painted the boat"), [false; 4]);
}

use std::collections::BTreeSet;

use proptest::prelude::*;
use tempfile::tempdir;

use crate::testing::{all_valid, document, open, question};
use crate::{Document, Filter, Kind, MemoryIndex, Question};

/// Documents of which each has the word that is asked for, and how they are committed.
#[derive(Clone, Debug)]
struct Case {
    documents: Vec<Document>,
    committed: usize,
    filter: Filter,
}

fn cases() -> impl Strategy<Value = Case> {
    let facet = || ("[ab]", "[xyz]");
    let kind = || prop_oneof![Just(Kind::Memory), Just(Kind::Message)];
    let document = (prop::collection::vec(facet(), 0..4), kind(), prop::option::of(0..50i64), 0..50i64).prop_map(
        |(facets, kind, date_ms, recorded_ms)| Document { facets, kind, date_ms, recorded_ms, ..document(0, "boat") },
    );
    let moment = || prop::option::of(-1..51i64);
    let filter = (
        prop::option::of(kind()),
        prop::collection::vec(facet(), 0..3),
        moment(),
        moment(),
        prop::option::of(0..300u64),
    )
        .prop_map(|(kind, facets, since_ms, until_ms, up_to)| Filter { kind, facets, since_ms, until_ms, up_to });
    (prop::collection::vec((document, 1..5u64), 1..90), any::<u16>(), filter).prop_map(
        |(documents, committed, filter)| {
            let mut position = 0;
            let numbered = documents.into_iter().map(|(document, step)| {
                position += step;
                Document { position, item: u128::from(position), ..document }
            });
            let documents: Vec<_> = numbered.collect();
            let committed = committed as usize % (documents.len() + 1);
            Case { documents, committed, filter }
        },
    )
}

/// What a filter means, plainly.
fn passes(filter: &Filter, document: &Document) -> bool {
    let when = document.date_ms.unwrap_or(document.recorded_ms);
    filter.kind.is_none_or(|kind| kind == document.kind)
        && filter.facets.iter().all(|facet| document.facets.contains(facet))
        && filter.since_ms.is_none_or(|since| when >= since)
        && filter.until_ms.is_none_or(|until| when < until)
        && filter.up_to.is_none_or(|last| document.position <= last)
}

fn passing(index: &MemoryIndex, filter: &Filter) -> BTreeSet<u64> {
    let question = Question { filter: filter.clone(), ..question("boat", 1_000) };
    index.search(&question, &all_valid).expect("nothing damaged it").iter().map(|hit| hit.position).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn exactly_what_passes_is_found(case in cases()) {
        let dir = tempdir().expect("a temporary folder");
        let index = open(dir.path()).index;
        index.add(&case.documents[..case.committed]).expect("added");
        index.commit(1).expect("committed");
        index.add(&case.documents[case.committed..]).expect("added");
        let plainly = |filter: &Filter| -> BTreeSet<u64> {
            let passing = case.documents.iter().filter(|document| passes(filter, document));
            passing.map(|document| document.position).collect()
        };
        prop_assert_eq!(passing(&index, &case.filter), plainly(&case.filter));
        for key in ["a", "b", "c", ""] {
            let known = case.documents.iter().any(|document| document.facets.iter().any(|(known, _)| known == key));
            prop_assert_eq!(index.has_facet_key(key).expect("readable"), known);
        }
        let keys: BTreeSet<String> =
            case.documents.iter().flat_map(|document| &document.facets).map(|(key, _)| key.clone()).collect();
        prop_assert_eq!(index.facet_keys(9).expect("readable"), keys.into_iter().collect::<Vec<_>>());
    }
}

#[test]
fn odd_keys_and_values_are_told_apart() {
    let long = |last: char| format!("{}{last}", "ä".repeat(40_000));
    let facets: Vec<(String, String)> = [
        ("", ""),
        ("k", ""),
        ("", "k"),
        ("key", "value"),
        ("ke", "yvalue"),
        ("key\u{1}", "value"),
        ("Key", "value"),
        ("emoji", "🎉"),
        ("nul", "a\0b"),
        ("nul", "a"),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .into_iter()
    .chain([("long".to_owned(), long('a')), ("long".to_owned(), long('b')), (long('c'), "v".to_owned())])
    .collect();
    let documents: Vec<Document> = (1..)
        .zip(&facets)
        .map(|(position, facet)| Document { facets: vec![facet.clone()], ..document(position, "boat") })
        .collect();
    let dir = tempdir().expect("a temporary folder");
    let index = open(dir.path()).index;
    index.add(&documents).expect("added");
    for _ in 0..2 {
        for (position, facet) in (1..).zip(&facets) {
            let filter = Filter { facets: vec![facet.clone()], ..Filter::default() };
            assert_eq!(passing(&index, &filter), BTreeSet::from([position]), "{:.20}", facet.0);
            assert!(index.has_facet_key(&facet.0).expect("readable"));
        }
        assert!(!index.has_facet_key("ky").expect("readable"));
        assert_eq!(index.facet_keys(3).expect("readable"), ["", "Key", "emoji"]);
        assert!(index.facet_keys(0).expect("readable").is_empty());
        index.commit(20).expect("committed");
    }
}

#[test]
fn the_same_facet_twice_counts_once() {
    let twice = vec![("k".to_owned(), "v".to_owned()); 2];
    let dir = tempdir().expect("a temporary folder");
    let index = open(dir.path()).index;
    index.add(&[Document { facets: twice.clone(), ..document(1, "boat") }]).expect("added");
    for _ in 0..2 {
        assert_eq!(passing(&index, &Filter { facets: twice.clone(), ..Filter::default() }), BTreeSet::from([1]));
        index.commit(1).expect("committed");
    }
}

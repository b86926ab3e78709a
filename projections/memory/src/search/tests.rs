use std::collections::HashMap;

use proptest::prelude::*;
use tantivy::collector::TopDocs;
use tantivy::query::{BooleanQuery, Occur, TermQuery};
use tantivy::schema::IndexRecordOption;
use tantivy::{Index, Term};
use tempfile::tempdir;

use crate::schema::{ANALYZER, schema};
use crate::testing::{Random, all_valid, document, open, question};
use crate::{Document, Filter, Hit, MemoryIndex, Question, analysis};

/// A corpus, how it is cut into commits, and what is asked of it.
#[derive(Clone, Debug)]
struct Case {
    texts: Vec<String>,
    /// Documents before these are in the first commit, in the second, and in the overlay.
    cuts: (usize, usize),
    query: String,
    limit: usize,
    /// Position modulo 8 of the eligible documents, as a bit set.
    eligible: u8,
}

fn cases() -> impl Strategy<Value = Case> {
    // Few words, so that frequencies, lengths and ties vary within one small corpus.
    let word = prop_oneof![4 => "[a-d]", 2 => "[e-k]", 1 => "[l-z][l-z]"];
    let text = prop::collection::vec(word.clone(), 0..40).prop_map(|words| words.join(" "));
    let query = prop::collection::vec(word, 1..7).prop_map(|words| words.join(" "));
    (prop::collection::vec(text, 1..40), any::<(u16, u16)>(), query, 1..12usize, any::<u8>()).prop_map(
        |(texts, (one, other), query, limit, eligible)| {
            let count = texts.len() + 1;
            let (one, other) = (one as usize % count, other as usize % count);
            Case { texts, cuts: (one.min(other), one.max(other)), query, limit, eligible }
        },
    )
}

fn documents(texts: &[String]) -> Vec<Document> {
    texts.iter().zip(1..).map(|(text, position)| classed(document(position, text))).collect()
}

/// The document with its class, its position modulo 8.
fn classed(document: Document) -> Document {
    let facets = vec![("class".to_owned(), (document.position % 8).to_string())];
    Document { facets, ..document }
}

fn ask(index: &MemoryIndex, case: &Case) -> Vec<Hit> {
    let eligible = |position: u64| case.eligible >> (position % 8) & 1 == 1;
    let valid = |revisions: &[(u128, u64)]| revisions.iter().map(|(_, position)| eligible(*position)).collect();
    index.search(&question(&case.query, case.limit), &valid).expect("nothing damaged it")
}

/// BM25 written down once more, plainly, over documents whose lengths need no rounding.
fn by_hand(case: &Case) -> Vec<(u64, f64)> {
    let counted: Vec<HashMap<String, f64>> = case
        .texts
        .iter()
        .map(|text| {
            let mut counts = HashMap::new();
            analysis::for_each_term(text, |term| *counts.entry(term.to_owned()).or_default() += 1.0);
            counts
        })
        .collect();
    let total = counted.len() as f64;
    let length = |counts: &HashMap<String, f64>| counts.values().sum::<f64>();
    let average = counted.iter().map(length).sum::<f64>() / total;
    let mut scores: Vec<(u64, f64)> = Vec::new();
    for (counts, position) in counted.iter().zip(1u64..) {
        let mut score = 0.0;
        for term in analysis::query_terms(&case.query) {
            let having = counted.iter().filter(|counts| counts.contains_key(&term)).count() as f64;
            let idf = (1.0 + (total - having + 0.5) / (having + 0.5)).ln();
            let frequency = counts.get(&term).copied().unwrap_or(0.0);
            let norm = 1.2 * (0.6 + 0.4 * length(counts) / average);
            if frequency > 0.0 {
                score += idf * 2.2 * frequency / (frequency + norm);
            }
        }
        if score > 0.0 && case.eligible >> (position % 8) & 1 == 1 {
            scores.push((position, score));
        }
    }
    scores.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    scores
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_ranking_is_the_same_wherever_its_documents_are(case in cases()) {
        let dir = tempdir().expect("a temporary folder");
        let documents = documents(&case.texts);
        let (first, second) = case.cuts;
        let index = open(dir.path()).index;
        index.add(&documents).expect("added");
        let uncommitted = ask(&index, &case);
        index.commit(100).expect("committed");
        let committed = ask(&index, &case);
        prop_assert_eq!(&uncommitted, &committed);

        let mixed_dir = tempdir().expect("a temporary folder");
        let mixed = open(mixed_dir.path()).index;
        mixed.add(&documents[..first]).expect("added");
        mixed.commit(1).expect("committed");
        mixed.add(&documents[first..second]).expect("added");
        mixed.commit(2).expect("committed");
        mixed.add(&documents[second..]).expect("added");
        prop_assert_eq!(&ask(&mixed, &case), &committed);

        // Document lengths below 40 are stored as they are, so plain arithmetic must agree.
        let by_hand = by_hand(&case);
        prop_assert_eq!(committed.len(), by_hand.len().min(case.limit));
        for (hit, (_, score)) in committed.iter().zip(&by_hand) {
            prop_assert!((f64::from(hit.bm25) - score).abs() < 1e-4 * score, "{:?} {:?}", hit, by_hand);
            let own = by_hand.iter().find(|(position, _)| *position == hit.position);
            prop_assert!(own.is_some_and(|(_, own)| (own - score).abs() < 1e-4 * score));
        }
    }
}

#[test]
fn leaving_out_hopeless_documents_changes_no_answer() {
    let mut random = Random(0x5eed);
    let documents: Vec<_> = (0..9_000)
        .map(|position| {
            let facets = [3, 97].map(|of| (format!("modulo {of}"), (position % of).to_string()));
            Document { facets: facets.to_vec(), ..document(position, &random.text(30)) }
        })
        .collect();
    let dir = tempdir().expect("a temporary folder");
    let index = open(dir.path()).index;
    index.add(&documents).expect("added");
    // The overlay scores every document; committed segments are searched with cuts.
    let queries: Vec<String> = (0..60).map(|_| random.text(8)).collect();
    let ask = |query: &String, limit, modulus: u64| {
        let facets = if modulus == 1 { Vec::new() } else { vec![(format!("modulo {modulus}"), "0".to_owned())] };
        let question = Question { filter: Filter { facets, ..Filter::default() }, ..question(query, limit) };
        let hits = index.search(&question, &all_valid).expect("nothing damaged it");
        assert!(hits.iter().all(|hit| hit.position % modulus == 0));
        hits
    };
    let limits = [(1, 1), (10, 1), (10, 97), (100, 3)];
    let plainly: Vec<_> = queries.iter().flat_map(|q| limits.map(|(limit, m)| ask(q, limit, m))).collect();
    index.commit(9_000).expect("committed");
    let with_cuts: Vec<_> = queries.iter().flat_map(|q| limits.map(|(limit, m)| ask(q, limit, m))).collect();
    assert_eq!(plainly, with_cuts);
}

/// Tantivy weighs lengths by another constant than ours, which makes no difference between documents
/// of one length. This one is stored as it is.
#[test]
fn scores_of_equally_long_documents_are_those_of_tantivys_own_scorer() {
    const WORDS: usize = 120;
    let mut random = Random(0xb0a7);
    let mut text = || (0..WORDS).map(|_| format!("w{} ", random.below(200))).collect();
    let texts: Vec<String> = (0..400).map(|_| text()).collect();
    let dir = tempdir().expect("a temporary folder");
    let index = open(dir.path()).index;
    index.add(&documents(&texts)).expect("added");

    let (schema, fields) = schema();
    let theirs = Index::create_in_ram(schema);
    theirs.tokenizers().register(ANALYZER, analysis::analyzer());
    let mut writer = theirs.writer_with_num_threads(1, 15 << 20).expect("in memory");
    for document in documents(&texts) {
        writer.add_document(fields.to_disk(&document, 0, 1)).expect("in memory");
    }
    writer.commit().expect("in memory");
    let searcher = theirs.reader().expect("in memory").searcher();

    for query in ["w0 w1 w2", "w7 w150", "w3 w3 w90 w1 nowhere"] {
        let clauses = analysis::query_terms(query).into_iter().map(|term| {
            let term = Term::from_field_text(fields.words, &term);
            let clause: Box<dyn tantivy::query::Query> = Box::new(TermQuery::new(term, IndexRecordOption::WithFreqs));
            (Occur::Should, clause)
        });
        let theirs = BooleanQuery::new(clauses.collect());
        let theirs = searcher.search(&theirs, &TopDocs::with_limit(20).order_by_score()).expect("in memory");
        let ours = index.search(&question(query, 20), &all_valid).expect("nothing damaged it");
        assert_eq!(theirs.len(), ours.len());
        for ((theirs, _), ours) in theirs.iter().zip(&ours) {
            assert!((theirs - ours.bm25).abs() < 1e-4 * theirs, "{theirs} {}", ours.bm25);
        }
    }
}

//! Laws of the store. Damage and kills have their own file.

mod damage;

use std::path::Path;
use std::thread;

use super::*;
use crate::testing::{HOME, Random};

pub(super) const MODEL: [u8; 32] = [9; 32];

pub(super) fn open(dir: &Path, dimensions: usize) -> OpenedVectors {
    VectorStore::open(dir, &HOME, &MODEL, dimensions).expect("the folder is a temporary one of our own")
}

fn new_store(dimensions: usize) -> (tempfile::TempDir, VectorStore) {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let store = open(dir.path(), dimensions).store;
    (dir, store)
}

/// Appends vectors whose digests are their rows.
pub(super) fn append(store: &VectorStore, vectors: &[Vec<f32>]) {
    let first = u128::from(store.rows());
    let rows: Vec<(u128, &[f32])> =
        (first..).zip(vectors).map(|(digest, vector)| (digest, vector.as_slice())).collect();
    store.append(&rows).expect("the vectors are fine and so is the disk");
}

/// Vectors around as many centres as asked for, all of them in a part of the space, as those of texts are.
pub(super) fn clustered(random: &mut Random, count: usize, centres: u64, dimensions: usize) -> Vec<Vec<f32>> {
    let mut number = || (0..4).map(|_| random.below(2_001) as f32 / 1_000.0 - 1.0).sum::<f32>();
    let mut vector = || -> Vec<f32> { (0..dimensions).map(|_| number()).collect() };
    let common = vector();
    let centres: Vec<Vec<f32>> = (0..centres).map(|_| vector()).collect();
    let centre_of = |row: usize| &centres[row * 7 % centres.len()];
    (0..count)
        .map(|row| {
            let own = vector();
            let parts = own.iter().zip(centre_of(row)).zip(&common);
            parts.map(|((own, centre), common)| 0.8 * own + centre + 0.4 * common).collect()
        })
        .collect()
}

fn cosine(one: &[f32], other: &[f32]) -> f64 {
    let dot = |one: &[f32], other: &[f32]| {
        one.iter().zip(other).map(|(one, other)| f64::from(*one) * f64::from(*other)).sum::<f64>()
    };
    dot(one, other) / (dot(one, one) * dot(other, other)).sqrt()
}

/// The rows nearest to a query, by computing everything.
fn exactly_nearest(vectors: &[Vec<f32>], query: &[f32], limit: usize, among: Option<&Rows>) -> Vec<u32> {
    let eligible = (0..).zip(vectors).filter(|(row, _)| among.is_none_or(|among| among.contains(*row)));
    let mut rows: Vec<(u32, f64)> = eligible.map(|(row, vector)| (row, cosine(vector, query))).collect();
    rows.sort_by(|one, other| other.1.total_cmp(&one.1));
    rows.into_iter().take(limit).map(|row| row.0).collect()
}

/// The share of the truly nearest ten that is found.
fn recall(store: &VectorStore, vectors: &[Vec<f32>], queries: &[Vec<f32>], among: Option<&Rows>) -> f64 {
    let mut found = 0;
    for query in queries {
        let hits = store.nearest(query, 10, among).expect("nothing damaged it").hits;
        assert_eq!(hits.len(), 10);
        assert!(hits.is_sorted_by(|one, other| one.1 >= other.1), "{hits:?}");
        for (row, found) in &hits {
            assert!(among.is_none_or(|among| among.contains(*row)));
            assert!((f64::from(*found) - cosine(&vectors[*row as usize], query)).abs() < 5e-5);
        }
        let nearest = exactly_nearest(vectors, query, 10, among);
        found += hits.iter().filter(|hit| nearest.contains(&hit.0)).count();
    }
    found as f64 / (10 * queries.len()) as f64
}

#[test]
fn appended_rows_are_found_again_after_opening() {
    let vectors = clustered(&mut Random(1), 100, 5, 70);
    let (dir, store) = new_store(70);
    append(&store, &vectors[..60]);
    store.sync().expect("the disk is fine");
    append(&store, &vectors[60..]);
    store.sync().expect("the disk is fine");
    drop(store);
    let OpenedVectors { store, rebuilt } = open(dir.path(), 70);
    assert_eq!(rebuilt, None);
    assert_eq!(store.rows(), 100);
    for (row, vector) in (0..).zip(&vectors) {
        assert_eq!(store.nearest(vector, 1, None).expect("nothing damaged it").hits[0].0, row);
        assert_eq!(store.digest(row), Some(u128::from(row)));
        let kept = store.vector(row).expect("nothing damaged it");
        assert!((cosine(&kept, vector) - 1.0).abs() < 1e-6);
        assert!((cosine(&kept, &kept) - 1.0).abs() < 1e-6);
    }
    store.verify().expect("nothing damaged it");
}

#[test]
fn what_was_not_synced_is_searchable_and_gone_after_a_kill() {
    let vectors = clustered(&mut Random(2), 20, 5, 64);
    let (dir, store) = new_store(64);
    append(&store, &vectors[..10]);
    store.sync().expect("the disk is fine");
    append(&store, &vectors[10..]);
    assert_eq!(store.nearest(&vectors[15], 1, None).expect("nothing damaged it").hits[0].0, 15);
    store.verify().expect("nothing damaged it");
    drop(store);
    let OpenedVectors { store, rebuilt } = open(dir.path(), 64);
    assert_eq!((store.rows(), rebuilt), (10, None));
    append(&store, &vectors[15..]);
    store.sync().expect("the disk is fine");
    let store = open(dir.path(), 64).store;
    assert_eq!(store.nearest(&vectors[17], 1, None).expect("nothing damaged it").hits[0].0, 12);
}

#[test]
fn nearly_all_of_the_top_ten_is_found() {
    for (dimensions, count) in [(384, 12_000), (100, 6_000), (33, 3_000)] {
        let mut random = Random(3);
        let mut vectors = clustered(&mut random, count + 40, 300, dimensions);
        // Some models have dimensions that are always large; they must not spoil the codes.
        vectors.iter_mut().for_each(|vector| vector[dimensions / 2] *= 5.0);
        let queries = vectors.split_off(count);
        let (_dir, store) = new_store(dimensions);
        append(&store, &vectors);
        let among: Rows = (0..count as u32).filter(|row| row % 10 != 3).collect();
        for among in [None, Some(&among)] {
            let recall = recall(&store, &vectors, &queries, among);
            assert!(recall >= 0.98, "{recall} of the top ten with {dimensions} dimensions");
        }
    }
}

#[test]
fn few_rows_are_searched_exactly() {
    let mut random = Random(4);
    let vectors = clustered(&mut random, 5_000, 50, 96);
    let (_dir, store) = new_store(96);
    append(&store, &vectors);
    let among: Rows = (0..5_000).filter(|row| row % 7 == 0).collect();
    assert_eq!(recall(&store, &vectors, &vectors[..30], Some(&among)), 1.0);
}

#[test]
fn statistics_are_exact_for_few_rows_and_close_for_many() {
    let vectors = clustered(&mut Random(5), 20_000, 100, 128);
    let (_dir, store) = new_store(128);
    append(&store, &vectors);
    for (count, near) in [(1_000, 1e-5), (20_000, 0.02)] {
        let among: Rows = (0..count).collect();
        let query = &vectors[3];
        let cosines: Vec<f32> = vectors[..count as usize].iter().map(|vector| cosine(vector, query) as f32).collect();
        let expected = Statistics::of(&cosines);
        let Nearest { hits, statistics } = store.nearest(query, 5, Some(&among)).expect("nothing damaged it");
        assert_eq!(statistics.rows, u64::from(count));
        assert_eq!(statistics.maximum, hits[0].1);
        assert!((statistics.maximum - expected.maximum).abs() < 1e-5);
        assert!((statistics.mean - expected.mean).abs() < near, "{statistics:?} {expected:?}");
        assert!((statistics.deviation - expected.deviation).abs() < near, "{statistics:?} {expected:?}");
        assert!((statistics.minimum - expected.minimum).abs() < 2.0 * near, "{statistics:?} {expected:?}");
    }
}

#[test]
fn of_equal_rows_the_earlier_comes_first() {
    let vector: Vec<f32> = (0..48).map(|n| (n as f32).sin()).collect();
    for count in [10, 9_000] {
        let (_dir, store) = new_store(48);
        append(&store, &vec![vector.clone(); count]);
        let hits = store.nearest(&vector, 5, None).expect("nothing damaged it").hits;
        let rows: Vec<u32> = hits.iter().map(|hit| hit.0).collect();
        assert_eq!(rows, [0, 1, 2, 3, 4]);
        assert!(hits.iter().all(|hit| hit.1 == hits[0].1));
    }
}

#[test]
fn given_rows_are_compared_in_their_order() {
    let vectors = clustered(&mut Random(6), 900, 9, 65);
    let (_dir, store) = new_store(65);
    append(&store, &vectors);
    let rows: Vec<u32> = (0..900).map(|n| n * 7 % 900).chain([5, 5, 6]).collect();
    let cosines = store.cosines(&vectors[4], &rows).expect("all exist");
    for (row, found) in rows.iter().zip(cosines) {
        assert!((f64::from(found) - cosine(&vectors[*row as usize], &vectors[4])).abs() < 1e-5);
    }
    assert!(matches!(store.cosines(&vectors[4], &[900]), Err(IndexError::Vector { .. })));
    assert!(matches!(store.vector(900), Err(IndexError::Vector { .. })));
    assert_eq!(store.digest(900), None);
}

#[test]
fn an_empty_store_finds_nothing() {
    let (_dir, store) = new_store(8);
    let nearest = store.nearest(&[1.0; 8], 10, None).expect("there is nothing to be damaged");
    assert!(nearest.hits.is_empty());
    assert_eq!(nearest.statistics, Statistics::default());
    assert_eq!(store.find(1), None);
    store.sync().expect("there is nothing to write");
    store.verify().expect("there is nothing to be damaged");
}

#[test]
fn rows_that_do_not_exist_and_limits_of_any_size_do_no_harm() {
    let vectors = clustered(&mut Random(7), 3_000, 9, 40);
    let (_dir, store) = new_store(40);
    append(&store, &vectors);
    let among: Rows = (2_990..9_000).collect();
    assert_eq!(store.nearest(&vectors[0], 100, Some(&among)).expect("nothing damaged it").hits.len(), 10);
    assert_eq!(store.nearest(&vectors[0], 0, None).expect("nothing damaged it").hits, []);
    assert_eq!(store.nearest(&vectors[0], usize::MAX, None).expect("nothing damaged it").hits.len(), 3_000);
    let most = store.nearest(&vectors[0], 2_500, None).expect("nothing damaged it").hits;
    assert_eq!(most.len(), 2_500);
}

#[test]
fn a_zero_vector_is_near_to_nothing() {
    let (_dir, store) = new_store(16);
    append(&store, &[vec![0.0; 16], vec![1.0; 16], vec![-1.0; 16]]);
    let hits = store.nearest(&[2.0; 16], 3, None).expect("nothing damaged it").hits;
    assert_eq!(hits.iter().map(|hit| hit.0).collect::<Vec<_>>(), [1, 0, 2]);
    assert_eq!(hits[1].1, 0.0);
    let to_nothing = store.nearest(&[0.0; 16], 3, None).expect("nothing damaged it").hits;
    assert!(to_nothing.iter().all(|hit| hit.1 == 0.0));
    assert_eq!(store.vector(0).expect("nothing damaged it"), [0.0; 16]);
}

#[test]
fn what_is_no_vector_is_refused() {
    let (_dir, store) = new_store(3);
    let wrong: [&[f32]; 4] = [&[1.0, f32::NAN, 0.0], &[f32::INFINITY, 0.0, 0.0], &[1.0, 0.0], &[]];
    for vector in wrong {
        assert!(matches!(store.append(&[(1, &[1.0, 0.0, 0.0]), (2, vector)]), Err(IndexError::Vector { .. })));
        assert!(matches!(store.nearest(vector, 1, None), Err(IndexError::Vector { .. })));
    }
    assert_eq!(store.rows(), 0);
    let dir = tempfile::tempdir().expect("a temporary folder");
    assert!(matches!(VectorStore::open(dir.path(), &HOME, &MODEL, 0), Err(IndexError::Vector { .. })));
    append(&store, &[vec![f32::MAX, f32::MAX, 0.0], vec![f32::MIN_POSITIVE, 0.0, 0.0]]);
    let hits = store.nearest(&[1.0, 1.0, 0.0], 2, None).expect("nothing damaged it").hits;
    assert!((hits[0].1 - 1.0).abs() < 1e-4 && (hits[1].1 - 0.5_f32.sqrt()).abs() < 1e-4, "{hits:?}");
}

#[test]
fn rows_dropped_are_gone_and_their_numbers_used_again() {
    let vectors = clustered(&mut Random(8), 200, 9, 64);
    let (dir, store) = new_store(64);
    append(&store, &vectors[..100]);
    store.sync().expect("the disk is fine");
    append(&store, &vectors[100..120]);
    assert_eq!(store.find(110), Some(110));
    store.truncate(110).expect("the disk is fine");
    assert_eq!((store.rows(), store.find(115)), (110, None));
    store.truncate(50).expect("the disk is fine");
    store.truncate(70).expect("there are fewer");
    assert_eq!(store.rows(), 50);
    store.append(&[(7_777, vectors[150].as_slice())]).expect("the disk is fine");
    store.sync().expect("the disk is fine");
    for store in [store, open(dir.path(), 64).store] {
        assert_eq!(store.rows(), 51);
        assert_eq!(store.nearest(&vectors[150], 1, None).expect("nothing damaged it").hits[0].0, 50);
        assert_eq!((store.find(7_777), store.find(60), store.find(49)), (Some(50), None, Some(49)));
        store.verify().expect("nothing damaged it");
    }
}

#[test]
fn the_first_row_of_a_digest_is_found() {
    let (_dir, store) = new_store(4);
    for _ in 0..2 {
        let rows: Vec<(u128, &[f32])> = (0..500_u128).map(|n| (n << 100, [1.0, 0.5, 0.0, 0.0].as_slice())).collect();
        store.append(&rows).expect("the disk is fine");
        assert_eq!(store.find(3 << 100), Some(3));
        assert_eq!(store.find(3), None);
    }
}

#[test]
fn another_homes_models_or_shapes_vectors_are_set_aside() {
    let (dir, store) = new_store(16);
    append(&store, &[vec![1.0; 16]]);
    store.sync().expect("the disk is fine");
    drop(store);
    let path = dir.path().join("vectors");
    for (identity, embedder, dimensions, why) in [
        ([1; 32], MODEL, 16, "it belongs to another home"),
        (HOME, [1; 32], 16, "it was made by another embedder"),
        (HOME, MODEL, 17, "its vectors have 16 dimensions, not 17"),
    ] {
        let store = VectorStore::open(&path, &HOME, &MODEL, 16).expect("the folder is ours").store;
        append(&store, &[vec![1.0; 16]]);
        store.sync().expect("the disk is fine");
        drop(store);
        let opened = VectorStore::open(&path, &identity, &embedder, dimensions).expect("the folder is ours");
        assert_eq!(opened.rebuilt.as_deref(), Some(why));
        assert_eq!(opened.store.rows(), 0);
        assert!(dir.path().join("vectors.set-aside").is_dir());
        std::fs::remove_dir_all(&path).expect("the folder is ours");
    }
}

#[test]
fn searches_run_beside_appends() {
    let vectors = clustered(&mut Random(9), 6_000, 20, 64);
    let (_dir, store) = new_store(64);
    append(&store, &vectors[..1_000]);
    thread::scope(|scope| {
        scope.spawn(|| {
            for part in vectors[1_000..].chunks(50) {
                append(&store, part);
                store.sync().expect("the disk is fine");
            }
        });
        for _ in 0..3 {
            scope.spawn(|| {
                let mut last = 0;
                while last < 6_000 {
                    let nearest = store.nearest(&vectors[500], 10, None).expect("nothing damaged it");
                    assert_eq!(nearest.hits[0].0, 500);
                    assert!(nearest.statistics.rows >= last);
                    last = nearest.statistics.rows;
                }
            });
        }
    });
    assert_eq!(store.nearest(&vectors[5_999], 1, None).expect("nothing damaged it").hits[0].0, 5_999);
}

#[test]
fn a_set_of_rows_holds_what_was_put_in() {
    let rows: Rows = [700, 3, 64, 3, 63].into_iter().collect();
    assert_eq!(rows.len(), 4);
    assert_eq!(rows.iter().collect::<Vec<_>>(), [3, 63, 64, 700]);
    assert!(rows.contains(64) && !rows.contains(65) && !rows.contains(1_000_000));
    assert!(Rows::default().is_empty());
}

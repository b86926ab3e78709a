use std::path::Path;

use super::*;
use crate::testing::{HOME, Random};

const MODEL: [u8; 32] = [9; 32];

fn open(dir: &Path, dimensions: usize) -> OpenedVectors {
    VectorStore::open(dir, &HOME, &MODEL, dimensions).expect("the folder is a temporary one of our own")
}

fn random_vector(random: &mut Random, dimensions: usize) -> Vec<f32> {
    (0..dimensions).map(|_| random.below(2_001) as f32 / 1_000.0 - 1.0).collect()
}

#[test]
fn appended_rows_are_found_again_after_opening() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut random = Random(1);
    let vectors: Vec<Vec<f32>> = (0..100).map(|_| random_vector(&mut random, 70)).collect();
    {
        let store = open(dir.path(), 70).store;
        let rows: Vec<(u128, &[f32])> = (0..).zip(&vectors).map(|(n, v)| (n, v.as_slice())).collect();
        store.append(&rows).expect("they are fine");
        store.sync().expect("the disk is fine");
    }
    let OpenedVectors { store, rebuilt } = open(dir.path(), 70);
    assert_eq!(rebuilt, None);
    assert_eq!(store.rows(), 100);
    for (row, vector) in (0..).zip(&vectors) {
        let nearest = store.nearest(vector, 3, None).expect("nothing damaged it");
        assert_eq!(nearest.hits[0].0, row);
        assert!((nearest.hits[0].1 - 1.0).abs() < 1e-4, "{nearest:?}");
        assert_eq!(store.find(u128::from(row)), Some(row));
    }
    store.verify().expect("nothing damaged it");
}

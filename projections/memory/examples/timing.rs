//! How fast the memory index is on this machine: `cargo run --release -p zo-memory --example timing
//! [DOCUMENTS]`. It writes an index of made-up documents, and vectors of as many dimensions as the
//! embedder's, in clusters, to a temporary folder.
#![allow(clippy::print_stdout)]

use std::error::Error;
use std::time::{Duration, Instant};

use zo_memory::{Dense, Document, Filter, Kind, MemoryIndex, Opened, Parts, Question, VectorStore};

/// Documents per commit while building.
const BATCH: usize = 10_000;
/// Different words; word `n` is about `1/n` as common as the first.
const VOCABULARY: f64 = 50_000.0;
const WORDS_PER_DOCUMENT: u64 = 40;
const WORDS_PER_QUERY: u64 = 5;
const QUERIES: usize = 300;
const SMALL_COMMITS: u64 = 20;
const OPENINGS: usize = 5;
const SESSION: u64 = 25;
const DIMENSIONS: usize = 384;
const CLUSTERS: u64 = 1_000;
const HOME: [u8; 32] = [0; 32];

fn main() -> Result<(), Box<dyn Error>> {
    let count = std::env::args().nth(1).map_or(Ok(10_000), |count| count.parse())?;
    let dir = tempfile::tempdir()?;
    let (words, vectors) = (dir.path().join("words"), dir.path().join("vectors"));
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    build(&words, count, &mut random)?;

    let mut openings = Vec::new();
    for _ in 0..OPENINGS {
        openings.push(timed(|| MemoryIndex::open(&words, &HOME))?.1);
    }
    let Opened { index, .. } = MemoryIndex::open(&words, &HOME)?;
    let (disk, memory) = (index.bytes_on_disk()? as f64 / 1e6, index.bytes_in_memory() as f64 / 1e6);
    println!("open   p50 {:.2?}; {disk:.1} MB on disk, {memory:.1} MB in memory", middle(&mut openings));

    let clusters: Vec<Vec<f32>> = (0..CLUSTERS).map(|_| random.direction()).collect();
    let store = VectorStore::open(&vectors, &HOME, &HOME, DIMENSIONS)?.store;
    let mut appending = Duration::ZERO;
    for start in (0..count).step_by(BATCH) {
        let batch: Vec<Vec<f32>> = (start..count.min(start + BATCH as u64)).map(|_| random.near(&clusters)).collect();
        let rows: Vec<(u128, &[f32])> = (u128::from(start)..).zip(batch.iter().map(Vec::as_slice)).collect();
        appending += timed(|| store.append(&rows))?.1;
    }
    let syncing = timed(|| store.sync())?.1;
    let memory = store.bytes_in_memory() as f64 / 1e6;
    println!("append {count} vectors: {appending:.2?}, sync {syncing:.2?}; {memory:.1} MB in memory");

    search(&index, &store, &clusters, &mut random)?;
    add(&index, count, &mut random)
}

/// Writes the index.
fn build(dir: &std::path::Path, count: u64, random: &mut Random) -> Result<(), Box<dyn Error>> {
    let (mut adding, mut committing) = (Duration::ZERO, Duration::ZERO);
    let index = MemoryIndex::open(dir, &HOME)?.index;
    for start in (0..count).step_by(BATCH) {
        let end = count.min(start + BATCH as u64);
        let documents: Vec<_> = (start..end).map(|position| document(position, random)).collect();
        adding += timed(|| index.add(&documents))?.1;
        committing += timed(|| index.commit(end))?.1;
    }
    let per_second = count as f64 / (adding + committing).as_secs_f64();
    println!("build  {count} documents: {per_second:.0}/s (add {adding:.2?}, commit {committing:.2?})");
    Ok(())
}

/// Asks by words alone, by both, and with filters.
fn search(
    index: &MemoryIndex,
    store: &VectorStore,
    clusters: &[Vec<f32>],
    random: &mut Random,
) -> Result<(), Box<dyn Error>> {
    let asked: Vec<(String, Vec<f32>)> =
        (0..QUERIES).map(|_| (random.text(WORDS_PER_QUERY), random.near(clusters))).collect();
    let facets = vec![("tenth".to_owned(), "3".to_owned())];
    let filters = [
        ("everything", Filter::default()),
        ("1 in 10 by facet", Filter { facets, ..Filter::default() }),
        ("half by time", Filter { since_ms: Some(index.documents() as i64 * 30_000), ..Filter::default() }),
    ];
    let all_valid = |revisions: &[(u128, u64)]| vec![true; revisions.len()];
    for (name, filter) in filters {
        for by_both in [false, true] {
            let (mut times, mut scans) = (Vec::with_capacity(QUERIES), Vec::with_capacity(QUERIES));
            for (text, query) in &asked {
                let dense = by_both.then_some(Dense { vectors: store, query });
                let question = Question { text, dense, limit: 10, filter: filter.clone(), parts: Parts::default() };
                times.push(timed(|| index.search(&question, &all_valid))?.1);
                if by_both {
                    scans.push(timed(|| store.nearest(query, 300, None))?.1);
                }
            }
            let kind = if by_both { "words and meaning" } else { "words" };
            times.sort();
            let scan = if by_both { format!(", of which the scan {:.2?}", middle(&mut scans)) } else { String::new() };
            let (p50, p99) = (times[QUERIES / 2], times[QUERIES * 99 / 100]);
            println!("query  {kind}, {name}: p50 {p50:.2?}, p99 {p99:.2?}{scan}");
        }
    }
    Ok(())
}

/// Adds and commits documents one by one.
fn add(index: &MemoryIndex, count: u64, random: &mut Random) -> Result<(), Box<dyn Error>> {
    let (mut adds, mut commits) = (Vec::new(), Vec::new());
    for position in count..count + SMALL_COMMITS {
        let document = document(position, random);
        adds.push(timed(|| index.add(&[document]))?.1);
        commits.push(timed(|| index.commit(position))?.1);
    }
    println!(
        "single document: searchable after {:.2?}, durable after {:.2?} (p50)",
        middle(&mut adds),
        middle(&mut commits)
    );
    Ok(())
}

fn middle(times: &mut [Duration]) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn timed<T, E>(work: impl FnOnce() -> Result<T, E>) -> Result<(T, Duration), E> {
    let start = Instant::now();
    work().map(|done| (done, start.elapsed()))
}

fn document(position: u64, random: &mut Random) -> Document {
    Document {
        position,
        item: u128::from(position) << 64 | u128::from(random.next()),
        kind: if position.is_multiple_of(3) { Kind::Message } else { Kind::Memory },
        text: random.text(WORDS_PER_DOCUMENT),
        title: None,
        speaker: Some(if position.is_multiple_of(2) { "Anna" } else { "Ben" }.to_owned()),
        session: Some(format!("session {}", position / SESSION)),
        date_ms: Some(position as i64 * 60_000),
        recorded_ms: 0,
        facets: vec![("tenth".to_owned(), (position % 10).to_string())],
    }
}

/// xorshift: the same documents in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A number from 0 to 1.
    fn evenly(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    fn text(&mut self, words: u64) -> String {
        let words: Vec<String> = (0..words).map(|_| format!("word{}", VOCABULARY.powf(self.evenly()) as u64)).collect();
        words.join(" ")
    }

    fn direction(&mut self) -> Vec<f32> {
        // The sum of a few even numbers is near enough to a normal one.
        (0..DIMENSIONS).map(|_| (0..4).map(|_| self.evenly() as f32 - 0.5).sum()).collect()
    }

    /// A vector in the vicinity of one of the clusters' middles.
    fn near(&mut self, clusters: &[Vec<f32>]) -> Vec<f32> {
        let middle = &clusters[(self.next() % clusters.len() as u64) as usize];
        self.direction().iter().zip(middle).map(|(away, middle)| middle + 0.8 * away).collect()
    }
}

//! How fast the lexical index is on this machine: `cargo run --release -p zo-memory --example
//! timing [DOCUMENTS]`. It writes an index of made-up documents to a temporary folder.
#![allow(clippy::print_stdout)]

use std::error::Error;
use std::time::{Duration, Instant};

use zo_memory::{Document, LexicalIndex, Opened, Query};

/// Documents per commit while building.
const BATCH: usize = 10_000;
/// Different words; word `n` is about `1/n` as common as the first.
const VOCABULARY: f64 = 50_000.0;
const WORDS_PER_DOCUMENT: u64 = 40;
const WORDS_PER_QUERY: u64 = 5;
const QUERIES: usize = 500;
const SMALL_COMMITS: u64 = 20;

fn main() -> Result<(), Box<dyn Error>> {
    let count = std::env::args().nth(1).map_or(Ok(10_000), |count| count.parse())?;
    let dir = tempfile::tempdir()?;
    let mut random = Random(0x2545_f491_4f6c_dd1d);

    let mut adding = Duration::ZERO;
    let mut committing = Duration::ZERO;
    {
        let index = LexicalIndex::open(dir.path(), &[0; 32])?.index;
        for start in (0..count).step_by(BATCH) {
            let end = count.min(start + BATCH as u64);
            let documents: Vec<_> = (start..end).map(|position| document(position, &mut random)).collect();
            adding += timed(|| index.add(&documents))?.1;
            committing += timed(|| index.commit(end))?.1;
        }
    }
    let per_second = count as f64 / (adding + committing).as_secs_f64();
    println!("build  {count} documents: {per_second:.0}/s (add {adding:.2?}, commit {committing:.2?})");

    let (Opened { index, .. }, opening) = timed(|| LexicalIndex::open(dir.path(), &[0; 32]))?;
    println!("size   {:.1} MB", folder_bytes(&dir)? as f64 / 1e6);
    println!("open   {opening:.2?}");

    let texts: Vec<String> = (0..QUERIES).map(|_| random.text(WORDS_PER_QUERY)).collect();
    for (name, eligible) in [("all", (|_| true) as fn(u64) -> bool), ("1 in 10", |position| position % 10 == 0)] {
        let mut times = Vec::with_capacity(QUERIES);
        for text in &texts {
            times.push(timed(|| index.search(&Query { text, limit: 10 }, &eligible))?.1);
        }
        times.sort();
        println!("query  {name} eligible: p50 {:.2?}, p99 {:.2?}", times[QUERIES / 2], times[QUERIES * 99 / 100]);
    }

    let (mut adds, mut commits) = (Vec::new(), Vec::new());
    for position in count..count + SMALL_COMMITS {
        let document = document(position, &mut random);
        adds.push(timed(|| index.add(&[document]))?.1);
        commits.push(timed(|| index.commit(position))?.1);
    }
    adds.sort();
    commits.sort();
    let middle = SMALL_COMMITS as usize / 2;
    println!("single document: searchable after {:.2?}, durable after {:.2?} (p50)", adds[middle], commits[middle]);
    Ok(())
}

fn timed<T, E>(work: impl FnOnce() -> Result<T, E>) -> Result<(T, Duration), E> {
    let start = Instant::now();
    work().map(|done| (done, start.elapsed()))
}

fn folder_bytes(dir: &tempfile::TempDir) -> std::io::Result<u64> {
    std::fs::read_dir(dir.path())?.map(|entry| Ok(entry?.metadata()?.len())).sum()
}

fn document(position: u64, random: &mut Random) -> Document {
    Document {
        position,
        item: u128::from(position),
        name: format!("m{position}"),
        from: position,
        text: random.text(WORDS_PER_DOCUMENT),
        title: None,
        speaker: Some("Anna".to_owned()),
        date_ms: Some(position as i64 * 60_000),
    }
}

/// xorshift: the same documents in every run.
struct Random(u64);

impl Random {
    fn text(&mut self, words: u64) -> String {
        let words: Vec<String> = (0..words).map(|_| self.word()).collect();
        words.join(" ")
    }

    fn word(&mut self) -> String {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let evenly = (self.0 >> 11) as f64 / (1u64 << 53) as f64;
        format!("word{}", VOCABULARY.powf(evenly) as u64)
    }
}

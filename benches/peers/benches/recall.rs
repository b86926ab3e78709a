//! Recall by words and by meaning: zo beside sqlite-vec (f32, every row compared) and FTS5, in turns, on the same rows.
//!
//! `cargo bench -p zo-peers --bench recall [-- ROWS]`; or `ZO_BENCH_ROWS` (100,000), `ZO_BENCH_SECONDS` (60) for the
//! questions, `ZO_BENCH_DIR`. Embedding the question is not part of it.

#![allow(clippy::print_stdout)] // a program for people to look at

use std::collections::HashMap;
use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use zo_benches::{BenchFolder, seconds};
use zo_engine::bench::{Noise, Rounds};
use zo_memory::{Dense, Document, Filter, Kind, MemoryIndex, Parts, Question, Rows, VectorStore};
use zo_peers::SqliteMemories;

const HOME: [u8; 32] = [1; 32];
const MODEL: [u8; 32] = [2; 32];
const DIMENSIONS: usize = 384;
const LIMIT: usize = 10;
const BATCH: usize = 10_000;
/// Questions asked at most, and at least even if that takes longer than was asked for.
const QUESTIONS: (usize, usize) = (300, 20);
/// Set for the process that only shows how much memory the vectors take.
const MEMORY_OF: &str = "ZO_BENCH_MEMORY_OF";

fn main() -> Result<()> {
    if env::args().any(|argument| argument == "--test") {
        return Ok(());
    }
    if let Some(folder) = env::var_os(MEMORY_OF) {
        return show_memory(&PathBuf::from(folder));
    }
    let asked = env::args().nth(1).filter(|argument| !argument.starts_with('-')).or(env::var("ZO_BENCH_ROWS").ok());
    let count: usize = asked.map_or(Ok(100_000), |text| text.parse()).context("the number of rows")?;
    let folder = BenchFolder::new()?;
    println!("{count} memories of {DIMENSIONS} dimensions, below {}", folder.path().display());
    let ours = Ours::open(folder.path())?;
    let mut peer = SqliteMemories::create(&folder.path().join("peer.sqlite"), DIMENSIONS)?;
    let mut made_up = MadeUp::new();
    let (mut our_time, mut peer_time) = (Rounds::default(), Rounds::default());
    for first in (0..count).step_by(BATCH) {
        let rows: Vec<(String, Vec<f32>)> = (first..count.min(first + BATCH)).map(|_| made_up.memory()).collect();
        our_time.time(|| ours.add(first as u32, &rows))?;
        peer_time.time(|| peer.insert(first as u32, &rows))?;
    }
    println!("written    zo {:.1} s, peer {:.1} s", our_time.total().as_secs_f64(), peer_time.total().as_secs_f64());
    ask(&ours, &peer, count, &mut made_up)?;
    drop(ours);
    let status = Command::new(env::current_exe()?).env(MEMORY_OF, folder.path()).status()?;
    ensure!(status.success(), "the process that shows the memory failed: {status}");
    Ok(())
}

/// Asks until the time is over; the four ways to answer take turns.
fn ask(ours: &Ours, peer: &SqliteMemories, count: usize, made_up: &mut MadeUp) -> Result<()> {
    let one_in_ten: Rows = (0..count as u32).filter(|row| row % 10 == 0).collect();
    let [mut dense, mut filtered, mut peer_dense, mut hybrid, mut peer_hybrid] =
        std::array::from_fn::<Rounds, 5, _>(|_| Rounds::default());
    let (mut found, mut questions) = (0, 0);
    let until = Instant::now() + seconds(60.0);
    while questions < QUESTIONS.1 || (Instant::now() < until && questions < QUESTIONS.0) {
        let (text, vector) = made_up.question();
        let exact = peer_dense.time(|| peer.nearest(&vector, LIMIT as u32))?;
        let nearest = dense.time(|| ours.nearest(&vector, None))?;
        filtered.time(|| ours.nearest(&vector, Some(&one_in_ten)))?;
        peer_hybrid
            .time(|| anyhow::Ok(fuse(&[peer.matching(&text, LIMIT as u32)?, peer.nearest(&vector, LIMIT as u32)?])))?;
        hybrid.time(|| ours.hybrid(&text, &vector))?;
        found += nearest.iter().filter(|row| exact.contains(row)).count();
        questions += 1;
    }
    println!("{questions} questions, {:.4} of the exact top {LIMIT} found", found as f64 / (questions * LIMIT) as f64);
    for (name, rounds, reference) in [
        ("dense", &dense, &peer_dense),
        ("dense, 1 row in 10 eligible", &filtered, &peer_dense),
        ("hybrid", &hybrid, &peer_hybrid),
    ] {
        let [ours, peers] = [rounds, reference].map(|rounds| rounds.quantile(0.5).as_secs_f64() * 1e3);
        let slow = rounds.quantile(0.9).as_secs_f64() * 1e3;
        let ratio = ours / peers;
        println!("{name:<28} zo p50 {ours:8.3} ms, p90 {slow:8.3} ms   peer p50 {peers:9.2} ms   ratio {ratio:.4}");
    }
    Ok(())
}

/// Opens the vectors alone, asks, and shows what the process then has in memory.
fn show_memory(folder: &Path) -> Result<()> {
    let before = resident_bytes()?;
    let begun = Instant::now();
    let store = VectorStore::open(&folder.join("vectors"), &HOME, &MODEL, DIMENSIONS)?.store;
    let opening: Duration = begun.elapsed();
    let mut made_up = MadeUp::new();
    for _ in 0..20 {
        store.nearest(&made_up.question().1, LIMIT, None)?;
    }
    println!(
        "opened in {opening:.1?}; resident {:.1} MB, {:.1} MB more than before opening, {:.1} MB as the store counts",
        resident_bytes()? / 1e6,
        (resident_bytes()? - before) / 1e6,
        store.bytes_in_memory() as f64 / 1e6,
    );
    Ok(())
}

/// What this process has in memory.
fn resident_bytes() -> Result<f64> {
    let status =
        std::fs::read_to_string("/proc/self/status").context("this system does not say how much memory is used")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<f64>()? * 1024.0)
}

struct Ours {
    words: MemoryIndex,
    vectors: VectorStore,
}

impl Ours {
    fn open(folder: &Path) -> Result<Self> {
        let words = MemoryIndex::open(&folder.join("words"), &HOME)?.index;
        let vectors = VectorStore::open(&folder.join("vectors"), &HOME, &MODEL, DIMENSIONS)?.store;
        Ok(Self { words, vectors })
    }

    fn add(&self, first: u32, rows: &[(String, Vec<f32>)]) -> Result<()> {
        let documents = (u64::from(first)..).zip(rows).map(|(position, (text, _))| Document {
            position,
            item: u128::from(position),
            kind: Kind::Memory,
            text: text.clone(),
            title: None,
            speaker: None,
            session: None,
            date_ms: None,
            recorded_ms: position as i64,
            facets: Vec::new(),
        });
        self.words.add(&documents.collect::<Vec<_>>())?;
        self.words.commit(u64::from(first) + rows.len() as u64)?;
        let vectors: Vec<(u128, &[f32])> =
            (u128::from(first)..).zip(rows).map(|(row, (_, vector))| (row, &vector[..])).collect();
        self.vectors.append(&vectors)?;
        Ok(self.vectors.sync()?)
    }

    fn nearest(&self, vector: &[f32], among: Option<&Rows>) -> Result<Vec<u32>> {
        Ok(self.vectors.nearest(vector, LIMIT, among)?.hits.into_iter().map(|hit| hit.0).collect())
    }

    /// The best rows by words and meaning. This is what is measured as hybrid.
    fn hybrid(&self, text: &str, vector: &[f32]) -> Result<Vec<u32>> {
        let dense = Some(Dense { vectors: &self.vectors, query: vector });
        let question = Question { text, dense, limit: LIMIT, filter: Filter::default(), parts: Parts::default() };
        let hits = self.words.search(&question, &|revisions| vec![true; revisions.len()])?;
        Ok(hits.into_iter().map(|hit| hit.position as u32).collect())
    }
}

/// Reciprocal rank fusion, for the peer.
fn fuse(lists: &[Vec<u32>]) -> Vec<u32> {
    let mut scores: HashMap<u32, f64> = HashMap::new();
    for (rank, row) in lists.iter().flat_map(|list| list.iter().enumerate()) {
        *scores.entry(*row).or_default() += 1.0 / (60 + rank) as f64;
    }
    let mut rows: Vec<(u32, f64)> = scores.into_iter().collect();
    rows.sort_by(|one, other| other.1.total_cmp(&one.1).then(one.0.cmp(&other.0)));
    rows.truncate(LIMIT);
    rows.into_iter().map(|row| row.0).collect()
}

/// Made-up memories: the same in every run.
///
/// Texts are words by Zipf's law. Vectors lie as those of texts do: most of what tells them apart is in some dozens of
/// directions, they gather around topics, topics have neighbours, and nearest ones have cosines of .5 to .8.
struct MadeUp {
    noise: Noise,
    topics: Vec<Vec<f32>>,
}

impl MadeUp {
    const TOPICS: usize = 5_000;
    const VOCABULARY: f64 = 50_000.0;

    fn new() -> Self {
        let mut noise = Noise::new(3);
        let common = direction(&mut noise);
        let mut topics: Vec<Vec<f32>> = Vec::with_capacity(Self::TOPICS);
        for topic in 0..Self::TOPICS {
            let own = direction(&mut noise);
            // Every second topic is a neighbour of the one before.
            let beside = if topic % 2 == 1 { topics[topic - 1].clone() } else { vec![0.0; DIMENSIONS] };
            topics.push(unit(sum(&[(1.0, &own), (0.3, &common), (1.2, &beside)])));
        }
        Self { noise, topics }
    }

    fn memory(&mut self) -> (String, Vec<f32>) {
        (self.words(40), self.vector(0.4))
    }

    fn question(&mut self) -> (String, Vec<f32>) {
        (self.words(5), self.vector(0.9))
    }

    /// A mix of two topics beside each other, and something of its own.
    fn vector(&mut self, own: f32) -> Vec<f32> {
        let topic = self.noise.below(Self::TOPICS as u64) as usize;
        let share = 0.3 + 0.7 * evenly(&mut self.noise) as f32;
        let mixed = unit(sum(&[(share, &self.topics[topic]), (1.0 - share, &self.topics[topic ^ 1])]));
        let flat: Vec<f32> = (0..DIMENSIONS).map(|_| normal(&mut self.noise)).collect();
        unit(sum(&[(1.0, &mixed), (own, &unit(flat))]))
    }

    fn words(&mut self, count: usize) -> String {
        let words = (0..count).map(|_| format!("word{}", Self::VOCABULARY.powf(evenly(&mut self.noise)) as u64));
        words.collect::<Vec<_>>().join(" ")
    }
}

/// A random direction, in which the first of the numbers vary most.
fn direction(noise: &mut Noise) -> Vec<f32> {
    unit((0..DIMENSIONS).map(|n| normal(noise) / (1.0 + n as f32 / 40.0)).collect())
}

/// Between 0 and 1.
fn evenly(noise: &mut Noise) -> f64 {
    (noise.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
}

/// About normally distributed: the sum of four numbers from -1 to 1.
fn normal(noise: &mut Noise) -> f32 {
    (0..4).map(|_| 2.0 * evenly(noise) as f32 - 1.0).sum()
}

fn sum(parts: &[(f32, &Vec<f32>)]) -> Vec<f32> {
    (0..DIMENSIONS).map(|n| parts.iter().map(|(factor, vector)| factor * vector[n]).sum()).collect()
}

fn unit(vector: Vec<f32>) -> Vec<f32> {
    let length = vector.iter().map(|number| number * number).sum::<f32>().sqrt();
    vector.into_iter().map(|number| number / length).collect()
}

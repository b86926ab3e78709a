//! Durable appends: zo beside SQLite (WAL, `synchronous=FULL`) and a raw file with fdatasync, in turns, on one disk.
//!
//! `cargo bench -p zo-peers --bench append`; `ZO_BENCH_SECONDS` per row, `ZO_BENCH_DIR`.

#![allow(clippy::print_stdout)] // a program for people to look at

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use zo_benches::{BenchFolder, open, row, seconds};
use zo_engine::bench::{EVENT_BYTES, Noise, RawFile, Rounds, placeholders};
use zo_engine::bodies::Bodies;
use zo_engine::disk::blobs::Blobs;
use zo_engine::disk::keys::KeyRing;
use zo_engine::engine::Engine;
use zo_engine::world::{SystemWorld, World};
use zo_engine::writer::Writer;
use zo_peers::SqliteLog;
use zo_projections::{Category, StreamId, Views};

const HOME: [u8; 16] = [1; 16];
const PRODUCERS: usize = 64;
/// Every producer's turn; zo and SQLite take turns of this length.
const TURN: Duration = Duration::from_millis(500);

fn main() -> Result<()> {
    if std::env::args().any(|argument| argument == "--test") {
        return Ok(());
    }
    let folder = BenchFolder::new()?;
    println!("events of {EVENT_BYTES} bytes, below {}", folder.path().display());
    for batch in [1, 64, 1024] {
        batches(&folder.path().join(batch.to_string()), batch)?;
    }
    producers(&folder.path().join("producers"))
}

fn batches(folder: &Path, batch: usize) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    let engine = open(folder)?;
    let sqlite = SqliteLog::create(&folder.join("peer.sqlite"), &HOME)?;
    let mut raw = RawFile::create(&folder.join("raw"))?;
    let mut noise = Noise::new(7);
    let stream = StreamId::new(Category::Job, 7);
    let (mut ours, mut theirs, mut raws) = (Rounds::default(), Rounds::default(), Rounds::default());
    let until = Instant::now() + seconds(10.0);
    while Instant::now() < until {
        let submissions = placeholders(&mut noise, stream, batch);
        let events: Vec<Vec<u8>> = (0..batch).map(|_| noise.bytes(EVENT_BYTES - 40)).collect();
        let bytes = noise.bytes(batch * EVENT_BYTES);
        ours.time(|| engine.writer().submit(submissions).into_iter().collect::<Result<Vec<_>, _>>())?;
        theirs.time(|| sqlite.insert(&events))?;
        raws.time(|| raw.append(&bytes))?;
    }
    println!("\nbatch {batch}, {} rounds in turns", ours.count());
    println!("{}", row("zo", &ours, batch));
    println!("{}", reference("SQLite WAL FULL", &theirs, batch, &ours));
    println!("{}", reference("raw file + fdatasync", &raws, batch, &ours));
    engine.close();
    Ok(())
}

/// The row of a peer, with how much faster zo is.
fn reference(name: &str, peer: &Rounds, batch: usize, ours: &Rounds) -> String {
    let by_median = peer.quantile(0.5).as_secs_f64() / ours.quantile(0.5).as_secs_f64();
    let by_mean = peer.total().as_secs_f64() / ours.total().as_secs_f64();
    format!("{}  zo is {by_median:.2} x as fast by median, {by_mean:.2} x by mean", row(name, peer, batch))
}

/// 64 threads that each append one event at a time: behind the same writer, once with our store and once with SQLite.
fn producers(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    let engine: Arc<Engine> = open(folder)?;
    let keys = KeyRing::open(&folder.join("keys"), HOME, false)?;
    let bodies = Arc::new(Bodies::new(keys, Blobs::new(folder.join("blobs"))));
    let world: Arc<dyn World> = Arc::new(SystemWorld::default());
    let sqlite = Arc::new(SqliteLog::create(&folder.join("peer.sqlite"), &HOME)?);
    let peer = Writer::new(sqlite, bodies, world, Views::default());
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let until = Instant::now() + seconds(10.0) * 2;
    while Instant::now() < until {
        ours.push(turn(engine.writer())?);
        theirs.push(turn(&peer)?);
    }
    let ratios: Vec<f64> = ours.iter().zip(&theirs).map(|(ours, theirs)| ours / theirs).collect();
    println!("\n{PRODUCERS} producers, {} turns each", ours.len());
    println!("zo                      {:10.0} events/s (median)", median(ours));
    println!("SQLite, same queue      {:10.0} events/s (median)", median(theirs));
    println!("zo is {:.2} x as fast (median of the pairs)", median(ratios));
    engine.close();
    Ok(())
}

/// Events per second of one turn.
fn turn(writer: &Writer) -> Result<f64> {
    let (stop, done, failed) = (AtomicBool::new(false), AtomicUsize::new(0), AtomicBool::new(false));
    let begun = Instant::now();
    thread::scope(|scope| {
        for producer in 0..PRODUCERS {
            let (stop, done, failed) = (&stop, &done, &failed);
            scope.spawn(move || {
                let mut noise = Noise::new(producer as u64);
                let stream = StreamId::new(Category::Job, 100 + producer as u128);
                while !stop.load(Ordering::Relaxed) {
                    let outcomes = writer.submit(placeholders(&mut noise, stream, 1));
                    if outcomes.iter().any(Result::is_err) {
                        failed.store(true, Ordering::Relaxed);
                        return;
                    }
                    done.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        thread::sleep(TURN);
        stop.store(true, Ordering::Relaxed);
    });
    anyhow::ensure!(!failed.load(Ordering::Relaxed), "an append failed");
    #[allow(clippy::cast_precision_loss)]
    Ok(done.load(Ordering::Relaxed) as f64 / begun.elapsed().as_secs_f64())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

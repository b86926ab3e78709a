//! Replay and cold start of a large home: 30 % messages, 10 % memories, the rest jobs, runs and ticks.
//!
//! `cargo bench -p zo-benches --bench replay`; `ZO_BENCH_EVENTS` (a million unless said), `ZO_BENCH_DIR`.

#![allow(clippy::print_stdout)] // a program for people to look at

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::Instant;

use anyhow::Result;
use zo_benches::{BenchFolder, open};
use zo_engine::bench::{self, Rounds};

const ROUNDS: usize = 7;

fn main() -> Result<()> {
    if std::env::args().any(|argument| argument == "--test") {
        return Ok(());
    }
    let events: u64 = std::env::var("ZO_BENCH_EVENTS").ok().and_then(|text| text.parse().ok()).unwrap_or(1_000_000);
    let folder = BenchFolder::new()?;
    let engine = open(folder.path())?;
    let begun = Instant::now();
    bench::generate(&engine, events, 1, &mut |_| {})?;
    println!("generated {} events in {:.1} s", engine.writer().position(), begun.elapsed().as_secs_f64());
    let begun = Instant::now();
    engine.close();
    drop(engine);
    println!("closed in {:.2} s", begun.elapsed().as_secs_f64());

    let engine = open(folder.path())?;
    let (mut replays, mut raws) = (Rounds::default(), Rounds::default());
    let mut count = 0;
    for _ in 0..ROUNDS {
        let figures = replays.time(|| bench::replay(&engine, 1))?;
        count = usize::try_from(figures.events)?;
        raws.time(|| read_all(&folder.path().join("home/log/segments")))?;
    }
    println!("{}", zo_benches::row("replay: read, verify, decode, fold", &replays, count));
    println!("{}", zo_benches::row("plain read of the segment files", &raws, count));
    engine.close();
    drop(engine);

    let mut opens = Rounds::default();
    for _ in 0..ROUNDS {
        let engine = opens.time(|| open(folder.path()))?;
        engine.close();
    }
    println!(
        "open: median {:.3} s, slowest {:.3} s; this process has {}",
        opens.quantile(0.5).as_secs_f64(),
        opens.quantile(1.0).as_secs_f64(),
        resident()
    );
    println!("(`/usr/bin/time -v zo --home HOME status` gives the resident size of a process that only opens)");
    Ok(())
}

fn read_all(folder: &Path) -> Result<u64> {
    let mut total = 0;
    let mut buffer = vec![0; 1 << 20];
    for entry in std::fs::read_dir(folder)? {
        let mut file = File::open(entry?.path())?;
        loop {
            let read = file.read(&mut buffer)?;
            if read == 0 {
                break;
            }
            total += read as u64;
        }
    }
    Ok(total)
}

fn resident() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let lines = status.lines().filter(|line| line.starts_with("VmRSS") || line.starts_with("VmHWM"));
    lines.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect::<Vec<_>>().join(", ")
}

//! Replay and cold start of a large home: 30 % messages, 10 % memories, the rest jobs, runs and ticks.
//!
//! `cargo bench -p zo-benches --bench replay`; `ZO_BENCH_EVENTS` (a million unless said), `ZO_BENCH_DIR`.

#![allow(clippy::print_stdout)] // a program for people to look at

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result};
use zo_benches::{BenchFolder, open};
use zo_engine::bench::{self, Rounds};

const ROUNDS: usize = 7;

fn main() -> Result<()> {
    if std::env::args().any(|argument| argument == "--test") {
        return Ok(());
    }
    let mut arguments = std::env::args().skip(1);
    if arguments.next().is_some_and(|argument| argument == "--open") {
        return open_here(Path::new(&arguments.next().context("a folder")?));
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

    let mut opens: Vec<(f64, u64)> = (0..ROUNDS).map(|_| open_elsewhere(folder.path())).collect::<Result<_>>()?;
    opens.sort_by(|a, b| a.0.total_cmp(&b.0));
    let resident = opens.iter().map(|(_, resident)| resident).max().copied().unwrap_or_default();
    println!(
        "open in a process of its own: median {:.3} s, slowest {:.3} s; resident at most {} MB",
        opens[ROUNDS / 2].0,
        opens[ROUNDS - 1].0,
        resident / 1000
    );
    Ok(())
}

/// Opens the home in a fresh process; seconds that took, and the most memory that it had resident, in kB.
fn open_elsewhere(folder: &Path) -> Result<(f64, u64)> {
    let output = Command::new(std::env::current_exe()?).arg("--open").arg(folder).output()?;
    let text = String::from_utf8(output.stdout)?;
    let mut words = text.split_whitespace();
    let mut next = || words.next().with_context(|| format!("the child said {text:?}"));
    Ok((next()?.parse()?, next()?.parse()?))
}

/// The child of [`open_elsewhere`].
fn open_here(folder: &Path) -> Result<()> {
    let begun = Instant::now();
    let engine = open(folder)?;
    let seconds = begun.elapsed().as_secs_f64();
    let status = std::fs::read_to_string("/proc/self/status")?;
    let highest = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("Linux says it")?;
    println!("{seconds} {}", highest.trim().trim_end_matches(" kB"));
    engine.close();
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

//! How long a confined command takes to start: `zo sandbox run -- true` at each level this machine has, beside `true` alone and
//! a fresh process that only prints its version, interleaved. Wanted: at most 30 ms more than `true`.
//!
//! `cargo build --release --workspace --bins && cargo bench --workspace --bench sandbox`; `ZO_BENCH_ROUNDS` (fifty unless said).

#![allow(clippy::print_stdout)] // a program for people to look at

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

const LEVELS: [&str; 3] = ["namespaces", "landlock", "bubblewrap"];

fn main() -> Result<()> {
    if std::env::args().any(|argument| argument == "--test") {
        return Ok(());
    }
    let rounds = std::env::var("ZO_BENCH_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(50);
    let zo = binary()?;
    let zo = zo.to_str().context("a path in UTF-8")?;
    let mut rows: Vec<(String, Vec<String>)> = vec![("true".to_owned(), words(&["true"]))];
    rows.push(("zo --version".to_owned(), words(&[zo, "--version"])));
    for level in LEVELS {
        let confined = words(&[zo, "sandbox", "run", "--level", level, "--", "true"]);
        if timed(&confined).is_ok() {
            rows.push((format!("zo sandbox run --level {level} -- true"), confined));
        }
    }
    let mut times = vec![Vec::new(); rows.len()];
    for _ in 0..rounds {
        for ((_, words), times) in rows.iter().zip(&mut times) {
            times.push(timed(words)?);
        }
    }
    let mut bare = Duration::ZERO;
    for ((name, _), times) in rows.iter().zip(&mut times) {
        times.sort_unstable();
        let median = times[times.len() / 2];
        if name == "true" {
            bare = median;
        }
        let more = median.saturating_sub(bare).as_secs_f64() * 1e3;
        println!("{name:<48} p50 {:8.2} ms  {more:8.2} ms more than true", median.as_secs_f64() * 1e3);
    }
    Ok(())
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

fn timed(words: &[String]) -> Result<Duration> {
    let begun = Instant::now();
    let status = Command::new(&words[0])
        .args(&words[1..])
        .current_dir("/usr")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()?;
    ensure!(status.success(), "{} ended with {status}", words.join(" "));
    Ok(begun.elapsed())
}

fn binary() -> Result<PathBuf> {
    let bench = std::env::current_exe()?;
    let found = bench.ancestors().skip(1).map(|folder: &Path| folder.join("zo")).find(|path| path.is_file());
    found.context("there is no zo beside the bench: `cargo build --release --workspace --bins`")
}

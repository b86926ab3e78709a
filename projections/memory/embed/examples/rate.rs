//! What an engine takes to load, to answer one query, and to work through a file of lines.
//!
//! ```text
//! cargo run --release -p zo-embed --example rate -- auto|quick|rten|onnxruntime FILE
//! ```
//! Without a file it makes two sets of texts itself, of 20 and of 250 words. Every figure is the best of three.
#![allow(clippy::print_stdout, reason = "an example that prints")]

use std::{
    env, fs,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use zo_embed::{Embedder, Models, Role, RuntimePreference};

fn main() -> Result<()> {
    let mut arguments = env::args().skip(1);
    let preference = match arguments.next().as_deref() {
        None | Some("auto") => RuntimePreference::Auto,
        Some("quick") => RuntimePreference::Quick,
        Some("rten") => RuntimePreference::Rten,
        Some("onnxruntime") => RuntimePreference::OnnxRuntime,
        Some(other) => anyhow::bail!("{other} is no engine: auto, quick, rten, onnxruntime"),
    };
    let start = Instant::now();
    let report = zo_embed::runtime();
    let searched = start.elapsed();
    let start = Instant::now();
    let mut embedder = Models::new(env::temp_dir()).open_with(Models::DEFAULT, preference)?;
    let loaded = start.elapsed();
    let start = Instant::now();
    embedder.embed(Role::Query, &["what did we decide about the database last week?"])?;
    println!("{} on {}, id {}", embedder.name(), embedder.runtime(), embedder.id());
    println!(
        "runtime looked for and loaded {searched:.1?}, model loaded {loaded:.1?}, first query {:.1?}",
        start.elapsed()
    );
    if let Some(why) = report.why_not() {
        println!("no ONNX Runtime: {why}");
    }
    let queries = ["where does the cat sleep?", "how is the log kept from being cut off?", "prices of tea in spring"];
    let latency = best(|| {
        for query in queries {
            embedder.embed(Role::Query, &[query])?;
        }
        Ok(())
    })?;
    println!("one query after another: {:.2?} each", latency / queries.len() as u32);
    match arguments.next() {
        Some(path) => {
            let text = fs::read_to_string(&path).with_context(|| path.clone())?;
            rate(&mut *embedder, &path, &text.lines().collect::<Vec<_>>())?;
        }
        None => {
            for (words, texts) in [(20, 256), (250, 32)] {
                let texts: Vec<String> = (0..texts).map(|seed| made_up(words, seed)).collect();
                let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
                rate(&mut *embedder, &format!("{words} words"), &texts)?;
            }
        }
    }
    Ok(())
}

fn rate(embedder: &mut dyn Embedder, what: &str, texts: &[&str]) -> Result<()> {
    let taken = best(|| {
        embedder.embed(Role::Passage, texts)?;
        Ok(())
    })?;
    let per_second = texts.len() as f64 / taken.as_secs_f64();
    println!("{what}: {} texts in {taken:.2?}, {per_second:.1} a second", texts.len());
    Ok(())
}

fn best(mut work: impl FnMut() -> Result<()>) -> Result<Duration> {
    let mut best = Duration::MAX;
    for _ in 0..3 {
        let start = Instant::now();
        work()?;
        best = best.min(start.elapsed());
    }
    Ok(best)
}

/// A text of common words in an order that depends on the seed.
fn made_up(words: usize, seed: usize) -> String {
    const WORDS: [&str; 24] = [
        "the", "meeting", "about", "a", "database", "was", "moved", "to", "Friday", "because", "our", "index", "had",
        "lost", "some", "memories", "and", "nobody", "knew", "which", "backup", "would", "still", "open",
    ];
    let word = |i: usize| WORDS[(i * 7 + seed * 5 + i * i * (seed % 11)) % WORDS.len()];
    (0..words).map(word).collect::<Vec<_>>().join(" ")
}

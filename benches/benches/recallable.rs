//! From "remember this" to "found": how long a memory takes from being handed over to being in the answer of a recall,
//! without the making of vectors, in a home that holds many already. The limit that it is compared with is a durable
//! append alone, interleaved.
//!
//! `cargo bench -p zo-benches --bench recallable`; `ZO_BENCH_MEMORIES` (ten thousand unless said), `ZO_BENCH_DIR`.

#![allow(clippy::print_stdout)] // a program for people to look at

use std::ops::ControlFlow;

use anyhow::{Context, Result, ensure};
use zo_benches::{BenchFolder, open};
use zo_engine::bench::{Noise, Rounds};
use zo_engine::engine::Engine;
use zo_engine::protocol::{Answer, NewMemory, Query, RecallQuestion, Request, Response};
use zo_engine::service::handle;
use zo_projections::Actor;

const ROUNDS: u64 = 300;
/// At most so many items go into one request.
const PAGE: u64 = 1_000;

fn main() -> Result<()> {
    if std::env::args().any(|argument| argument == "--test") {
        return Ok(());
    }
    let memories: u64 = std::env::var("ZO_BENCH_MEMORIES").ok().and_then(|text| text.parse().ok()).unwrap_or(10_000);
    let folder = BenchFolder::new()?;
    let engine = open(folder.path())?;
    let mut noise = Noise::new(1);
    let mut sentence = |length| noise.text(length);
    for page in 0..memories.div_ceil(PAGE) {
        let count = PAGE.min(memories - page * PAGE);
        memorize(&engine, (0..count).map(|_| sentence(120)).collect())?;
    }
    found(&engine, "anything")?;

    let (mut appended, mut recallable) = (Rounds::default(), Rounds::default());
    for round in 0..ROUNDS {
        let text = sentence(120);
        appended.time(|| memorize(&engine, vec![text]))?;
        let word = format!("needle{round}");
        let text = format!("{} {word}", sentence(100));
        let hits = recallable.time(|| {
            memorize(&engine, vec![text])?;
            found(&engine, &word)
        })?;
        ensure!(hits == 1, "{word} was found {hits} times");
    }
    println!("{}", zo_benches::row(&format!("memorize, at {memories} memories"), &appended, 1));
    println!("{}", zo_benches::row("memorize, and recall finds it", &recallable, 1));
    engine.close();
    Ok(())
}

fn memorize(engine: &Engine, texts: Vec<String>) -> Result<()> {
    let items = texts.into_iter().map(|content| NewMemory { content, ..NewMemory::default() }).collect();
    one(engine, Request::Memorize { actor: Actor::User, items })?;
    Ok(())
}

/// How many memories have the word, among the first ten.
fn found(engine: &Engine, word: &str) -> Result<usize> {
    let question = RecallQuestion {
        text: word.to_owned(),
        limit: 10,
        without: vec!["dense".to_owned()],
        ..RecallQuestion::default()
    };
    let response = one(engine, Request::Query { query: Query::Recall(question), at: None })?;
    let Response::Answer(answer) = response else { anyhow::bail!("no answer: {response:?}") };
    let Answer::Recalled(recalled) = *answer else { anyhow::bail!("nothing was recalled") };
    Ok(recalled.hits.iter().filter(|hit| hit.content.contains(word)).count())
}

fn one(engine: &Engine, request: Request) -> Result<Response> {
    let mut response = None;
    handle(engine, request, &mut |each| {
        response = Some(each);
        ControlFlow::Continue(())
    })?;
    response.context("a response")
}

//! A log whose every event follows from its number, so that a checker knows what must be there.
//!
//! Event `n` of the story is the `n`-th of one stream; its filling is noise seeded with `n`. Bodies are told by memories
//! in between, whose names and texts follow from the number too.

use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use zo_engine::bench::Noise;
use zo_engine::disk::journal::Sizes;
use zo_engine::engine::{Engine, EngineOptions};
use zo_engine::store::local::Options;
use zo_projections::event::{Event, memory};
use zo_projections::{Actor, Category, Command, Position, StreamId, Submission};

/// The stream of the placeholders.
const STREAM: StreamId = StreamId { category: Category::Job, id: 77 };
/// Every so many events one is a memory, with a sealed body.
const MEMORY_EVERY: u64 = 7;

/// How a child tells its story.
#[derive(Clone, Copy, Debug)]
pub struct Telling {
    /// Events per commit.
    pub batch: u64,
    /// Bytes of a journal file, small so that files are closed, sealed and recycled.
    pub journal_bytes: u64,
    /// Stop after this event of the story.
    pub until: u64,
}

/// Opens the home in `folder` with journal files of `journal_bytes`.
///
/// # Errors
/// If it cannot be opened.
pub fn open(folder: &Path, journal_bytes: u64) -> Result<std::sync::Arc<Engine>> {
    let defaults = Options::default();
    let store = Options { journal: Sizes { file_bytes: journal_bytes, ..defaults.journal }, ..defaults };
    Ok(Engine::open(folder, EngineOptions { store, ..EngineOptions::default() })?)
}

/// Goes on telling the story behind what is in the log, and says `ack N` on stdout once event `N` is durable.
///
/// # Errors
/// If the log cannot be written.
pub fn tell(folder: &Path, telling: Telling) -> Result<()> {
    let engine = open(folder, telling.journal_bytes)?;
    let mut next = engine.writer().position().0 + 1;
    while next <= telling.until {
        let last = (next + telling.batch - 1).min(telling.until);
        let submissions = (next..=last).map(|position| submission(&engine, position)).collect();
        for outcome in engine.writer().submit(submissions) {
            outcome?;
        }
        let mut stdout = io::stdout().lock();
        stdout.write_all(format!("ack {last}\n").as_bytes())?;
        stdout.flush()?;
        next = last + 1;
    }
    engine.close();
    Ok(())
}

fn submission(engine: &Engine, position: u64) -> Submission {
    let command = if position % MEMORY_EVERY == 0 {
        let (name, content) = memory_of(position);
        let digest = engine.names().content(&content, None);
        let id = Some(engine.names().memory(&name));
        let body = memory::Body { name: Some(name), content, meta: None };
        Command::Memorize { id, digest, occurred_at: None, body }
    } else {
        Command::AppendPlaceholder { stream: STREAM, stands_for: "story".to_owned(), filling: filling_of(position) }
    };
    Submission::new(Actor::Client, command)
}

fn filling_of(position: u64) -> Vec<u8> {
    let mut noise = Noise::new(position);
    let length = if position.is_multiple_of(501) { 20_000 } else { 40 + noise.below(300) };
    noise.bytes(usize::try_from(length).expect("a small number"))
}

fn memory_of(position: u64) -> (String, String) {
    (format!("story-{position}"), Noise::new(position).text(120))
}

/// The last event that a child acknowledged, from what it wrote; 0 if none.
pub fn acknowledged(stdout: &[u8]) -> u64 {
    let whole_lines = stdout.split_inclusive(|&byte| byte == b'\n').filter(|line| line.ends_with(b"\n"));
    let numbers =
        whole_lines.filter_map(|line| std::str::from_utf8(line).ok()?.trim().strip_prefix("ack ")?.parse().ok());
    numbers.last().unwrap_or(0)
}

/// Opens the home and checks that the story is there without a gap up to `acknowledged` at least, that every event says
/// what it must, and that the log can be written again. Returns the last position.
///
/// # Errors
/// What is not as it should be.
pub fn check(folder: &Path, acknowledged: u64, journal_bytes: u64) -> Result<u64> {
    let engine = open(folder, journal_bytes).context("the home does not open")?;
    let head = engine.writer().position();
    ensure!(head.0 >= acknowledged, "event {acknowledged} was acknowledged, and the log ends at {head}");
    let mut expected = Position(1);
    let mut wrong = None;
    engine.reader().each(Position(1), head, &mut |event| {
        if let Err(error) = check_event(&event, expected) {
            wrong = Some(error);
            return ControlFlow::Break(());
        }
        expected = expected.next();
        ControlFlow::Continue(())
    })?;
    if let Some(wrong) = wrong {
        return Err(wrong);
    }
    ensure!(expected == head.next(), "the log says it ends at {head}, and reading ends before {expected}");
    let anomalies = engine.writer().read(|views| views.anomalies.clone())?;
    ensure!(anomalies.is_empty(), "anomalies: {anomalies:?}");
    let next = submission(&engine, head.0 + 1);
    engine.writer().submit_one(next).context("the log cannot be written any more")?;
    engine.close();
    Ok(head.0)
}

fn check_event(event: &zo_engine::reader::ReadEvent, expected: Position) -> Result<()> {
    let position = event.recorded.header.position;
    ensure!(position == expected, "position {position} comes where {expected} is due");
    match &event.recorded.event {
        Event::HomeCreated(_) => ensure!(position.0 == 1, "the home was created again at {position}"),
        Event::Placeholder(placeholder) => {
            ensure!(placeholder.filling == filling_of(position.0), "event {position} says something else");
        }
        Event::Memorized(_) => {
            let (name, content) = memory_of(position.0);
            let body: Option<memory::Body> = event.body()?;
            let body =
                body.with_context(|| format!("the body of event {position} does not open: {:?}", event.sealed))?;
            ensure!(body.content == content && body.name == Some(name), "memory {position} says something else");
        }
        other => anyhow::bail!("event {position} is {other:?}"),
    }
    Ok(())
}

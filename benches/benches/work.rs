//! What jobs and schedules cost as they become many: a claim among ten thousand pending jobs and among a million, beside one that
//! filters and sorts all of them; how late ten thousand schedules come due; how long a home with many jobs takes to open, and what
//! one that is served costs while nothing happens.
//!
//! `cargo bench --workspace --bench work`; `ZO_BENCH_PARTS` (`claims,ticks,opening,idle` unless said), `ZO_BENCH_EVENTS` (a million),
//! `ZO_BENCH_PENDING` (a million), `ZO_BENCH_DIR`. See `DISPATCH.md`.

#![allow(clippy::print_stdout)] // a program for people to look at

use std::io::Read;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::{Command as Program, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use zo_benches::claims::{LABEL, Queue, Times, sorting};
use zo_benches::processes::{computed, resident_kib};
use zo_benches::{BenchFolder, open};
use zo_engine::bench::{Rounds, generate};
use zo_engine::client::{Client, OpenOptions};
use zo_engine::engine::Engine;
use zo_engine::protocol::{JobInput, JobOptions, Request, ScheduleInput};
use zo_engine::service::handle;
use zo_engine::work::WorkOptions;
use zo_projections::event::Event;
use zo_projections::event::schedule::Misfire;
use zo_projections::{Position, Timestamp};

const SPEC: &str = "{\"kind\":\"command\",\"argv\":[\"true\"]}";
const SCHEDULES: u32 = 10_000;
/// So long they are watched behind the moment at which the last of them is due for the first time.
const BEHIND: Duration = Duration::from_secs(3);
/// Jobs of one request.
const BATCH: usize = 1000;
const OPENINGS: usize = 5;
/// So long a home is served in which nothing happens, behind a while in which it settles.
const IDLE: Duration = Duration::from_secs(10);
const SETTLING: Duration = Duration::from_secs(5);

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--idle", folder] => return serve(Path::new(folder)),
        _ if arguments.iter().any(|argument| argument == "--test") => return Ok(()),
        _ => {}
    }
    let parts = std::env::var("ZO_BENCH_PARTS").unwrap_or_else(|_| "claims,ticks,opening,idle".to_owned());
    for part in parts.split(',') {
        match part {
            "claims" => claims_beside_sorting()?,
            "ticks" => ticks()?,
            "opening" => opening()?,
            "idle" => idle()?,
            other => anyhow::bail!("there is no part {other}"),
        }
    }
    Ok(())
}

fn number(name: &str, usual: usize) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// A claim is decided and folded; the job is then completed, and another one submitted in its place.
fn claims_beside_sorting() -> Result<()> {
    let (mut few, mut many) = (Queue::of(10_000)?, Queue::of(1_000_000)?);
    let (mut of_few, mut of_many) = (Times::default(), Times::default());
    for _ in 0..20 {
        of_few.add(few.turn(1000)?);
        of_many.add(many.turn(1000)?);
    }
    let sorting = sorting(1_000_000);
    println!("a claim, decided and folded, {} of each in turns:", of_few.count());
    for (name, times) in [("   10,000 pending", &of_few), ("1,000,000 pending", &of_many)] {
        println!(
            "  {name}: mean {:.2} us, decided p50 {:.2} us, p99 {:.2} us (wanted < 100)",
            times.mean_us(),
            times.decided_us(0.5),
            times.decided_us(0.99)
        );
    }
    println!("  a million beside ten thousand: {:.2} x (wanted <= 1.5)", of_many.mean_us() / of_few.mean_us());
    let sorting_us = sorting.as_secs_f64() * 1e6;
    println!(
        "  filtering and sorting a million: {:.0} ms, {:.0} x as much (wanted >= 10000)",
        sorting_us / 1e3,
        sorting_us / of_many.mean_us()
    );
    Ok(())
}

fn ask(engine: &Engine, request: Request) -> Result<()> {
    handle(engine, request, &mut |_| ControlFlow::Continue(())).map_err(|failure| anyhow!("{failure}"))
}

/// Jobs that nobody carries out.
fn jobs_for_nobody() -> JobOptions {
    let mut options = JobOptions::default();
    options.requires.labels = vec![LABEL.to_owned()];
    options
}

/// How late occurrences are recorded: their schedules are spread over the seconds of a minute.
fn ticks() -> Result<()> {
    let folder = BenchFolder::new()?;
    let engine = open(folder.path())?;
    let last = add_schedules(&engine)?;
    let from = engine.writer().position();
    engine.serve(WorkOptions::default());
    let now = engine.writer().read(|views| views.at.0)?;
    thread::sleep(BEHIND + Duration::from_millis(u64::try_from(last.0 - now).unwrap_or(0)));
    let to = engine.writer().position();
    let mut late: Vec<i64> = Vec::new();
    engine.reader().each_record(from.next(), to, &mut |record| {
        let recorded = record
            .decode()
            .map_err(|source| zo_engine::fold::FoldError::Event { position: record.header.position, source })?;
        if let Event::ScheduleOccurred(occurred) = &recorded.event {
            late.push(recorded.header.at.0 - occurred.due.0);
        }
        Ok(ControlFlow::Continue(()))
    })?;
    engine.close();
    late.sort_unstable();
    ensure!(late.len() >= SCHEDULES as usize, "{} occurrences of {SCHEDULES} schedules", late.len());
    let of = |share: usize| late[(late.len() - 1) * share / 100];
    println!(
        "{SCHEDULES} schedules, {} occurrences: late p50 {} ms, p99 {} ms (wanted < 50), at most {} ms",
        late.len(),
        of(50),
        of(99),
        of(100)
    );
    Ok(())
}

/// Adds them; returns when the last of them is due for the first time.
fn add_schedules(engine: &Arc<Engine>) -> Result<Timestamp> {
    // All in the minute behind the one that begins next, so that none is due while they are being added.
    let minute = engine.writer().read(|views| views.at.0)? / 60_000 + 2;
    let add = |number: u32| -> Result<()> {
        let start = Timestamp(minute * 60_000 + i64::from(number % 60) * 1000);
        let at = start.to_string();
        let digits: String = at.chars().take(19).filter(|character| *character != '-' && *character != ':').collect();
        let schedule = ScheduleInput {
            id: u128::from(number) + 1,
            name: None,
            rule: format!("DTSTART:{digits}Z\nRRULE:FREQ=MINUTELY"),
            zone: Some("UTC".to_owned()),
            misfire: Misfire::Once,
            spec: SPEC.to_owned(),
            options: jobs_for_nobody(),
            check_in: None,
        };
        ask(engine, Request::AddSchedule { schedule: Box::new(schedule) }).with_context(|| digits)
    };
    thread::scope(|scope| {
        let threads: Vec<_> =
            (0..16_u32).map(|first| scope.spawn(move || (first..SCHEDULES).step_by(16).try_for_each(add))).collect();
        threads.into_iter().try_for_each(|thread| thread.join().map_err(|_| anyhow!("it panicked"))?)
    })?;
    Ok(Timestamp(minute * 60_000 + 59_000))
}

fn submit(engine: &Engine, first: u128, count: usize) -> Result<()> {
    let ids: Vec<u128> = (first..first + count as u128).collect();
    for ids in ids.chunks(BATCH) {
        let job = |id: &u128| JobInput { id: *id, name: None, spec: SPEC.to_owned(), options: jobs_for_nobody() };
        ask(engine, Request::SubmitJobs { jobs: ids.iter().map(job).collect(), batch: false, more_of: None })?;
    }
    Ok(())
}

/// Cold starts, of a home closed in order.
fn opening() -> Result<()> {
    let events = number("ZO_BENCH_EVENTS", 1_000_000);
    let folder = BenchFolder::new()?;
    let engine = open(folder.path())?;
    generate(&engine, events as u64, 1, &mut |_| {})?;
    submit(&engine, 1, 5000)?;
    engine.store().settle(Duration::from_secs(120));
    engine.close();
    drop(engine);
    open_again(folder.path(), &format!("{events} events and 5,000 open jobs"), "0.3 s")?;
    let folder = BenchFolder::new()?;
    let pending = number("ZO_BENCH_PENDING", 1_000_000);
    let engine = open(folder.path())?;
    submit(&engine, 1, pending)?;
    engine.store().settle(Duration::from_secs(120));
    engine.close();
    drop(engine);
    open_again(folder.path(), &format!("{pending} pending jobs"), "2 s")
}

fn open_again(folder: &Path, what: &str, wanted: &str) -> Result<()> {
    let mut times = Rounds::default();
    for _ in 0..OPENINGS {
        let engine = times.time(|| open(folder))?;
        ensure!(engine.writer().position() > Position::START, "the home is empty");
        engine.close();
    }
    println!(
        "opening a home of {what}: median {:.3} s of {OPENINGS} (wanted <= {wanted}), slowest {:.3} s",
        times.quantile(0.5).as_secs_f64(),
        times.quantile(1.0).as_secs_f64()
    );
    Ok(())
}

/// What serving costs while nothing happens, in a process of its own.
fn idle() -> Result<()> {
    let folder = BenchFolder::new()?;
    let mut command = Program::new(std::env::current_exe()?);
    let mut child = command.arg("--idle").arg(folder.path()).stdin(Stdio::piped()).stdout(Stdio::inherit()).spawn()?;
    thread::sleep(SETTLING);
    let before = computed(child.id())?;
    thread::sleep(IDLE);
    let computing = computed(child.id())? - before;
    let resident = resident_kib(child.id())?;
    drop(child.stdin.take());
    ensure!(child.wait()?.success(), "serving failed");
    println!(
        "served and idle: {:.1} MiB resident (wanted < 60), {:.2} % of a core",
        resident as f64 / 1024.0,
        computing / IDLE.as_secs_f64() * 100.0
    );
    Ok(())
}

fn serve(folder: &Path) -> Result<()> {
    let client = Client::open(&folder.join("home"), &OpenOptions::default()).map_err(|failure| anyhow!("{failure}"))?;
    client.engine().context("another process has the home")?.serve(WorkOptions::default());
    std::io::stdin().read_to_end(&mut Vec::new())?;
    client.close().map_err(|failure| anyhow!("{failure}"))
}

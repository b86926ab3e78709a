//! `zo bench …`: what this machine's disk and this home allow, what jobs cost, and how good recall is.

mod dispatch;
mod metrics;
mod recall;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use zo_engine::bench;
use zo_engine::engine::{Engine, EngineOptions};

use crate::context::Context;
use crate::error::{CliError, Kind};
use crate::output::Total;
use crate::output::text::count;

/// Measure durable appends, replay, jobs and recall
///
/// Examples:
///   zo bench append
///   zo bench append --batch 1 --batch 1024 --seconds 10 --json
///   zo bench replay
///   zo bench replay --events 1000000
///   zo bench dispatch
///   zo bench recall --corpus corpus.jsonl --queries queries.jsonl --qrels qrels.tsv
#[derive(Subcommand, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) enum Bench {
    Append(Append),
    Replay(Replay),
    Dispatch(dispatch::Dispatch),
    Recall(recall::Recall),
}

/// Append durably, in turns with a raw file that is synced
///
/// Examples:
///   zo bench append
///   zo bench append --batch 1 --batch 1024 --seconds 10
///
/// Uses a home of its own in a scratch folder, on a real disk: a file system in memory is refused. Both sides write the
/// same number of bytes and take turns, so that a machine whose speed drifts favours neither.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Append {
    /// Events per commit; may be given several times
    #[arg(long, value_name = "EVENTS", default_values_t = [1_usize, 64, 1024])]
    batch: Vec<usize>,
    /// How long to measure each
    #[arg(long, value_name = "SECONDS", default_value_t = 3.0)]
    seconds: f64,
    /// Where to make the scratch folder [default: beside the home]
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
}

/// Read, verify, decode and fold the whole log
///
/// Examples:
///   zo bench replay
///   zo bench replay --events 1000000
///
/// Without `--events` it is this home's log, which is only read. With it, a home of so many events is made in a scratch
/// folder first: 30 % messages, 10 % memories, the rest jobs, runs and ticks.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Replay {
    /// Make a home of so many events for it
    #[arg(long, value_name = "EVENTS")]
    events: Option<u64>,
    /// How often to fold; the median counts
    #[arg(long, value_name = "ROUNDS", default_value_t = 5)]
    rounds: usize,
    /// Where to make the scratch folder [default: beside the home]
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
}

impl Bench {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        match self {
            Self::Append(command) => command.run(context),
            Self::Replay(command) => command.run(context),
            Self::Dispatch(command) => command.run(context),
            Self::Recall(command) => command.run(context),
        }
    }
}

impl Append {
    fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let seconds = Duration::try_from_secs_f64(self.seconds)
            .map_err(|_| CliError::usage(format!("{} is no number of seconds", self.seconds)))?;
        if let Some(batch) = self.batch.iter().find(|&&batch| batch == 0 || batch > bench::MAX_BATCH) {
            return Err(CliError::usage(format!("a commit has 1 to {} events, and not {batch}", bench::MAX_BATCH)));
        }
        let scratch = scratch(context, self.folder.as_deref())?;
        for &batch in &self.batch {
            let engine = open(&scratch.path().join(format!("home-{batch}")))?;
            let figures = bench::append(&engine, batch, seconds).map_err(failed)?;
            engine.close();
            if context.output.is_json() {
                context.output.data(&figures)?;
                continue;
            }
            context.output.line(format!(
                "batch {batch:>4}  {:>9.0} events/s durable, commit p50 {:.0} us, p99 {:.0} us; raw file + fdatasync {:>9.0} \
                 events/s, p50 {:.0} us; ratio {:.2}",
                figures.events_per_second,
                figures.commit_p50_us,
                figures.commit_p99_us,
                figures.raw_events_per_second,
                figures.raw_p50_us,
                figures.ratio_to_raw,
            ))?;
        }
        Ok(())
    }
}

impl Replay {
    fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let figures = match self.events {
            Some(events) => {
                let scratch = scratch(context, self.folder.as_deref())?;
                let engine = open(&scratch.path().join("home"))?;
                let progress = context.output.progress("making events", Total::Items(events));
                bench::generate(&engine, events, 1, &mut |position| progress.set(position.0)).map_err(failed)?;
                drop(progress);
                // Everything is sealed and verified from the segments, as it would be after a while.
                engine.store().settle(Duration::from_secs(60));
                let figures = bench::replay(&engine, self.rounds.max(1)).map_err(failed)?;
                engine.close();
                figures
            }
            None => {
                let client = context.open_existing()?;
                let Some(engine) = client.engine() else {
                    let message = format!("process {} has the home open", client.holder());
                    return Err(CliError::new(Kind::Unavailable, message).hint("let it end, or use --events"));
                };
                let figures = bench::replay(engine, self.rounds.max(1)).map_err(failed)?;
                context.close(client)?;
                figures
            }
        };
        if context.output.is_json() {
            return context.output.data(&figures);
        }
        context.output.line(format!(
            "{} events in {:.3} s: {} events/s read, verified, decoded and folded (median of {})",
            count(figures.events),
            figures.seconds,
            count(figures.events_per_second.round() as u64),
            figures.rounds
        ))
    }
}

/// A folder that goes away with the value, on a real disk.
fn scratch(context: &Context, folder: Option<&std::path::Path>) -> Result<tempfile::TempDir, CliError> {
    let base = folder.or(context.home.parent()).unwrap_or(&context.home);
    let failed_in = |error: &std::io::Error| CliError::io(format!("cannot make a folder in {}", base.display()), error);
    std::fs::create_dir_all(base).map_err(|error| failed_in(&error))?;
    let scratch = tempfile::Builder::new().prefix("zo-bench-").tempdir_in(base).map_err(|error| failed_in(&error))?;
    bench::check_disk(scratch.path()).map_err(failed)?;
    Ok(scratch)
}

fn open(folder: &std::path::Path) -> Result<std::sync::Arc<Engine>, CliError> {
    let opened = Engine::open(folder, EngineOptions::default());
    opened.map_err(|error| CliError::from(zo_engine::protocol::Failure::from(error)))
}

fn failed(error: bench::BenchError) -> CliError {
    match error {
        bench::BenchError::InMemory(_) => {
            CliError::new(Kind::Unavailable, error.to_string()).hint("name a folder on a disk with --folder")
        }
        other => CliError::new(Kind::Engine(zo_engine::protocol::FailureKind::Io), other.to_string()),
    }
}

//! SIGKILL, at random instants and at chosen positions.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use zo_engine::bench::Noise;
use zo_tests::powercut::seed;
use zo_tests::story::acknowledged;

use super::{check, folder, is_long, storyteller};

/// Small, so that files are closed, sealed and recycled all the time.
const JOURNAL_BYTES: u64 = 128 * 1024;
/// A fresh home after so many rounds: checking reads all of it.
const ROUNDS_PER_HOME: u64 = 25;

/// When a round ends.
enum End {
    After(Duration),
    AtAck(u64),
}

/// Rounds of telling, killing and checking on homes that go on from round to round.
fn rounds(count: u64, mut end: impl FnMut(&mut Noise) -> End) -> Result<()> {
    let seed = seed();
    let mut noise = Noise::new(seed);
    let mut home = folder()?;
    let mut acknowledged = 0;
    for round in 0..count {
        if round % ROUNDS_PER_HOME == 0 {
            home = folder()?;
            acknowledged = 0;
        }
        let batch = [1, 3, 64, 1024][usize::try_from(noise.below(4))?];
        let told =
            one_round(&home, batch, end(&mut noise)).with_context(|| format!("round {round}, ZO_SEED={seed}"))?;
        acknowledged = acknowledged.max(told);
        check(home.path(), acknowledged, JOURNAL_BYTES)
            .with_context(|| format!("round {round}, batches of {batch}, ZO_SEED={seed}, {}", home.path().display()))
            .inspect_err(|_| std::mem::forget(std::mem::replace(&mut home, folder().expect("a folder"))))?;
        // Checking wrote one more event.
        acknowledged += u64::from(acknowledged > 0);
    }
    Ok(())
}

/// Tells until it is killed; the last event that it acknowledged.
fn one_round(home: &tempfile::TempDir, batch: u64, end: End) -> Result<u64> {
    let home = home.path().to_str().context("a plain name")?;
    let arguments = ["tell", home, &batch.to_string(), &JOURNAL_BYTES.to_string(), "100000000"];
    let mut child: Child = storyteller(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let mut output = BufReader::new(child.stdout.take().context("its stdout is a pipe")?);
    let mut told = Vec::new();
    match end {
        End::After(patience) => thread::sleep(patience),
        End::AtAck(acks) => {
            for _ in 0..acks {
                if output.read_until(b'\n', &mut told)? == 0 {
                    break;
                }
            }
        }
    }
    child.kill()?;
    // What it said before it was killed is still in the pipe.
    while output.read_until(b'\n', &mut told)? > 0 {}
    let status = child.wait_with_output()?;
    let stderr = String::from_utf8_lossy(&status.stderr);
    anyhow::ensure!(stderr.is_empty(), "the storyteller said: {stderr}");
    Ok(acknowledged(&told))
}

#[test]
fn killed_at_random_instants_nothing_acknowledged_is_lost() -> Result<()> {
    let count = if is_long() { 700 } else { 40 };
    rounds(count, |noise| End::After(Duration::from_micros(noise.below(60_000))))
}

#[test]
fn killed_at_chosen_positions_nothing_acknowledged_is_lost() -> Result<()> {
    let count = if is_long() { 400 } else { 25 };
    rounds(count, |noise| End::AtAck(1 + noise.below(120)))
}

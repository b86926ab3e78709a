//! That nothing acknowledged is lost: real processes, killed at random instants and at chosen positions, and the power cut
//! under them in every way that the model of [`zo_tests::powercut`] allows.
//!
//! Short by default, so that CI has time for it; `ZO_LONG=1` runs a thousand rounds and logs of more than 200 MB.

#![allow(clippy::print_stdout)] // figures for whoever runs it with --nocapture

mod agents;
mod asking;
mod damage;
mod index;
mod jobs;
mod kill;
mod model;
mod power;
mod workers;

use std::path::Path;
use std::process::Command;

use anyhow::{Result, ensure};

/// Whether the long form is asked for.
fn is_long() -> bool {
    std::env::var_os("ZO_LONG").is_some_and(|value| !value.is_empty() && value != "0")
}

/// A folder on the disk that cargo builds on.
fn folder() -> Result<tempfile::TempDir> {
    Ok(tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?)
}

fn storyteller(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_storyteller"));
    command.args(arguments);
    command
}

/// Checks a home in a process of its own: a crash of the checker is a finding and not the end of the test.
fn check(home: &Path, acknowledged: u64, journal_bytes: u64) -> Result<()> {
    let home_text = home.to_str().expect("temporary folders have plain names");
    let output = storyteller(&["check", home_text, &acknowledged.to_string(), &journal_bytes.to_string()]).output()?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{}: {}", output.status, stderr.trim());
    ensure!(!stderr.contains("panicked"), "it panicked on the way: {stderr}");
    Ok(())
}

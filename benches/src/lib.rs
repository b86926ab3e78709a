//! Benchmarks of ZoClone, as ratios against a limit measured in the same run.
//!
//! What is common to them: a folder on a real disk, an engine with an empty home, a table on stdout. The figures
//! themselves come from [`zo_engine::bench`]; [`claims`] are of jobs without a log, and [`processes`] says what processes compute.

pub mod claims;
pub mod processes;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use zo_engine::bench::{Rounds, check_disk};
use zo_engine::engine::{Engine, EngineOptions};

/// A folder for benches on a real disk: below `ZO_BENCH_DIR`, or the build folder. Removed when it is dropped.
pub struct BenchFolder(tempfile::TempDir);

impl BenchFolder {
    /// A new folder.
    ///
    /// # Errors
    /// If it cannot be made, or is on a file system in memory.
    pub fn new() -> Result<Self> {
        let base = std::env::var_os("ZO_BENCH_DIR").map_or_else(default_base, PathBuf::from);
        std::fs::create_dir_all(&base).with_context(|| format!("cannot make {}", base.display()))?;
        let folder = tempfile::Builder::new().prefix("zo-bench-").tempdir_in(&base)?;
        check_disk(folder.path()).context("set ZO_BENCH_DIR to a folder on a disk")?;
        Ok(Self(folder))
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        self.0.path()
    }
}

fn default_base() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/bench")
}

/// Opens a home below `folder`.
///
/// # Errors
/// If it cannot be opened.
pub fn open(folder: &Path) -> Result<Arc<Engine>> {
    Ok(Engine::open(&folder.join("home"), EngineOptions::default())?)
}

/// Seconds that an environment variable asks for, else `default`.
pub fn seconds(default: f64) -> Duration {
    let asked = std::env::var("ZO_BENCH_SECONDS").ok().and_then(|text| text.parse().ok());
    Duration::from_secs_f64(asked.unwrap_or(default))
}

/// A line of a table: name, median, 99th percentile, events per second.
pub fn row(name: &str, rounds: &Rounds, events: usize) -> String {
    let median = rounds.quantile(0.5);
    #[allow(clippy::cast_precision_loss)]
    let rate = (rounds.count() * events) as f64 / rounds.total().as_secs_f64();
    format!(
        "{name:<34} p50 {:9.1} us  p99 {:9.1} us  {rate:10.0} events/s",
        median.as_secs_f64() * 1e6,
        rounds.quantile(0.99).as_secs_f64() * 1e6,
    )
}

//! Measures whether sled, synced as our log does it, survives simulated power cuts on a large store whose segments are
//! used again: `cargo run --release -p zo-tests --example powercut_sled -- [batch 1|1024] [cuts] [megabytes] [sync no|db|conf]`.
//!
//! A commit is `apply_batch` and `flush`; with `db` also `fdatasync` of sled's `db`, with `conf` moreover `fsync` of sled's `conf`
//! after every open. The store is first filled, then churned: new keys come and the oldest go, as in a log with a bounded
//! recent range, and random keys are overwritten. Then some of the images are opened and churned on, and the power is cut again, now
//! also during sled's recovery. Every cut is verified in a process of its own, for sled panics on damage; a cut at which the
//! store does not open, or lacks or garbles anything acknowledged, is printed and counted. This is a measurement, not a
//! test: it says what it saw.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::ops::Range;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use zo_tests::powercut::{self, Cut, PowerCut, Trace};

/// Like a pack of our log: below the 4 KiB from which sled puts values into files of their own.
const VALUE_LENGTH: usize = 3900;
const FILL_BATCH: u64 = 1024;
const PATIENCE: Duration = Duration::from_secs(120);

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["child", root, batch, megabytes, sync, from, to] => {
            child(Path::new(root), &Plan::new(batch, megabytes)?, sync, from.parse()?..to.parse()?)
        }
        ["verify", home, batch, megabytes, commits] => {
            verify(Path::new(home), &Plan::new(batch, megabytes)?, commits.parse()?)
        }
        _ => {
            let argument = |index: usize, default: &'static str| arguments.get(index).copied().unwrap_or(default);
            let (batch, megabytes) = (argument(0, "1024"), argument(2, "220"));
            Measurement { batch, megabytes, sync: argument(3, "conf"), seed: powercut::seed(), tally: Tally::default() }
                .run(argument(1, "200").parse()?)
        }
    }
}

/// What each commit does; both sides work it out from its number.
struct Plan {
    batch: u64,
    fill: u64,
    commits: u64,
}

impl Plan {
    fn new(batch: &str, megabytes: &str) -> Result<Self> {
        let (batch, megabytes): (u64, u64) = (batch.parse()?, megabytes.parse()?);
        let fill = megabytes * 1_000_000 / VALUE_LENGTH as u64 / FILL_BATCH + 1;
        // Churn as much again as there is, or what a few tens of seconds of single commits come to.
        let churn = (fill * FILL_BATCH / batch).min(30_000);
        Ok(Self { batch, fill, commits: fill + churn })
    }

    /// Keys, and whether they are set (to this commit's value) or removed. Later ones win.
    fn changes(&self, commit: u64) -> Vec<(u64, bool)> {
        if commit < self.fill {
            return (commit * FILL_BATCH..(commit + 1) * FILL_BATCH).map(|key| (key, true)).collect();
        }
        let filled = self.fill * FILL_BATCH;
        let mut changes = Vec::new();
        for step in (commit - self.fill) * self.batch..(commit - self.fill + 1) * self.batch {
            // Two steps move the window by one key and overwrite one in it.
            let moved = step / 2;
            if step % 2 == 0 {
                changes.extend([(filled + moved, true), (moved, false)]);
            } else {
                changes.push((moved + 1 + noise(step) % (filled - 1), true));
            }
        }
        changes
    }
}

fn noise(seed: u64) -> u64 {
    let mut word = seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word ^ (word >> 29)
}

/// The key, the commit, and bytes that follow from them.
fn value(key: u64, commit: u64) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(VALUE_LENGTH + 8);
    bytes.extend(key.to_le_bytes());
    bytes.extend(commit.to_le_bytes());
    let mut word = noise(key ^ (commit << 32));
    while bytes.len() < VALUE_LENGTH {
        bytes.extend(word.to_le_bytes());
        word = word.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
    }
    bytes.truncate(VALUE_LENGTH);
    bytes
}

fn config(root: &Path) -> sled::Config {
    sled::Config::default().path(root).flush_every_ms(None).cache_capacity(64 << 20)
}

fn child(root: &Path, plan: &Plan, sync: &str, commits: Range<u64>) -> Result<()> {
    let store = config(root).open()?;
    File::open(root)?.sync_all()?;
    if sync == "conf" {
        File::open(root.join("conf"))?.sync_all()?;
    }
    let db = File::open(root.join("db"))?;
    for commit in commits {
        let mut batch = sled::Batch::default();
        for (key, set) in plan.changes(commit) {
            if set {
                batch.insert(&key.to_be_bytes(), value(key, commit));
            } else {
                batch.remove(&key.to_be_bytes());
            }
        }
        store.apply_batch(batch)?;
        store.flush()?;
        if sync != "no" {
            db.sync_data()?;
        }
        let mut stdout = std::io::stdout().lock();
        stdout.write_all(format!("{commit}\n").as_bytes())?;
        stdout.flush()?;
    }
    // As if killed: sled's own end would sync.
    std::process::exit(0);
}

/// What each key must hold at least: the commit that set it last, or `None` if it was removed.
fn expected(plan: &Plan, commits: u64) -> BTreeMap<u64, Option<u64>> {
    let mut expected = BTreeMap::new();
    for commit in 0..commits {
        for (key, set) in plan.changes(commit) {
            expected.insert(key, set.then_some(commit));
        }
    }
    expected
}

fn verify(home: &Path, plan: &Plan, commits: u64) -> Result<()> {
    let store = config(home).open().context("sled does not open")?;
    let expected = expected(plan, commits);
    // One commit may have been on its way; nothing later can be there.
    let next: BTreeMap<u64, bool> =
        if commits < plan.commits { plan.changes(commits).into_iter().collect() } else { BTreeMap::new() };
    let mut found = BTreeMap::new();
    for item in store.iter() {
        let (key, bytes) = item.context("sled cannot be read")?;
        let key = u64::from_be_bytes(key.as_ref().try_into().context("a key of another length")?);
        let commit = u64::from_le_bytes(bytes.get(8..16).context("a short value")?.try_into()?);
        ensure!(bytes == value(key, commit), "the value of key {key} is garbled");
        found.insert(key, commit);
    }
    let (mut lost, mut stale, mut undead, mut ahead) = (0, 0, 0, 0);
    for (key, wanted) in &expected {
        match (wanted, found.get(key)) {
            (Some(wanted), Some(commit)) if wanted == commit => {}
            (None, None) => {}
            (_, Some(commit)) if *commit == commits && next.get(key) == Some(&true) => ahead += 1,
            (Some(_), None) if next.get(key) == Some(&false) => ahead += 1,
            (Some(_), None) => lost += 1,
            (Some(_), Some(_)) => stale += 1,
            (None, Some(_)) => undead += 1,
        }
    }
    let unknown = found.keys().filter(|key| !expected.contains_key(key) && !next.contains_key(key)).count();
    ensure!(
        lost + stale + undead + unknown == 0,
        "after {commits} acknowledged commits {lost} keys are lost, {stale} stale, {undead} back, {unknown} unknown; {ahead} ahead"
    );
    Ok(())
}

/// So many images are gone on from, each for a while.
const SECOND_LIVES: u64 = 4;

struct Measurement<'a> {
    batch: &'a str,
    megabytes: &'a str,
    sync: &'a str,
    seed: u64,
    tally: Tally,
}

/// What was seen at all cuts so far.
#[derive(Default)]
struct Tally {
    /// Cuts and failures, by fate.
    by_fate: BTreeMap<String, (usize, usize)>,
    kept_pages: usize,
    dropped_pages: usize,
    making: Duration,
    slowest: Duration,
}

impl Measurement<'_> {
    fn run(mut self, count: usize) -> Result<()> {
        let plan = Plan::new(self.batch, self.megabytes)?;
        let root = tempfile::tempdir_in("target")?;
        let start = Instant::now();
        let mut trace = self.record(root.path(), 0..plan.commits)?;
        let length = root.path().join("db").metadata()?.len();
        say(&format!(
            "batch {}, sync {}: {} commits, {} records with {} MB recorded in {:.1?}; db is {} MB, so {} MB went to used places",
            self.batch,
            self.sync,
            plan.commits,
            trace.len(),
            trace.data_bytes() >> 20,
            start.elapsed(),
            length >> 20,
            trace.data_bytes().saturating_sub(length) >> 20,
        ))?;
        let (mut low, mut high) = (0, trace.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            if lines(trace.acked_before(middle)) >= plan.fill { high = middle } else { low = middle + 1 }
        }
        let cuts = trace.cuts_between(low, trace.len(), self.seed, count);
        self.cut(&mut trace, &cuts, 0)?;
        self.report("cuts in the first life")?;

        for life in 0..SECOND_LIVES {
            let cut = cuts[cuts.len() * life as usize / SECOND_LIVES as usize];
            let done = lines(trace.acked_before(cut));
            trace.materialise_into(cut, root.path())?;
            let more = (done + if plan.batch == 1 { 300 } else { 6 }).min(plan.commits);
            let mut second = match self.record(root.path(), done..more) {
                Ok(second) => second,
                Err(error) => {
                    say(&format!("{cut}: no second life: {error:#}"))?;
                    continue;
                }
            };
            let cuts = second.cuts(self.seed + life, count.div_ceil(SECOND_LIVES as usize));
            self.cut(&mut second, &cuts, done)?;
        }
        self.report("cuts in the second lives")
    }

    fn record(&self, root: &Path, commits: Range<u64>) -> Result<Trace> {
        let (from, to) = (commits.start.to_string(), commits.end.to_string());
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["child", &root.display().to_string(), self.batch, self.megabytes, self.sync, &from, &to]);
        PowerCut::record(command, root)
    }

    /// Makes and verifies cuts of a trace that began with `done` commits acknowledged.
    fn cut(&mut self, trace: &mut Trace, cuts: &[Cut], done: u64) -> Result<()> {
        for cut in cuts {
            let begun = Instant::now();
            let home = trace.materialise(*cut)?;
            self.tally.slowest = self.tally.slowest.max(begun.elapsed());
            self.tally.making += begun.elapsed();
            self.tally.kept_pages += home.report.kept_pages;
            self.tally.dropped_pages += home.report.dropped_pages;
            let result = self.verify(&home, done + lines(trace.acked_before(*cut)));
            let entry = self.tally.by_fate.entry(format!("{:?}", cut.fate)).or_default();
            entry.0 += 1;
            if let Err(error) = result {
                entry.1 += 1;
                say(&format!("{cut}: {error:#}"))?;
            }
        }
        Ok(())
    }

    fn verify(&self, home: &Path, commits: u64) -> Result<()> {
        let stderr = home.with_extension("stderr");
        let mut child = Command::new(std::env::current_exe()?)
            .args(["verify", &home.display().to_string(), self.batch, self.megabytes, &commits.to_string()])
            .env("RUST_BACKTRACE", "0")
            .stderr(Stdio::from(File::create(&stderr)?))
            .spawn()?;
        let begun = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait()? {
                break status;
            }
            if begun.elapsed() > PATIENCE {
                child.kill()?;
                child.wait()?;
                bail!("sled hangs");
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        let message = std::fs::read_to_string(stderr)?;
        ensure!(status.success(), "{status}: {}", message.lines().take(4).collect::<Vec<_>>().join(" | "));
        Ok(())
    }

    fn report(&mut self, what: &str) -> Result<()> {
        let tally = std::mem::take(&mut self.tally);
        let cuts: usize = tally.by_fate.values().map(|(cuts, _)| cuts).sum();
        let failed: usize = tally.by_fate.values().map(|(_, failed)| failed).sum();
        say(&format!(
            "ZO_SEED={}: {failed} of {cuts} {what} failed; undurable pages kept {}, dropped {}; an image took {:.0?}, at most {:.0?}",
            self.seed,
            tally.kept_pages,
            tally.dropped_pages,
            tally.making / cuts.max(1) as u32,
            tally.slowest,
        ))?;
        for (fate, (cuts, failed)) in tally.by_fate {
            say(&format!("  {fate}: {failed} of {cuts}"))?;
        }
        Ok(())
    }
}

fn lines(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|byte| **byte == b'\n').count() as u64
}

fn say(line: &str) -> Result<()> {
    Ok(writeln!(std::io::stdout(), "{line}")?)
}

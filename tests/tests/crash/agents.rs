//! Agents, killed: after every durable position in turn, and at random instants. Whatever is left is finished by a fresh
//! process, as if nothing had happened.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use zo_engine::bench::Noise;
use zo_tests::agents::law::{self, Found, Round};
use zo_tests::agents::script::{LONG, LONG_AGENTS, Model, WIDE, WIDE_AGENTS};
use zo_tests::agents::{copy, prepare};
use zo_tests::powercut::seed;

use super::{folder, is_long};

/// Kills of one run at the most: a call that is cut off three times is given up.
const MOST_KILLS: u64 = 2;
/// A process that lives longer than this hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// A task that is carried on again and again, each time from the same home.
struct Stage {
    scratch: tempfile::TempDir,
    model: Model,
    task: &'static str,
    /// What is reported when nothing happens.
    calm: Value,
    /// The files that there are then.
    files: std::collections::BTreeMap<String, String>,
    /// How far the log was before, and is then.
    positions: (u64, u64),
    /// How long that took.
    took: Duration,
}

/// A round that goes on: a home of its own, and the processes that had it.
struct Rounding<'a> {
    stage: &'a Stage,
    folder: PathBuf,
    opened: Vec<Option<u64>>,
}

/// What a process said.
struct Said {
    opened: Option<u64>,
    report: Option<Value>,
    stderr: String,
}

impl Stage {
    fn new(task: &'static str, pause: Duration) -> Result<Self> {
        let scratch = folder()?;
        let model = Model::start(pause);
        prepare(&scratch.path().join("template"), &model.url())?;
        let mut stage = Self {
            scratch,
            model,
            task,
            calm: Value::Null,
            files: Default::default(),
            positions: (0, 0),
            took: Duration::ZERO,
        };
        let mut round = stage.round("calm")?;
        let begun = Instant::now();
        let report = round.finish(false)?;
        let took = begun.elapsed();
        let first = round.opened[0].context("it opened the home")?;
        let last = report["head"].as_u64().context("a report says how far the log is")?;
        let files = law::files(&round.folder)?;
        let calm =
            Round { report: &report, opened: &round.opened, asked: &stage.model.take_asked(), folder: &round.folder };
        let found = law::check(&report, &calm).with_context(|| format!("calm: {report:#}"))?;
        ensure!(found == Found::default(), "something happened: {found:?}");
        (stage.calm, stage.files, stage.positions, stage.took) = (report, files, (first, last), took);
        Ok(stage)
    }

    fn round(&self, name: &str) -> Result<Rounding<'_>> {
        let folder = self.scratch.path().join(name);
        copy(&self.scratch.path().join("template"), &folder)?;
        Ok(Rounding { stage: self, folder, opened: Vec::new() })
    }
}

impl Rounding<'_> {
    fn start(&self, kill_at: Option<u64>, resume: bool) -> Result<Child> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_agentrunner"));
        let kill_at = kill_at.map_or_else(|| "-".to_owned(), |at| at.to_string());
        let how = if resume { "resume" } else { "ask" };
        command.arg(&self.folder).args([self.stage.task, &kill_at, &self.opened.len().to_string(), how]);
        Ok(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?)
    }

    fn heard(&mut self, child: Child) -> Result<Said> {
        let output = child.wait_with_output()?;
        let stdout = String::from_utf8_lossy(&output.stdout);
        let opened = stdout.lines().find_map(|line| line.strip_prefix("opened ")?.parse().ok());
        let report = stdout.lines().find(|line| line.starts_with('{') && line.ends_with('}'));
        let report = report.map(serde_json::from_str).transpose()?;
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        ensure!(!stderr.contains("panicked"), "it panicked: {stderr}");
        self.opened.push(opened);
        Ok(Said { opened, report, stderr })
    }

    /// Carries on until a position is durable; the report, if it ended before.
    fn until(&mut self, kill_at: u64) -> Result<Option<Value>> {
        let child = self.start(Some(kill_at), false)?;
        let said = self.heard(child)?;
        ensure!(said.opened.is_some(), "it could not begin: {}", said.stderr);
        Ok(said.report)
    }

    /// Carries on for so long.
    fn so_long(&mut self, life: Duration, resume: bool) -> Result<()> {
        let mut child = self.start(None, resume)?;
        thread::sleep(life);
        child.kill()?;
        self.heard(child).map(drop)
    }

    /// Carries on to the end.
    fn finish(&mut self, resume: bool) -> Result<Value> {
        let child = self.start(None, resume)?;
        // Its report fits into a pipe's buffer or not: it is read while it is waited for.
        let id = child.id();
        let (tx, rx) = std::sync::mpsc::channel::<()>();
        let watching = thread::spawn(move || {
            if rx.recv_timeout(PATIENCE) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
                let _ = Command::new("kill").args(["-9", &id.to_string()]).status();
            }
        });
        let said = self.heard(child);
        drop(tx);
        watching.join().map_err(|_| anyhow::anyhow!("the watch panicked"))?;
        let said = said?;
        said.report.with_context(|| format!("it reported nothing within {PATIENCE:?}: {}", said.stderr))
    }

    /// Finishes, and checks all that must hold.
    fn judge(mut self, resume: bool) -> Result<Found> {
        let report = self.finish(resume)?;
        let asked = self.stage.model.take_asked();
        let round = Round { report: &report, opened: &self.opened, asked: &asked, folder: &self.folder };
        let judged = law::check(&self.stage.calm, &round).and_then(|found| {
            let files = law::files(&self.folder)?;
            ensure!(files == self.stage.files, "files: {files:?}");
            Ok(found)
        });
        let found = judged.with_context(|| {
            let kept = keep(&self.folder, &report);
            format!("processes opened at {:?}; asked: {asked:?}; kept in {}", self.opened, kept.display())
        })?;
        std::fs::remove_dir_all(&self.folder)?;
        Ok(found)
    }
}

/// Puts a round aside that is not as it must be, for people to look at.
fn keep(folder: &Path, report: &Value) -> PathBuf {
    let aside = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("failed-agent-{}", std::process::id()));
    let _ = copy(folder, &aside);
    let _ = std::fs::write(aside.join("report.json"), format!("{report:#}"));
    aside
}

#[test]
fn killed_after_every_durable_position_an_agent_finishes_as_if_nothing_had_happened() -> Result<()> {
    let stage = Stage::new(LONG, Duration::ZERO)?;
    let (first, last) = stage.positions;
    let mut found = Found::default();
    let mut never = 0;
    // Side by side its events come in another order each time, and sometimes in more: beyond the last there are none.
    for at in first + 1..=last {
        let mut round = stage.round(&format!("at-{at}"))?;
        let place = || format!("killed behind position {at} of {first} to {last}");
        if round.until(at).with_context(place)?.is_some() {
            never += 1;
        }
        found = found.plus(round.judge(at % 2 == 0).with_context(place)?);
    }
    println!("killed behind each of {} positions: {found:?}, {never} had ended before", last - first);
    ensure!(last - first > 80, "the story has {} events", last - first);
    ensure!(never <= 3, "{never} had ended before they were to be killed");
    ensure!(found.interrupted > 0 && found.made_again > 0 && found.cut_off > 0, "{found:?}");
    Ok(())
}

/// Rounds of random kills.
fn rounds(stage: &Stage, count: u64) -> Result<Found> {
    let seed = seed();
    let mut noise = Noise::new(seed);
    let mut found = Found::default();
    // It may end earlier, and take longer to begin.
    let life = u64::try_from(stage.took.as_micros())?;
    for number in 0..count {
        let place = || format!("round {number}, ZO_SEED={seed}");
        let mut round = stage.round(&format!("round-{number}"))?;
        for _ in 0..=noise.below(MOST_KILLS) {
            let (life, resume) = (Duration::from_micros(noise.below(life)), noise.below(2) == 0);
            round.so_long(life, resume).with_context(place)?;
        }
        found = found.plus(round.judge(noise.below(2) == 0).with_context(place)?);
    }
    println!("{count} rounds of {} ms: {found:?}; ZO_SEED={seed}", stage.took.as_millis());
    Ok(found)
}

#[test]
fn killed_at_random_instants_an_agent_finishes_as_if_nothing_had_happened() -> Result<()> {
    let stage = Stage::new(LONG, Duration::from_millis(2))?;
    let found = rounds(&stage, if is_long() { 300 } else { 25 })?;
    ensure!(found.cut_off > 0, "it was killed too early, or too late: {found:?}");
    Ok(())
}

#[test]
fn killed_at_random_instants_no_result_of_twenty_agents_is_lost() -> Result<()> {
    let stage = Stage::new(WIDE, Duration::from_millis(3))?;
    let main = &stage.calm["agents"][0];
    let given: Value = serde_json::from_str(main["replies"][0]["calls"][0]["output"].as_str().unwrap_or_default())?;
    let given: Vec<&str> = given.as_array().into_iter().flatten().filter_map(|it| it["answer"].as_str()).collect();
    let expected: Vec<String> = (0..WIDE_AGENTS).map(|index| format!("part {index} of {WIDE} is done")).collect();
    ensure!(given == expected, "results in another order: {given:?}");
    ensure!(stage.calm["agents"].as_array().map_or(0, Vec::len) == WIDE_AGENTS + 1);
    let found = rounds(&stage, if is_long() { 100 } else { 10 })?;
    ensure!(found.cut_off > 0, "it was killed too early, or too late: {found:?}");
    Ok(())
}

#[test]
fn the_long_story_has_what_it_is_to_have() -> Result<()> {
    let stage = Stage::new(LONG, Duration::ZERO)?;
    let agents = stage.calm["agents"].as_array().map_or(&[][..], Vec::as_slice);
    ensure!(agents.len() == LONG_AGENTS + 1, "{} agents", agents.len());
    let calls = agents[0]["replies"].as_array().into_iter().flatten().filter_map(|reply| reply["calls"].as_array());
    let statuses = |calls: &Vec<Value>| {
        calls.iter().map(|call| call["status"].as_str().unwrap_or("-").to_owned()).collect::<Vec<_>>().join(" ")
    };
    let statuses: Vec<String> = calls.map(statuses).collect();
    let expected = [
        "done done",
        "done",
        "done done done",
        "done done done",
        "invalid invalid invalid refused done",
        "done done",
        "done",
    ];
    ensure!(statuses == expected, "{statuses:?}: {:#}", agents[0]);
    Ok(())
}

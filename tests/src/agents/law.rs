//! What must hold of an agent that has ended, however many of the processes that carried it on were killed, and whenever.
//!
//! - It has the transcript of one that nothing happened to, but for calls that cannot be made twice and say so.
//! - Every call has one return; what cannot be made twice is made once at the most.
//! - A recorded reply is not requested again, and every request is accounted for.
//! - No agent is started twice, and nothing is left over.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::script::{Asked, EFFECTS};

/// What `edit_file` says that is made again when it had been done.
const REPLACED_BEFORE: &str = ": the new text stands there, and the old one nowhere";

/// A story that has ended.
#[derive(Clone, Copy, Debug)]
pub struct Round<'a> {
    /// What the last process reported.
    pub report: &'a Value,
    /// How far the log was when each process opened the home; none if it was killed before it could say.
    pub opened: &'a [Option<u64>],
    /// The requests that reached the server.
    pub asked: &'a [Asked],
    /// The folder in which it happened.
    pub folder: &'a Path,
}

/// What there was of a round, so that a test can say that it tested something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Calls that were cut off and are not made twice.
    pub interrupted: usize,
    /// Calls that were made again.
    pub made_again: usize,
    /// Requests whose reply did not come to be recorded.
    pub cut_off: usize,
}

impl Found {
    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            interrupted: self.interrupted + other.interrupted,
            made_again: self.made_again + other.made_again,
            cut_off: self.cut_off + other.cut_off,
        }
    }
}

/// Checks a round against what a story is to which nothing happens.
///
/// # Errors
/// What is not as it must be.
pub fn check(calm: &Value, round: &Round<'_>) -> Result<Found> {
    let report = round.report;
    ensure!(report["failure"].is_null(), "it ended without an answer: {}", report["failure"]);
    for name in ["answer", "branch", "anomalies", "outstanding", "arriving"] {
        ensure!(report[name] == calm[name], "{name}: {} where {} was due", report[name], calm[name]);
    }
    ensure!(report["anomalies"] == 0 && report["outstanding"] == 0, "something is left over: {report}");
    ensure!(sorted(&report["memories"]) == sorted(&calm["memories"]), "remembered: {}", report["memories"]);
    let (agents, expected) = (by_task(report)?, by_task(calm)?);
    ensure!(agents.keys().eq(expected.keys()), "agents: {:?}", agents.keys());
    let mut found = Found::default();
    for (task, agent) in &agents {
        let interrupted = check_transcript(expected[task], agent).with_context(|| format!("agent {task:?}"))?;
        let more = check_events(round, task, agent).with_context(|| format!("agent {task:?}"))?;
        found = found.plus(more).plus(Found { interrupted, ..Found::default() });
    }
    let started = events(report).filter(|event| event["kind"] == "run.started").count();
    ensure!(started == agents.len(), "{started} agents were started, where {} are due", agents.len());
    check_effects(round.folder, agents.values().copied())?;
    Ok(found)
}

/// The files of the folder that is worked in, but the one that commands add lines to.
///
/// # Errors
/// If one cannot be read.
pub fn files(folder: &Path) -> Result<BTreeMap<String, String>> {
    let mut files = BTreeMap::new();
    let mut open = vec![folder.join("work")];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(&next)? {
            let path = entry?.path();
            let name = path.strip_prefix(folder.join("work"))?.display().to_string();
            if path.is_dir() {
                open.push(path);
            } else if name != EFFECTS {
                files.insert(name, fs::read_to_string(&path)?);
            }
        }
    }
    Ok(files)
}

fn by_task(report: &Value) -> Result<BTreeMap<String, &Value>> {
    let agents = report["agents"].as_array().context("a report lists its agents")?;
    let named = agents.iter().map(|agent| (agent["task"].as_str().unwrap_or_default().to_owned(), agent));
    let map: BTreeMap<String, &Value> = named.collect();
    ensure!(map.len() == agents.len(), "an agent is there twice");
    Ok(map)
}

fn sorted(list: &Value) -> Vec<String> {
    let mut texts: Vec<String> = items(list).map(|item| item.as_str().unwrap_or_default().to_owned()).collect();
    texts.sort_unstable();
    texts
}

fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

fn events(report: &Value) -> impl Iterator<Item = &Value> {
    items(&report["events"])
}

/// That an agent did and was told what it is when nothing happens; how many of its calls were interrupted.
fn check_transcript(expected: &Value, agent: &Value) -> Result<usize> {
    for name in ["status", "answer", "reason"] {
        ensure!(agent[name] == expected[name], "{name}: {} where {} was due", agent[name], expected[name]);
    }
    ensure!(sorted(&agent["children"]) == sorted(&expected["children"]), "it started {}", agent["children"]);
    let (replies, due) = (items(&agent["replies"]).count(), items(&expected["replies"]).count());
    ensure!(replies == due, "{replies} replies where {due} were due");
    let mut interrupted = 0;
    for (step, (reply, expected)) in items(&agent["replies"]).zip(items(&expected["replies"])).enumerate() {
        ensure!(reply["text"] == expected["text"], "reply {step}: {}", reply["text"]);
        let (calls, due) = (items(&reply["calls"]).count(), items(&expected["calls"]).count());
        ensure!(calls == due, "reply {step} has {calls} calls where {due} were due");
        for (call, expected) in items(&reply["calls"]).zip(items(&expected["calls"])) {
            for name in ["tool", "arguments", "effect"] {
                ensure!(call[name] == expected[name], "reply {step}: {call} where {expected} was due");
            }
            if call["effect"] == "once" && call["status"] == "interrupted" && expected["status"] == "done" {
                interrupted += 1;
                continue;
            }
            ensure!(call["status"] == expected["status"], "reply {step}: {call} where {expected} was due");
            // What was replaced before is not replaced again.
            if call["tool"] == "edit_file"
                && call["output"].as_str().is_some_and(|text| text.ends_with(REPLACED_BEFORE))
            {
                continue;
            }
            let output = |call: &Value| masked(call["output"].as_str().unwrap_or_default());
            ensure!(output(call) == output(expected), "reply {step}: {call} where {expected} was due");
        }
    }
    Ok(interrupted)
}

/// A text without the ids and days in it, which differ from home to home.
fn masked(text: &str) -> String {
    let is_id = |word: &str| word.len() == 26 && word.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase());
    let is_day = |word: &str| word.len() == 10 && word.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    let mut result = String::new();
    let mut word = String::new();
    for character in text.chars().chain(std::iter::once('\n')) {
        if character.is_ascii_alphanumeric() || character == '-' {
            word.push(character);
            continue;
        }
        result.push_str(if is_id(&word) || is_day(&word) { "…" } else { &word });
        result.push(character);
        word.clear();
    }
    result
}

/// That an agent's events follow each other as they must, and that its requests are those that they say.
fn check_events(round: &Round<'_>, task: &str, agent: &Value) -> Result<Found> {
    let mut found = Found::default();
    let mut step = 0;
    let mut calls: BTreeMap<usize, usize> = BTreeMap::new();
    let mut failed: BTreeMap<usize, usize> = BTreeMap::new();
    let mut recorded: BTreeMap<usize, u64> = BTreeMap::new();
    let mut tools_called: BTreeMap<(u64, u64), usize> = BTreeMap::new();
    let mut tools_returned: BTreeMap<(u64, u64), usize> = BTreeMap::new();
    for event in events(round.report).filter(|event| event["run"] == agent["run"]) {
        let at = event["at"].as_u64().context("an event has a position")?;
        let call = || {
            let part = |index: usize| event["call"][index].as_u64().context("a call has an id");
            anyhow::Ok((part(0)?, part(1)?))
        };
        match event["kind"].as_str().unwrap_or_default() {
            "run.called" => *calls.entry(step).or_default() += 1,
            "run.call_failed" => *failed.entry(step).or_default() += 1,
            "run.replied" | "run.finished" => {
                ensure!(recorded.insert(step, at).is_none(), "two replies at step {step}");
                step += 1;
            }
            "run.tool_called" => *tools_called.entry(call()?).or_default() += 1,
            "run.tool_returned" => *tools_returned.entry(call()?).or_default() += 1,
            "run.started" | "run.recalled" => {}
            other => anyhow::bail!("{other} at {at}"),
        }
    }
    for (number, reply) in (0..).zip(items(&agent["replies"])) {
        for (index, call) in (0..).zip(items(&reply["calls"])) {
            let returned = tools_returned.remove(&(number, index)).unwrap_or_default();
            ensure!(returned == 1, "call {number}.{index} has {returned} returns: {call}");
            let called = tools_called.remove(&(number, index)).unwrap_or_default();
            let may = match (call["status"].as_str(), call["effect"].as_str()) {
                (Some("invalid" | "refused"), _) => 0..=0,
                (_, Some("once")) => 1..=1,
                _ => 1..=round.opened.len(),
            };
            ensure!(may.contains(&called), "call {number}.{index} was made {called} times: {call}");
            found.made_again += called.saturating_sub(1);
        }
    }
    ensure!(tools_called.is_empty() && tools_returned.is_empty(), "{tools_called:?} {tools_returned:?}");
    for (step, recorded) in &recorded {
        let (calls, failed) = (calls[step], failed.get(step).copied().unwrap_or_default());
        ensure!(calls == failed + 1, "step {step}: {calls} calls of the model, of which {failed} failed");
        let asked: Vec<&Asked> = round.asked.iter().filter(|it| it.task == task && it.step == *step).collect();
        let count = asked.len();
        ensure!((1..=calls).contains(&count), "step {step} was requested {count} times, with {calls} calls");
        found.cut_off += failed;
        let mut processes = BTreeSet::new();
        for Asked { process, .. } in asked {
            ensure!(processes.insert(process), "process {process} requested step {step} twice");
            let opened = round.opened.get(*process).copied().flatten();
            let opened = opened.with_context(|| format!("process {process} had not opened the home"))?;
            ensure!(opened < *recorded, "step {step}, recorded at {recorded}, was requested again behind {opened}");
        }
    }
    let beyond = round.asked.iter().filter(|it| it.task == task && !recorded.contains_key(&it.step)).count();
    ensure!(beyond == 0, "{beyond} requests are of no step");
    Ok(found)
}

/// That each command was run as often as its call says.
fn check_effects<'a>(folder: &Path, agents: impl Iterator<Item = &'a Value>) -> Result<()> {
    let effects = fs::read_to_string(folder.join("work").join(EFFECTS)).unwrap_or_default();
    let mut lines: BTreeMap<&str, usize> = BTreeMap::new();
    for line in effects.lines() {
        *lines.entry(line).or_default() += 1;
    }
    for call in agents.flat_map(|agent| items(&agent["replies"])).flat_map(|reply| items(&reply["calls"])) {
        let arguments: Value =
            call["arguments"].as_str().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        let Some(command) = arguments["command"].as_str() else { continue };
        let Some(id) = command.strip_prefix("echo ").and_then(|rest| rest.split(' ').next()) else { continue };
        let count = lines.remove(id).unwrap_or_default();
        let may = if call["status"] == "interrupted" { 0..=1 } else { 1..=1 };
        ensure!(may.contains(&count), "`{command}` was run {count} times, and says {}", call["status"]);
    }
    ensure!(lines.is_empty(), "lines of no call: {lines:?}");
    Ok(())
}

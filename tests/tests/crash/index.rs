//! The memory index, killed while it is filled, embedded, searched and rebuilt: afterwards it answers as if nothing had
//! happened.

use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use zo_engine::bench::Noise;
use zo_tests::cli::Zo;
use zo_tests::powercut::seed;

use super::is_long;

/// Enough that embedding them takes longer than the longest life of a child.
const TEXTS: usize = 160;
/// How long a child lives at the most.
const LIFE: Duration = Duration::from_millis(1_200);

const SUBJECTS: [&str; 10] = [
    "my sister",
    "the baker",
    "our teacher",
    "a sailor",
    "the cat",
    "grandmother",
    "the team",
    "a doctor",
    "he",
    "she",
];
const VERBS: [&str; 8] = ["bought", "painted", "repaired", "lost", "found", "cooked", "forgot", "described"];
const OBJECTS: [&str; 9] = [
    "a red bicycle",
    "the old boat",
    "a cake for the party",
    "the garden fence",
    "a book about stars",
    "the house keys",
    "a letter from Paris",
    "some mushroom soup",
    "the broken radio",
];
const QUESTIONS: [&str; 6] = [
    "who fixed the vehicle?",
    "something to eat",
    "what was written by somebody abroad?",
    "astronomy",
    "who could not open the door?",
    "music in the kitchen",
];

fn texts() -> String {
    let line = |number: usize| {
        let text = format!(
            "{} {} {} on day {}",
            SUBJECTS[number % SUBJECTS.len()],
            VERBS[number / 3 % VERBS.len()],
            OBJECTS[number / 7 % OBJECTS.len()],
            number
        );
        // Every tenth one is long, and so has several passages.
        let content = if number.is_multiple_of(10) { format!("{text}. ").repeat(60) } else { text };
        format!("{}\n", json!({"id": format!("t{number}"), "content": content, "meta": {"day": number % 5}}))
    };
    (0..TEXTS).map(line).collect()
}

fn questions() -> String {
    let line = |(number, text): (usize, &&str)| format!("{}\n", json!({"id": format!("q{number}"), "text": text}));
    QUESTIONS.iter().enumerate().map(line).collect()
}

/// What the home answers to the questions, as `(question, memory, score)`, once everything is embedded.
pub(super) fn answers(zo: &Zo, environment: &[(&str, &Path)]) -> Result<Vec<(String, String, f64)>> {
    let mut command = zo.command(["recall", "--queries", "questions.jsonl", "--run", "-", "--top-k", "10"]);
    let output = command.envs(environment.iter().copied()).stdin(Stdio::null()).output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let stdout = String::from_utf8(output.stdout)?;
    let fields = |line: &str| {
        let fields: Vec<&str> = line.split('\t').collect();
        Some(((*fields.first()?).to_owned(), (*fields.get(1)?).to_owned(), fields.get(3)?.parse().ok()?))
    };
    stdout.lines().map(|line| fields(line).with_context(|| format!("not a line of a run: {line}"))).collect()
}

pub(super) fn with_corpus() -> Zo {
    let zo = Zo::new();
    zo.file("texts.jsonl", texts());
    zo.file("questions.jsonl", questions());
    zo
}

pub(super) fn status(zo: &Zo, environment: &[(&str, &Path)]) -> Result<Value> {
    let mut command = zo.command(["index", "status", "--json"]);
    let output = command.envs(environment.iter().copied()).stdin(Stdio::null()).output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Starts a command and kills it after so long, if it has not ended by itself.
pub(super) fn killed_after(mut command: Command, life: Duration) -> Result<()> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    thread::sleep(life);
    child.kill()?;
    child.wait()?;
    Ok(())
}

#[test]
fn killed_while_it_is_indexed_embedded_or_rebuilt_the_index_answers_the_same() -> Result<()> {
    let undisturbed = with_corpus();
    let imported = undisturbed.run(["import", "texts.jsonl"]);
    ensure!(imported.status.success(), "{}", imported.stderr);
    let expected = answers(&undisturbed, &[])?;
    ensure!(expected.len() == QUESTIONS.len() * 10, "{} answers", expected.len());

    let seed = seed();
    let mut noise = Noise::new(seed);
    let zo = with_corpus();
    for round in 0..if is_long() { 120 } else { 12 } {
        let commands: [&[&str]; 5] = [
            &["import", "texts.jsonl"],
            &["index", "embed"],
            &["rebuild"],
            &["recall", "who found the keys?"],
            &["import", "texts.jsonl", "--no-wait"],
        ];
        let command = commands[usize::try_from(noise.below(5))?];
        let life = Duration::from_micros(noise.below(u64::try_from(LIFE.as_micros())?));
        // The first one is to leave a home behind.
        let command = if round == 0 { commands[0] } else { command };
        killed_after(zo.command(command), life.max(Duration::from_millis(30)))?;
        let ran = zo.run(["recall", "who found the keys?", "--json", "--no-embed"]);
        let no_home_yet = ran.stderr.contains("there is no home");
        ensure!(ran.status.success() || no_home_yet, "round {round}, {command:?}, ZO_SEED={seed}: {}", ran.stderr);
        ensure!(!ran.stderr.contains("panicked"), "round {round}, {command:?}, ZO_SEED={seed}: {}", ran.stderr);
    }
    let imported = zo.run(["import", "texts.jsonl"]);
    ensure!(imported.status.success(), "{}", imported.stderr);
    let actual = answers(&zo, &[])?;
    let place = |answers: &[(String, String, f64)]| -> Vec<_> {
        answers.iter().map(|(question, memory, _)| (question.clone(), memory.clone())).collect()
    };
    ensure!(place(&actual) == place(&expected), "ZO_SEED={seed}: {actual:?} and not {expected:?}");
    for ((_, memory, actual), (_, _, expected)) in actual.iter().zip(&expected) {
        ensure!((actual - expected).abs() < 1e-3, "ZO_SEED={seed}: {memory} has {actual} and not {expected}");
    }
    Ok(())
}

#[test]
fn after_a_clean_end_nothing_is_indexed_again() -> Result<()> {
    let zo = with_corpus();
    let imported = zo.run(["import", "texts.jsonl"]);
    ensure!(imported.status.success(), "{}", imported.stderr);
    for _ in 0..2 {
        let ran = zo.run(["recall", "who found the keys?"]);
        ensure!(ran.status.success(), "{}", ran.stderr);
        let status = status(&zo, &[])?;
        ensure!(status["indexed_since_open"] == 0 && status["embedded_since_open"] == 0, "{status}");
        ensure!(status["indexed"] == status["head"] && status["embedded"] == status["head"], "{status}");
    }
    Ok(())
}

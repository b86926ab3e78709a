//! Asking a model, killed at random while the answer comes: the question is never lost, what came is kept, no recorded
//! answer is asked for again, and every call counts in usage.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::Value;
use zo_engine::bench::Noise;
use zo_model_server::{ModelServer, Request, Response, openai};
use zo_tests::cli::{Zo, lines_of_json};
use zo_tests::powercut::seed;

use super::is_long;

/// Pieces of an answer, and the time between two.
const PIECES: usize = 12;
const PAUSE: Duration = Duration::from_millis(6);
/// A process lives no longer than this, in milliseconds: a whole question takes about half of it.
const LIFE_MS: u64 = 260;

/// Answers with the question, in pieces, slowly.
fn slow(request: &Request) -> Response {
    let question = request.last_user_text();
    let mut response = Response::sse(200).pause(PAUSE);
    for piece in 0..PIECES {
        response = response.send(openai::chunk(&format!("{piece} of {question}; "))).pause(PAUSE);
    }
    response.send(openai::finish("stop")).send(openai::usage(100, 24)).send(openai::DONE)
}

fn whole(question: &str) -> String {
    (0..PIECES).map(|piece| format!("{piece} of {question}; ")).collect()
}

/// Everything of one run, from the log.
#[derive(Default)]
struct Run {
    kinds: Vec<String>,
    usage: u64,
}

/// The runs of a home, by their question.
fn runs(zo: &Zo) -> BTreeMap<String, Run> {
    let mut questions = BTreeMap::new();
    let mut by_stream: BTreeMap<String, String> = BTreeMap::new();
    let mut runs: BTreeMap<String, Run> = BTreeMap::new();
    for event in lines_of_json(zo.run(["log", "show", "--json"]).ok()) {
        let kind = event["kind"].as_str().unwrap_or_default().to_owned();
        let data = &event["data"];
        match kind.as_str() {
            "conversation.message_added" if data["role"] == "user" => {
                questions.insert(data["message"].to_string(), data["content"].as_str().unwrap_or_default().to_owned());
            }
            "run.started" => {
                let question = questions[&data["question"].to_string()].clone();
                by_stream.insert(event["stream"].to_string(), question);
            }
            _ => {}
        }
        if let Some(question) = by_stream.get(&event["stream"].to_string()) {
            let run = runs.entry(question.clone()).or_default();
            run.usage += data["usage"]["input_tokens"].as_u64().unwrap_or_default();
            run.kinds.push(kind);
        }
    }
    runs
}

#[test]
fn killed_while_it_asks_the_conversation_is_whole_and_every_call_counts() -> Result<()> {
    let seed = seed();
    let mut noise = Noise::new(seed);
    let server = ModelServer::start(slow);
    let zo = Zo::new();
    zo.run(["provider", "add", "near", "--base-url", &format!("{}/v1", server.url())]).ok();
    zo.run(["model", "use", "near/scripted"]).ok();
    let rounds = if is_long() { 200 } else { 25 };
    for round in 0..rounds {
        let mut child = zo
            .command(["ask", "--conversation", "talk", &format!("question {round}")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        thread::sleep(Duration::from_millis(noise.below(LIFE_MS)));
        child.kill()?;
        child.wait()?;
    }
    // Whatever was left is answered before this.
    zo.run(["ask", "--conversation", "talk", "the last question"]).ok();

    let place = format!("ZO_SEED={seed}");
    let messages = lines_of_json(zo.run(["conversation", "show", "talk", "--json"]).ok());
    let runs = runs(&zo);
    let text = |message: &Value| message["content"].as_str().unwrap_or_default().to_owned();
    let mut questions = Vec::new();
    for pair in messages.chunks(2) {
        let [question, answer] = pair else { anyhow::bail!("{place}: a question without an answer: {pair:?}") };
        ensure!(question["role"] == "user" && answer["role"] == "assistant", "{place}: {question} {answer}");
        ensure!(answer["parent"] == question["id"], "{place}: {question} {answer}");
        let (question, expected) = (text(question), whole(&text(question)));
        if answer["interrupted"] == true {
            ensure!(expected.starts_with(&text(answer)), "{place}: {answer}");
        } else {
            ensure!(text(answer).trim() == expected.trim(), "{place}: {answer}");
        }
        let kinds = &runs[&question].kinds;
        let count = |kind: &str| kinds.iter().filter(|it| *it == kind).count();
        // Every call has its end, and what it cost.
        ensure!(count("run.called") == count("run.call_failed") + 1, "{place}: {kinds:?}");
        ensure!(count("run.finished") == 1 && count("run.failed") == 0, "{place}: {kinds:?}");
        ensure!(runs[&question].usage > 0, "{place}: {question} cost nothing");
        let sent = server.requests().iter().filter(|request| request.last_user_text() == question).count();
        ensure!(sent <= count("run.called"), "{place}: {question} was sent {sent} times, with {kinds:?}");
        questions.push(question);
    }
    ensure!(questions.len() == runs.len(), "{place}: {} questions, {} runs", questions.len(), runs.len());
    ensure!(questions.last().is_some_and(|last| last == "the last question"), "{place}");
    let interrupted = messages.iter().filter(|message| message["interrupted"] == true).count();
    println!("{} questions were recorded, {interrupted} answers cut off; ZO_SEED={seed}", questions.len());
    ensure!(questions.len() > rounds / 4 && interrupted > 0, "{place}: it was killed too early, or too late");
    zo.run(["log", "verify"]).ok();
    ensure!(std::fs::read_dir(zo.home().join("arriving"))?.next().is_none(), "{place}: a reply stayed behind");
    let total: u64 = zo.run(["usage", "--json"]).json().iter().filter_map(|line| line["input_tokens"].as_u64()).sum();
    ensure!(total == runs.values().map(|run| run.usage).sum::<u64>(), "{place}");
    Ok(())
}

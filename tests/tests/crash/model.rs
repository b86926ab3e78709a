//! Another embedding model is chosen, and the process killed while it is fetched and while everything is embedded anew:
//! recall goes on with the model before, and uses the new one once it has everything.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use zo_engine::bench::Noise;
use zo_tests::cli::Zo;
use zo_tests::powercut::seed;

use super::index::{answers, killed_after, status, with_corpus};
use super::is_long;

#[path = "../../../projections/memory/embed/tests/embed/server.rs"]
#[allow(dead_code, reason = "its other manners are for the embedder's own tests")]
mod server;

/// A model of fastembed's list; the hub of this test serves the shipped model's files under its name.
const NAME: &str = "all-MiniLM-L6-v2-fp32";
const REPOSITORY: &str = "Qdrant/all-MiniLM-L6-v2-onnx";

fn hub() -> Result<server::Server> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../projections/memory/embed/model");
    let mut files = HashMap::new();
    for name in ["tokenizer.json", "config.json", "special_tokens_map.json", "tokenizer_config.json"] {
        files.insert(name.to_owned(), fs::read(folder.join(name))?);
    }
    files.insert("model.onnx".to_owned(), fs::read(folder.join("minilm-wo8.onnx"))?);
    Ok(server::Server::start(REPOSITORY, files))
}

/// A call in a home whose hub is ours and that finds ONNX Runtime.
fn command(zo: &Zo, hub: &server::Server, runtime: &Path, arguments: &[&str]) -> Command {
    let mut command = zo.command(arguments);
    command.env("HF_ENDPOINT", &hub.endpoint).env("ORT_DYLIB_PATH", runtime).stdin(Stdio::null());
    command
}

fn vector_folders(zo: &Zo) -> Result<usize> {
    let entries = fs::read_dir(zo.home().join("derived/index/vectors"))?;
    Ok(entries.filter_map(Result::ok).filter(|entry| entry.path().is_dir()).count())
}

#[test]
fn killed_while_another_model_is_prepared_recall_goes_on_and_switches_at_the_end() -> Result<()> {
    let Some(runtime) = std::env::var_os("ZO_TEST_ONNXRUNTIME").map(PathBuf::from) else {
        println!("skipped: ZO_TEST_ONNXRUNTIME does not name ONNX Runtime's library, as tests/run does");
        return Ok(());
    };
    let hub = hub()?;
    let run = |zo: &Zo, arguments: &[&str]| -> Result<()> {
        let output = command(zo, &hub, &runtime, arguments).output()?;
        ensure!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        Ok(())
    };
    let with_runtime = |zo: &Zo| answers(zo, &[("ORT_DYLIB_PATH", &runtime)]);

    let undisturbed = with_corpus();
    run(&undisturbed, &["model", "use", NAME])?;
    run(&undisturbed, &["import", "texts.jsonl"])?;
    let expected = with_runtime(&undisturbed)?;

    let seed = seed();
    let mut noise = Noise::new(seed);
    let zo = with_corpus();
    run(&zo, &["import", "texts.jsonl"])?;
    for round in 0..if is_long() { 60 } else { 6 } {
        let life = Duration::from_millis(50 + noise.below(2_500));
        killed_after(command(&zo, &hub, &runtime, &["model", "use", NAME]), life)?;
        let output =
            command(&zo, &hub, &runtime, &["recall", "who found the keys?", "--json", "--no-embed"]).output()?;
        let stderr = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success() && !stderr.contains("panicked"), "round {round}, ZO_SEED={seed}: {stderr}");
        let answer: serde_json::Value = serde_json::from_slice(&output.stdout)?;
        ensure!(
            answer["embedded"] == answer["indexed"],
            "round {round}, ZO_SEED={seed}: recall lost its vectors: {answer}"
        );
        ensure!(
            answer["hits"].as_array().is_some_and(|hits| hits.len() == 10),
            "round {round}, ZO_SEED={seed}: {answer}"
        );
    }
    run(&zo, &["model", "use", NAME])?;
    let status = status(&zo, &[("ORT_DYLIB_PATH", &runtime)])?;
    ensure!(status["model"]["name"] == NAME && status["next_model"].is_null(), "{status}");
    ensure!(status["model"]["passages"]["passages"] == status["passages"]["of"], "{status}");
    ensure!(vector_folders(&zo)? == 1, "vectors of the model before are still there");
    let actual = with_runtime(&zo)?;
    let places = |answers: &[(String, String, f64)]| -> Vec<String> {
        answers.iter().map(|(question, memory, _)| format!("{question} {memory}")).collect()
    };
    ensure!(places(&actual) == places(&expected), "ZO_SEED={seed}: {actual:?} and not {expected:?}");

    // Without its runtime the model cannot be used: said, and found by words all the same.
    let output = zo.command(["recall", "who found the keys?", "--json"]).output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let note = answer["notes"][0].as_str().context("a note says that the model cannot be used")?;
    ensure!(note.contains("ONNX Runtime"), "{note}");
    ensure!(answer["hits"].as_array().is_some_and(|hits| !hits.is_empty()), "{answer}");
    Ok(())
}

//! Downloads: whole or not there, whatever the server does.

use std::{collections::HashMap, env, fs, path::Path};

use zo_embed::{EmbedError, Models, Role, RuntimePreference, State};

use crate::{
    child,
    server::{Manner, Server},
};

/// A model of fastembed's list, served with the shipped model's files: so its vectors are known.
const NAME: &str = "all-MiniLM-L6-v2-fp32";
const REPOSITORY: &str = "Qdrant/all-MiniLM-L6-v2-onnx";

fn shipped_files() -> HashMap<String, Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("model");
    let read = |name: &str| fs::read(folder.join(name)).expect("the shipped files are there");
    let names = ["tokenizer.json", "config.json", "special_tokens_map.json", "tokenizer_config.json"];
    let mut files: HashMap<String, Vec<u8>> = names.iter().map(|name| ((*name).to_owned(), read(name))).collect();
    files.insert("model.onnx".into(), read("minilm-wo8.onnx"));
    files
}

/// Tries a download in a child and returns what came of it.
fn download(endpoint: &str, cache: &Path) -> String {
    let variables = [("HF_ENDPOINT", endpoint), ("ZO_TEST_CACHE", &*cache.to_string_lossy())];
    let stdout = child::run("downloads::download_in_child", &variables);
    stdout.lines().find_map(|line| line.split_once("OUTCOME ")).expect("the child says").1.to_owned()
}

#[test]
#[ignore = "run by others, in a process of its own"]
fn download_in_child() {
    let models = Models::new(env::var_os("ZO_TEST_CACHE").expect("the parent sets it").into());
    let mut heard = Vec::new();
    let outcome = models.download(NAME, &mut |done, total| heard.push((done, total)));
    match outcome {
        Ok(()) => {
            let (done, total) = heard.last().expect("progress is told");
            assert_eq!(Some(*done), *total);
            assert!(heard.iter().all(|(done, _)| done <= total.as_ref().expect("it is known at the end")));
            println!("OUTCOME done, {done} bytes");
        }
        Err(error) => println!("OUTCOME {error} ({})", error.hint().unwrap_or_default()),
    }
}

fn state(cache: &Path) -> State {
    Models::new(cache.into()).find(NAME).expect("it is listed").state
}

#[test]
fn download_is_whole_told_and_not_repeated() {
    let files = shipped_files();
    let total: usize = files.values().map(Vec::len).sum();
    let server = Server::start(REPOSITORY, files);
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let cache = folder.path().join("not/there/yet");
    let models = Models::new(cache.clone());
    assert_eq!(state(&cache), State::NotDownloaded);
    assert!(matches!(models.id(NAME), Err(EmbedError::NotDownloaded { .. })));
    assert!(matches!(models.open(NAME), Err(EmbedError::NotDownloaded { .. })));

    assert_eq!(download(&server.endpoint, &cache), format!("done, {total} bytes"));
    assert_eq!(state(&cache), State::Downloaded);
    let id = models.id(NAME).expect("it is downloaded");
    assert_ne!(id, Models::default_id(), "the maximal length differs");
    server.requests();
    assert_eq!(download(&server.endpoint, &cache), format!("done, {total} bytes"));
    assert_eq!(server.requests(), [""; 0]);

    // A file that is damaged is noticed, named, and downloaded again, alone.
    let tokenizer = cache.join("models--Qdrant--all-MiniLM-L6-v2-onnx/snapshots/0123abcd/tokenizer.json");
    let mut bytes = fs::read(&tokenizer).expect("it was downloaded");
    bytes[1000] ^= 1;
    fs::write(&tokenizer, &bytes).expect("it is writable");
    assert_eq!(state(&cache), State::Downloaded, "its length is right");
    assert_eq!(download(&server.endpoint, &cache), format!("done, {total} bytes"));
    let whole: Vec<String> = server.requests().into_iter().filter(|request| request.ends_with("None")).collect();
    assert_eq!(whole, [format!("/{REPOSITORY}/resolve/main/tokenizer.json 0-None")]);
    fs::write(&tokenizer, &bytes[..1000]).expect("it is writable");
    assert_eq!(state(&cache), State::NotDownloaded, "a file is shorter than it was");
    assert_eq!(download(&server.endpoint, &cache), format!("done, {total} bytes"));
    assert_eq!(models.id(NAME).expect("it is downloaded"), id);

    if let Some(library) = child::onnx_runtime() {
        let variables = [("ORT_DYLIB_PATH", &*library.to_string_lossy()), ("ZO_TEST_CACHE", &cache.to_string_lossy())];
        child::run("downloads::downloaded_model_opens", &variables);
        bytes[1000] ^= 2;
        fs::write(&tokenizer, &bytes).expect("it is writable");
        child::run("downloads::damaged_model_is_refused", &variables);
    }
    child::run(
        "downloads::model_needs_a_runtime",
        &[("ORT_DYLIB_PATH", "/nowhere"), ("ZO_TEST_CACHE", &cache.to_string_lossy())],
    );
}

#[test]
#[ignore = "run by download_is_whole_told_and_not_repeated, in a process of its own"]
fn downloaded_model_opens() {
    let models = Models::new(env::var_os("ZO_TEST_CACHE").expect("the parent sets it").into());
    let mut downloaded = models.open(NAME).expect("it is downloaded");
    let mut shipped = models.open_with(Models::DEFAULT, RuntimePreference::Rten).expect("it is shipped");
    assert_eq!((downloaded.name(), downloaded.dimensions()), (NAME, 384));
    assert_eq!(downloaded.id(), models.id(NAME).expect("it is downloaded"));
    let texts = ["Where is the spare key?", "tea", ""];
    let ours = downloaded.embed(Role::Query, &texts).expect("every text has a vector");
    let theirs = shipped.embed(Role::Query, &texts).expect("every text has a vector");
    for (a, b) in ours.iter().zip(&theirs) {
        let cosine: f32 = a.iter().zip(b).map(|(a, b)| a * b).sum();
        assert!(cosine > 0.99999, "{cosine}");
    }
    assert!(matches!(models.open_with(NAME, RuntimePreference::Rten), Err(EmbedError::NeedsRuntime { .. })));
}

#[test]
#[ignore = "run by download_is_whole_told_and_not_repeated, in a process of its own"]
fn damaged_model_is_refused() {
    let models = Models::new(env::var_os("ZO_TEST_CACHE").expect("the parent sets it").into());
    let error = models.open(NAME).err().expect("a file is damaged");
    assert!(matches!(&error, EmbedError::Damaged { path, .. } if path.ends_with("tokenizer.json")), "{error}");
    assert_eq!(error.hint().as_deref(), Some("`zo model use all-MiniLM-L6-v2-fp32` downloads it again"));
}

#[test]
#[ignore = "run by download_is_whole_told_and_not_repeated, in a process of its own"]
fn model_needs_a_runtime() {
    let models = Models::new(env::var_os("ZO_TEST_CACHE").expect("the parent sets it").into());
    let error = models.open(NAME).err().expect("there is no runtime");
    assert_eq!(error.to_string(), format!("the model {NAME} needs ONNX Runtime, and /nowhere does not exist"));
}

#[test]
fn download_that_is_cut_short_is_named_and_carried_on() {
    let files = shipped_files();
    let total: usize = files.values().map(Vec::len).sum();
    let half = files["model.onnx"].len() / 2;
    let server = Server::start(REPOSITORY, files);
    let folder = tempfile::tempdir().expect("a temporary folder can be made");

    server.behave(Manner::ClosesEarly);
    let outcome = download(&server.endpoint, folder.path());
    let said =
        format!("the download of model.onnx of the model {NAME} was cut short: {half} of {} bytes came", half * 2);
    assert!(outcome.starts_with(&said), "{outcome}");
    assert_eq!(state(folder.path()), State::NotDownloaded);
    server.behave(Manner::Good);
    server.requests();
    assert_eq!(download(&server.endpoint, folder.path()), format!("done, {total} bytes"));
    let requests = server.requests();
    assert!(requests.contains(&format!("/{REPOSITORY}/resolve/main/model.onnx {half}-None")), "{requests:?}");
    assert_eq!(state(folder.path()), State::Downloaded);
}

#[test]
fn body_that_is_shorter_than_announced_is_noticed() {
    let server = Server::start(REPOSITORY, shipped_files());
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    server.behave(Manner::SaysHalf);
    assert!(download(&server.endpoint, folder.path()).contains("was cut short"));
    assert_eq!(state(folder.path()), State::NotDownloaded);
    server.behave(Manner::Good);
    assert!(download(&server.endpoint, folder.path()).starts_with("done"));
}

#[test]
fn server_that_is_none_or_knows_nothing_is_said() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let said = |endpoint: &str| download(endpoint, folder.path());
    let beginning = |endpoint: &str| format!("downloading model.onnx of the model {NAME} from {endpoint} failed: ");
    let nobody = "http://127.0.0.1:1";
    assert!(said(nobody).starts_with(&beginning(nobody)), "{}", said(nobody));
    assert!(said(nobody).contains("check the network"));
    let server = Server::start(REPOSITORY, shipped_files());
    for manner in [Manner::KnowsNothing, Manner::Babbles] {
        server.behave(manner);
        assert!(said(&server.endpoint).starts_with(&beginning(&server.endpoint)), "{}", said(&server.endpoint));
    }
    for endpoint in ["nonsense", "http://", "ftp://127.0.0.1"] {
        assert!(said(endpoint).contains("failed: "), "{}", said(endpoint));
    }
    assert_eq!(state(folder.path()), State::NotDownloaded);
}

#[test]
fn cache_folder_that_cannot_be_made_is_said() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let file = folder.path().join("file");
    fs::write(&file, "").expect("it is writable");
    let outcome = download("http://127.0.0.1:1", &file.join("cache"));
    assert!(outcome.starts_with("cannot make the folder "), "{outcome}");
}

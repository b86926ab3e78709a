//! Real clients of the HTTP interface: the official OpenAI package, a schema-driven fuzzer, curl.
//!
//! The first two are Python packages, which `tests/run` installs into `target/clients`.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use serde_json::json;
use tempfile::TempDir;
use zo_engine::engine::{Engine, EngineOptions};
use zo_engine::protocol::{Request, Response};
use zo_engine::service;
use zo_http::{Http, HttpOptions, Limits};
use zo_model_server::{ModelServer, openai, talking};
use zo_projections::event::vault::Scope;

/// A workspace over HTTP, with a model that answers `on QUESTION` and asks for a tool if it is offered one.
struct Served {
    http: Option<Http>,
    engine: Arc<Engine>,
    tokens: HashMap<&'static str, String>,
    _model: ModelServer,
    _folder: TempDir,
}

impl Served {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let engine = Engine::open(folder.path(), EngineOptions::default()).expect("a new home opens");
        let answer = talking(|question| format!("on {question}"));
        let model = ModelServer::start(move |request| {
            let body = request.json();
            let last = body["messages"].as_array().and_then(|messages| messages.last()).cloned().unwrap_or_default();
            if last["role"] == "tool" {
                return openai::stream("scripted", &["It is ", last["content"].as_str().unwrap_or_default()]);
            }
            if body["tools"].is_array() {
                return zo_model_server::Response::sse(200)
                    .send(openai::tool_call_chunk(Some(0), Some("call_1"), Some("add"), "{\"a\": 1, \"b\": 2}"))
                    .send(openai::finish("tool_calls"))
                    .send(openai::usage(7, 3))
                    .send(openai::DONE);
            }
            answer(request)
        });
        let provider = Request::AddProvider {
            name: "near".to_owned(),
            dialect: "openai".to_owned(),
            base_url: format!("{}/v1", model.url()),
        };
        one(&engine, provider);
        let mut tokens = HashMap::new();
        for scope in [Scope::Admin, Scope::Ask] {
            let name = scope.name().to_owned();
            let made = one(&engine, Request::CreateToken { name, scopes: vec![scope], expires_at: None });
            let Response::TokenMade(made) = made else { panic!("{made:?}") };
            tokens.insert(scope.name(), made.secret);
        }
        let anywhere = "127.0.0.1:0".parse().expect("an address");
        // A fuzzer asks often.
        let many = std::num::NonZeroU32::MAX;
        let limits =
            Limits { requests_per_second: many, requests_burst: many, failures_per_minute: many, ..Limits::default() };
        let options = HttpOptions { listen: anywhere, files_listen: None, limits, ..HttpOptions::default() };
        let http = Http::start(engine.clone(), options).expect("it starts");
        Self { http: Some(http), engine, tokens, _model: model, _folder: folder }
    }

    fn url(&self) -> String {
        format!("http://{}", self.http.as_ref().expect("it runs").local_addr())
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        if let Some(http) = self.http.take() {
            http.stop();
        }
        self.engine.close();
    }
}

/// The response to a request that has one.
fn one(engine: &Engine, request: Request) -> Response {
    let mut last = Response::Done;
    let result = service::handle(engine, request, &mut |response| {
        last = response;
        ControlFlow::Continue(())
    });
    result.expect("it is done");
    last
}

/// A program of the Python environment.
fn client(name: &str) -> PathBuf {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/clients/bin").join(name);
    let missing = "tests/run installs it: python3 -m venv target/clients; \
                   target/clients/bin/pip install -r tests/clients/requirements.txt";
    assert!(program.exists(), "{} is missing; {missing}", program.display());
    program
}

fn check(what: &str, output: &Output) {
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{what}: {}\n{out}\n{err}", output.status);
}

#[test]
fn the_official_openai_client_talks_to_the_workspace() {
    let served = Served::new();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/openai_client.py");
    let output = Command::new(client("python"))
        .arg(script)
        .env_clear()
        .env("ZO_URL", served.url())
        .env("ZO_TOKEN", &served.tokens["ask"])
        .output()
        .expect("it starts");
    check("openai_client.py", &output);
    assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), 6, "every part of it ran");
}

#[test]
fn no_request_that_fits_the_document_or_nearly_does_makes_the_server_fail() {
    let served = Served::new();
    // What writes where it is told to, waits as long as it is told to, or goes on for ever is tested by hand.
    let left_out = "^/api/v1/(backup|export|put_file|claim_jobs|events|watch_jobs|service_log|ask|resume)$";
    let examples = if std::env::var_os("ZO_LONG").is_some() { "100" } else { "5" };
    let output = Command::new(client("schemathesis"))
        .args(["run", &format!("{}/openapi.json", served.url())])
        .args(["--header", &format!("Authorization: Bearer {}", served.tokens["admin"])])
        .args(["--checks", "not_a_server_error", "--max-examples", examples, "--seed", "20261121"])
        .args(["--exclude-path-regex", left_out, "--request-timeout", "30", "--workers", "2"])
        .current_dir(served._folder.path())
        .output()
        .expect("it starts");
    check("schemathesis", &output);
}

#[test]
fn curl_can_ask() {
    let served = Served::new();
    let body = json!({"input": "hello", "model_name": "near/scripted"}).to_string();
    let output = Command::new("curl")
        .args(["--silent", "--show-error", "--fail", "--noproxy", "*"])
        .args(["--header", &format!("authorization: {}", served.tokens["ask"])])
        .args(["--json", &body, &format!("{}/zo/ask", served.url())])
        .output()
        .expect("curl is there");
    check("curl", &output);
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(answer["output"], "on hello", "{answer}");
}

//! Which models there are.

use std::time::{Duration, Instant};

use serde_json::json;
use zo_model_server::{ModelServer, Request, Response, anthropic, ollama, openai};
use zo_models::{Dialect, ErrorKind, Provider, Secret};

use crate::support::{CANARY, claude, once, open_ai};

#[test]
fn models_are_listed_in_both_dialects() {
    let server = ModelServer::start(|_| openai::models(&["a", "b"]));
    let names: Vec<String> = once().list(&open_ai(&server), None).unwrap().into_iter().map(|model| model.id).collect();
    assert_eq!(names, ["a", "b"]);
    assert_eq!(server.requests()[0].path, "/v1/models");
    let server = ModelServer::start(|_| anthropic::models(&["claude"]));
    assert_eq!(once().list(&claude(&server), Some(&Secret::new(CANARY))).unwrap()[0].id, "claude");
    assert_eq!(server.requests()[0].header("x-api-key"), Some(CANARY));
}

#[test]
fn keys_are_checked_where_only_a_good_one_is_answered() {
    let server =
        ModelServer::start(|request: &Request| match request.header("authorization").or(request.header("x-api-key")) {
            Some(key) if key.ends_with("good") => Response::new(200).json(&json!({"data": []})),
            _ => openai::error(401, "authentication_error", "no"),
        });
    let router = Provider { name: "openrouter".to_string(), ..open_ai(&server) };
    for provider in [open_ai(&server), claude(&server), router] {
        assert_eq!(once().check_key(&provider, &Secret::new("good")), Ok(()));
        assert_eq!(once().check_key(&provider, &Secret::new("bad")).expect_err("an error").kind, ErrorKind::Key);
    }
    let paths: Vec<String> = server.requests().into_iter().step_by(2).map(|request| request.path).collect();
    assert_eq!(paths, ["/v1/models", "/v1/models?limit=1", "/v1/key"]);
}

#[test]
fn ollamas_newest_model_that_can_chat_is_found() {
    let server = ModelServer::start(|request: &Request| match (request.method.as_str(), request.path.as_str()) {
        ("GET", "/api/tags") => Response::new(200).json(&json!({"models": [
            {"name": "old:latest", "modified_at": "2025-01-01T00:00:00Z"},
            {"name": "embedder:latest", "modified_at": "2025-03-01T00:00:00Z"},
            {"name": "newer:7b", "modified_at": "2025-02-01T00:00:00+02:00"},
        ]})),
        ("POST", "/api/show") if request.json()["model"] == "embedder:latest" => ollama::show(&["embedding"]),
        ("POST", "/api/show") => ollama::show(&["completion", "tools"]),
        _ => Response::new(404),
    });
    let provider = Provider { name: "ollama".to_string(), ..open_ai(&server) };
    assert_eq!(once().local_chat_model(&provider).as_deref(), Some("newer:7b"));
}

#[test]
fn an_ollama_without_a_chat_model_or_without_haste_is_none() {
    let server = ModelServer::start(|request: &Request| match request.route() {
        "/api/tags" => ollama::tags(&["embedder"]),
        _ => ollama::show(&["embedding"]),
    });
    assert_eq!(once().local_chat_model(&open_ai(&server)), None);
    let silent = ModelServer::start(|_| Response::raw().hang());
    let begun = Instant::now();
    assert_eq!(once().local_chat_model(&open_ai(&silent)), None);
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    let nobody = Provider::custom("ollama", Dialect::OpenAi, "http://127.0.0.1:1/v1").unwrap();
    assert_eq!(once().local_chat_model(&nobody), None);
}

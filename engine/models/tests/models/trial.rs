//! `zo model test`: each step of a connection, and the one where it fails.

use zo_model_server::{ModelServer, Request, openai, talking};
use zo_models::{Dialect, Models, Options, Outcome, Provider, Secret, Step};

use crate::support::{CANARY, claude, once, open_ai, options};

fn tried_with(models: &Models, provider: &Provider, model: &str) -> (bool, Vec<Step>) {
    let mut steps = Vec::new();
    let good = models.test(provider, Some(&Secret::new(CANARY)), model, &mut |step| steps.push(step.clone()));
    assert!(!format!("{steps:?}").contains("canary"));
    (good, steps)
}

fn tried(provider: &Provider, model: &str) -> (bool, Vec<Step>) {
    tried_with(&once(), provider, model)
}

fn outcomes(steps: &[Step]) -> Vec<(&'static str, Outcome)> {
    steps.iter().map(|step| (step.name, step.outcome)).collect()
}

#[test]
fn a_good_connection_passes_every_step_in_both_dialects() {
    let server = ModelServer::start(talking(|_| "pong".to_string()));
    for provider in [open_ai(&server), claude(&server)] {
        let (good, steps) = tried(&provider, "scripted");
        assert!(good, "{steps:#?}");
        assert_eq!(
            outcomes(&steps),
            [
                ("address", Outcome::Ok),
                ("connect", Outcome::Ok),
                ("tls", Outcome::Skipped),
                ("http", Outcome::Ok),
                ("key", Outcome::Ok),
                ("model", Outcome::Ok),
                ("chat", Outcome::Ok),
            ]
        );
        assert!(steps[6].detail.starts_with("scripted answers, first token after "), "{}", steps[6].detail);
    }
}

#[test]
fn the_failing_step_is_the_last_one_and_has_a_hint() {
    let last = |models: &Models, provider: &Provider, model: &str| {
        let (good, steps) = tried_with(models, provider, model);
        assert!(!good, "{steps:#?}");
        let step = steps.last().unwrap().clone();
        assert_eq!(step.outcome, Outcome::Failed);
        assert!(step.hint.is_some(), "{step:?}");
        step
    };
    let custom = |url: &str| Provider::custom("mine", Dialect::OpenAi, url).unwrap();
    assert_eq!(last(&once(), &custom("https://nobody.invalid/v1"), "m").name, "address");
    assert_eq!(last(&once(), &custom("http://127.0.0.1:1/v1"), "m").name, "connect");
    let (secure, _) = ModelServer::start_tls(talking(|_| "pong".to_string()));
    assert_eq!(last(&once(), &open_ai(&secure), "m").name, "tls");
    let page = ModelServer::start(|_| zo_model_server::Response::new(200).body("<html><title>Hello</title></html>"));
    assert_eq!(last(&once(), &open_ai(&page), "m").name, "http");
    let locked = ModelServer::start(|_| openai::error(401, "", "no"));
    assert_eq!(last(&once(), &open_ai(&locked), "m").name, "key");
    let proxied = Models::new(Options { proxy: Some("http://127.0.0.1:1".to_string()), ..options() });
    let step = last(&proxied, &custom("https://api.example.com/v1"), "m");
    assert_eq!(step.name, "connect");
    assert!(step.detail.starts_with("the proxy 127.0.0.1:1: "), "{step:?}");
}

#[test]
fn an_unlisted_model_is_suggested_and_the_chat_has_the_last_word() {
    let server = ModelServer::start(|request: &Request| match request.method.as_str() {
        "GET" => openai::models(&["gpt-5-mini"]),
        _ => openai::error(404, "invalid_request_error", "The model `gpt-5-mni` does not exist"),
    });
    let (good, steps) = tried(&open_ai(&server), "gpt-5-mni");
    assert!(!good);
    let (model, chat) = (&steps[5], &steps[6]);
    assert_eq!((model.outcome, model.hint.as_deref()), (Outcome::Skipped, Some("did you mean gpt-5-mini?")));
    assert_eq!((chat.outcome, chat.hint.as_deref()), (Outcome::Failed, Some("did you mean gpt-5-mini?")));
}

#[test]
fn steps_are_written_as_json() {
    let server = ModelServer::start(talking(|_| "pong".to_string()));
    let (_, steps) = tried(&open_ai(&server), "scripted");
    let json = serde_json::to_value(&steps[2]).unwrap();
    assert_eq!((&json["name"], &json["outcome"]), (&"tls".into(), &"skipped".into()));
    assert!(json["elapsed"].is_object() && json["hint"].is_null(), "{json}");
}

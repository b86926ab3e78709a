//! What a server turns out not to know is left out, once and for all.

use serde_json::{Value, json};
use zo_model_server::{ModelServer, Request, Response, openai};
use zo_models::{ChatRequest, ErrorKind, Provider, ToolSpec};

use crate::support::{ask_with, claude, once, open_ai, question};

fn request() -> ChatRequest {
    ChatRequest { max_output_tokens: Some(50), temperature: Some(0.5), ..question() }
}

/// A server that refuses bodies with `field`, naming `named`; two calls are made, and what was sent is returned.
fn asked_twice(provider: impl Fn(&ModelServer) -> Provider, field: &'static str, refusal: Value) -> Vec<Value> {
    let server = ModelServer::start(move |request: &Request| {
        if request.json().get(field).is_some() {
            return Response::new(400).json(&refusal);
        }
        if request.route().ends_with("/messages") {
            zo_model_server::anthropic::stream("claude", &["ok"])
        } else {
            openai::stream("scripted", &["ok"])
        }
    });
    let (models, provider) = (once(), provider(&server));
    let first = ask_with(&models, &provider, &request()).0.unwrap();
    let second = ask_with(&models, &provider, &request()).0.unwrap();
    assert_eq!((first.attempts, second.attempts), (2, 1), "learned once");
    server.requests().iter().map(Request::json).collect()
}

fn error(message: &str, param: &str) -> Value {
    json!({"error": {"message": message, "type": "invalid_request_error", "param": param, "code": "unsupported_parameter"}})
}

#[test]
fn stream_options() {
    let detail = json!({"detail": [{"type": "extra_forbidden", "loc": ["body", "stream_options"], "msg": "Extra inputs are not permitted"}]});
    let sent = asked_twice(open_ai, "stream_options", detail);
    assert_eq!(sent[1]["stream"], true);
    assert_eq!(sent[1].get("stream_options"), None);
}

#[test]
fn max_tokens() {
    let message =
        "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.";
    let sent = asked_twice(open_ai, "max_tokens", error(message, "max_tokens"));
    assert_eq!((&sent[2]["max_completion_tokens"], sent[2].get("max_tokens")), (&json!(50), None));
}

#[test]
fn openai_itself_is_told_the_newer_name_first() {
    let sent = asked_twice(
        |server| Provider { name: "openai".to_string(), ..open_ai(server) },
        "max_completion_tokens",
        error("Unknown parameter: max_completion_tokens", "max_completion_tokens"),
    );
    assert_eq!((&sent[1]["max_tokens"], sent[1].get("max_completion_tokens")), (&json!(50), None));
}

#[test]
fn temperature() {
    let message = "Unsupported value: 'temperature' does not support 0.5 with this model.";
    assert_eq!(asked_twice(open_ai, "temperature", error(message, "temperature"))[1].get("temperature"), None);
    assert_eq!(asked_twice(claude, "temperature", error("temperature: not supported", ""))[1].get("temperature"), None);
}

#[test]
fn a_model_that_takes_tools_only_without_reasoning_is_told_not_to_reason() {
    let server = ModelServer::start(|request: &Request| {
        match request.json()["reasoning_effort"].as_str() {
        Some("none") => openai::stream("scripted", &["ok"]),
        _ => Response::new(400).json(&error(
            "Function tools with reasoning_effort are not supported for gpt-6-sol in /v1/chat/completions. To use function tools, \
             use /v1/responses or set reasoning_effort to 'none'.",
            "reasoning_effort",
        )),
    }
    });
    let tool = ToolSpec { name: "look".to_string(), description: String::new(), parameters: json!({"type": "object"}) };
    let reply = ask_with(&once(), &open_ai(&server), &ChatRequest { tools: vec![tool], ..question() }).0.unwrap();
    assert_eq!(reply.attempts, 2);
}

#[test]
fn a_refusal_of_something_else_is_returned_as_it_is() {
    let server = ModelServer::start(|_| openai::error(400, "invalid_request_error", "messages: too odd"));
    let error = ask_with(&once(), &open_ai(&server), &request()).0.expect_err("an error");
    assert_eq!((error.kind, error.attempts, error.sent), (ErrorKind::Request, 1, false));
    assert!(error.message.ends_with("400 Bad Request: messages: too odd"), "{error}");
}

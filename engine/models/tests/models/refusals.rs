//! Answers that are errors: what they mean, and what a caller is told.

use serde_json::json;
use zo_model_server::{ModelServer, Request, Response, anthropic, openai};
use zo_models::{ErrorKind, Provider, Secret};

use crate::support::{CANARY, claude, hint, once, open_ai, question, refused};

const HTML: &str =
    "\n<!DOCTYPE html>\n<html><head><title>Welcome to\n the Café</title></head><body>Please log in</body></html>";

#[test]
fn statuses_and_what_is_said_decide_the_kind() {
    let error = |status: u16, kind: &str, code: &str, message: &str| {
        let body = json!({"error": {"message": message, "type": kind, "code": code}});
        Response::new(status).json(&body)
    };
    for (response, kind, sent) in [
        (error(400, "invalid_request_error", "context_length_exceeded", "too long"), ErrorKind::ContextTooLong, false),
        (
            error(400, "invalid_request_error", "", "prompt is too long: 210000 tokens > 200000 maximum"),
            ErrorKind::ContextTooLong,
            false,
        ),
        (error(413, "request_too_large", "", "Request exceeds the maximum size"), ErrorKind::ContextTooLong, false),
        (error(403, "forbidden", "", "You may not"), ErrorKind::Key, false),
        (error(402, "", "", "Insufficient credits"), ErrorKind::RateLimited, false),
        (
            error(429, "insufficient_quota", "insufficient_quota", "You exceeded your current quota"),
            ErrorKind::RateLimited,
            false,
        ),
        (error(429, "", "", "slow down"), ErrorKind::RateLimited, false),
        (error(400, "", "content_policy_violation", "no"), ErrorKind::Refused, false),
        (error(403, "", "", "Your input was flagged by moderation"), ErrorKind::Refused, false),
        (error(400, "", "", "nobody is not a valid model ID"), ErrorKind::UnknownModel, false),
        (
            error(400, "invalid_request_error", "", "Your credit balance is too low to access the API"),
            ErrorKind::RateLimited,
            false,
        ),
        (error(500, "server_error", "", "oh no"), ErrorKind::Server, true),
        (error(503, "", "", "The engine is overloaded"), ErrorKind::Overloaded, false),
        (error(529, "overloaded_error", "", "Overloaded"), ErrorKind::Overloaded, false),
        (
            Response::new(502).header("content-type", "text/html").body("<html><title>502 Bad Gateway</title></html>"),
            ErrorKind::Server,
            true,
        ),
        (
            Response::new(400).json(&json!({"detail": [{"loc": ["body", "messages"], "msg": "field required"}]})),
            ErrorKind::Request,
            false,
        ),
        (Response::new(404).json(&json!({"detail": "Not Found"})), ErrorKind::Protocol, false),
        (Response::new(404).body("404 page not found"), ErrorKind::Protocol, false),
        (Response::new(418).body(""), ErrorKind::Request, false),
    ] {
        let server = ModelServer::start(move |_| response.clone());
        let found = refused(&open_ai(&server), kind);
        assert_eq!(found.sent, sent, "{found:?}");
        assert!(found.message.starts_with(&format!("mine at {}/v1/chat/completions: ", server.url())), "{found}");
    }
}

#[test]
fn details_of_validation_are_told_with_their_place() {
    let body = json!({"detail": [{"loc": ["body", "messages", 0], "msg": "field required"}]});
    let server = ModelServer::start(move |_| Response::new(422).json(&body));
    let error = refused(&open_ai(&server), ErrorKind::Request);
    assert!(error.message.ends_with("422 Unprocessable Entity: body.messages.0: field required"), "{error}");
    assert_eq!(error.status, Some(422));
}

#[test]
fn a_wrong_key_is_said_with_the_way_to_a_right_one_and_without_the_key() {
    let script =
        |_: &Request| openai::error(401, "invalid_request_error", &format!("Incorrect API key provided: {CANARY}."));
    let server = ModelServer::start(script);
    let provider = Provider { keys_page: Some("https://keys.example".to_string()), ..open_ai(&server) };
    let error = refused(&provider, ErrorKind::Key);
    assert!(error.message.ends_with("401 Unauthorized: Incorrect API key provided: [secret]."), "{error}");
    assert_eq!(hint(&error), "the key is not accepted: zo key set mine; keys are made at https://keys.example");
    let error = once().check_key(&provider, &Secret::new(CANARY)).expect_err("an error");
    assert_eq!(error.kind, ErrorKind::Key);
    assert!(!format!("{error:?}").contains("canary"));
}

#[test]
fn a_missing_or_impossible_key_is_not_sent() {
    let server = ModelServer::start(|_| openai::stream("scripted", &["ok"]));
    let mut each = |_: zo_models::Delta<'_>| std::ops::ControlFlow::Continue(());
    let provider = Provider { needs_key: true, key_variables: vec!["MINE_KEY".to_string()], ..open_ai(&server) };
    let error = once().chat(&provider, None, &question(), &mut each).expect_err("an error");
    assert_eq!((error.kind, error.sent, error.attempts), (ErrorKind::NoKey, false, 0));
    assert_eq!(hint(&error), "zo key set mine, or set MINE_KEY");
    let error = once().chat(&provider, Some(&Secret::new("two words")), &question(), &mut each).expect_err("an error");
    assert_eq!(error.kind, ErrorKind::Key);
    assert!(!error.message.contains("two words"));
    assert!(server.requests().is_empty());
}

#[test]
fn an_unknown_model_gets_the_nearest_names() {
    let server = ModelServer::start(|request: &Request| {
        match request.method.as_str() {
        "GET" => openai::models(&["gpt-5", "gpt-5-mini", "whisper"]),
        _ => Response::new(404).json(&json!({"error": {
            "message": "The model `scripted` does not exist or you do not have access to it.", "code": "model_not_found",
        }})),
    }
    });
    let request = zo_models::ChatRequest { model: "gpt-5-mni".to_string(), ..question() };
    let error = crate::support::ask_with(&once(), &open_ai(&server), &request).0.expect_err("an error");
    assert_eq!((error.kind, hint(&error)), (ErrorKind::UnknownModel, "did you mean gpt-5-mini?"));

    let server = ModelServer::start(|request: &Request| match request.method.as_str() {
        "GET" => anthropic::models(&["claude-sonnet-4-5-20250929"]),
        _ => anthropic::error(404, "not_found_error", "model: claude-sonet-4-5"),
    });
    let request = zo_models::ChatRequest { model: "claude-sonnet-4-5-20250829".to_string(), ..question() };
    let error = crate::support::ask_with(&once(), &claude(&server), &request).0.expect_err("an error");
    assert_eq!((error.kind, hint(&error)), (ErrorKind::UnknownModel, "did you mean claude-sonnet-4-5-20250929?"));
}

#[test]
fn a_wrong_path_is_not_an_unknown_model() {
    let server = ModelServer::start(|_| anthropic::error(404, "not_found_error", "Not found"));
    let error = refused(&claude(&server), ErrorKind::Protocol);
    assert!(hint(&error).contains("/v1"), "{error:?}");
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn html_and_plain_text_are_shown_with_their_beginning() {
    for response in [
        Response::new(200).header("content-type", "text/html").body(HTML),
        Response::new(200).header("content-type", "text/event-stream").body(HTML),
        Response::new(404).body(HTML),
    ] {
        let server = ModelServer::start(move |_| response.clone());
        let error = refused(&open_ai(&server), ErrorKind::Protocol);
        assert!(error.message.contains("an HTML page titled \"Welcome to the Café\": \"<!DOCTYPE html>"), "{error}");
        assert!(hint(&error).contains("/v1"), "{error:?}");
    }
    let server = ModelServer::start(|_| Response::new(200).body("It works!\n".repeat(50)));
    let error = refused(&open_ai(&server), ErrorKind::Protocol);
    assert!(error.message.contains("neither JSON nor an event stream: \"It works! It works!"), "{error}");
    assert!(error.message.len() < 250, "{error}");
    let error = once().list(&open_ai(&server), None).expect_err("an error");
    assert_eq!(error.kind, ErrorKind::Protocol);
}

#[test]
fn a_redirect_is_not_followed_with_the_key() {
    let elsewhere = ModelServer::start(|_| openai::stream("scripted", &["stolen"]));
    let target = format!("{}/v1/chat/completions?key=hush", elsewhere.url());
    let location = target.clone();
    let server = ModelServer::start(move |_| Response::new(307).header("location", location.clone()));
    let error = refused(&open_ai(&server), ErrorKind::Protocol);
    assert!(error.message.contains("307 redirects to") && !error.message.contains("hush"), "{error}");
    assert!(elsewhere.requests().is_empty());
}

#[test]
fn nothing_to_say_is_not_sent() {
    let server = ModelServer::start(|_| openai::stream("scripted", &["ok"]));
    let request = zo_models::ChatRequest {
        messages: vec![zo_models::ChatMessage::text(zo_models::Role::User, " \n")],
        ..question()
    };
    let error = crate::support::ask_with(&once(), &open_ai(&server), &request).0.expect_err("an error");
    assert_eq!((error.kind, error.attempts), (ErrorKind::Request, 0));
    assert!(server.requests().is_empty());
}

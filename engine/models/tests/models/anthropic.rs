//! Anthropic's dialect.

use serde_json::json;
use zo_model_server::{ModelServer, Response, anthropic};
use zo_models::{ChatMessage, ChatRequest, ErrorKind, Finish, Part, Reply, Role, TokenUsage, ToolCall, ToolSpec};

use crate::support::{CANARY, Heard, ask, ask_with, claude, once, question, refused};

fn replied(body: &str) -> (Reply, Heard) {
    let body = body.to_string();
    let server = ModelServer::start(move |_| Response::sse(200).send(body.clone()));
    let (result, heard) = ask(&claude(&server));
    (result.unwrap_or_else(|error| panic!("{error:?} after {heard:?}")), heard)
}

/// A stream with these frames between its beginning and its end.
fn around(frames: &str, stop: &str) -> String {
    format!(
        "{}{frames}{}{}",
        anthropic::message_start("claude", 10),
        anthropic::message_delta(stop, 4),
        anthropic::message_stop()
    )
}

#[test]
fn a_stream_is_heard_as_it_comes_and_returned_whole() {
    let server = ModelServer::start(|_| anthropic::stream("claude-1", &["I am ", "well."]));
    let (reply, heard) = ask(&claude(&server));
    let reply = reply.unwrap();
    assert_eq!(heard.0, ["text I am ", "text well."]);
    assert_eq!((reply.text.as_str(), reply.finish, reply.model.as_str()), ("I am well.", Finish::Stop, "claude-1"));
    assert!(reply.usage.is_some_and(|usage| usage.input > 0 && usage.output > 0), "{:?}", reply.usage);
}

#[test]
fn the_request_is_what_the_reference_says() {
    let server = ModelServer::start(|_| anthropic::stream("claude", &["ok"]));
    let request = ChatRequest {
        system: Some("Be brief.".to_string()),
        messages: vec![
            ChatMessage::text(Role::Assistant, "Hello!"),
            ChatMessage::text(Role::User, "   "),
            ChatMessage::text(Role::User, "one"),
            ChatMessage {
                parts: vec![
                    Part::Text("two".to_string()),
                    Part::Image { media_type: "image/png".to_string(), bytes: vec![1, 2, 3] },
                ],
                ..ChatMessage::text(Role::User, "")
            },
            ChatMessage {
                tool_calls: vec![ToolCall {
                    id: "a:1".to_string(),
                    name: "look".to_string(),
                    arguments: "{\"x\":1}".to_string(),
                }],
                ..ChatMessage::text(Role::Assistant, "I look.")
            },
            ChatMessage { tool_call_id: Some("a:1".to_string()), ..ChatMessage::text(Role::Tool, "a cat") },
            ChatMessage::text(Role::User, "and?"),
        ],
        tools: vec![ToolSpec {
            name: "look".to_string(),
            description: "Looks.".to_string(),
            parameters: json!({"type": "object"}),
        }],
        max_output_tokens: Some(50),
        temperature: Some(0.7),
        ..question()
    };
    ask_with(&once(), &claude(&server), &request).0.unwrap();
    let sent = &server.requests()[0];
    assert_eq!((sent.method.as_str(), sent.path.as_str()), ("POST", "/v1/messages"));
    assert_eq!((sent.header("x-api-key"), sent.header("anthropic-version")), (Some(CANARY), Some("2023-06-01")));
    assert_eq!(sent.header("authorization"), None);
    assert_eq!(
        sent.json(),
        json!({
            "model": "scripted",
            "max_tokens": 50,
            "system": "Be brief.",
            "messages": [
                {"role": "user", "content": [{"type": "text", "text": "(the beginning of the conversation is left out)"}]},
                {"role": "assistant", "content": [{"type": "text", "text": "Hello!"}]},
                {"role": "user", "content": [
                    {"type": "text", "text": "one"},
                    {"type": "text", "text": "two"},
                    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AQID"}},
                ]},
                {"role": "assistant", "content": [
                    {"type": "text", "text": "I look."},
                    {"type": "tool_use", "id": "a_1", "name": "look", "input": {"x": 1}},
                ]},
                {"role": "user", "content": [
                    {"type": "tool_result", "tool_use_id": "a_1", "content": [{"type": "text", "text": "a cat"}]},
                    {"type": "text", "text": "and?"},
                ]},
            ],
            "temperature": 0.7,
            "tools": [{"name": "look", "description": "Looks.", "input_schema": {"type": "object"}}],
            "stream": true,
        })
    );
}

#[test]
fn without_a_limit_the_request_has_one_all_the_same() {
    let server = ModelServer::start(|_| anthropic::stream("claude", &["ok"]));
    ask(&claude(&server)).0.unwrap();
    assert_eq!(server.requests()[0].json()["max_tokens"], 8192);
}

#[test]
fn tool_calls_come_in_pieces_and_whole() {
    let pieces = [
        anthropic::tool_start(0, "a", "look"),
        anthropic::tool_delta(0, ""),
        anthropic::tool_delta(0, "{\"x\""),
        anthropic::tool_delta(0, ":1}"),
        anthropic::stop_block(0),
        anthropic::tool_start(1, "b", "hear"),
        anthropic::stop_block(1),
    ]
    .concat();
    let reply = replied(&around(&pieces, "tool_use")).0;
    let call = |id: &str, name: &str, arguments: &str| ToolCall {
        id: id.to_string(),
        name: name.to_string(),
        arguments: arguments.to_string(),
    };
    assert_eq!(reply.tool_calls, [call("a", "look", "{\"x\":1}"), call("b", "hear", "{}")]);
    assert_eq!(reply.finish, Finish::ToolCalls);
    let start = json!({"type": "content_block_start", "index": 0, "content_block": {"type": "tool_use", "id": "a", "name": "look", "input": {"x": 1}}});
    let whole = format!("event: content_block_start\ndata: {start}\n\n{}", anthropic::stop_block(0));
    assert_eq!(replied(&around(&whole, "tool_use")).0.tool_calls, [call("a", "look", "{\"x\":1}")]);
}

#[test]
fn pings_thoughts_and_what_is_unknown_are_told_apart() {
    let thought = |delta: serde_json::Value| {
        format!(
            "event: content_block_delta\ndata: {}\n\n",
            json!({"type": "content_block_delta", "index": 0, "delta": delta})
        )
    };
    let frames = [
        anthropic::ping(),
        "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"thinking\",\"thinking\":\"\"}}\n\n".to_string(),
        thought(json!({"type": "thinking_delta", "thinking": "hm"})),
        thought(json!({"type": "signature_delta", "signature": "xyz"})),
        anthropic::stop_block(0),
        "event: vibe\ndata: {\"type\":\"vibe\"}\n\n".to_string(),
        anthropic::text_start(1),
        anthropic::delta(1, "well"),
        thought(json!({"type": "novelty_delta", "what": 1})),
        anthropic::stop_block(1),
    ];
    let (reply, heard) = replied(&around(&frames.concat(), "end_turn"));
    assert_eq!(heard.0, ["reasoning hm", "text well"]);
    assert_eq!(reply.text, "well");
}

#[test]
fn stop_reasons_are_finishes() {
    for (reason, finish) in [
        ("end_turn", Finish::Stop),
        ("stop_sequence", Finish::Stop),
        ("max_tokens", Finish::Length),
        ("refusal", Finish::ContentFilter),
        ("pause_turn", Finish::Other("pause_turn".to_string())),
    ] {
        assert_eq!(replied(&around("", reason)).0.finish, finish);
    }
}

#[test]
fn cached_tokens_are_part_of_the_input() {
    let start = json!({"type": "message_start", "message": {"model": "claude", "usage": {
        "input_tokens": 3, "cache_creation_input_tokens": 20, "cache_read_input_tokens": 100, "output_tokens": 1,
    }}});
    let body = format!("event: message_start\ndata: {start}\n\n{}", anthropic::message_delta("end_turn", 9));
    let usage = TokenUsage { input: 123, cached_input: 100, cache_write: 20, output: 9, cost_micros: None };
    assert_eq!(replied(&body).0.usage, Some(usage));
}

#[test]
fn a_missing_message_stop_is_forgiven_and_a_missing_reason_is_not() {
    let text = format!(
        "{}{}{}",
        anthropic::message_start("claude", 10),
        anthropic::text_start(0),
        anthropic::delta(0, "half")
    );
    let with_reason = format!("{text}{}", anthropic::message_delta("end_turn", 4));
    assert_eq!(replied(&with_reason).0.text, "half");
    for body in [text.clone(), format!("{text}{}", anthropic::message_stop())] {
        let server = ModelServer::start(move |_| Response::sse(200).send(body.clone()));
        let error = refused(&claude(&server), ErrorKind::CutOff);
        assert_eq!(error.usage.map(|usage| usage.input), Some(10));
    }
}

#[test]
fn a_stream_cut_within_a_character_is_cut_off() {
    let frame = anthropic::delta(0, "🐈");
    let cut = frame.find('🐈').unwrap() + 2;
    let mut bytes = format!("{}{}", anthropic::message_start("claude", 10), anthropic::delta(0, "first ")).into_bytes();
    bytes.extend_from_slice(&frame.as_bytes()[..cut]);
    let server = ModelServer::start(move |_| Response::sse(200).send(bytes.clone()).cut());
    let (result, heard) = ask(&claude(&server));
    assert_eq!(result.expect_err("an error").kind, ErrorKind::CutOff);
    assert_eq!(heard.text(), "first ");
}

#[test]
fn an_error_event_is_that_error() {
    for (kind, expected) in [
        ("overloaded_error", ErrorKind::Overloaded),
        ("rate_limit_error", ErrorKind::RateLimited),
        ("api_error", ErrorKind::Server),
        ("authentication_error", ErrorKind::Key),
        ("invalid_request_error", ErrorKind::Request),
    ] {
        let body = format!("{}{}", anthropic::message_start("claude", 10), anthropic::error_event(kind, "Something"));
        let server = ModelServer::start(move |_| Response::sse(200).send(body.clone()));
        let error = refused(&claude(&server), expected);
        assert!(error.message.contains("Something") && error.sent, "{error:?}");
        assert_eq!(error.usage.map(|usage| usage.input), Some(10));
    }
}

#[test]
fn a_server_that_does_not_stream_is_understood() {
    let server = ModelServer::start(|_| anthropic::complete("claude", "all at once"));
    assert_eq!(ask(&claude(&server)).0.unwrap().text, "all at once");
}

//! OpenAI's dialect as it is spoken in the wild.

use serde_json::json;
use zo_model_server::{ModelServer, Request, Response, openai};
use zo_models::{ChatMessage, ChatRequest, ErrorKind, Finish, Part, Reply, Role, TokenUsage, ToolCall, ToolSpec};

use crate::support::{Heard, ask, ask_with, models, once, open_ai, question, refused};

fn replied(body: &str) -> (Reply, Heard) {
    let body = body.to_string();
    let server = ModelServer::start(move |_| Response::sse(200).send(body.clone()));
    let (result, heard) = ask(&open_ai(&server));
    (result.unwrap_or_else(|error| panic!("{error:?} after {heard:?}")), heard)
}

#[test]
fn a_stream_is_heard_as_it_comes_and_returned_whole() {
    let server = ModelServer::start(|_| openai::stream("scripted-1", &["I am ", "well", ".\n"]));
    let (reply, heard) = ask(&open_ai(&server));
    let reply = reply.unwrap();
    assert_eq!(heard.0, ["text I am ", "text well", "text .\n"]);
    assert_eq!(reply.text, "I am well.\n");
    assert_eq!((reply.finish, reply.model.as_str(), reply.attempts), (Finish::Stop, "scripted-1", 1));
    assert_eq!(reply.usage, Some(TokenUsage { input: 7, output: 3, ..TokenUsage::default() }));
}

#[test]
fn the_request_is_what_the_reference_says() {
    let server = ModelServer::start(|_| openai::stream("scripted", &["ok"]));
    let request = ChatRequest {
        system: Some("Be brief.".to_string()),
        messages: vec![
            ChatMessage {
                parts: vec![
                    Part::Text("what is this?".to_string()),
                    Part::Image { media_type: "image/png".to_string(), bytes: vec![1, 2, 3] },
                ],
                ..ChatMessage::text(Role::User, "")
            },
            ChatMessage {
                tool_calls: vec![ToolCall {
                    id: "a".to_string(),
                    name: "look".to_string(),
                    arguments: "{\"x\":1}".to_string(),
                }],
                parts: Vec::new(),
                ..ChatMessage::text(Role::Assistant, "")
            },
            ChatMessage { tool_call_id: Some("a".to_string()), ..ChatMessage::text(Role::Tool, "a cat") },
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
    ask_with(&once(), &open_ai(&server), &request).0.unwrap();
    let sent = &server.requests()[0];
    assert_eq!((sent.method.as_str(), sent.path.as_str()), ("POST", "/v1/chat/completions"));
    assert_eq!(sent.header("authorization"), Some(format!("Bearer {}", crate::support::CANARY).as_str()));
    assert_eq!(
        sent.json(),
        json!({
            "model": "scripted",
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": [
                    {"type": "text", "text": "what is this?"},
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64,AQID"}},
                ]},
                {"role": "assistant", "content": null, "tool_calls": [
                    {"id": "a", "type": "function", "function": {"name": "look", "arguments": "{\"x\":1}"}},
                ]},
                {"role": "tool", "tool_call_id": "a", "content": "a cat"},
            ],
            "stream": true,
            "stream_options": {"include_usage": true},
            "max_tokens": 50,
            "temperature": 0.7,
            "tools": [{"type": "function", "function": {"name": "look", "description": "Looks.", "parameters": {"type": "object"}}}],
        })
    );
}

#[test]
fn comments_pings_and_unknown_events_are_passed_over() {
    let (reply, heard) = replied(&format!(
        "\u{feff}: OPENROUTER PROCESSING\n\nevent: ping\ndata: {{}}\n\nid: 7\nretry: 10\nevent: news\ndata: hello\n\nnonsense\n\n{}{}{}",
        openai::chunk("well"),
        openai::finish("stop"),
        openai::DONE
    ));
    assert_eq!((reply.text.as_str(), heard.0.len()), ("well", 1));
}

#[test]
fn lines_may_end_and_begin_in_any_way() {
    let chunk = r#"{"choices":[{"delta":{"content":"well"}}]}"#;
    let finish = r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#;
    for body in [
        format!("data:{chunk}\r\n\r\ndata:{finish}\r\n\r\ndata:[DONE]\r\n\r\n"),
        format!("data: {chunk}\r\rdata: {finish}\r\rdata: [DONE]\r\r"),
        format!("data: {{\"choices\":\ndata: [{{\"delta\":{{\"content\":\"well\"}}}}]}}\n\ndata: {finish}\n\n"),
        format!("data: {chunk}\n\ndata: {finish}"),
    ] {
        assert_eq!(replied(&body).0.text, "well", "{body:?}");
    }
}

#[test]
fn a_finish_without_done_is_an_end_and_done_without_a_finish_too() {
    assert_eq!(replied(&format!("{}{}", openai::chunk("a"), openai::finish("length"))).0.finish, Finish::Length);
    assert_eq!(replied(&format!("{}{}", openai::chunk("a"), openai::DONE)).0.finish, Finish::Stop);
}

#[test]
fn an_end_without_a_finish_is_cut_off() {
    for body in [openai::chunk("half"), openai::DONE.to_string(), String::new(), ": only a comment\n\n".to_string()] {
        let server = ModelServer::start(move |_| Response::sse(200).send(body.clone()));
        let error = refused(&open_ai(&server), ErrorKind::CutOff);
        assert!(error.sent && error.message.contains("without saying that it is complete"), "{error:?}");
    }
}

#[test]
fn a_stream_cut_anywhere_is_cut_off_and_what_came_was_heard() {
    let whole = openai::chunk("zwölf 🐈");
    let cat = whole.find('🐈').unwrap();
    for at in [cat + 2, whole.find("content").unwrap(), whole.len() - 1, 3] {
        let bytes = format!("{}{whole}", openai::chunk("first ")).into_bytes();
        let bytes = bytes[..bytes.len() - whole.len() + at].to_vec();
        let server = ModelServer::start(move |_| Response::sse(200).send(bytes.clone()).cut());
        let (result, heard) = ask(&open_ai(&server));
        let error = result.expect_err("an error");
        assert_eq!(error.kind, ErrorKind::CutOff, "cut at {at}: {error:?}");
        assert!(heard.text().starts_with("first ") && !heard.text().contains('\u{fffd}'), "{heard:?}");
    }
}

#[test]
fn characters_cut_over_packets_arrive_whole() {
    let body = format!("{}{}{}", openai::chunk("grüße 🐈‍⬛ 你好"), openai::finish("stop"), openai::DONE);
    let server =
        ModelServer::start(move |_| body.bytes().fold(Response::sse(200), |response, byte| response.send(vec![byte])));
    let (reply, heard) = ask(&open_ai(&server));
    assert_eq!(reply.unwrap().text, "grüße 🐈‍⬛ 你好");
    assert_eq!(heard.0, ["text grüße 🐈‍⬛ 你好"]);
}

#[test]
fn tool_calls_come_in_every_shape() {
    let whole = |calls: serde_json::Value| {
        let chunk = json!({"choices": [{"delta": {"content": null, "tool_calls": calls}}]});
        format!("data: {chunk}\n\n{}", openai::finish("stop"))
    };
    let pieces = [
        openai::tool_call_chunk(Some(0), Some("a"), Some("look"), ""),
        openai::tool_call_chunk(Some(0), None, None, "{\"x\""),
        openai::tool_call_chunk(Some(1), Some("b"), Some("hear"), "{}"),
        openai::tool_call_chunk(Some(0), None, None, ":1}"),
        openai::finish("tool_calls"),
    ];
    let without_index = [
        openai::tool_call_chunk(None, Some("a"), Some("look"), "{\"x\""),
        openai::tool_call_chunk(None, None, None, ":1}"),
        openai::tool_call_chunk(None, Some("b"), Some("hear"), ""),
        openai::finish("tool_calls"),
    ];
    let without_id = [
        openai::tool_call_chunk(None, None, Some("look"), "{\"x\":1}"),
        openai::tool_call_chunk(None, None, Some("hear"), "{}"),
        openai::finish("stop"),
    ];
    let all_at_zero = [
        openai::tool_call_chunk(Some(0), Some("a"), Some("look"), "{\"x\":1}"),
        openai::tool_call_chunk(Some(0), Some("b"), Some("hear"), "{}"),
        openai::finish("tool_calls"),
    ];
    for (body, ids) in [
        (pieces.concat(), ["a", "b"]),
        (without_index.concat(), ["a", "b"]),
        (without_id.concat(), ["call_0", "call_1"]),
        (all_at_zero.concat(), ["a", "b"]),
        (
            whole(json!([
                {"id": "a", "function": {"name": "look", "arguments": {"x": 1}}},
                {"id": "b", "function": {"name": "hear", "arguments": null}},
            ])),
            ["a", "b"],
        ),
        (
            whole(json!([
                {"index": 0, "function": {"name": "look", "arguments": "{\"x\":1}"}},
                {"index": 1, "id": null, "function": {"name": "hear"}},
            ])),
            ["call_0", "call_1"],
        ),
    ] {
        let reply = replied(&body).0;
        let calls: Vec<_> = reply
            .tool_calls
            .iter()
            .map(|call| (call.id.as_str(), call.name.as_str(), call.arguments.as_str()))
            .collect();
        assert_eq!(calls, [(ids[0], "look", "{\"x\":1}"), (ids[1], "hear", "{}")], "{body}");
        assert_eq!(reply.finish, Finish::ToolCalls, "{body}");
    }
}

#[test]
fn an_error_within_a_good_stream_is_that_error() {
    let cases = [
        (r#"{"error":{"message":"Rate limit reached","code":429}}"#, ErrorKind::RateLimited, Some(429)),
        (r#"{"error":{"message":"overloaded","type":"overloaded_error"}}"#, ErrorKind::Overloaded, None),
        (
            r#"{"error":{"message":"This model's maximum context length is 8192 tokens","code":"context_length_exceeded"}}"#,
            ErrorKind::ContextTooLong,
            None,
        ),
        (r#"{"error":"upstream broke"}"#, ErrorKind::Server, None),
        (r#"{"choices":[{"delta":{},"finish_reason":"error"}]}"#, ErrorKind::Server, None),
        (r#"{"object":"error","message":"bad key","code":401}"#, ErrorKind::Key, Some(401)),
        (
            r#"{"error":{"code":502,"message":"Provider returned error","metadata":{"raw":"boom"}},"choices":[]}"#,
            ErrorKind::Server,
            Some(502),
        ),
    ];
    for (error, kind, status) in cases {
        for frame in [format!("data: {error}\n\n"), format!("event: error\ndata: {error}\n\n")] {
            let body = format!("{}{frame}", openai::chunk("so far"));
            let server = ModelServer::start(move |_| Response::sse(200).send(body.clone()));
            let found = refused(&open_ai(&server), kind);
            assert_eq!(found.status, status, "{found:?}");
            assert!(found.sent, "{found:?}");
        }
    }
}

#[test]
fn an_error_as_the_whole_answer_of_200_is_that_error() {
    let server = ModelServer::start(|_| {
        Response::new(200).json(&json!({"error": {"message": "Insufficient credits", "code": 402}}))
    });
    let error = refused(&open_ai(&server), ErrorKind::RateLimited);
    assert_eq!(
        error.message,
        format!("mine at {}/v1/chat/completions: error in the answer: Insufficient credits", server.url())
    );
    assert!(crate::support::hint(&error).contains("credit"));
}

#[test]
fn usage_is_found_wherever_it_stands() {
    let finish = openai::finish("stop");
    let groq = r#"data: {"choices":[{"delta":{},"finish_reason":"stop"}],"x_groq":{"usage":{"prompt_tokens":5,"completion_tokens":2}}}"#;
    let router = concat!(
        r#"data: {"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":2,"cost":0.0000123,"#,
        r#""prompt_tokens_details":{"cached_tokens":4},"completion_tokens_details":{"reasoning_tokens":1}}}"#
    );
    let running = r#"data: {"choices":[{"delta":{"content":"a"}}],"usage":{"prompt_tokens":5,"completion_tokens":1}}"#;
    let nothing = r#"data: {"choices":[{"delta":{"content":"a"}}],"usage":null}"#;
    let plain = TokenUsage { input: 5, output: 2, ..TokenUsage::default() };
    for (body, usage) in [
        (format!("{groq}\n\n"), Some(plain)),
        (format!("{finish}{router}\n\n"), Some(TokenUsage { cached_input: 4, cost_micros: Some(13), ..plain })),
        (format!("{running}\n\n{}{finish}", openai::usage(5, 2)), Some(plain)),
        (format!("{nothing}\n\n{finish}"), None),
    ] {
        assert_eq!(replied(&body).0.usage, usage, "{body}");
    }
}

#[test]
fn content_comes_as_text_as_parts_and_as_thoughts() {
    let frames = [
        json!({"reasoning_content": "let me see"}),
        json!({"reasoning": "hm", "content": null}),
        json!({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "deep"}]}, {"type": "text", "text": "well"}]}),
        json!({"role": "assistant", "content": ""}),
    ];
    let body: String =
        frames.iter().map(|delta| format!("data: {}\n\n", json!({"choices": [{"delta": delta}]}))).collect();
    let (reply, heard) = replied(&format!("{body}{}", openai::finish("stop")));
    assert_eq!(heard.0, ["reasoning let me see", "reasoning hm", "reasoning deep", "text well"]);
    assert_eq!(reply.text, "well");
}

#[test]
fn a_refusal_is_a_filtered_finish() {
    let body =
        format!("data: {}\n\n{}", json!({"choices": [{"delta": {"refusal": "I can't."}}]}), openai::finish("stop"));
    let (reply, _) = replied(&body);
    assert_eq!((reply.text.as_str(), reply.finish), ("I can't.", Finish::ContentFilter));
}

#[test]
fn a_server_that_does_not_stream_is_understood() {
    let server = ModelServer::start(|_| openai::complete("scripted", "all at once"));
    let (reply, heard) = ask(&open_ai(&server));
    assert_eq!((reply.unwrap().text.as_str(), heard.text().as_str()), ("all at once", "all at once"));
    let server = ModelServer::start(|_| Response::new(200).json(&json!({"hello": "world"})));
    refused(&open_ai(&server), ErrorKind::Protocol);
}

#[test]
fn one_document_cut_short_is_cut_off() {
    let server = ModelServer::start(|_| Response::until_closed(200).send("{\"choices\":[{\"mess"));
    refused(&open_ai(&server), ErrorKind::CutOff);
}

#[test]
fn what_is_no_json_within_an_event_is_a_fault_of_the_protocol() {
    let server = ModelServer::start(|_| Response::sse(200).send("data: {\"choices\": oops}\n\n"));
    let error = refused(&open_ai(&server), ErrorKind::Protocol);
    assert!(error.message.contains("an event is not JSON"), "{error:?}");
}

#[test]
fn an_event_of_more_than_16_mib_is_refused() {
    let server = ModelServer::start(|_| {
        let megabyte = "x".repeat(1 << 20);
        (0..17).fold(Response::sse(200).send("data: {\""), |response, _| response.send(megabyte.clone())).hang()
    });
    let error = refused(&open_ai(&server), ErrorKind::Protocol);
    assert!(error.message.contains("an event of more than 16777216 bytes"), "{error:?}");
}

#[test]
fn connections_are_used_again_and_many_threads_may_call() {
    let server = ModelServer::start(|request: &Request| openai::stream("scripted", &[&request.last_user_text()]));
    let provider = open_ai(&server);
    let models = models();
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (models, provider) = (models.clone(), &provider);
            scope.spawn(move || {
                for turn in 0..5 {
                    let text = format!("{thread}/{turn}");
                    let request = ChatRequest { messages: vec![ChatMessage::text(Role::User, &text)], ..question() };
                    assert_eq!(ask_with(&models, provider, &request).0.unwrap().text, text);
                }
            });
        }
    });
    assert_eq!(server.requests().len(), 40);
}

//! Answers that are to be JSON of a schema.

use serde_json::{Value, json};
use zo_model_server::{ModelServer, Request, Response, anthropic, openai};
use zo_models::{ChatRequest, ErrorKind, Finish, ModelError, ToolSpec};

use crate::support::{ask_with, claude, once, open_ai, question};

fn schema() -> Value {
    json!({
        "type": "object",
        "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
        "required": ["name", "age"],
        "additionalProperties": false,
    })
}

fn request() -> ChatRequest {
    ChatRequest { schema: Some(schema()), ..question() }
}

fn answer_of(pieces: &'static [&'static str]) -> impl Fn(&Request) -> Response + Send + Sync {
    move |_| openai::stream("scripted", pieces)
}

fn failed(pieces: &'static [&'static str]) -> ModelError {
    let server = ModelServer::start(answer_of(pieces));
    let error = ask_with(&once(), &open_ai(&server), &request()).0.expect_err("an error");
    assert_eq!(error.kind, ErrorKind::Schema, "{error:?}");
    assert!(error.sent && error.usage.is_some(), "{error:?}");
    error
}

#[test]
fn openai_is_asked_strictly_and_the_answer_is_checked() {
    let server = ModelServer::start(answer_of(&["{\"name\":\"Ada\"", ",\"age\":36}"]));
    let (reply, heard) = ask_with(&once(), &open_ai(&server), &request());
    assert_eq!(reply.unwrap().text, "{\"name\":\"Ada\",\"age\":36}");
    assert_eq!(heard.0.len(), 2);
    let format = &server.requests()[0].json()["response_format"];
    assert_eq!(
        format,
        &json!({"type": "json_schema", "json_schema": {"name": "answer", "strict": true, "schema": schema()}})
    );
}

#[test]
fn the_first_violation_is_named_with_its_path() {
    let error = failed(&["{\"name\":\"Ada\",\"age\":\"old\"}"]);
    assert!(error.message.contains("the answer does not fit its schema at /age: "), "{error}");
    let error = failed(&["{\"name\":\"Ada\"}"]);
    assert!(error.message.contains("at the whole of it: ") && error.message.contains("age"), "{error}");
    let error = failed(&["I would say ", "36."]);
    assert!(error.message.contains("the answer is not JSON"), "{error}");
}

#[test]
fn a_fence_around_the_answer_is_taken_off() {
    let server = ModelServer::start(answer_of(&["```json\n{\"name\":\"Ada\",\"age\":36}\n```"]));
    assert_eq!(ask_with(&once(), &open_ai(&server), &request()).0.unwrap().text, "{\"name\":\"Ada\",\"age\":36}");
}

#[test]
fn a_server_that_knows_no_schemas_is_asked_in_words() {
    let server = ModelServer::start(|request: &Request| {
        let body = request.json();
        match body["response_format"]["type"].as_str() {
            Some("json_schema") => {
                openai::error(400, "invalid_request_error", "response_format: json_schema is not supported")
            }
            _ => openai::stream("scripted", &["{\"name\":\"Ada\",\"age\":36}"]),
        }
    });
    let reply = ask_with(&once(), &open_ai(&server), &request()).0.unwrap();
    assert_eq!(reply.attempts, 2);
    let body = server.requests()[1].json();
    assert_eq!(body["response_format"], json!({"type": "json_object"}));
    assert!(body["messages"][0]["content"].as_str().unwrap().contains(&schema().to_string()), "{body}");
}

#[test]
fn a_schema_that_strictness_does_not_allow_is_asked_loosely() {
    let server =
        ModelServer::start(|request: &Request| {
            match request.json()["response_format"]["json_schema"]["strict"].as_bool() {
                Some(true) => {
                    openai::error(400, "invalid_request_error", "Invalid schema for response_format 'answer'")
                }
                _ => openai::stream("scripted", &["{\"name\":\"Ada\",\"age\":36}"]),
            }
        });
    ask_with(&once(), &open_ai(&server), &request()).0.unwrap();
    assert_eq!(server.requests()[1].json()["response_format"]["json_schema"]["strict"], false);
}

#[test]
fn a_list_is_wrapped_and_unwrapped_in_both_dialects() {
    let list = json!({"type": "array", "items": {"$ref": "#/$defs/word"}, "$defs": {"word": {"type": "string"}}});
    let request = ChatRequest { schema: Some(list), ..question() };
    let pieces = ["{\"answer\":[\"a\"", ",\"b\"]}"];
    let server = ModelServer::start(move |_| openai::stream("scripted", &pieces));
    let (reply, heard) = ask_with(&once(), &open_ai(&server), &request);
    assert_eq!(reply.unwrap().text, "[\"a\",\"b\"]");
    assert_eq!(heard.0, ["text [\"a\",\"b\"]"]);
    let sent = server.requests()[0].json()["response_format"]["json_schema"]["schema"].clone();
    assert_eq!(sent["properties"]["answer"], json!({"type": "array", "items": {"$ref": "#/$defs/word"}}));
    assert_eq!(sent["$defs"]["word"]["type"], "string");

    let server = ModelServer::start(move |_| answering_tool(&pieces));
    assert_eq!(ask_with(&once(), &claude(&server), &request).0.unwrap().text, "[\"a\",\"b\"]");
}

fn answering_tool(pieces: &[&str]) -> Response {
    let body = Response::sse(200)
        .send(anthropic::message_start("claude", 10))
        .send(anthropic::text_start(0))
        .send(anthropic::delta(0, "I will answer now."))
        .send(anthropic::stop_block(0))
        .send(anthropic::tool_start(1, "t", "answer"));
    let body = pieces.iter().fold(body, |body, piece| body.send(anthropic::tool_delta(1, piece)));
    body.send(anthropic::stop_block(1)).send(anthropic::message_delta("tool_use", 5)).send(anthropic::message_stop())
}

#[test]
fn anthropic_is_made_to_call_a_tool_whose_input_is_the_answer() {
    let server = ModelServer::start(|_| answering_tool(&["{\"name\":\"Ada\"", ",\"age\":36}"]));
    let (reply, heard) = ask_with(&once(), &claude(&server), &request());
    let reply = reply.unwrap();
    assert_eq!((reply.text.as_str(), reply.finish), ("{\"name\":\"Ada\",\"age\":36}", Finish::Stop));
    assert_eq!(reply.tool_calls, []);
    assert_eq!(heard.0, ["reasoning I will answer now.", "text {\"name\":\"Ada\"", "text ,\"age\":36}"]);
    let body = server.requests()[0].json();
    assert_eq!(body["tool_choice"], json!({"type": "tool", "name": "answer"}));
    assert_eq!(body["tools"][0]["input_schema"], schema());
}

#[test]
fn beside_other_tools_the_model_may_call_those_first() {
    let server = ModelServer::start(|_| {
        Response::sse(200)
            .send(anthropic::message_start("claude", 10))
            .send(anthropic::tool_start(0, "t", "look"))
            .send(anthropic::stop_block(0))
            .send(anthropic::message_delta("tool_use", 5))
    });
    let tool = ToolSpec { name: "look".to_string(), description: String::new(), parameters: json!({"type": "object"}) };
    let reply = ask_with(&once(), &claude(&server), &ChatRequest { tools: vec![tool], ..request() }).0.unwrap();
    assert_eq!((reply.finish, reply.tool_calls.len(), reply.text.as_str()), (Finish::ToolCalls, 1, ""));
    assert_eq!(server.requests()[0].json()["tool_choice"], json!({"type": "any"}));
}

#[test]
fn an_answer_cut_at_the_limit_or_refused_is_said_to_be_so() {
    let server =
        ModelServer::start(|_| Response::sse(200).send(openai::chunk("{\"name\":")).send(openai::finish("length")));
    let error = ask_with(&once(), &open_ai(&server), &request()).0.expect_err("an error");
    assert_eq!(error.kind, ErrorKind::Schema);
    assert!(error.message.contains("cut off at the most tokens"), "{error}");
    let server =
        ModelServer::start(|_| Response::sse(200).send(openai::chunk("No.")).send(openai::finish("content_filter")));
    let error = ask_with(&once(), &open_ai(&server), &request()).0.expect_err("an error");
    assert_eq!(error.kind, ErrorKind::Refused);
}

#[test]
fn what_is_no_schema_is_not_sent() {
    let server = ModelServer::start(answer_of(&["{}"]));
    let request = ChatRequest { schema: Some(json!({"type": 7})), ..question() };
    let error = ask_with(&once(), &open_ai(&server), &request).0.expect_err("an error");
    assert_eq!((error.kind, error.sent, error.attempts), (ErrorKind::Request, false, 0));
    assert!(server.requests().is_empty());
}

#[test]
fn a_model_that_no_tool_can_be_forced_upon_is_asked_by_its_output_format() {
    let server = ModelServer::start(|request: &Request| {
        if request.json().get("tool_choice").is_some() {
            return anthropic::error(
                400,
                "invalid_request_error",
                "tool_choice: forced tool use is not supported for this model",
            );
        }
        anthropic::stream("claude", &["{\"name\":\"Ada\"", ",\"age\":36}"])
    });
    let models = once();
    let (reply, heard) = ask_with(&models, &claude(&server), &request());
    let reply = reply.unwrap();
    assert_eq!((reply.text.as_str(), reply.attempts), ("{\"name\":\"Ada\",\"age\":36}", 2));
    assert_eq!(heard.0, ["text {\"name\":\"Ada\"", "text ,\"age\":36}"]);
    let body = server.requests()[1].json();
    assert_eq!(body["output_config"], json!({"format": {"type": "json_schema", "schema": schema()}}));
    assert_eq!(body.get("tools"), None);
    assert_eq!(ask_with(&models, &claude(&server), &request()).0.unwrap().attempts, 1, "learned once");
}

#[test]
fn an_answer_in_plain_text_instead_of_the_tool_is_taken_if_it_fits() {
    let server = ModelServer::start(|_| anthropic::stream("claude", &["{\"name\":\"Ada\"", ",\"age\":36}"]));
    let reply = ask_with(&once(), &claude(&server), &request()).0.unwrap();
    assert_eq!(reply.text, "{\"name\":\"Ada\",\"age\":36}");
    let server = ModelServer::start(|_| anthropic::stream("claude", &["I would rather not."]));
    let error = ask_with(&once(), &claude(&server), &request()).0.expect_err("an error");
    assert_eq!(error.kind, ErrorKind::Schema);
    assert!(error.message.contains("I would rather not."), "{error}");
}

//! Anthropic's dialect: the Messages API, streamed and whole, models, errors.
//!
//! The shapes are those of the API reference (docs.anthropic.com/en/api/messages-streaming, 2026).

use serde_json::{Value, json};

use crate::response::Response;

/// A whole stream: the message's start, one block of text with a delta for every piece and a ping before them, the
/// stop reason `end_turn` with one output token for every word of the pieces, the end; a write for each.
pub fn stream(model: &str, pieces: &[&str]) -> Response {
    let response = Response::sse(200).send(message_start(model, 7)).send(text_start(0)).send(ping());
    let streamed = pieces.iter().fold(response, |response, piece| response.send(delta(0, piece)));
    let words = pieces.concat().split_whitespace().count() as u64;
    streamed.send(stop_block(0)).send(message_delta("end_turn", words)).send(message_stop())
}

/// The first event; it says what the input cost, in tokens.
pub fn message_start(model: &str, input_tokens: u64) -> String {
    let message = message(model, &json!([]), None, input_tokens, 1);
    event(&json!({"type": "message_start", "message": message}))
}

/// The start of a block of text.
pub fn text_start(index: u32) -> String {
    event(&json!({"type": "content_block_start", "index": index, "content_block": {"type": "text", "text": ""}}))
}

/// A piece of a block of text.
pub fn delta(index: u32, text: &str) -> String {
    event(&json!({"type": "content_block_delta", "index": index, "delta": {"type": "text_delta", "text": text}}))
}

/// The start of a tool call.
pub fn tool_start(index: u32, id: &str, name: &str) -> String {
    event(&json!({
        "type": "content_block_start", "index": index,
        "content_block": {"type": "tool_use", "id": id, "name": name, "input": {}},
    }))
}

/// A piece of a tool call's input, as it stands in the JSON.
pub fn tool_delta(index: u32, partial_json: &str) -> String {
    event(&json!({
        "type": "content_block_delta", "index": index,
        "delta": {"type": "input_json_delta", "partial_json": partial_json},
    }))
}

/// The end of a block.
pub fn stop_block(index: u32) -> String {
    event(&json!({"type": "content_block_stop", "index": index}))
}

/// Why the message ends (`end_turn`, `max_tokens`, `stop_sequence`, `tool_use`, …), and the output tokens altogether.
pub fn message_delta(stop_reason: &str, output_tokens: u64) -> String {
    event(&json!({
        "type": "message_delta", "delta": {"stop_reason": stop_reason, "stop_sequence": null},
        "usage": {"output_tokens": output_tokens},
    }))
}

/// The last event.
pub fn message_stop() -> String {
    event(&json!({"type": "message_stop"}))
}

/// An event that says nothing.
pub fn ping() -> String {
    event(&json!({"type": "ping"}))
}

/// An error in the midst of a stream.
pub fn error_event(kind: &str, message: &str) -> String {
    event(&error_body(kind, message))
}

/// An answer that is not streamed.
pub fn complete(model: &str, text: &str) -> Response {
    let words = text.split_whitespace().count() as u64;
    Response::new(200).json(&message(model, &json!([{"type": "text", "text": text}]), Some("end_turn"), 7, words))
}

/// A refusal.
pub fn error(status: u16, kind: &str, message: &str) -> Response {
    Response::new(status).json(&error_body(kind, message))
}

/// The models there are.
pub fn models(names: &[&str]) -> Response {
    let model =
        |name: &&str| json!({"type": "model", "id": name, "display_name": name, "created_at": "2026-01-01T00:00:00Z"});
    Response::new(200).json(&json!({
        "data": names.iter().map(model).collect::<Vec<_>>(),
        "has_more": false, "first_id": names.first(), "last_id": names.last(),
    }))
}

fn message(model: &str, content: &Value, stop_reason: Option<&str>, input: u64, output: u64) -> Value {
    json!({
        "id": "msg_1", "type": "message", "role": "assistant", "model": model, "content": content,
        "stop_reason": stop_reason, "stop_sequence": null,
        "usage": {"input_tokens": input, "output_tokens": output},
    })
}

fn error_body(kind: &str, message: &str) -> Value {
    json!({"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"})
}

/// The event is called what its type is.
fn event(value: &Value) -> String {
    format!("event: {}\ndata: {value}\n\n", value["type"].as_str().unwrap_or_default())
}

//! OpenAI's dialect: chat completions, streamed and whole, models, errors.
//!
//! The shapes are those of the API reference (platform.openai.com/docs/api-reference/chat-streaming, 2026).

use serde_json::{Value, json};

use crate::response::Response;

/// What ends a stream.
pub const DONE: &str = "data: [DONE]\n\n";

/// The model that frames name which are made without one.
const MODEL: &str = "scripted";

/// A whole stream: a frame with the role, one for every piece, the finish (`stop`), the usage (one token for every
/// word of the pieces, seven for the input), [`DONE`]; a write for each.
pub fn stream(model: &str, pieces: &[&str]) -> Response {
    let response = Response::sse(200).send(frame(model, &json!({"role": "assistant", "content": ""}), None));
    let streamed =
        pieces.iter().fold(response, |response, piece| response.send(frame(model, &json!({"content": piece}), None)));
    let words = pieces.concat().split_whitespace().count() as u64;
    streamed.send(frame(model, &json!({}), Some("stop"))).send(usage(7, words)).send(DONE)
}

/// A frame with a piece of text.
pub fn chunk(text: &str) -> String {
    frame(MODEL, &json!({"content": text}), None)
}

/// The frame that ends the only choice: `stop`, `length`, `tool_calls`, `content_filter`.
pub fn finish(reason: &str) -> String {
    frame(MODEL, &json!({}), Some(reason))
}

/// The frame after the finish that says what it cost, in tokens.
pub fn usage(input: u64, output: u64) -> String {
    data(&json!({
        "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_750_000_000, "model": MODEL, "choices": [],
        "usage": tokens(input, output),
    }))
}

/// A frame with a piece of a tool call; what is `None` is left out, as some servers do.
pub fn tool_call_chunk(index: Option<u32>, id: Option<&str>, name: Option<&str>, arguments: &str) -> String {
    let mut call = json!({"function": {"arguments": arguments}});
    if let Some(index) = index {
        call["index"] = index.into();
    }
    if let Some(id) = id {
        call["id"] = id.into();
        call["type"] = "function".into();
    }
    if let Some(name) = name {
        call["function"]["name"] = name.into();
    }
    frame(MODEL, &json!({"tool_calls": [call]}), None)
}

/// An error in the midst of a stream.
pub fn error_chunk(kind: &str, message: &str) -> String {
    data(&error_body(kind, message))
}

/// An answer that is not streamed.
pub fn complete(model: &str, text: &str) -> Response {
    Response::new(200).json(&json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1_750_000_000, "model": model,
        "choices": [{
            "index": 0, "message": {"role": "assistant", "content": text, "refusal": null},
            "logprobs": null, "finish_reason": "stop",
        }],
        "usage": tokens(7, text.split_whitespace().count() as u64),
    }))
}

/// A refusal; `kind` is its `type`.
pub fn error(status: u16, kind: &str, message: &str) -> Response {
    Response::new(status).json(&error_body(kind, message))
}

/// The models there are.
pub fn models(names: &[&str]) -> Response {
    let model = |name: &&str| json!({"id": name, "object": "model", "created": 1_750_000_000, "owned_by": "tests"});
    Response::new(200).json(&json!({"object": "list", "data": names.iter().map(model).collect::<Vec<_>>()}))
}

fn error_body(kind: &str, message: &str) -> Value {
    json!({"error": {"message": message, "type": kind, "param": null, "code": null}})
}

fn tokens(input: u64, output: u64) -> Value {
    json!({"prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output})
}

fn frame(model: &str, delta: &Value, finish_reason: Option<&str>) -> String {
    data(&json!({
        "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_750_000_000, "model": model,
        "choices": [{"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish_reason}],
    }))
}

fn data(value: &Value) -> String {
    format!("data: {value}\n\n")
}

//! A chat as the body of `POST /chat/completions`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::adjustments::{Adjustments, SchemaMode, is_openai};
use crate::chat::{ChatMessage, ChatRequest, Part, Role, ToolCall};
use crate::provider::Provider;
use crate::schema::{ANSWER, AnswerSchema};

/// The body of a chat.
pub(crate) fn body(
    provider: &Provider,
    request: &ChatRequest,
    schema: Option<&AnswerSchema>,
    adjustments: Adjustments,
) -> Value {
    let mut body = Map::new();
    let mut put = |key: &str, value: Value| body.insert(key.to_string(), value);
    put("model", json!(request.model));
    put("messages", messages(request, schema.filter(|_| adjustments.asks_in_words())));
    put("stream", json!(true));
    if !adjustments.no_stream_options {
        put("stream_options", json!({ "include_usage": true }));
    }
    if let Some(most) = request.max_output_tokens {
        // OpenAI's reasoning models refuse `max_tokens`, which everybody else has kept.
        let newer = is_openai(provider) != adjustments.other_limit_name;
        put(if newer { "max_completion_tokens" } else { "max_tokens" }, json!(most));
    }
    if let Some(temperature) = request.temperature.filter(|_| !adjustments.no_temperature) {
        put("temperature", rounded(temperature));
    }
    if !request.tools.is_empty() {
        let tools = request.tools.iter().map(|tool| {
            json!({ "type": "function", "function": { "name": tool.name, "description": tool.description, "parameters": tool.parameters } })
        });
        put("tools", tools.collect());
    }
    if adjustments.no_reasoning && !request.tools.is_empty() {
        put("reasoning_effort", json!("none"));
    }
    if let Some(schema) = schema {
        let format = |strict: bool| json!({ "type": "json_schema", "json_schema": { "name": ANSWER, "strict": strict, "schema": schema.sent() } });
        put(
            "response_format",
            match adjustments.schema {
                SchemaMode::Strict => format(true),
                SchemaMode::Loose => format(false),
                SchemaMode::Object => json!({ "type": "json_object" }),
            },
        );
    }
    Value::Object(body)
}

/// .7 as 0.7 and not 0.699999988079071.
pub(crate) fn rounded(number: f32) -> Value {
    number.to_string().parse::<f64>().map_or(Value::Null, Value::from)
}

fn messages(request: &ChatRequest, schema_in_words: Option<&AnswerSchema>) -> Value {
    let mut list = Vec::with_capacity(request.messages.len() + 1);
    let system = [
        request.system.clone(),
        schema_in_words.map(|schema| {
            format!("Answer with one JSON object and nothing else. It must fit this JSON Schema:\n{}", schema.sent())
        }),
    ];
    let system: Vec<String> = system.into_iter().flatten().filter(|text| !text.is_empty()).collect();
    if !system.is_empty() {
        list.push(json!({ "role": "system", "content": system.join("\n\n") }));
    }
    // A tool's answer can only be text here; its pictures follow as a user's, once all answers of the turn are through.
    let mut pictures = Vec::new();
    for message in &request.messages {
        if message.role != Role::Tool && !pictures.is_empty() {
            list.push(json!({ "role": "user", "content": std::mem::take(&mut pictures) }));
        }
        list.push(match message.role {
            Role::User => json!({ "role": "user", "content": content(&message.parts) }),
            Role::Assistant => assistant(message),
            Role::Tool => {
                pictures.extend(message.parts.iter().filter(|part| matches!(part, Part::Image { .. })).map(part_value));
                json!({ "role": "tool", "tool_call_id": message.tool_call_id.as_deref().unwrap_or_default(), "content": texts(&message.parts) })
            }
        });
    }
    if !pictures.is_empty() {
        list.push(json!({ "role": "user", "content": pictures }));
    }
    Value::Array(list)
}

fn assistant(message: &ChatMessage) -> Value {
    let text = texts(&message.parts);
    if message.tool_calls.is_empty() {
        return json!({ "role": "assistant", "content": text });
    }
    let calls: Vec<Value> = message.tool_calls.iter().map(call).collect();
    // Some servers take null beside calls and no empty text, none takes a missing key amiss.
    let content = if text.is_empty() { Value::Null } else { Value::String(text) };
    json!({ "role": "assistant", "content": content, "tool_calls": calls })
}

fn call(call: &ToolCall) -> Value {
    json!({ "id": call.id, "type": "function", "function": { "name": call.name, "arguments": call.arguments } })
}

/// One text as a string, which every server understands; anything else as a list of parts.
fn content(parts: &[Part]) -> Value {
    if parts.iter().all(|part| matches!(part, Part::Text(_))) {
        return Value::String(texts(parts));
    }
    parts.iter().filter(|part| !matches!(part, Part::Text(text) if text.is_empty())).map(part_value).collect()
}

fn part_value(part: &Part) -> Value {
    match part {
        Part::Text(text) => json!({ "type": "text", "text": text }),
        Part::Image { media_type, bytes } => {
            json!({ "type": "image_url", "image_url": { "url": format!("data:{media_type};base64,{}", STANDARD.encode(bytes)) } })
        }
    }
}

fn texts(parts: &[Part]) -> String {
    let texts: Vec<&str> =
        parts.iter().filter_map(|part| if let Part::Text(text) = part { Some(text.as_str()) } else { None }).collect();
    texts.join("\n\n")
}

#[cfg(test)]
mod tests;

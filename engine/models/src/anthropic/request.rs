//! A chat as the body of `POST /messages`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::adjustments::Adjustments;
use crate::catalogue::facts;
use crate::chat::{ChatMessage, ChatRequest, Part, Role};
use crate::provider::Provider;
use crate::schema::{ANSWER, AnswerSchema};

/// The limit of an answer where neither the caller nor the catalogue knows one; every model in service allows it.
const DEFAULT_MAX_OUTPUT: u64 = 8192;

/// What stands in for the user where a conversation begins with the model: the first message must be a user's.
const OPENING: &str = "(the beginning of the conversation is left out)";

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
    let most = request.max_output_tokens.map(u64::from);
    let known = || facts(&provider.name, &request.model).map(|facts| facts.max_output);
    put("max_tokens", json!(most.or_else(known).unwrap_or(DEFAULT_MAX_OUTPUT)));
    if let Some(system) = request.system.as_deref().filter(|system| !system.trim().is_empty()) {
        put("system", json!(system));
    }
    put("messages", messages(&request.messages));
    if let Some(temperature) = request.temperature.filter(|_| !adjustments.no_temperature) {
        put("temperature", crate::openai::rounded(temperature));
    }
    let mut tools: Vec<Value> = request
        .tools
        .iter()
        .map(|tool| json!({ "name": tool.name, "description": tool.description, "input_schema": tool.parameters }))
        .collect();
    match schema {
        Some(schema) if adjustments.asks_in_words() => {
            put("output_config", json!({ "format": { "type": "json_schema", "schema": schema.closed() } }));
        }
        Some(schema) => {
            // Beside other tools the model may still call those first.
            let forced =
                if tools.is_empty() { json!({ "type": "tool", "name": ANSWER }) } else { json!({ "type": "any" }) };
            put("tool_choice", forced);
            let description = "Gives the answer to the user.";
            tools.push(json!({ "name": ANSWER, "description": description, "input_schema": schema.sent() }));
        }
        None => {}
    }
    if !tools.is_empty() {
        put("tools", Value::Array(tools));
    }
    put("stream", json!(true));
    Value::Object(body)
}

/// Messages in turns: neighbours of one side merged, empty texts left out, the user first.
fn messages(messages: &[ChatMessage]) -> Value {
    let mut turns: Vec<(&'static str, Vec<Value>)> = Vec::new();
    for message in messages {
        let blocks = blocks(message);
        if blocks.is_empty() {
            continue;
        }
        let side = if message.role == Role::Assistant { "assistant" } else { "user" };
        match turns.last_mut() {
            Some((last, all)) if *last == side => all.extend(blocks),
            _ => turns.push((side, blocks)),
        }
    }
    if turns.first().is_some_and(|(side, _)| *side == "assistant") {
        turns.insert(0, ("user", vec![json!({ "type": "text", "text": OPENING })]));
    }
    for (side, blocks) in &mut turns {
        if *side == "user" {
            // Answers of tools come before everything else of their turn; the sort keeps the order otherwise.
            blocks.sort_by_key(|block| block["type"] != "tool_result");
        }
    }
    if let Some(("assistant", blocks)) = turns.last_mut()
        && let Some(text) = blocks.last_mut().and_then(|block| block.get_mut("text"))
    {
        // An answer that is to be continued must not end in white space.
        *text = json!(text.as_str().unwrap_or_default().trim_end());
    }
    turns.into_iter().map(|(side, blocks)| json!({ "role": side, "content": blocks })).collect()
}

fn blocks(message: &ChatMessage) -> Vec<Value> {
    let parts = message.parts.iter().filter_map(part);
    match message.role {
        Role::User => parts.collect(),
        Role::Assistant => {
            let calls = message.tool_calls.iter().map(|call| {
                json!({ "type": "tool_use", "id": tool_id(&call.id), "name": call.name, "input": input(&call.arguments) })
            });
            parts.filter(|part| part["type"] == "text").chain(calls).collect()
        }
        Role::Tool => {
            let id = tool_id(message.tool_call_id.as_deref().unwrap_or_default());
            vec![json!({ "type": "tool_result", "tool_use_id": id, "content": parts.collect::<Vec<Value>>() })]
        }
    }
}

/// A part as a block; none for a text of nothing but white space, which is not allowed.
fn part(part: &Part) -> Option<Value> {
    match part {
        Part::Text(text) if text.trim().is_empty() => None,
        Part::Text(text) => Some(json!({ "type": "text", "text": text })),
        Part::Image { media_type, bytes } => Some(
            json!({ "type": "image", "source": { "type": "base64", "media_type": media_type, "data": STANDARD.encode(bytes) } }),
        ),
    }
}

/// Arguments as the object they must be; what another model wrote and is none is wrapped, not lost.
fn input(arguments: &str) -> Value {
    match serde_json::from_str::<Value>(arguments) {
        Ok(value @ Value::Object(_)) => value,
        _ if arguments.trim().is_empty() => json!({}),
        Ok(value) => json!({ "arguments": value }),
        Err(_) => json!({ "arguments": arguments }),
    }
}

/// An id of the characters that are allowed; those of other providers may have more.
fn tool_id(id: &str) -> String {
    let clean: String =
        id.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' || c == '-' { c } else { '_' }).collect();
    if clean.is_empty() { "call".to_string() } else { clean }
}

#[cfg(test)]
mod tests;

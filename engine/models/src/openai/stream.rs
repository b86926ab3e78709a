//! The stream of chunks, or the one object, that answers a chat.

use serde_json::Value;

use crate::chat::ToolCall;
use crate::draft::Draft;
use crate::fault::{Fault, excerpt};
use crate::listener::Listener;
use crate::reply::{Finish, TokenUsage};
use crate::sse::Event;

/// What one answer has brought so far, besides the [`Draft`].
#[derive(Debug, Default)]
pub(crate) struct Stream {
    calls: Vec<Call>,
    refused: bool,
    said_done: bool,
}

/// A tool call in the making.
#[derive(Debug, Default)]
struct Call {
    index: Option<u64>,
    id: String,
    name: String,
    arguments: String,
}

impl Stream {
    /// Takes one event; true if it was the last.
    pub(crate) fn event(
        &mut self,
        event: &Event,
        draft: &mut Draft,
        listener: &mut Listener<'_>,
    ) -> Result<bool, Fault> {
        let data = event.data.trim();
        if data == "[DONE]" {
            self.said_done = true;
            return Ok(true);
        }
        if event.name == "error" {
            return Err(error_event(data));
        }
        if !data.starts_with(['{', '[']) {
            // A ping or the like. What ought to be JSON begins like it.
            return if data.starts_with('<') { Err(Fault::not_json(200, data)) } else { Ok(false) };
        }
        let value: Value = serde_json::from_str(data)
            .map_err(|error| Fault::protocol(format!("an event is not JSON: {error}: {:?}", excerpt(data))))?;
        self.chunk(&value, draft, listener)?;
        Ok(false)
    }

    /// Takes the one object of a server that does not stream.
    pub(crate) fn document(
        &mut self,
        value: &Value,
        draft: &mut Draft,
        listener: &mut Listener<'_>,
    ) -> Result<(), Fault> {
        if !value.get("choices").is_some_and(Value::is_array) && !is_error(value) {
            return Err(Fault::protocol(format!("200, but no reply: {:?}", excerpt(&value.to_string()))));
        }
        self.chunk(value, draft, listener)
    }

    /// Completes the draft once nothing more comes.
    pub(crate) fn close(&mut self, draft: &mut Draft) {
        let calls = std::mem::take(&mut self.calls)
            .into_iter()
            .filter(|call| !call.name.is_empty() || !call.arguments.is_empty());
        draft.tool_calls = calls
            .map(|call| ToolCall {
                id: call.id,
                name: call.name,
                arguments: if call.arguments.trim().is_empty() { "{}".to_string() } else { call.arguments },
            })
            .collect();
        draft.distinguish_calls();
        // `[DONE]` is an end, too, if something came before it.
        if draft.finish.is_none() && self.said_done && !draft.is_empty() {
            draft.finish = Some(Finish::Stop);
        }
        if draft.finish == Some(Finish::Stop) {
            if self.refused {
                draft.finish = Some(Finish::ContentFilter);
            } else if !draft.tool_calls.is_empty() {
                draft.finish = Some(Finish::ToolCalls);
            }
        }
    }

    fn chunk(&mut self, value: &Value, draft: &mut Draft, listener: &mut Listener<'_>) -> Result<(), Fault> {
        if let Some(usage) = usage_of(value) {
            draft.usage = Some(usage);
        }
        if is_error(value) {
            return Err(Fault::from_stream(value));
        }
        if let Some(error) = value.pointer("/x_groq/error").filter(|error| !error.is_null()) {
            return Err(Fault::from_stream(error));
        }
        if draft.model.is_none()
            && let Some(model) = value.get("model").and_then(Value::as_str).filter(|model| !model.is_empty())
        {
            draft.model = Some(model.to_string());
        }
        let choices = value.get("choices").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let first = choices.iter().find(|choice| choice.get("index").and_then(Value::as_u64).unwrap_or(0) == 0);
        if let Some(choice) = first {
            self.choice(choice, draft, listener)?;
        }
        Ok(())
    }

    fn choice(&mut self, choice: &Value, draft: &mut Draft, listener: &mut Listener<'_>) -> Result<(), Fault> {
        if let Some(error) = choice.get("error").filter(|error| !error.is_null()) {
            return Err(Fault::from_stream(error));
        }
        let delta = choice.get("delta").filter(|delta| delta.is_object());
        // A whole message at the end of a stream repeats what was streamed.
        let message = choice.get("message").filter(|_| draft.text.is_empty() && self.calls.is_empty());
        if let Some(delta) = delta.or(message) {
            let reasoning =
                delta.get("reasoning_content").filter(|text| !text.is_null()).or_else(|| delta.get("reasoning"));
            if let Some(reasoning) = reasoning.and_then(Value::as_str) {
                draft.reasoning(reasoning, listener)?;
            }
            self.content(delta.get("content").unwrap_or(&Value::Null), draft, listener)?;
            if let Some(refusal) = delta.get("refusal").and_then(Value::as_str).filter(|text| !text.is_empty()) {
                self.refused = true;
                draft.text(refusal, listener)?;
            }
            for call in delta.get("tool_calls").and_then(Value::as_array).into_iter().flatten() {
                self.call(call, draft)?;
            }
            if let Some(function) = delta.get("function_call").filter(|call| call.is_object()) {
                self.function(None, "", function, draft)?;
            }
        } else if let Some(text) = choice.get("text").and_then(Value::as_str) {
            draft.text(text, listener)?;
        }
        if let Some(reason) = choice.get("finish_reason").and_then(Value::as_str).filter(|reason| !reason.is_empty()) {
            if reason == "error" {
                return Err(Fault::from_stream(&Value::from("it stopped with an error and does not say which")));
            }
            draft.finish = Some(finish(reason));
        }
        Ok(())
    }

    /// A text, nothing, or a list of parts (text, refusals, thoughts).
    fn content(&mut self, content: &Value, draft: &mut Draft, listener: &mut Listener<'_>) -> Result<(), Fault> {
        match content {
            Value::String(text) => draft.text(text, listener),
            Value::Array(parts) => {
                for part in parts {
                    match part.get("type").and_then(Value::as_str) {
                        Some("thinking" | "reasoning") => {
                            for thought in ["thinking", "text", "reasoning"].iter().filter_map(|key| part.get(key)) {
                                match thought {
                                    Value::String(text) => draft.reasoning(text, listener)?,
                                    Value::Array(list) => {
                                        for text in
                                            list.iter().filter_map(|item| item.get("text").and_then(Value::as_str))
                                        {
                                            draft.reasoning(text, listener)?;
                                        }
                                    }
                                    _ => {}
                                }
                            }
                        }
                        Some("refusal") => {
                            self.refused = true;
                            draft.text(part.get("refusal").and_then(Value::as_str).unwrap_or_default(), listener)?;
                        }
                        _ => match part {
                            Value::String(text) => draft.text(text, listener)?,
                            part => {
                                draft.text(part.get("text").and_then(Value::as_str).unwrap_or_default(), listener)?
                            }
                        },
                    }
                }
                Ok(())
            }
            Value::Object(_) => draft.text(content.get("text").and_then(Value::as_str).unwrap_or_default(), listener),
            _ => Ok(()),
        }
    }

    fn call(&mut self, piece: &Value, draft: &mut Draft) -> Result<(), Fault> {
        let index = piece.get("index").and_then(Value::as_u64);
        let id = piece.get("id").and_then(Value::as_str).unwrap_or_default();
        self.function(index, id, piece.get("function").unwrap_or(piece), draft)
    }

    fn function(&mut self, index: Option<u64>, id: &str, function: &Value, draft: &mut Draft) -> Result<(), Fault> {
        let name = function.get("name").and_then(Value::as_str).unwrap_or_default();
        let arguments = match function.get("arguments") {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Null) | None => String::new(),
            Some(other) => other.to_string(),
        };
        draft.grow(id.len() + name.len() + arguments.len())?;
        let place = self.place(index, id, name);
        let call = &mut self.calls[place];
        if call.id.is_empty() {
            call.id = id.to_string();
        }
        if call.name.is_empty() {
            call.name = name.to_string();
        } else if call.arguments.is_empty() && call.name != name {
            call.name.push_str(name); // a name in pieces
        }
        call.arguments.push_str(&arguments);
        Ok(())
    }

    /// Which call a piece belongs to: the one of its index, unless that has another id already (some servers count from 0 for each);
    /// without an index, a new id or a name begins a call and anything else continues the last one.
    fn place(&mut self, index: Option<u64>, id: &str, name: &str) -> usize {
        let other_id = |call: &Call| !id.is_empty() && !call.id.is_empty() && call.id != id;
        let found = match index {
            Some(_) => self
                .calls
                .iter()
                .rposition(|call| call.index == index)
                .filter(|at| !other_id(&self.calls[*at]) || name.is_empty()),
            // More of a call that is not the last one.
            None if !id.is_empty() && name.is_empty() => match self.calls.iter().rposition(|call| call.id == id) {
                None => self.calls.len().checked_sub(1).filter(|last| !other_id(&self.calls[*last])),
                known => known,
            },
            None => self.calls.len().checked_sub(1).filter(|last| {
                let last = &self.calls[*last];
                let same_id = !id.is_empty() && last.id == id;
                same_id || (!other_id(last) && name.is_empty())
            }),
        };
        found.unwrap_or_else(|| {
            self.calls.push(Call { index, ..Call::default() });
            self.calls.len() - 1
        })
    }
}

/// Whether a chunk is an error: `{"error": …}`, vLLM's `{"object": "error", …}`, or a message or detail where choices belong.
fn is_error(value: &Value) -> bool {
    value.get("error").is_some_and(|error| !error.is_null())
        || value.get("object").is_some_and(|object| object == "error")
        || (value.get("choices").is_none()
            && (value.get("detail").is_some() || (value.get("message").is_some() && value.get("code").is_some())))
}

/// The fault of an `event: error`, whose data may be anything.
fn error_event(data: &str) -> Fault {
    match serde_json::from_str::<Value>(data) {
        Ok(value) => Fault::from_stream(&value),
        Err(_) => Fault::from_stream(&Value::String(excerpt(data))),
    }
}

fn finish(reason: &str) -> Finish {
    match reason {
        "stop" | "eos" | "end_turn" | "stop_sequence" | "COMPLETE" => Finish::Stop,
        "length" | "max_tokens" | "max_output_tokens" | "model_length" => Finish::Length,
        "tool_calls" | "function_call" | "tool_use" | "tool_call" => Finish::ToolCalls,
        "content_filter" | "safety" | "SAFETY" | "refusal" => Finish::ContentFilter,
        other => Finish::Other(other.to_string()),
    }
}

/// Usage where it may stand: at the top, in Groq's own object, in the choice.
fn usage_of(value: &Value) -> Option<TokenUsage> {
    let places = [value.get("usage"), value.pointer("/x_groq/usage"), value.pointer("/choices/0/usage")];
    places.into_iter().flatten().find_map(usage)
}

fn usage(usage: &Value) -> Option<TokenUsage> {
    let number = |path: &str| usage.pointer(path).and_then(count);
    let input = number("/prompt_tokens").or_else(|| number("/input_tokens"));
    let output = number("/completion_tokens").or_else(|| number("/output_tokens"));
    if input.is_none() && output.is_none() {
        return None;
    }
    let cost = usage.get("cost").and_then(Value::as_f64).filter(|cost| cost.is_finite() && *cost >= 0.0);
    let cached = number("/prompt_tokens_details/cached_tokens").or_else(|| number("/prompt_cache_hit_tokens"));
    Some(TokenUsage {
        input: input.unwrap_or(0),
        cached_input: cached.unwrap_or(0).min(input.unwrap_or(0)),
        cache_write: number("/prompt_tokens_details/cache_write_tokens").unwrap_or(0),
        output: output.unwrap_or(0),
        // Credits are US dollars; rounded up, but not because of the last bit of a float.
        cost_micros: cost.map(|dollars| (dollars * 1e6 - 1e-6).ceil().max(0.0) as u64),
    })
}

/// A count that some servers write as `12.0`.
fn count(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_f64().filter(|number| *number >= 0.0).map(|number| number as u64))
}

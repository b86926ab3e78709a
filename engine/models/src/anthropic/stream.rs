//! The stream of events, or the one message, that answers a chat.

use std::collections::HashMap;

use serde_json::Value;

use crate::chat::ToolCall;
use crate::draft::Draft;
use crate::fault::{Fault, excerpt};
use crate::listener::Listener;
use crate::reply::{Finish, TokenUsage};
use crate::schema::ANSWER;
use crate::sse::Event;

/// What one answer has brought so far, besides the [`Draft`].
#[derive(Debug, Default)]
pub(crate) struct Stream {
    blocks: HashMap<u64, Block>,
    counts: Counts,
    /// An answer of a schema was asked for: it comes as the input of a tool, and text is not part of it.
    structured: bool,
    answered: bool,
    /// What was said beside it, or instead of it.
    aside: String,
}

/// A block of content that has begun.
#[derive(Debug)]
enum Block {
    Text,
    Thinking,
    /// A call, at its place in the draft; its input is `whole` unless pieces of it follow.
    Tool {
        place: usize,
        whole: Value,
    },
    Answer {
        whole: Value,
        pieces: bool,
    },
    Other,
}

/// The numbers of `usage`, each the newest that came.
#[derive(Debug, Default)]
struct Counts {
    reported: bool,
    fresh: u64,
    cache_write: u64,
    cache_read: u64,
    output: u64,
}

impl Stream {
    pub(crate) fn new(structured: bool) -> Self {
        Stream { structured, ..Stream::default() }
    }

    /// Takes one event; true if it was the last.
    pub(crate) fn event(
        &mut self,
        event: &Event,
        draft: &mut Draft,
        listener: &mut Listener<'_>,
    ) -> Result<bool, Fault> {
        let data = event.data.trim();
        if !data.starts_with('{') {
            return match event.name.as_str() {
                "error" => Err(Fault::from_stream(&Value::String(excerpt(data)))),
                _ if data.starts_with('<') => Err(Fault::not_json(200, data)),
                _ => Ok(false),
            };
        }
        let value: Value = serde_json::from_str(data)
            .map_err(|error| Fault::protocol(format!("an event is not JSON: {error}: {:?}", excerpt(data))))?;
        let index = value.get("index").and_then(Value::as_u64).unwrap_or(0);
        match value.get("type").and_then(Value::as_str).unwrap_or(&event.name) {
            "message_start" => self.message(value.get("message").unwrap_or(&Value::Null), draft),
            "content_block_start" => {
                self.begin(index, value.get("content_block").unwrap_or(&Value::Null), draft, listener)?
            }
            "content_block_delta" => self.piece(index, value.get("delta").unwrap_or(&Value::Null), draft, listener)?,
            "content_block_stop" => self.end(index, draft, listener)?,
            "message_delta" => {
                self.stop(value.pointer("/delta/stop_reason"), draft);
                self.counts.take(value.get("usage"), draft);
            }
            "message_stop" => return Ok(true),
            "error" => return Err(Fault::from_stream(&value)),
            _ if value.get("error").is_some_and(Value::is_object) => return Err(Fault::from_stream(&value)),
            _ => {} // ping, and what is yet to be invented
        }
        Ok(false)
    }

    /// Takes the one message of a server that does not stream.
    pub(crate) fn document(
        &mut self,
        value: &Value,
        draft: &mut Draft,
        listener: &mut Listener<'_>,
    ) -> Result<(), Fault> {
        if value.get("error").is_some_and(|error| !error.is_null())
            || value.get("type").is_some_and(|kind| kind == "error")
        {
            return Err(Fault::from_stream(value));
        }
        let Some(content) = value.get("content").and_then(Value::as_array) else {
            return Err(Fault::protocol(format!("200, but no message: {:?}", excerpt(&value.to_string()))));
        };
        self.message(value, draft);
        for (index, block) in (0..).zip(content) {
            self.begin(index, block, draft, listener)?;
            self.end(index, draft, listener)?;
        }
        self.stop(value.get("stop_reason"), draft);
        Ok(())
    }

    /// Completes the draft once nothing more comes.
    pub(crate) fn close(&mut self, draft: &mut Draft) {
        for call in &mut draft.tool_calls {
            if call.arguments.trim().is_empty() {
                call.arguments = "{}".to_string();
            }
        }
        draft.distinguish_calls();
        // A server that knows no forced tools may have answered in plain text.
        if self.structured && !self.answered && draft.tool_calls.is_empty() {
            draft.text = std::mem::take(&mut self.aside);
        }
        match draft.finish {
            Some(Finish::ToolCalls) if self.answered && draft.tool_calls.is_empty() => {
                draft.finish = Some(Finish::Stop)
            }
            Some(Finish::Stop) if !draft.tool_calls.is_empty() => draft.finish = Some(Finish::ToolCalls),
            _ => {}
        }
    }

    fn message(&mut self, message: &Value, draft: &mut Draft) {
        if let Some(model) = message.get("model").and_then(Value::as_str).filter(|model| !model.is_empty()) {
            draft.model = Some(model.to_string());
        }
        self.counts.take(message.get("usage"), draft);
    }

    fn begin(
        &mut self,
        index: u64,
        block: &Value,
        draft: &mut Draft,
        listener: &mut Listener<'_>,
    ) -> Result<(), Fault> {
        let text = |key: &str| block.get(key).and_then(Value::as_str).unwrap_or_default();
        let begun = match text("type") {
            "text" => {
                self.say(text("text"), draft, listener)?;
                Block::Text
            }
            "thinking" => {
                draft.reasoning(text("thinking"), listener)?;
                Block::Thinking
            }
            "tool_use" => {
                let whole = block.get("input").cloned().unwrap_or(Value::Null);
                if self.structured && text("name") == ANSWER {
                    self.answered = true;
                    Block::Answer { whole, pieces: false }
                } else {
                    let place = draft.tool_calls.len();
                    let id = text("id").to_string();
                    draft.grow(id.len() + text("name").len())?;
                    draft.tool_calls.push(ToolCall { id, name: text("name").to_string(), arguments: String::new() });
                    Block::Tool { place, whole }
                }
            }
            _ => Block::Other,
        };
        self.blocks.insert(index, begun);
        Ok(())
    }

    fn piece(
        &mut self,
        index: u64,
        delta: &Value,
        draft: &mut Draft,
        listener: &mut Listener<'_>,
    ) -> Result<(), Fault> {
        let text = |key: &str| delta.get(key).and_then(Value::as_str).unwrap_or_default();
        match text("type") {
            "text_delta" => self.say(text("text"), draft, listener),
            "thinking_delta" => draft.reasoning(text("thinking"), listener),
            "input_json_delta" => match self.blocks.get_mut(&index) {
                Some(Block::Tool { place, .. }) => {
                    draft.grow(text("partial_json").len())?;
                    draft.tool_calls[*place].arguments.push_str(text("partial_json"));
                    Ok(())
                }
                Some(Block::Answer { pieces, .. }) => {
                    *pieces |= !text("partial_json").is_empty();
                    draft.text(text("partial_json"), listener)
                }
                _ => Ok(()), // the input of a tool that runs at the provider
            },
            _ => Ok(()), // signatures, citations, and what is yet to be invented
        }
    }

    fn end(&mut self, index: u64, draft: &mut Draft, listener: &mut Listener<'_>) -> Result<(), Fault> {
        let filled = |whole: &Value| whole.as_object().is_some_and(|object| !object.is_empty());
        match self.blocks.remove(&index) {
            Some(Block::Tool { place, whole }) if draft.tool_calls[place].arguments.is_empty() && filled(&whole) => {
                draft.tool_calls[place].arguments = whole.to_string();
                draft.grow(draft.tool_calls[place].arguments.len())
            }
            Some(Block::Answer { whole, pieces: false }) => draft.text(&whole.to_string(), listener),
            _ => Ok(()),
        }
    }

    /// Text, which beside an answer of a schema is only the model thinking aloud.
    fn say(&mut self, text: &str, draft: &mut Draft, listener: &mut Listener<'_>) -> Result<(), Fault> {
        if !self.structured {
            return draft.text(text, listener);
        }
        self.aside.push_str(text);
        draft.reasoning(text, listener)
    }

    fn stop(&mut self, reason: Option<&Value>, draft: &mut Draft) {
        if let Some(reason) = reason.and_then(Value::as_str) {
            draft.finish = Some(match reason {
                "end_turn" | "stop_sequence" => Finish::Stop,
                "max_tokens" | "model_context_window_exceeded" => Finish::Length,
                "tool_use" => Finish::ToolCalls,
                "refusal" => Finish::ContentFilter,
                other => Finish::Other(other.to_string()),
            });
        }
    }
}

impl Counts {
    /// Later numbers replace earlier ones: those of `message_delta` are totals.
    fn take(&mut self, usage: Option<&Value>, draft: &mut Draft) {
        let Some(usage) = usage.filter(|usage| usage.is_object()) else { return };
        let fields = [
            ("input_tokens", &mut self.fresh),
            ("cache_creation_input_tokens", &mut self.cache_write),
            ("cache_read_input_tokens", &mut self.cache_read),
            ("output_tokens", &mut self.output),
        ];
        for (name, field) in fields {
            if let Some(count) = usage.get(name).and_then(Value::as_u64) {
                *field = count;
                self.reported = true;
            }
        }
        if self.reported {
            draft.usage = Some(TokenUsage {
                input: self.fresh.saturating_add(self.cache_write).saturating_add(self.cache_read),
                cached_input: self.cache_read,
                cache_write: self.cache_write,
                output: self.output,
                cost_micros: None,
            });
        }
    }
}

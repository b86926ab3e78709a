//! An answer in OpenAI's shape, whole and piece by piece.

use serde_json::{Value, json};
use zo_engine::protocol::{Answered, Arrival, Failure, Response};
use zo_projections::event::run::Ending;

use crate::problem::Problem;
use crate::stream::{EVENT_STREAM, Format, event};

/// What every piece of an answer says.
#[derive(Clone, Debug)]
pub(super) struct Heading {
    /// The run.
    pub(super) id: String,
    /// Seconds since 1970.
    pub(super) created: i64,
    /// The model that was asked for.
    pub(super) model: String,
    /// What is to be said of it.
    pub(super) note: Option<String>,
}

impl Heading {
    fn object(&self, kind: &str, model: &str, choices: Value) -> Value {
        let mut object = json!({
            "id": format!("chatcmpl-{}", self.id),
            "object": kind,
            "created": self.created,
            "model": model,
            "choices": choices,
        });
        if let Some(note) = &self.note {
            object["note"] = note.as_str().into();
        }
        object
    }

    /// The whole answer.
    pub(super) fn completion(&self, answered: &Answered) -> Value {
        let mut message = json!({"role": "assistant", "content": answered.answer, "refusal": null});
        if !answered.tool_calls.is_empty() {
            message["tool_calls"] = calls(answered, false);
            if answered.answer.is_empty() {
                message["content"] = Value::Null;
            }
        }
        let choice = json!({"index": 0, "message": message, "logprobs": null, "finish_reason": finish(answered)});
        let mut completion = self.object("chat.completion", &answered.model, json!([choice]));
        completion["usage"] = usage(answered);
        completion["conversation_id"] = answered.conversation.as_str().into();
        completion
    }

    fn chunk(&self, model: &str, delta: &Value, finish: Option<&str>) -> Value {
        let choice = json!({"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish});
        self.object("chat.completion.chunk", model, json!([choice]))
    }
}

/// The tools that are to be called.
fn calls(answered: &Answered, numbered: bool) -> Value {
    let calls = answered.tool_calls.iter().enumerate().map(|(index, call)| {
        let function = json!({"name": call.name, "arguments": call.arguments});
        let mut one = json!({"id": call.id, "type": "function", "function": function});
        if numbered {
            one["index"] = index.into();
        }
        one
    });
    calls.collect::<Vec<_>>().into()
}

fn finish(answered: &Answered) -> &'static str {
    match answered.account.ending {
        _ if !answered.tool_calls.is_empty() => "tool_calls",
        Ending::Complete => "stop",
        Ending::Length | Ending::Interrupted => "length",
        Ending::Filtered => "content_filter",
    }
}

fn usage(answered: &Answered) -> Value {
    let usage = &answered.usage;
    json!({
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens.saturating_add(usage.output_tokens),
        "prompt_tokens_details": {"cached_tokens": answered.account.cached_tokens},
    })
}

/// An answer, piece by piece.
pub(super) struct Chunks<F> {
    pub(super) heading: Heading,
    /// Whether the last piece says what it cost.
    pub(super) include_usage: bool,
    /// Called when the answer is whole.
    pub(super) answered: F,
    /// Whether something was sent, and whether some of it was text.
    pub(super) begun: bool,
    pub(super) anything: bool,
}

impl<F> Chunks<F> {
    /// The first piece, which says whose words follow; nothing if it was sent.
    fn opening(&mut self) -> String {
        if std::mem::replace(&mut self.begun, true) {
            return String::new();
        }
        let delta = json!({"role": "assistant", "content": "", "refusal": null});
        event(None, None, &self.heading.chunk(&self.heading.model, &delta, None))
    }

    fn text(&mut self, piece: &str) -> String {
        self.anything = true;
        let chunk = self.heading.chunk(&self.heading.model, &json!({ "content": piece }), None);
        self.opening() + &event(None, None, &chunk)
    }
}

impl<F: FnMut(&Answered) + Send + 'static> Format for Chunks<F> {
    fn media_type(&self) -> &'static str {
        EVENT_STREAM
    }

    fn response(&mut self, response: Response) -> String {
        match response {
            Response::Begun(begun) => {
                self.heading.model = begun.model;
                self.opening()
            }
            Response::Arrived(Arrival::Text(piece)) => self.text(&piece),
            Response::Answered(answered) => {
                (self.answered)(&answered);
                let mut text = self.opening();
                if !self.anything && !answered.answer.is_empty() {
                    text += &self.text(&answered.answer);
                }
                if !answered.tool_calls.is_empty() {
                    let delta = json!({"tool_calls": calls(&answered, true)});
                    text += &event(None, None, &self.heading.chunk(&answered.model, &delta, None));
                }
                text += &event(None, None, &self.heading.chunk(&answered.model, &json!({}), Some(finish(&answered))));
                if self.include_usage {
                    let mut chunk = self.heading.object("chat.completion.chunk", &answered.model, json!([]));
                    chunk["usage"] = usage(&answered);
                    text += &event(None, None, &chunk);
                }
                text
            }
            _ => String::new(),
        }
    }

    fn silence(&mut self) -> &'static str {
        ":\n\n"
    }

    fn end(&mut self, result: Result<(), Failure>) -> String {
        match result {
            Ok(()) => "data: [DONE]\n\n".to_owned(),
            Err(failure) => event(None, None, &Problem::from(failure).openai_json()),
        }
    }
}

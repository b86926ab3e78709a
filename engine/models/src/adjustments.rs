//! What a request does without, or says otherwise, because a server or a model does not know it.
//!
//! Servers are told from each other not by lists but by what they refuse: a refusal that names a parameter is answered once without it.
//! Only what is known of a provider's own models beforehand saves that refusal.

use crate::chat::ChatRequest;
use crate::provider::{Dialect, Provider};

/// What a server turned out not to know; found out from its refusals and remembered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Adjustments {
    /// The limit of an answer has its other name: `max_tokens` or `max_completion_tokens`.
    pub(crate) other_limit_name: bool,
    pub(crate) no_stream_options: bool,
    pub(crate) no_temperature: bool,
    /// With tools, the model is not to reason.
    pub(crate) no_reasoning: bool,
    pub(crate) schema: SchemaMode,
}

/// How an answer of a schema is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum SchemaMode {
    /// `json_schema`, kept to strictly.
    #[default]
    Strict,
    /// `json_schema`, for schemas that the strict form does not allow.
    Loose,
    /// Any JSON object, with the schema in the system prompt; in Anthropic's dialect `output_config`, for models that no tool
    /// can be forced upon.
    Object,
}

impl Adjustments {
    /// What is known of a model beforehand, so that a process need not be refused first.
    pub(crate) fn expected(provider: &Provider, model: &str) -> Adjustments {
        let begins = |names: &[&str]| names.iter().any(|name| model.starts_with(name));
        match provider.dialect {
            Dialect::OpenAi => Adjustments {
                no_reasoning: is_openai(provider) && begins(&["gpt-5.6", "gpt-6"]),
                ..Adjustments::default()
            },
            Dialect::Anthropic if begins(&["claude-opus-5-5", "claude-sonnet-5-5", "claude-fable-5-1"]) => {
                Adjustments { schema: SchemaMode::Object, ..Adjustments::default() }
            }
            Dialect::Anthropic => Adjustments::default(),
        }
    }

    /// What to do otherwise after a refusal (400 or 422) with that body; `None` if nothing in it is known to help.
    pub(crate) fn after_refusal(self, body: &str, request: &ChatRequest) -> Option<Adjustments> {
        if !self.no_stream_options && (body.contains("stream_options") || body.contains("include_usage")) {
            return Some(Adjustments { no_stream_options: true, ..self });
        }
        if !self.other_limit_name && request.max_output_tokens.is_some() && body.contains("max_completion_tokens") {
            return Some(Adjustments { other_limit_name: true, ..self });
        }
        if !self.no_temperature && request.temperature.is_some() && body.contains("temperature") {
            return Some(Adjustments { no_temperature: true, ..self });
        }
        // OpenAI's models from GPT-5.6 on take tools here only if they do not reason, and say so by this name (2026-07).
        if !self.no_reasoning && !request.tools.is_empty() && body.contains("reasoning_effort") {
            return Some(Adjustments { no_reasoning: true, ..self });
        }
        let about_schema =
            ["response_format", "json_schema", "structured output", "Structured output", "additionalProperties"];
        if request.schema.is_some() && about_schema.iter().any(|word| body.contains(word)) {
            let schema = match self.schema {
                SchemaMode::Strict if body.contains("nvalid schema") || body.contains("additionalProperties") => {
                    SchemaMode::Loose
                }
                SchemaMode::Strict | SchemaMode::Loose => SchemaMode::Object,
                SchemaMode::Object => return None,
            };
            return Some(Adjustments { schema, ..self });
        }
        None
    }

    /// The same for Anthropic's dialect: a model may not know `temperature`, or not let a tool be forced upon it (Opus 5.5,
    /// Sonnet 5.5 and Fable 5.1; "What's new in Claude Opus 5.5", 2026-09).
    pub(crate) fn after_refusal_by_anthropic(self, body: &str, request: &ChatRequest) -> Option<Adjustments> {
        if !self.no_temperature && request.temperature.is_some() && body.contains("temperature") {
            return Some(Adjustments { no_temperature: true, ..self });
        }
        let forced = ["tool_choice", "orced tool", "orces tool"].iter().any(|word| body.contains(word));
        (forced && request.schema.is_some() && !self.asks_in_words())
            .then_some(Adjustments { schema: SchemaMode::Object, ..self })
    }

    /// Whether the dialect's second way to ask for an answer of a schema is taken.
    pub(crate) fn asks_in_words(self) -> bool {
        self.schema == SchemaMode::Object
    }
}

/// Whether it is OpenAI itself, which goes ahead of those who copy it.
pub(crate) fn is_openai(provider: &Provider) -> bool {
    provider.name == "openai" || provider.base_url.starts_with("https://api.openai.com")
}

#[cfg(test)]
mod tests;

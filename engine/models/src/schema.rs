//! Answers that are to be JSON of a schema.
//!
//! Both dialects take only objects at the root. A schema of anything else (a list, a choice, a number) is asked for as
//! `{"answer": …}` and unwrapped; until then its pieces are held back, for a caller must not see the wrapping.

use jsonschema::Validator;
use serde_json::{Map, Value, json};

use crate::error::ErrorKind;
use crate::fault::{Fault, excerpt};

/// The name of the object's only field, and of the tool that stands for the answer.
pub(crate) const ANSWER: &str = "answer";

/// A schema that an answer must fit.
#[derive(Debug)]
pub(crate) struct AnswerSchema {
    validator: Validator,
    sent: Value,
    wrapped: bool,
}

/// Whether this is a JSON Schema that an answer can be checked against.
///
/// # Errors
/// Why it is none.
pub fn check_schema(schema: &Value) -> Result<(), String> {
    jsonschema::validator_for(schema).map(drop).map_err(|error| error.to_string())
}

impl AnswerSchema {
    /// # Errors
    /// `schema` is not a JSON Schema.
    pub(crate) fn new(schema: &Value) -> Result<Self, Fault> {
        let validator = jsonschema::validator_for(schema).map_err(|error| {
            Fault::new(ErrorKind::Request, format!("the schema for the answer is no JSON Schema: {error}"))
        })?;
        let is_object = match schema.get("type") {
            Some(kind) => kind == "object",
            None => schema.get("properties").is_some_and(Value::is_object),
        };
        let mut sent = schema.clone();
        if is_object {
            sent["type"] = json!("object");
        } else {
            sent = wrap(sent);
        }
        Ok(AnswerSchema { validator, sent, wrapped: !is_object })
    }

    /// The schema as a provider is told it, an object's.
    pub(crate) fn sent(&self) -> &Value {
        &self.sent
    }

    /// The same with every object closed to further fields, which some providers insist on.
    pub(crate) fn closed(&self) -> Value {
        let mut schema = self.sent.clone();
        close(&mut schema);
        schema
    }

    /// Whether the answer is wrapped in an object.
    pub(crate) fn wrapped(&self) -> bool {
        self.wrapped
    }

    /// The answer as JSON text, unwrapped; without the Markdown fence that some models put around it.
    ///
    /// # Errors
    /// It is not JSON, or does not fit; the message has the path of the first violation.
    pub(crate) fn check(&self, text: &str) -> Result<String, Fault> {
        let bare = without_fence(text);
        let mut value: Value = serde_json::from_str(bare).map_err(|error| {
            Fault::new(ErrorKind::Schema, format!("the answer is not JSON: {error}: {:?}", excerpt(bare))).sent()
        })?;
        let mut unwrapped = false;
        if self.wrapped
            && let Some(answer) =
                value.as_object_mut().filter(|object| object.len() == 1).and_then(|object| object.remove(ANSWER))
        {
            value = answer;
            unwrapped = true;
        }
        if let Some(error) = self.validator.iter_errors(&value).next() {
            let path = error.instance_path().to_string();
            let place = if path.is_empty() { "the whole of it".to_string() } else { path };
            let text = format!("the answer does not fit its schema at {place}: {}", excerpt(&error.to_string()));
            return Err(Fault::new(ErrorKind::Schema, text).sent());
        }
        Ok(if unwrapped { value.to_string() } else { bare.to_string() })
    }
}

/// `{"answer": schema}`; definitions stay at the root, where references look for them.
fn wrap(mut schema: Value) -> Value {
    let mut root = Map::new();
    root.insert("type".to_string(), json!("object"));
    for key in ["$schema", "$defs", "definitions"] {
        if let Some(value) = schema.as_object_mut().and_then(|object| object.shift_remove(key)) {
            root.insert(key.to_string(), value);
        }
    }
    root.insert("properties".to_string(), json!({ ANSWER: schema }));
    root.insert("required".to_string(), json!([ANSWER]));
    root.insert("additionalProperties".to_string(), json!(false));
    Value::Object(root)
}

fn close(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            if fields.get("type").is_some_and(|kind| kind == "object") && !fields.contains_key("additionalProperties") {
                fields.insert("additionalProperties".to_string(), json!(false));
            }
            fields.values_mut().for_each(close);
        }
        Value::Array(list) => list.iter_mut().for_each(close),
        _ => {}
    }
}

fn without_fence(text: &str) -> &str {
    let text = text.trim();
    let fenced =
        text.strip_prefix("```").and_then(|rest| rest.strip_suffix("```")).and_then(|rest| rest.split_once('\n'));
    fenced.map_or(text, |(_language, inner)| inner.trim())
}

#[cfg(test)]
mod tests;

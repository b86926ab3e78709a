//! The messages of a request: instructions, what was said before, and what is asked now.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};
use zo_engine::protocol::FileInput;
use zo_projections::event::conversation::{Role, ToolCall};

use crate::problem::Problem;

/// A message, as a client sends it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub(super) struct Message {
    /// `system`, `developer`, `user`, `assistant` or `tool`.
    role: String,
    /// A text, or a list of parts: `{"type": "text", "text"}`, `{"type": "image_url", "image_url": {"url": "data:…"}}`.
    #[serde(default)]
    #[schemars(with = "Option<Content>")]
    content: Value,
    /// Of an assistant's message: the tools that it asks for.
    #[schemars(with = "Option<Vec<Map<String, Value>>>")]
    tool_calls: Option<Vec<Call>>,
    /// Of a tool's message: the call that it is the result of.
    tool_call_id: Option<String>,
}

/// A text or parts, for the schema.
#[derive(JsonSchema)]
#[serde(untagged)]
#[allow(dead_code)]
enum Content {
    Text(String),
    Parts(Vec<Map<String, Value>>),
}

#[derive(Clone, Debug, Deserialize)]
struct Call {
    id: String,
    function: Function,
}

#[derive(Clone, Debug, Deserialize)]
struct Function {
    name: String,
    arguments: String,
}

/// A message, as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Said {
    pub(super) role: Role,
    pub(super) text: String,
    pub(super) files: Vec<FileInput>,
    pub(super) tool_calls: Vec<ToolCall>,
    pub(super) tool_call_id: Option<String>,
}

/// What a request's messages come to.
#[derive(Debug)]
pub(super) struct Told {
    /// Instructions, if there are any.
    pub(super) system: Option<String>,
    /// What was said, oldest first; the last one is the question, or the result of a tool.
    pub(super) said: Vec<Said>,
}

/// Reads messages.
///
/// # Errors
/// If one is none, or the last one asks nothing.
pub(super) fn read(messages: Vec<Message>) -> Result<Told, Problem> {
    let mut system: Vec<String> = Vec::new();
    let mut said = Vec::with_capacity(messages.len());
    for (index, message) in messages.into_iter().enumerate() {
        let at = |problem: Problem| Problem::invalid(format!("messages[{index}]: {}", problem.message));
        let (text, files) = content(message.content).map_err(at)?;
        let role = match message.role.as_str() {
            "system" | "developer" => {
                system.push(text);
                continue;
            }
            "user" => Role::User,
            "assistant" => Role::Assistant,
            "tool" => Role::Tool,
            other => {
                let message = format!("the role {other:?} is none of system, developer, user, assistant and tool");
                return Err(at(Problem::invalid(message)));
            }
        };
        if role != Role::User && !files.is_empty() {
            return Err(at(Problem::invalid("pictures are a user's")));
        }
        if role == Role::Tool && message.tool_call_id.is_none() {
            return Err(at(Problem::invalid("the result of a tool says which call it is of: `tool_call_id`")));
        }
        let calls = message.tool_calls.unwrap_or_default().into_iter();
        let tool_calls =
            calls.map(|Call { id, function: Function { name, arguments } }| ToolCall { id, name, arguments }).collect();
        said.push(Said { role, text, files, tool_calls, tool_call_id: message.tool_call_id });
    }
    match said.last().map(|last| last.role) {
        Some(Role::User | Role::Tool) => {}
        Some(_) => return Err(Problem::invalid("messages: the last one is the user's, or the result of a tool")),
        None => return Err(Problem::invalid("messages: nothing is asked")),
    }
    Ok(Told { system: (!system.is_empty()).then(|| system.join("\n\n")), said })
}

/// Text and pictures of a content.
fn content(content: Value) -> Result<(String, Vec<FileInput>), Problem> {
    let parts = match content {
        Value::Null => return Ok((String::new(), Vec::new())),
        Value::String(text) => return Ok((text, Vec::new())),
        Value::Array(parts) => parts,
        _ => return Err(Problem::invalid("the content is a text or a list of parts")),
    };
    let (mut texts, mut files) = (Vec::new(), Vec::new());
    for part in parts {
        match part["type"].as_str() {
            Some("text") => match part["text"].as_str() {
                Some(text) => texts.push(text.to_owned()),
                None => return Err(Problem::invalid("a part of type text has a `text`")),
            },
            Some("image_url") => {
                files.push(picture(part["image_url"]["url"].as_str().unwrap_or_default(), files.len())?)
            }
            other => {
                let kind = other.unwrap_or("none");
                return Err(Problem::invalid(format!("parts are of type text or image_url, and not {kind:?}")));
            }
        }
    }
    Ok((texts.join("\n"), files))
}

/// A picture that is in its address: `data:image/png;base64,…`. Others would have to be fetched, which nobody asked for.
fn picture(url: &str, index: usize) -> Result<FileInput, Problem> {
    let data = url.strip_prefix("data:").and_then(|rest| rest.split_once(";base64,"));
    let Some((media_type, data)) = data.filter(|(media_type, _)| media_type.starts_with("image/")) else {
        return Err(Problem::invalid("pictures are given as `data:image/…;base64,…`: none is fetched from elsewhere"));
    };
    let bytes = STANDARD.decode(data).map_err(|error| Problem::invalid(format!("a picture is no base64: {error}")))?;
    Ok(FileInput { name: format!("picture-{}", index + 1), media_type: media_type.to_owned(), bytes })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(messages: Value) -> Result<Told, Problem> {
        read(serde_json::from_value(messages).expect("they are messages"))
    }

    #[test]
    fn instructions_are_apart_from_what_was_said() {
        let told = told(json!([
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "What is"}, {"type": "text", "text": "this?"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAEC"}}]},
            {"role": "developer", "content": "In English."},
        ]))
        .expect("they are good");
        assert_eq!(told.system.as_deref(), Some("Be brief.\n\nIn English."));
        assert_eq!(told.said.len(), 1);
        assert_eq!(told.said[0].text, "What is\nthis?");
        assert_eq!(told.said[0].files[0].bytes, [0, 1, 2]);
    }

    #[test]
    fn calls_of_tools_and_their_results_are_kept() {
        let told = told(json!([
            {"role": "user", "content": "add"},
            {"role": "assistant", "content": null, "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "add", "arguments": "{\"a\":1}"}}]},
            {"role": "tool", "tool_call_id": "c1", "content": "3"},
        ]))
        .expect("they are good");
        assert_eq!(told.said[1].tool_calls[0].name, "add");
        assert_eq!((told.said[2].tool_call_id.as_deref(), told.said[2].role), (Some("c1"), Role::Tool));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        for (messages, expected) in [
            (json!([]), "nothing is asked"),
            (json!([{"role": "system", "content": "x"}]), "nothing is asked"),
            (json!([{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]), "the last one is"),
            (json!([{"role": "robot", "content": "x"}]), "messages[0]: the role \"robot\""),
            (json!([{"role": "tool", "content": "x"}]), "messages[0]: the result of a tool"),
            (json!([{"role": "user", "content": 7}]), "messages[0]: the content is"),
            (json!([{"role": "user", "content": [{"type": "audio"}]}]), "not \"audio\""),
            (
                json!([{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "http://x"}}]}]),
                "none is fetched",
            ),
        ] {
            let problem = told(messages).expect_err("it is wrong");
            assert!(problem.message.contains(expected), "{expected}: {problem:?}");
        }
    }
}

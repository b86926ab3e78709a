//! How an event is shown: as JSON, as one line, at length.

use serde::Serialize;
use serde_json::Value;
use zo_engine::protocol::EventLine;
use zo_projections::{Actor, Position, Timestamp};

use crate::error::CliError;
use crate::input;
use crate::output::{Output, Style, text};
use crate::time::second;

/// Width of the columns in front of the last one.
const POSITION_COLUMNS: usize = 8;
const KIND_COLUMNS: usize = 26;
const STREAM_COLUMNS: usize = 39;
/// A terminal with so many columns has room for the stream.
const WIDE_COLUMNS: usize = 140;
/// What the last column is given even on a narrow terminal.
const LEAST_TELLING: usize = 20;
/// The part of an event's data that says most about it, in the order of preference.
const TELLING: [&str; 7] = ["content", "value", "name", "reason", "key", "model", "zo_version"];

/// An event, as JSON has it.
#[derive(Serialize)]
pub(in crate::commands) struct EventJson<'a> {
    position: Position,
    id: &'a str,
    stream: &'a str,
    version: u32,
    at: Timestamp,
    kind: &'a str,
    actor: Actor,
    causation: Option<Position>,
    correlation: Option<&'a str>,
    data: Value,
}

impl<'a> EventJson<'a> {
    pub(in crate::commands) fn of(line: &'a EventLine) -> Self {
        Self {
            position: line.position,
            id: &line.id,
            stream: &line.stream,
            version: line.version,
            at: line.at,
            kind: &line.kind,
            actor: line.actor,
            causation: line.causation,
            correlation: line.correlation.as_deref(),
            data: input::json_of(&line.data),
        }
    }
}

/// Prints an event on one line: columns on a terminal, tabs elsewhere, JSON if wanted.
///
/// # Errors
/// If stdout cannot be written.
pub(in crate::commands) fn print(output: &mut Output, event: &EventLine) -> Result<(), CliError> {
    if output.is_json() {
        return output.data(&EventJson::of(event));
    }
    let (position, at) = (event.position.to_string(), second(event.at));
    let telling = telling(&event.kind, &input::json_of(&event.data));
    if !output.is_terminal() {
        return output.line([&position, &at, &event.kind, &event.stream, &telling].map(String::as_str).join("\t"));
    }
    let columns = output.columns();
    let mut line = format!("{position:>POSITION_COLUMNS$}  {at}  {:KIND_COLUMNS$}  ", event.kind);
    let plain = text::width(&line);
    // The kind says which sort of stream it is; which one exactly is worth its columns only where there are many.
    if columns >= WIDE_COLUMNS {
        line.push_str(&format!("{:STREAM_COLUMNS$}  ", event.stream));
    }
    let left = columns.saturating_sub(text::width(&line)).max(LEAST_TELLING);
    let (front, stream) = line.split_at(plain);
    output.line(format!("{front}{}{}", output.paint(Style::Dim, stream), text::cut(&telling, left)))
}

/// Prints everything about an event.
///
/// # Errors
/// If stdout cannot be written.
pub(in crate::commands) fn print_at_length(output: &mut Output, line: &EventLine) -> Result<(), CliError> {
    if output.is_json() {
        return output.data(&EventJson::of(line));
    }
    let head = format!("{}  {}", line.position, line.kind);
    output.line(output.paint(Style::Bold, &head))?;
    let actor = serde_json::to_value(line.actor).ok().and_then(|actor| actor.as_str().map(str::to_owned));
    let fields = [
        ("id", Some(line.id.clone())),
        ("stream", Some(format!("{}, version {}", line.stream, line.version))),
        ("at", Some(format!("{} ({})", second(line.at), line.at))),
        ("actor", actor),
        ("causation", line.causation.map(|position| position.to_string())),
        ("correlation", line.correlation.clone()),
    ];
    for (name, value) in fields {
        if let Some(value) = value {
            output.line(format!("{name:>13}  {value}"))?;
        }
    }
    if let Value::Object(data) = input::json_of(&line.data) {
        for (name, value) in data {
            let value = match value {
                Value::Null => continue,
                Value::String(text) => text,
                other => other.to_string(),
            };
            // Further lines of a text stand below its first one.
            let value = output.shown(&value).replace('\n', &format!("\n{:15}", ""));
            output.line(format!("{name:>13}  {value}"))?;
        }
    }
    Ok(())
}

/// What an event is about, in one line.
fn telling(kind: &str, data: &Value) -> String {
    if let Some(summary) = summary(kind, data) {
        return text::preview(&summary);
    }
    let found = TELLING.iter().find_map(|name| data.get(name)?.as_str()).filter(|text| !text.trim().is_empty());
    match found {
        Some(text) => text::preview(text),
        None => String::new(),
    }
}

/// What those events say that need more than one part of their data to be understood.
fn summary(kind: &str, data: &Value) -> Option<String> {
    let text = |name: &str| data.get(name)?.as_str();
    let number = |name: &str| data.get(name)?.as_u64();
    Some(match kind {
        "home.model_chosen" => {
            let fallbacks = data.get("fallbacks").and_then(Value::as_array).into_iter().flatten();
            let names: Vec<&str> = [text("model").unwrap_or("whichever is there")]
                .into_iter()
                .chain(fallbacks.filter_map(Value::as_str))
                .collect();
            names.join(", then ")
        }
        "home.provider_added" => format!("{}: {} at {}", text("name")?, text("dialect")?, text("base_url")?),
        "vault.key_set" => format!("{}, fingerprint {}", text("provider")?, text("fingerprint")?),
        "vault.key_removed" => text("provider")?.to_owned(),
        "run.called" => {
            let (messages, passages) = (text::counted(number("messages")?, "message"), number("passages")?);
            format!("{} with {messages} and {}", text("model")?, text::counted(passages, "passage"))
        }
        "run.call_failed" => match text("reason") {
            Some(reason) => format!("{}: {reason}", text("model")?),
            None => format!("{}: cut off", text("model")?),
        },
        "run.replied" => {
            let calls = data.get("calls").and_then(Value::as_array).into_iter().flatten();
            let tools: Vec<&str> = calls.filter_map(|call| call.get("tool")?.as_str()).collect();
            format!("{} calls {}", text("model")?, tools.join(", "))
        }
        "run.tool_called" => format!("{}.{}", number("step")?, number("call")?),
        "run.tool_returned" => {
            let (step, call, bytes) = (number("step")?, number("call")?, text::bytes(number("bytes")?));
            format!("{step}.{call} {}, {bytes}: {}", text("status")?, text("output").unwrap_or_default())
        }
        "run.permission_asked" => {
            format!("{}.{} {}", number("step")?, number("call")?, text("what").unwrap_or_default())
        }
        "run.permission_answered" => format!("{}.{} {}", number("step")?, number("call")?, text("verdict")?),
        "conversation.file_attached" => {
            let name = text("name").unwrap_or("(cannot be opened)");
            format!("{name} ({}, {})", text("media_type")?, text::bytes(number("size")?))
        }
        "conversation.forked" => format!("from {} at message {}", text("from")?, text("message")?),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_told_by_its_text_before_anything_else() {
        let data = serde_json::json!({"name": "deploy", "content": "Deploys run\nfrom main", "size": 21});
        assert_eq!(telling("memory.memorized", &data), "Deploys run from main");
        assert_eq!(telling("memory.memorized", &serde_json::json!({"name": "deploy", "content": null})), "deploy");
        assert_eq!(telling("bench.x", &serde_json::json!({"size": 21})), "");
    }

    #[test]
    fn events_of_models_and_keys_are_told_whole() {
        let told = |kind: &str, data: Value| telling(kind, &data);
        let json = |text: &str| -> Value { serde_json::from_str(text).expect("JSON") };
        assert_eq!(
            told("home.model_chosen", json(r#"{"model":"openai/a","fallbacks":["groq/b","offline"]}"#)),
            "openai/a, then groq/b, then offline"
        );
        assert_eq!(told("home.model_chosen", json(r#"{"model":null,"fallbacks":[]}"#)), "whichever is there");
        assert_eq!(
            told("home.provider_added", json(r#"{"name":"lan","dialect":"openai","base_url":"http://lan/v1"}"#)),
            "lan: openai at http://lan/v1"
        );
        assert_eq!(told("home.provider_removed", json(r#"{"name":"lan"}"#)), "lan");
        assert_eq!(told("vault.key_set", json(r#"{"provider":"groq","fingerprint":"0f"}"#)), "groq, fingerprint 0f");
        assert_eq!(told("vault.key_removed", json(r#"{"provider":"groq"}"#)), "groq");
        assert_eq!(
            told("run.called", json(r#"{"model":"groq/b","messages":1,"passages":3}"#)),
            "groq/b with 1 message and 3 passages"
        );
        assert_eq!(told("run.call_failed", json(r#"{"model":"groq/b","reason":"503"}"#)), "groq/b: 503");
        assert_eq!(told("run.call_failed", json(r#"{"model":"groq/b"}"#)), "groq/b: cut off");
        assert_eq!(
            told("conversation.file_attached", json(r#"{"name":"a.png","media_type":"image/png","size":2048}"#)),
            "a.png (image/png, 2.0 KiB)"
        );
        let called = r#"{"model":"groq/b","calls":[{"tool":"recall"},{"tool":"read_file"}]}"#;
        assert_eq!(told("run.replied", json(called)), "groq/b calls recall, read_file");
        let returned = r#"{"step":0,"call":1,"status":"done","bytes":9,"output":"all\nwell"}"#;
        assert_eq!(told("run.tool_returned", json(returned)), "0.1 done, 9 B: all well");
        assert_eq!(told("run.permission_asked", json(r#"{"step":2,"call":0,"what":"x"}"#)), "2.0 x");
        assert_eq!(told("conversation.forked", json(r#"{"from":"A","message":"B"}"#)), "from A at message B");
    }
}

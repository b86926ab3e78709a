//! `zo job submit --each`: a job for each line of a file.

use std::path::Path;

use serde::Deserialize;
use serde_json::Value;
use zo_engine::protocol::JobOptions;
use zo_worker::spec::JobSpec;

use super::what::{checked, of_json};
use crate::error::CliError;
use crate::input;

/// What stands for the line in a job that is made for each.
pub(super) const HOLE: &str = "{}";

/// A job that is to be submitted.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Planned {
    pub(super) name: Option<String>,
    pub(super) spec: String,
    pub(super) options: JobOptions,
}

/// A line that says more than what is done.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    after: Vec<String>,
    spec: Value,
    #[serde(default)]
    options: Option<JobOptions>,
}

/// The lines of a file that are not blank, with their numbers from 1.
pub(super) fn lines(file: &Path) -> Result<Vec<(usize, String)>, CliError> {
    let text = input::from_file(file)?;
    let lines = text.lines().map(str::trim).enumerate().filter(|(_, line)| !line.is_empty());
    let lines: Vec<(usize, String)> = lines.map(|(index, line)| (index + 1, line.to_owned())).collect();
    if lines.is_empty() {
        return Err(CliError::invalid(format!("{} has no line, so there is no job", file.display())));
    }
    Ok(lines)
}

/// The job of `template`, with the line wherever there is a [`HOLE`].
pub(super) fn filled(
    template: &Value,
    name: Option<&str>,
    line: &str,
    options: JobOptions,
) -> Result<Planned, CliError> {
    let spec = fill(template, line);
    let is_job = serde_json::from_value::<JobSpec>(spec.clone());
    checked(&is_job.map_err(|error| CliError::invalid(error.to_string()))?)?;
    Ok(Planned { name: name.map(|name| name.replace(HOLE, line)), spec: spec.to_string(), options })
}

/// Whether something in `template` stands for the line.
pub(super) fn has_hole(template: &Value) -> bool {
    match template {
        Value::String(text) => text.contains(HOLE),
        Value::Array(values) => values.iter().any(has_hole),
        Value::Object(fields) => fields.values().any(has_hole),
        _ => false,
    }
}

fn fill(template: &Value, line: &str) -> Value {
    match template {
        Value::String(text) => Value::String(text.replace(HOLE, line)),
        Value::Array(values) => values.iter().map(|value| fill(value, line)).collect(),
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), fill(value, line))).collect(),
        other => other.clone(),
    }
}

/// The job that a line of JSON describes: what is done (`{"kind": …}`), or `{"name", "after", "spec", "options"}`. What
/// `options` says already is laid over.
pub(super) fn described(place: &str, line: &str, options: &JobOptions) -> Result<Planned, CliError> {
    let value: Value = serde_json::from_str(line).map_err(|error| {
        CliError::invalid(format!("{place}: not JSON: {error}"))
            .hint("each line is a job as JSON, or a word for `{}` in a command: --each FILE -- wget {}")
    })?;
    if value.get("kind").is_some() {
        of_json(place, line)?;
        return Ok(Planned { name: None, spec: line.to_owned(), options: options.clone() });
    }
    let line: Line = serde_json::from_value(value).map_err(|error| {
        CliError::invalid(format!("{place}: this is no job: {error}")).hint(
            "as in {\"name\": \"b\", \"after\": [\"a\"], \"spec\": {\"kind\": \"command\", \"argv\": [\"make\"]}}",
        )
    })?;
    let spec = line.spec.to_string();
    of_json(place, &spec)?;
    let mut options = line.options.unwrap_or_else(|| options.clone());
    options.after.extend(line.after);
    Ok(Planned { name: line.name, spec, options })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_line_stands_wherever_there_is_a_hole() {
        let template = json!({"kind": "command", "argv": ["convert", "{}", "{}.png"]});
        assert!(has_hole(&template) && !has_hole(&json!({"argv": ["make"]})));
        let planned = filled(&template, Some("convert {}"), "a b", JobOptions::default()).expect("it is a job");
        assert_eq!(planned.name.as_deref(), Some("convert a b"));
        assert_eq!(planned.spec, r#"{"kind":"command","argv":["convert","a b","a b.png"]}"#);
    }

    #[test]
    fn a_line_describes_a_job_and_what_it_waits_for() {
        let usual = JobOptions { priority: 2, ..JobOptions::default() };
        let line = r#"{"name": "b", "after": ["a"], "spec": {"kind": "command", "argv": ["make"]}}"#;
        let planned = described("jobs:1", line, &usual).expect("it is a job");
        assert_eq!((planned.name.as_deref(), planned.options.priority), (Some("b"), 2));
        assert_eq!(planned.options.after, ["a"]);
        let planned = described("jobs:2", r#"{"kind": "command", "argv": ["make"]}"#, &usual).expect("it is a job");
        assert_eq!((planned.name, planned.options), (None, usual.clone()));
        for (line, expected) in [
            ("make", "jobs:3: not JSON"),
            (r#"{"spec": {"kind": "comand"}}"#, "jobs:3: this is no job: unknown variant `comand`"),
            (r#"{"spce": {}}"#, "jobs:3: this is no job: unknown field `spce`"),
        ] {
            let error = described("jobs:3", line, &usual).expect_err("it is refused");
            assert!(error.message.starts_with(expected), "{error:?}");
        }
    }
}

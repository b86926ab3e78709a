//! `zo job submit --each`: a job for each line of a file.

use std::collections::{BTreeSet, HashMap};
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
    mut options: JobOptions,
) -> Result<Planned, CliError> {
    options.unique = options.unique.map(|key| key.replace(HOLE, line));
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

/// Jobs in an order in which each comes behind those of the same file that it waits for, and first those that wait for others: if one of
/// these is not there, nothing is submitted yet.
///
/// # Errors
/// If they wait for each other.
pub(super) fn in_order(planned: Vec<Planned>) -> Result<Vec<Planned>, CliError> {
    let named: HashMap<&str, usize> =
        planned.iter().enumerate().filter_map(|(index, job)| Some((job.name.as_deref()?, index))).collect();
    let mut followers: Vec<Vec<usize>> = vec![Vec::new(); planned.len()];
    let mut waits: Vec<usize> = vec![0; planned.len()];
    let mut refers_elsewhere = vec![false; planned.len()];
    for (index, job) in planned.iter().enumerate() {
        for other in &job.options.after {
            match named.get(other.as_str()) {
                Some(before) => {
                    followers[*before].push(index);
                    waits[index] += 1;
                }
                None => refers_elsewhere[index] = true,
            }
        }
    }
    let mut ready: BTreeSet<(bool, usize)> =
        (0..planned.len()).filter(|index| waits[*index] == 0).map(|index| (!refers_elsewhere[index], index)).collect();
    let mut order = Vec::with_capacity(planned.len());
    while let Some((_, index)) = ready.pop_first() {
        order.push(index);
        for follower in &followers[index] {
            waits[*follower] -= 1;
            if waits[*follower] == 0 {
                ready.insert((!refers_elsewhere[*follower], *follower));
            }
        }
    }
    if let Some(stuck) = (0..planned.len()).find(|index| waits[*index] > 0) {
        let name = planned[stuck].name.clone().unwrap_or_default();
        return Err(CliError::invalid(format!("{name}: it waits for jobs that wait for it")));
    }
    let mut planned: Vec<Option<Planned>> = planned.into_iter().map(Some).collect();
    Ok(order.into_iter().filter_map(|index| planned[index].take()).collect())
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
    fn jobs_come_behind_those_they_wait_for() {
        let job = |name: &str, after: &[&str]| Planned {
            name: Some(name.to_owned()),
            spec: String::new(),
            options: JobOptions {
                after: after.iter().map(|name| (*name).to_owned()).collect(),
                ..JobOptions::default()
            },
        };
        let names = |jobs: Vec<Planned>| -> Vec<String> { jobs.into_iter().filter_map(|job| job.name).collect() };
        let ordered = in_order(vec![job("c", &["b"]), job("a", &[]), job("b", &["a"]), job("d", &["7Y0ABC"])]);
        assert_eq!(names(ordered.expect("there is an order")), ["d", "a", "b", "c"]);
        let circle = in_order(vec![job("a", &["b"]), job("b", &["a"])]).expect_err("there is none");
        assert!(circle.message.contains("wait for it"), "{circle:?}");
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

//! Many questions from a file, one after the other.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::{Map, Value};
use zo_engine::client::Client;
use zo_engine::protocol::{At, RecallQuestion, Recalled};

use super::{cut_query, recall};
use crate::embedding::{embed, left};
use crate::error::{CliError, Kind};
use crate::interrupt::Interrupt;
use crate::output::Output;

/// A question of a file.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::commands) struct QueryLine {
    pub(in crate::commands) id: String,
    pub(in crate::commands) text: String,
    pub(in crate::commands) meta: Map<String, Value>,
    /// Where it was found, as messages name it: `questions.jsonl:3`.
    place: String,
}

/// How the questions are put.
#[derive(Clone, Debug)]
pub(in crate::commands) struct Plan {
    /// The key of meta by which a question and its answers belong together.
    pub(in crate::commands) scope: Option<String>,
    /// What all questions have; the text is their own.
    pub(in crate::commands) common: RecallQuestion,
    /// As of when.
    pub(in crate::commands) at: Option<At>,
}

/// Reads the questions of a file.
///
/// # Errors
/// If it cannot be read, or a line is no question; the line is named.
pub(in crate::commands) fn read_queries(path: &Path) -> Result<Vec<QueryLine>, CliError> {
    let cannot = |error: &io::Error| CliError::io(format!("cannot read {}", path.display()), error);
    if path == Path::new("-") {
        return queries_of("stdin", io::stdin().lock());
    }
    let file = File::open(path).map_err(|error| cannot(&error))?;
    if file.metadata().is_ok_and(|metadata| metadata.is_dir()) {
        return Err(CliError::invalid(format!("{} is a folder, not a file of JSON lines", path.display())));
    }
    queries_of(&path.display().to_string(), BufReader::new(file))
}

fn queries_of(name: &str, reader: impl BufRead) -> Result<Vec<QueryLine>, CliError> {
    let mut queries = Vec::new();
    let mut ids = HashSet::new();
    for (index, line) in reader.split(b'\n').enumerate() {
        let line = line.map_err(|error| CliError::io(format!("cannot read {name}"), &error))?;
        let place = format!("{name}:{}", index + 1);
        let Some(query) = query_of(&line, place)? else { continue };
        if !ids.insert(query.id.clone()) {
            return Err(CliError::invalid(format!("there is another query {}", query.id)).at(&query.place));
        }
        queries.push(query);
    }
    if queries.is_empty() {
        return Err(CliError::invalid(format!("{name} has no query")).hint("a line is {\"id\", \"text\", \"meta\"?}"));
    }
    Ok(queries)
}

/// The question of a line; none if it is blank.
fn query_of(line: &[u8], place: String) -> Result<Option<QueryLine>, CliError> {
    #[derive(Deserialize)]
    struct Line {
        id: Value,
        text: String,
        #[serde(default)]
        meta: Option<Map<String, Value>>,
    }
    if line.iter().all(u8::is_ascii_whitespace) {
        return Ok(None);
    }
    let line = line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(line);
    let Line { id, text, meta } = serde_json::from_slice(line).map_err(|error| {
        CliError::invalid(format!("{error}")).at(&place).hint("a line is {\"id\", \"text\", \"meta\"?}")
    })?;
    let id = text_of(&id).ok_or_else(|| CliError::invalid("the id is neither a text nor a number").at(&place))?;
    let unusable = id.trim().is_empty() || id.chars().any(char::is_control);
    if unusable {
        return Err(CliError::invalid("the id is empty or has a control character in it").at(&place));
    }
    if text.trim().is_empty() {
        return Err(CliError::invalid("the text is empty").at(&place));
    }
    Ok(Some(QueryLine { id, text, meta: meta.unwrap_or_default(), place }))
}

/// A value of meta as the text that values are compared as; none if it is none, or has parts.
pub(in crate::commands) fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

impl Plan {
    /// The question that a line is, and a note if it was cut.
    ///
    /// # Errors
    /// If it lacks the key of the scope.
    pub(in crate::commands) fn question(
        &self,
        query: &QueryLine,
    ) -> Result<(RecallQuestion, Option<String>), CliError> {
        let (text, note) = cut_query(query.text.clone());
        let mut question = RecallQuestion { text, ..self.common.clone() };
        if let Some(key) = &self.scope {
            let value = query.meta.get(key).and_then(text_of).ok_or_else(|| {
                CliError::invalid(format!("query {} has no `{key}` in its meta", query.id))
                    .at(&query.place)
                    .hint("give it one, or leave --scope away")
            })?;
            question.meta.push((key.clone(), value));
            question.any_key = true;
        }
        Ok((question, note.map(|note| format!("{}: {note}", query.place))))
    }

    /// Puts a question; also tells how long it took.
    ///
    /// # Errors
    /// If it cannot be answered; the line is named.
    pub(in crate::commands) fn put(
        &self,
        client: &mut Client,
        query: &QueryLine,
        question: RecallQuestion,
    ) -> Result<(Recalled, Duration), CliError> {
        let begun = Instant::now();
        let recalled = recall(client, question, self.at).map_err(|error| error.at(&query.place))?;
        Ok((recalled, begun.elapsed()))
    }
}

/// Embeds everything that is not embedded, and says so if that cannot be.
///
/// # Errors
/// [`Kind::Interrupted`] on Ctrl-C, or what embedding failed with.
pub(in crate::commands) fn embed_all(
    client: &mut Client,
    output: &mut Output,
    interrupt: &Interrupt,
) -> Result<(), CliError> {
    match embed(client, output, interrupt, None) {
        Ok(work) if work.interrupted => {
            Err(CliError::new(Kind::Interrupted, format!("interrupted; {}", left(work.left())))
                .hint("run it again to go on, or go on with what there is: --no-wait"))
        }
        Ok(work) => {
            if work.done > 0 {
                output.note(format!("embedded {}", work.in_words()));
            }
            Ok(())
        }
        // Without a model there is nothing to wait for, and the words are searched all the same.
        Err(error) if error.kind.exit_code() == 1 => {
            output.note(format!("note: by their words only: {}", error.message));
            Ok(())
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const QUERIES: &str =
        "\u{feff}{\"id\": 7, \"text\": \"seven\", \"meta\": {\"conv\": 3}}\n\r\n{\"id\":\"b\",\"text\":\"two\"}\n";

    fn read(text: &str) -> Result<Vec<QueryLine>, CliError> {
        queries_of("q.jsonl", text.as_bytes())
    }

    #[test]
    fn a_line_is_a_question() {
        let queries = read(QUERIES).expect("questions");
        assert_eq!((queries[0].id.as_str(), queries[0].text.as_str()), ("7", "seven"));
        assert_eq!(Value::Object(queries[0].meta.clone()), json!({"conv": 3}));
        assert_eq!((queries[1].id.as_str(), queries[1].place.as_str()), ("b", "q.jsonl:3"));
    }

    #[test]
    fn a_line_that_is_no_question_is_named() {
        for (line, message) in [
            ("{\"id\": \"a\"}", "q.jsonl:1: missing field `text`"),
            ("nonsense", "q.jsonl:1: expected"),
            ("{\"id\": \"a\", \"text\": \" \"}", "q.jsonl:1: the text is empty"),
            ("{\"id\": \"a\\tb\", \"text\": \"x\"}", "q.jsonl:1: the id is empty or has a control"),
            ("{\"id\": null, \"text\": \"x\"}", "q.jsonl:1: the id is neither"),
            ("{\"id\": 1, \"text\": \"x\"}\n{\"id\": \"1\", \"text\": \"y\"}", "q.jsonl:2: there is another query 1"),
            ("\n", "q.jsonl has no query"),
        ] {
            let error = read(line).expect_err(line);
            assert!(error.message.starts_with(message), "{line}: {error:?}");
        }
    }

    #[test]
    fn the_scope_is_the_querys_own_value_as_text() {
        let queries = read(QUERIES).expect("questions");
        let common = RecallQuestion { limit: 5, meta: vec![("a".into(), "b".into())], ..RecallQuestion::default() };
        let plan = Plan { scope: Some("conv".to_owned()), common, at: None };
        let (question, note) = plan.question(&queries[0]).expect("it has the key");
        assert_eq!(question.meta, [("a".into(), "b".into()), ("conv".into(), "3".into())]);
        assert_eq!((question.text.as_str(), question.limit, question.any_key, note), ("seven", 5, true, None));
        let error = plan.question(&queries[1]).expect_err("it has no meta");
        assert_eq!(error.message, "q.jsonl:3: query b has no `conv` in its meta");
    }
}

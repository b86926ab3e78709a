//! How something that was recalled is shown: to people, and as JSON.

use serde::Serialize;
use serde_json::{Map, Value};
use zo_engine::protocol::{Explanation, Neighbour, RecalledHit};
use zo_projections::event::conversation::Role;
use zo_projections::{Position, Timestamp};

use crate::commands::conversation::role_name;
use crate::error::CliError;
use crate::input;
use crate::output::text::{clean, cut, preview, wrapped};
use crate::output::{Output, Style};
use crate::time::minute;

/// How far the text stands in.
const INDENT: usize = 2;
/// The most lines of a text on a terminal.
const CONTENT_LINES: usize = 6;

/// Something that was recalled, as JSON has it: what it has not is left out.
#[derive(Serialize)]
pub(super) struct HitJson<'a> {
    id: &'a str,
    content: &'a str,
    meta: Value,
    score: f32,
    position: Position,
    at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    conversation: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<Role>,
    #[serde(skip_serializing_if = "Option::is_none")]
    speaker: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    passage: Option<PassageJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    occurred_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<NeighbourJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<NeighbourJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    explanation: Option<&'a Explanation>,
}

#[derive(Serialize)]
struct PassageJson {
    number: u32,
    of: u32,
}

#[derive(Serialize)]
struct NeighbourJson<'a> {
    id: &'a str,
    role: Role,
    #[serde(skip_serializing_if = "Option::is_none")]
    speaker: Option<&'a str>,
    content: &'a str,
    position: Position,
}

impl<'a> HitJson<'a> {
    /// `explain`: with each part of its score.
    pub(super) fn of(hit: &'a RecalledHit, explain: bool) -> Self {
        Self {
            id: &hit.id,
            content: &hit.content,
            meta: hit.meta.as_deref().map_or_else(|| Value::Object(Map::new()), input::json_of),
            score: hit.score,
            position: hit.position,
            at: hit.at,
            conversation: hit.conversation.as_deref(),
            role: hit.role,
            speaker: hit.speaker.as_deref(),
            passage: hit.passage.map(|(number, of)| PassageJson { number, of }),
            occurred_at: hit.occurred_at,
            before: hit.before.as_ref().map(NeighbourJson::of),
            after: hit.after.as_ref().map(NeighbourJson::of),
            explanation: explain.then_some(&hit.explanation),
        }
    }
}

impl<'a> NeighbourJson<'a> {
    fn of(neighbour: &'a Neighbour) -> Self {
        Self {
            id: &neighbour.id,
            role: neighbour.role,
            speaker: neighbour.speaker.as_deref(),
            content: &neighbour.content,
            position: neighbour.position,
        }
    }
}

/// Prints a hit for people; on a terminal its text is cut after some lines.
pub(super) fn print(output: &mut Output, hit: &RecalledHit, explain: bool) -> Result<(), CliError> {
    let id = output.paint(Style::Bold, &output.shown(&hit.id));
    let facts = output.paint(Style::Dim, &output.shown(&facts(hit)));
    output.line(format!("{id}  {:.3}  {facts}", hit.score))?;
    print_neighbour(output, hit.before.as_ref())?;
    print_content(output, &hit.content)?;
    print_neighbour(output, hit.after.as_ref())?;
    if explain { print_explanation(output, &hit.explanation) } else { Ok(()) }
}

/// When it happened, who said it and where, and which part of the whole it is.
fn facts(hit: &RecalledHit) -> String {
    let mut facts = minute(hit.occurred_at.unwrap_or(hit.at));
    match (&hit.speaker, hit.role) {
        (Some(speaker), _) => facts.push_str(&format!("  {speaker}")),
        (None, Some(role)) => facts.push_str(&format!("  {}", role_name(role))),
        (None, None) => {}
    }
    if let Some(conversation) = &hit.conversation {
        facts.push_str(&format!("  in {conversation}"));
    }
    if let Some((number, of)) = hit.passage {
        facts.push_str(&format!("  passage {number} of {of}"));
    }
    facts
}

fn print_content(output: &mut Output, content: &str) -> Result<(), CliError> {
    if output.is_terminal() {
        let lines = wrapped(&clean(content), output.columns().saturating_sub(INDENT), CONTENT_LINES);
        return lines.iter().try_for_each(|line| output.line(format!("{:INDENT$}{line}", "")));
    }
    content.lines().try_for_each(|line| output.line(format!("{:INDENT$}{line}", "").trim_end()))
}

/// What was said directly before or after, on one line.
fn print_neighbour(output: &mut Output, neighbour: Option<&Neighbour>) -> Result<(), CliError> {
    let Some(neighbour) = neighbour else { return Ok(()) };
    let speaker = neighbour.speaker.as_deref().unwrap_or_else(|| role_name(neighbour.role));
    let line = clean(&format!("… {speaker}: {}", preview(&neighbour.content))).into_owned();
    let line = if output.is_terminal() { cut(&line, output.columns().saturating_sub(INDENT)) } else { line };
    output.line(format!("{:INDENT$}{}", "", output.paint(Style::Dim, &line)))
}

fn print_explanation(output: &mut Output, explanation: &Explanation) -> Result<(), CliError> {
    let listed = |pairs: &[(String, f32)], sign: bool| {
        let words = pairs.iter().map(|(name, value)| {
            let name = clean(name);
            if sign { format!("{name} {value:+.3}") } else { format!("{name} {value:.3}") }
        });
        words.collect::<Vec<_>>().join(", ")
    };
    let Explanation { parts, bm25, ceiling, words, cosine } = explanation;
    let mut line = |name: &str, value: String| {
        let name = output.paint(Style::Dim, &format!("{name:8}"));
        output.line(format!("{:INDENT$}{name}{value}", ""))
    };
    line("score", listed(parts, true))?;
    if words.is_empty() {
        line("words", "none of the query's".to_owned())?;
    } else {
        line("words", format!("{}: {bm25:.3} of at most {ceiling:.3}", listed(words, false)))?;
    }
    line("cosine", cosine.map_or_else(|| "not embedded".to_owned(), |cosine| format!("{cosine:.3}")))
}

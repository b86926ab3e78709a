//! `zo browse history|show`: what was done, without the browser.

use std::path::PathBuf;

use clap::Args;
use zo_engine::protocol::{Answer, BrowserActLine, Query};
use zo_projections::Position;
use zo_projections::event::browser::ActOutcome;

use super::acting::SessionArgs;
use crate::context::{Context, query};
use crate::error::CliError;
use crate::output::text::{bytes, cut};
use crate::output::{Output, Style, Table};
use crate::time::second;

/// Show what was done in a session, newest first
///
/// Examples:
///   zo browse history
///   zo browse history --session work --limit 100
///   zo browse history --json | jq 'select(.outcome == "failed")'
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(super) struct History {
    /// At most so many
    #[arg(long, short = 'n', value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=1024))]
    limit: u32,
    /// Only what was done before this position
    #[arg(long, value_name = "POSITION")]
    before: Option<u64>,
}

impl History {
    pub(super) fn run(&self, context: &mut Context, session: &SessionArgs) -> Result<(), CliError> {
        let mut client = context.open_existing()?;
        let session = session.session.clone();
        let acts = Query::BrowserActs { session, before: self.before.map(Position), limit: self.limit };
        let acts = query(&mut client, acts, None, lines)?;
        let mut table = Table::new(&["POSITION", "WHEN", "OUTCOME", "TOOK", "ACT", "PAGE"]);
        for line in &acts {
            if context.output.is_json() {
                context.output.data(line)?;
            } else {
                table.row(row(line));
            }
        }
        table.print(&mut context.output)?;
        if acts.is_empty() {
            context.output.note("nothing was done in it");
        }
        context.close(client)
    }
}

fn lines(answer: Answer) -> Option<Vec<BrowserActLine>> {
    match answer {
        Answer::BrowserActs(acts) => Some(acts),
        _ => None,
    }
}

fn outcome(line: &BrowserActLine) -> &'static str {
    match line.outcome {
        Some(ActOutcome::Done) => "done",
        Some(ActOutcome::Failed) => "failed",
        Some(ActOutcome::Interrupted) => "interrupted",
        None => "under way",
    }
}

fn row(line: &BrowserActLine) -> [String; 6] {
    let took = line.took_ms.map_or_else(String::new, |took| format!("{took} ms"));
    let page = line.reason.clone().or_else(|| line.url.clone()).unwrap_or_default();
    [line.position.to_string(), second(line.at), outcome(line).to_owned(), took, brief(&line.act), cut(&page, 80)]
}

/// An act as one would type it, more or less: its name and what it is given.
fn brief(act: &str) -> String {
    let Ok(serde_json::Value::Object(fields)) = serde_json::from_str(act) else { return act.to_owned() };
    let words = fields.iter().map(|(name, value)| match (name.as_str(), value) {
        ("act" | "target" | "url" | "text" | "keys", serde_json::Value::String(text)) => text.clone(),
        (name, value) => format!("{name}={value}"),
    });
    cut(&words.collect::<Vec<_>>().join(" "), 60)
}

/// Show one thing that was done: the page, the text it gave, pictures
///
/// Examples:
///   zo browse show 4711
///   zo browse show 4711 --save picture.png
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(super) struct Show {
    /// Its position, as `zo browse history` shows it
    position: u64,
    /// Write its picture or document here
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
}

impl Show {
    pub(super) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let mut client = context.open_existing()?;
        let acts = query(&mut client, Query::BrowserAct { position: Position(self.position) }, None, lines)?;
        for line in &acts {
            if let Some(path) = &self.save {
                let Some(artifact) = line.artifacts.first() else {
                    return Err(CliError::not_found(format!(
                        "what was done at position {} kept no picture",
                        self.position
                    )));
                };
                let wanted = Query::BrowserArtifact { position: artifact.position };
                let artifact = query(&mut client, wanted, None, |answer| match answer {
                    Answer::BrowserArtifact(artifact) => Some(*artifact),
                    _ => None,
                })?;
                std::fs::write(path, &artifact.bytes)
                    .map_err(|error| CliError::io(format!("cannot write {}", path.display()), &error))?;
            }
            if context.output.is_json() {
                context.output.data(line)?;
            } else {
                print(&mut context.output, line)?;
            }
        }
        context.close(client)
    }
}

fn print(output: &mut Output, line: &BrowserActLine) -> Result<(), CliError> {
    output.line(output.paint(Style::Bold, &output.shown(&format!("{}  {}", line.position, line.act))))?;
    let mut field = |name: &str, value: Option<String>| match value.filter(|value| !value.is_empty()) {
        Some(value) => output.line(format!("{name:>9}  {}", output.shown(&value).replace('\n', "\n           "))),
        None => Ok(()),
    };
    field("when", Some(second(line.at)))?;
    field("by", line.run.as_ref().map(|run| format!("agent {run}")))?;
    field("outcome", Some(outcome(line).to_owned()))?;
    field("why", line.reason.clone())?;
    field("took", line.took_ms.map(|took| format!("{took} ms")))?;
    field("page", line.url.clone())?;
    field("title", line.title.clone())?;
    for note in &line.notes {
        field("note", Some(note.clone()))?;
    }
    for artifact in &line.artifacts {
        let size = bytes(artifact.size.into());
        field(
            "kept",
            Some(format!("{} ({}, {size}) at position {}", artifact.name, artifact.media_type, artifact.position)),
        )?;
    }
    field("value", line.value.clone())?;
    match &line.text {
        Some(text) => {
            output.line("")?;
            output.line(output.shown(text))
        }
        None => Ok(()),
    }
}

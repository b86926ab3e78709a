//! `zo index …`: how far the memory index is, and how to carry it on.

use std::time::Duration;

use clap::{Args, Subcommand};
use zo_engine::protocol::{Embedded, FailureKind, IndexStatus, ModelInUse};
use zo_projections::Position;

use crate::context::Context;
use crate::embedding::{embed, index_status, left};
use crate::error::{CliError, Kind};
use crate::interrupt::Interrupt;
use crate::output::text::{bytes, count, counted, percent};
use crate::output::{Output, Style};
use crate::time::parse_duration;

/// See how far the memory index is, and carry it on
///
/// Examples:
///   zo index status
///   zo index embed
///   zo index embed --for "10 minutes"
///
/// What is recorded can be found by its words at once, and by its meaning as soon as it is embedded.
#[derive(Subcommand, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) enum Index {
    Status(Status),
    Embed(Embed),
}

/// Show how far the memory index is
///
/// Examples:
///   zo index status
///   zo index status --json | jq .passages
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Status {}

/// Embed what can be found by its words only
///
/// Examples:
///   zo index embed
///   zo index embed --for 30s
///
/// Ctrl-C stops it, and nothing is lost: whatever command comes next carries on.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Embed {
    /// Stop after this time
    #[arg(long = "for", value_name = "DURATION", value_parser = parse_duration)]
    budget: Option<Duration>,
}

impl Index {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        match self {
            Self::Status(command) => command.run(context),
            Self::Embed(command) => command.run(context),
        }
    }
}

impl Status {
    fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let mut client = context.open_existing()?;
        let status = index_status(&mut client)?;
        if context.output.is_json() {
            context.output.data(&status)?;
        } else {
            print(&mut context.output, &status)?;
        }
        context.close(client)
    }
}

fn print(output: &mut Output, status: &IndexStatus) -> Result<(), CliError> {
    let mut line = |name: &str, value: String| {
        let name = output.paint(Style::Bold, &format!("{name:14}"));
        output.line(format!("{name}{}", output.shown(&value)))
    };
    let head = status.head;
    let far = |position: Position| match head.0.saturating_sub(position.0) {
        0 => format!("position {position} of {head}"),
        behind => format!("position {position} of {head}, {} behind", counted(behind, "event")),
    };
    line("indexed", far(status.indexed))?;
    line("embedded", far(status.embedded))?;
    let uncommitted = match status.uncommitted {
        0 => String::new(),
        uncommitted => format!(", {} in memory until they are written", count(uncommitted)),
    };
    line("documents", format!("{}{uncommitted}", count(status.documents)))?;
    line("passages", share(status.passages))?;
    let model = status.model.as_ref().map_or_else(|| "none".to_owned(), model_in_words);
    line("model", model)?;
    if let Some(next) = &status.next_model {
        line("next model", format!("{}; {}", model_in_words(next), share(next.passages)))?;
    }
    line("runtime", status.runtime.clone())?;
    line("on disk", format!("words {}, vectors {}", bytes(status.bytes_words), bytes(status.bytes_vectors)))?;
    let since_open = [(status.indexed_since_open, "indexed"), (status.embedded_since_open, "embedded")];
    let since_open = since_open.map(|(number, what)| format!("{} {what}", count(number)));
    line("since opening", since_open.join(", "))?;
    for note in &status.notes {
        line("note", note.clone())?;
    }
    Ok(())
}

/// `all-MiniLM-L6-v2 (0123456789abcdef), 384 dimensions`, and why it cannot be used, if so.
pub(super) fn model_in_words(model: &ModelInUse) -> String {
    let ModelInUse { name, id, dimensions, problem, .. } = model;
    let problem = problem.as_ref().map(|problem| format!("; {problem}")).unwrap_or_default();
    format!("{name} ({id}), {dimensions} dimensions{problem}")
}

/// `1,234 of 5,678 embedded (21 %)`.
pub(super) fn share(share: Embedded) -> String {
    let Embedded { passages, of } = share;
    if of == 0 {
        return "none yet".to_owned();
    }
    format!("{} of {} embedded ({} %)", count(passages), count(of), percent(passages, of))
}

impl Embed {
    fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let mut client = context.open_existing()?;
        let interrupt = Interrupt::watch()?;
        let work = embed(&mut client, &mut context.output, &interrupt, self.budget)?;
        let output = &mut context.output;
        if work.interrupted {
            let message = format!("interrupted after {}; {}", counted(work.done, "passage"), left(work.left()));
            return Err(
                CliError::new(Kind::Interrupted, message).hint("run it again to go on; so does any other command")
            );
        }
        if let Some(problem) = work.problem.as_ref().filter(|_| work.left() > 0) {
            let message = format!("{}: {problem}", left(work.left()));
            return Err(
                CliError::new(Kind::Engine(FailureKind::Refused), message).hint("`zo model list` shows other models")
            );
        }
        if output.is_json() {
            output.data(&work.now)?;
            return context.close(client);
        }
        if work.done > 0 {
            output.line(format!("embedded {}", work.in_words()))?;
        }
        match work.left() {
            0 => output.line(format!("everything is embedded: {}", counted(work.now.of, "passage")))?,
            passages => output.line(left(passages))?,
        }
        context.close(client)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_told_with_its_problem() {
        let mut model = ModelInUse {
            name: "all-MiniLM-L6-v2".to_owned(),
            id: "0123456789abcdef".to_owned(),
            dimensions: 384,
            passages: Embedded { passages: 1, of: 3 },
            problem: None,
        };
        assert_eq!(model_in_words(&model), "all-MiniLM-L6-v2 (0123456789abcdef), 384 dimensions");
        assert_eq!(share(model.passages), "1 of 3 embedded (33 %)");
        model.problem = Some("its file is cut".to_owned());
        assert!(model_in_words(&model).ends_with("dimensions; its file is cut"));
    }
}

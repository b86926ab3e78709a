//! `zo model status`.

use clap::Args;
use serde::Serialize;
use zo_engine::protocol::{ChosenModel, ModelInUse, WouldAnswer};

use super::super::index::{model_in_words, share};
use crate::context::Context;
use crate::embedding::index_status;
use crate::error::CliError;
use crate::output::Style;
use crate::providers::{chosen_model, would_answer};

/// Show the models in use, and what runs them
///
/// Examples:
///   zo model status
///   zo model status --json | jq -r .chat.answers
///
/// First what texts are embedded with, then what would answer a question now, and why. Whether it really does, `zo model test`
/// tells.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Status {}

/// What runs the models, as JSON has it.
#[derive(Serialize)]
struct StatusJson<'a> {
    runtime: &'a str,
    /// Where ONNX Runtime was looked for, if it is not used.
    looked_in: &'a [String],
    model: Option<&'a ModelInUse>,
    next_model: Option<&'a ModelInUse>,
    notes: &'a [String],
    chat: ChatJson<'a>,
}

/// What answers, as JSON has it.
#[derive(Serialize)]
struct ChatJson<'a> {
    #[serde(flatten)]
    chosen: &'a ChosenModel,
    answers: &'a str,
    why: &'a str,
}

impl Status {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let environment = context.environment();
        let mut client = context.open_existing()?;
        let status = index_status(&mut client)?;
        let chosen = chosen_model(&mut client)?;
        let WouldAnswer { model: answers, why } = would_answer(&mut client, &environment)?;
        context.close(client)?;
        let looked_in = looked_in();
        let output = &mut context.output;
        if output.is_json() {
            let looked_in = &looked_in;
            let (runtime, notes) = (&status.runtime, &status.notes);
            let (model, next_model) = (status.model.as_ref(), status.next_model.as_ref());
            let chat = ChatJson { chosen: &chosen, answers: &answers, why: &why };
            return output.data(&StatusJson { runtime, looked_in, model, next_model, notes, chat });
        }
        let mut line = |name: &str, value: String| {
            let name = output.paint(Style::Bold, &format!("{name:14}"));
            output.line(format!("{name}{}", output.shown(&value)))
        };
        line("runtime", status.runtime)?;
        if !looked_in.is_empty() {
            line("looked in", looked_in.join(", "))?;
        }
        let in_words = |model: &ModelInUse| format!("{}; {}", model_in_words(model), share(model.passages));
        line("model", status.model.as_ref().map_or_else(|| "none".to_owned(), in_words))?;
        if let Some(next) = &status.next_model {
            line("next model", in_words(next))?;
        }
        for note in status.notes {
            line("note", note)?;
        }
        line("answers", format!("{answers}: {why}"))?;
        if !chosen.fallbacks.is_empty() {
            line("fallbacks", chosen.fallbacks.join(", "))?;
        }
        Ok(())
    }
}

/// The folders and files that ONNX Runtime was looked for in; none if it was found.
fn looked_in() -> Vec<String> {
    let report = zo_embed::runtime();
    if report.why_not().is_none() {
        return Vec::new();
    }
    let folders = report.folders.iter().map(|folder| folder.display().to_string());
    folders.chain(report.candidates.iter().map(ToString::to_string)).collect()
}

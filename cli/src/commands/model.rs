//! `zo model …`: the models that texts are embedded with.

use std::ops::ControlFlow;

use clap::{Args, Subcommand};
use serde::Serialize;
use zo_engine::client::Client;
use zo_engine::protocol::{Acknowledged, Answer, FailureKind, ModelInUse, ModelLine, Query, Request, Response};

use super::index::{model_in_words, share};
use crate::context::{Context, query, show_progress, stream};
use crate::embedding::{backlog, embed, index_status, left};
use crate::error::{CliError, Kind};
use crate::interrupt::Interrupt;
use crate::output::text::counted;
use crate::output::{Output, Style, Table, Total};
use crate::suggest::nearest;

/// List, choose and check the models that texts are embedded with
///
/// Examples:
///   zo model list
///   zo model use bge-small-en-v1.5
///   zo model status
///
/// One ships with zo and needs nothing else. Any other is fetched once, over the network, when it is first chosen.
#[derive(Subcommand, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) enum Model {
    List(List),
    Use(Use),
    Status(Status),
}

/// List the models there are
///
/// Examples:
///   zo model list
///   zo model list --json | jq -r 'select(.state == "downloaded") | .name'
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct List {}

/// Choose the model that texts are embedded with
///
/// Examples:
///   zo model use bge-small-en-v1.5
///   zo model use all-MiniLM-L6-v2 --no-wait
///
/// It is fetched if it is not there. Then everything is embedded again behind the index that there is, which answers
/// until that is done. Ctrl-C keeps what is embedded by then, and whatever command comes next carries on.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Use {
    /// Its name, as `zo model list` has it
    name: String,
    /// Do not wait until everything is embedded with it
    #[arg(long)]
    no_wait: bool,
}

/// Show the model in use, the next one, and what runs them
///
/// Examples:
///   zo model status
///   zo model status --json | jq -r .runtime
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Status {}

impl Model {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        match self {
            Self::List(command) => command.run(context),
            Self::Use(command) => command.run(context),
            Self::Status(command) => command.run(context),
        }
    }
}

fn models(client: &mut Client) -> Result<Vec<ModelLine>, CliError> {
    query(client, Query::Models, None, |answer| match answer {
        Answer::Models(models) => Some(models),
        _ => None,
    })
}

impl List {
    fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let mut client = context.open_existing()?;
        let models = models(&mut client)?;
        context.close(client)?;
        let output = &mut context.output;
        if output.is_json() {
            return models.iter().try_for_each(|model| output.data(model));
        }
        let mut table = Table::new(&["", "NAME", "DIMENSIONS", "STATE", "NEEDS", "DESCRIPTION"]);
        for model in models {
            let chosen = if model.chosen { "*" } else { "" };
            let needs = if model.needs_runtime { "ONNX Runtime" } else { "nothing" };
            let state = model.state.replace('_', " ");
            let dimensions = model.dimensions.to_string();
            table.row([chosen.to_owned(), model.name, dimensions, state, needs.to_owned(), model.description]);
        }
        table.print(output)
    }
}

impl Use {
    fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let mut client = context.open()?;
        // Ctrl-C while it is fetched ends the process, and nothing is chosen: it is watched for from then on.
        let chosen = self.choose(&mut client, &mut context.output);
        let acknowledged = chosen.map_err(|error| self.with_nearest(error, &mut client))?;
        context.print_acknowledged(&acknowledged, "chosen")?;
        context.output.flush()?;
        let interrupt = Interrupt::watch()?;
        self.embed_again(&mut client, &mut context.output, &interrupt)?;
        context.close(client)
    }

    /// Fetches it, if need be, and has the choice recorded.
    fn choose(&self, client: &mut Client, output: &mut Output) -> Result<Acknowledged, CliError> {
        let progress = output.progress("fetching", Total::Later);
        let request = Request::UseModel { name: self.name.clone() };
        let mut acknowledged = None;
        stream(client, &request, |response| {
            show_progress(&progress, &response);
            if let Response::Acknowledged(results) = response {
                acknowledged = results.into_iter().next();
            }
            Ok(ControlFlow::Continue(()))
        })?;
        let nothing = || CliError::new(Kind::Engine(FailureKind::Io), "the holder acknowledged nothing");
        Ok(acknowledged.ok_or_else(nothing)??)
    }

    /// Adds the nearest name to "there is no such model", unless the engine has said it.
    fn with_nearest(&self, error: CliError, client: &mut Client) -> CliError {
        if error.kind != Kind::Engine(FailureKind::NotFound) || !error.hints.is_empty() {
            return error;
        }
        let models = models(client).unwrap_or_default();
        let error = error.hint("`zo model list` shows the names there are");
        match nearest(&self.name, models.iter().map(|model| model.name.as_str())) {
            Some(near) => error.first_hint(format!("did you mean `{near}`?")),
            None => error,
        }
    }

    /// Embeds everything with it, unless nobody wants to wait.
    fn embed_again(&self, client: &mut Client, output: &mut Output, interrupt: &Interrupt) -> Result<(), CliError> {
        let status = index_status(client)?;
        let all = backlog(&status);
        let passages = all.of.saturating_sub(all.passages);
        if passages == 0 {
            return Ok(());
        }
        let meanwhile = match (&status.model, &status.next_model) {
            (Some(model), Some(_)) => format!("; until then recall goes on with {}", model.name),
            _ => String::new(),
        };
        let to_embed = counted(passages, "passage");
        if self.no_wait {
            output.note(format!("{to_embed} are embedded with it behind, by the next commands{meanwhile}"));
            return Ok(());
        }
        output.note(format!("{to_embed} are embedded with it now{meanwhile}"));
        let work = embed(client, output, interrupt, None)?;
        output.note(format!("embedded {}", work.in_words()));
        if work.left() > 0 {
            output.note(format!("{}: the next command carries on", left(work.left())));
        }
        Ok(())
    }
}

/// What runs the models, as JSON has it.
#[derive(Serialize)]
struct StatusJson<'a> {
    runtime: &'a str,
    /// Where ONNX Runtime was looked for, if it is not used.
    looked_in: &'a [String],
    model: Option<&'a ModelInUse>,
    next_model: Option<&'a ModelInUse>,
    notes: &'a [String],
}

impl Status {
    fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let mut client = context.open_existing()?;
        let status = index_status(&mut client)?;
        context.close(client)?;
        let looked_in = looked_in();
        let output = &mut context.output;
        if output.is_json() {
            let looked_in = &looked_in;
            let (runtime, notes) = (&status.runtime, &status.notes);
            let (model, next_model) = (status.model.as_ref(), status.next_model.as_ref());
            return output.data(&StatusJson { runtime, looked_in, model, next_model, notes });
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

//! `zo model use`.

use std::ops::ControlFlow;

use clap::Args;
use zo_engine::client::Client;
use zo_engine::protocol::{Acknowledged, FailureKind, Request, Response};

use super::embedders;
use crate::answering::OFFLINE;
use crate::context::{Context, show_progress, stream, write_one};
use crate::embedding::{backlog, embed, index_status, left};
use crate::error::{CliError, Kind};
use crate::interrupt::Interrupt;
use crate::output::text::counted;
use crate::output::{Output, Total};
use crate::providers::{find, providers};
use crate::suggest::nearest;

/// What stands for "whichever is there".
const AUTO: &str = "auto";

/// Choose the model that answers, or the one that texts are embedded with
///
/// Examples:
///   zo model use openai/gpt-6-luna
///   zo model use anthropic/claude-sonnet-5-5 --fallback openai/gpt-6-luna --fallback offline
///   zo model use auto
///   zo model use bge-small-en-v1.5
///   zo model use all-MiniLM-L6-v2 --no-wait
///
/// PROVIDER/NAME answers from then on where no other is named, and --fallback names those that are called in turn should it
/// fail; `offline` is the built-in responder, and `auto` takes the choice back: whichever is there answers. Any other name is
/// that of a model to embed texts with. It is fetched if it is not there. Then everything is embedded again behind the index
/// that there is, which answers until that is done. Ctrl-C keeps what is embedded by then, and whatever command comes next
/// carries on.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Use {
    /// PROVIDER/NAME, `offline` or `auto`; or the name of a model to embed with, as `zo model list` has it
    name: String,
    /// The model to be called should the one before it fail; may be given more than once
    #[arg(long = "fallback", value_name = "PROVIDER/NAME", conflicts_with = "no_wait")]
    fallbacks: Vec<String>,
    /// Do not wait until everything is embedded with it
    #[arg(long)]
    no_wait: bool,
}

impl Use {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        if is_of_language(&self.name) {
            return self.use_to_answer(context);
        }
        if !self.fallbacks.is_empty() {
            let message = format!("--fallback is about models that answer, and `{}` is not named like one", self.name);
            return Err(
                CliError::usage(message).hint("a model that answers is named PROVIDER/NAME, `offline` or `auto`")
            );
        }
        self.use_to_embed(context)
    }

    fn use_to_answer(&self, context: &mut Context) -> Result<(), CliError> {
        if self.no_wait {
            return Err(CliError::usage("--no-wait is about models that texts are embedded with"));
        }
        let fallbacks = self.fallbacks.clone();
        if let Some(bare) = fallbacks.iter().find(|name| *name == AUTO || !is_of_language(name)) {
            let message = format!("`{bare}` cannot be a fallback: PROVIDER/NAME or `offline` is expected");
            return Err(CliError::usage(message));
        }
        let environment = context.environment();
        let mut client = context.open()?;
        let model = (self.name != AUTO).then(|| self.name.clone());
        let all = providers(&mut client, &environment)?;
        let mut without_key = Vec::new();
        for name in model.iter().chain(&fallbacks).filter(|name| *name != OFFLINE) {
            let name = name.split_once('/').map_or(name.as_str(), |(provider, _)| provider);
            let provider = find(&all, name)?;
            if provider.needs_key && provider.key.is_none() && !without_key.contains(&name) {
                without_key.push(name);
            }
        }
        let request = Request::ChooseModel { model: model.clone(), fallbacks: fallbacks.clone() };
        let acknowledged = write_one(&mut client, &request)?;
        context.print_acknowledged(&acknowledged, "chosen")?;
        for name in without_key {
            context.output.note(format!("note: there is no key of {name} yet: `zo key set {name}`"));
        }
        context.close(client)
    }

    fn use_to_embed(&self, context: &mut Context) -> Result<(), CliError> {
        let environment = context.environment();
        let mut client = context.open()?;
        // Ctrl-C while it is fetched ends the process, and nothing is chosen: it is watched for from then on.
        let chosen = self.choose(&mut client, &mut context.output);
        let acknowledged = chosen.map_err(|error| {
            let providers = providers(&mut client, &environment).unwrap_or_default();
            let names: Vec<&str> = providers.iter().map(|provider| provider.name.as_str()).collect();
            self.with_nearest(error, &mut client, &names)
        })?;
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

    /// Adds the nearest name to "there is no such model", unless the engine has said it, and how a model that answers is named.
    fn with_nearest(&self, error: CliError, client: &mut Client, providers: &[&str]) -> CliError {
        if error.kind != Kind::Engine(FailureKind::NotFound) {
            return error;
        }
        let mut error = error;
        if error.hints.is_empty() {
            let models = embedders(client).unwrap_or_default();
            error = error.hint("`zo model list` shows the names there are");
            if let Some(near) = nearest(&self.name, models.iter().map(|model| model.name.as_str())) {
                error = error.first_hint(format!("did you mean `{near}`?"));
            }
        }
        if let Some(provider) = providers.iter().find(|provider| **provider == self.name) {
            let hint = format!(
                "`{provider}` is a provider: `zo model use {provider}/NAME`; `zo model list {provider}` shows its models"
            );
            return error.first_hint(hint);
        }
        match nearest(&self.name, [OFFLINE, AUTO]) {
            Some(near) => error.first_hint(format!("did you mean `{near}`?")),
            None => error.hint(
                "a model that answers is named PROVIDER/NAME: `zo model list PROVIDER` shows those of a provider",
            ),
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

/// Whether this names a model that answers: no model to embed with has a slash in its name. A provider that zo knows, alone,
/// stands for its default model.
fn is_of_language(name: &str) -> bool {
    name.contains('/') || name == OFFLINE || name == AUTO || zo_models::Provider::preset(name).is_some()
}

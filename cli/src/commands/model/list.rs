//! `zo model list`.

use clap::Args;
use serde::Serialize;
use zo_engine::client::Client;
use zo_engine::protocol::{ChatModelLine, ChosenModel, Environment, ModelLine, ProviderLine, Request, Response};

use super::embedders;
use crate::context::{Context, unexpected};
use crate::error::CliError;
use crate::output::text::count;
use crate::output::{Output, Style, Table};
use crate::passphrase::unlocked;
use crate::providers::{check_name, chosen_model, find, key_in_words, providers};

/// List the models there are
///
/// Examples:
///   zo model list
///   zo model list openai
///   zo model list openrouter --json | jq -r 'select(.input_price == 0) | .name'
///   zo model list --json | jq -r 'select(.state == "downloaded") | .name'
///
/// Without a provider: the models that texts are embedded with, then the language model that was chosen and the providers that
/// one can be had from, because there is a key or none is needed. With a provider: the models that it says it has, with the
/// tokens they take in and their price in US dollars for a million tokens, as far as it is known.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct List {
    /// The provider, as `zo provider list` has it
    provider: Option<String>,
}

/// What a model is used for, in front of what is known of it, as JSON has it.
#[derive(Serialize)]
struct Used<'a, T> {
    #[serde(rename = "use")]
    used: &'static str,
    #[serde(flatten)]
    what: &'a T,
}

fn embedding<T>(what: &T) -> Used<'_, T> {
    Used { used: "embedding", what }
}

fn chat<T>(what: &T) -> Used<'_, T> {
    Used { used: "chat", what }
}

impl List {
    pub(crate) fn run(&self, context: &mut Context) -> Result<(), CliError> {
        let environment = context.environment();
        let mut client = context.open_existing()?;
        match &self.provider {
            Some(name) => {
                let models = models_of(context, &mut client, name, environment)?;
                print_models(&mut context.output, &models)?;
            }
            None => {
                let embedders = embedders(&mut client)?;
                let chosen = chosen_model(&mut client)?;
                let mut providers = providers(&mut client, &environment)?;
                providers.retain(|provider| provider.key.is_some() || !provider.needs_key);
                print_all(&mut context.output, embedders, &chosen, providers)?;
            }
        }
        context.close(client)
    }
}

/// The models that a provider says it has.
fn models_of(
    context: &mut Context,
    client: &mut Client,
    name: &str,
    mut environment: Environment,
) -> Result<Vec<ChatModelLine>, CliError> {
    check_name(name)?;
    let all = providers(client, &environment)?;
    let provider = find(&all, name)?.name.clone();
    unlocked(&mut context.output, &mut environment, |_, environment| {
        let request = Request::ListModels { provider: provider.clone(), environment: environment.clone() };
        match client.one(&request)? {
            Response::ChatModels(models) => Ok(models),
            other => Err(unexpected(&other)),
        }
    })
}

fn print_models(output: &mut Output, models: &[ChatModelLine]) -> Result<(), CliError> {
    if output.is_json() {
        return models.iter().try_for_each(|model| output.data(&chat(model)));
    }
    if models.is_empty() {
        output.note("it says that it has no model");
    }
    let mut table = Table::new(&["NAME", "CONTEXT", "$/M IN", "$/M OUT", "DESCRIPTION"]);
    for model in models {
        table.row([
            model.name.clone(),
            model.context_window.map_or_else(String::new, count),
            model.input_price.map_or_else(String::new, dollars),
            model.output_price.map_or_else(String::new, dollars),
            model.description.clone().unwrap_or_default(),
        ]);
    }
    table.print(output)
}

fn print_all(
    output: &mut Output,
    embedders: Vec<ModelLine>,
    chosen: &ChosenModel,
    providers: Vec<ProviderLine>,
) -> Result<(), CliError> {
    if output.is_json() {
        embedders.iter().try_for_each(|model| output.data(&embedding(model)))?;
        output.data(&chat(chosen))?;
        return providers.iter().try_for_each(|provider| output.data(&chat(provider)));
    }
    let mut table = Table::new(&["", "NAME", "DIMENSIONS", "STATE", "NEEDS", "DESCRIPTION"]);
    for model in embedders {
        let chosen = if model.chosen { "*" } else { "" };
        let needs = if model.needs_runtime { "ONNX Runtime" } else { "nothing" };
        let state = model.state.replace('_', " ");
        let dimensions = model.dimensions.to_string();
        table.row([chosen.to_owned(), model.name, dimensions, state, needs.to_owned(), model.description]);
    }
    heading(output, "Texts are embedded with")?;
    table.print(output)?;
    output.line("")?;
    heading(output, "Questions are answered by")?;
    let mut table = Table::new(&["", "NAME", "KEY", "DEFAULT MODEL"]);
    if let Some(model) = &chosen.model {
        let fallbacks =
            if chosen.fallbacks.is_empty() { String::new() } else { format!("then {}", chosen.fallbacks.join(", ")) };
        table.row(["*".to_owned(), model.clone(), "chosen".to_owned(), fallbacks]);
    }
    for provider in providers {
        let key = key_in_words(&provider).to_owned();
        let model = provider.default_model.unwrap_or_default();
        table.row([String::new(), format!("{}/…", provider.name), key, model]);
    }
    table.print(output)
}

/// A heading above a list, where a person reads it.
fn heading(output: &mut Output, heading: &str) -> Result<(), CliError> {
    if !output.is_terminal() {
        return Ok(());
    }
    let heading = output.paint(Style::Bold, heading);
    output.line(heading)
}

/// A price in millionths of a dollar as dollars, with as many digits as it has but two at least.
fn dollars(micros: u64) -> String {
    let fraction = format!("{:06}", micros % 1_000_000);
    let digits = fraction.trim_end_matches('0').len().max(2);
    format!("{}.{}", micros / 1_000_000, &fraction[..digits])
}

#[cfg(test)]
mod tests {
    use super::dollars;

    #[test]
    fn prices_are_dollars_with_all_their_digits() {
        let shown = [0, 2_500_000, 75_000, 37_500, 15_000_000, 1].map(dollars);
        assert_eq!(shown, ["0.00", "2.50", "0.075", "0.0375", "15.00", "0.000001"]);
    }
}
